//! Reads what Slack's Events API sends.

use serde_json::Value;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Slack asks whether anybody is there: this text is to be sent back.
    Challenge(String),
    /// Somebody wrote to the assistant.
    Message(Message),
    /// Nothing that concerns the assistant.
    Other,
}

/// A message to the assistant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What Slack calls the event: the same in every retry.
    pub event: String,
    /// The channel's ID.
    pub channel: String,
    /// The `ts` of the first message of the thread: of the message itself if it begins one.
    pub thread: String,
    /// Who wrote it.
    pub user: String,
    /// Whether that may be somebody of another company: channels can be shared with others by Slack Connect.
    pub is_of_a_guest: bool,
    /// The text without a mention at its beginning, and with Slack's escapes undone.
    pub text: String,
}

/// The workspace that an event names. It proves nothing: it tells whose signing secret is to be tried.
pub fn team(body: &Value) -> Option<&str> {
    body["team_id"].as_str()
}

/// Reads an event: mentions of the app in channels, and direct messages to it. What bots write, the assistant among them, is
/// nothing to answer, and so are edits, joins and the like, which have a subtype.
pub fn read(body: &Value) -> Event {
    match body["type"].as_str() {
        Some("url_verification") => {
            body["challenge"].as_str().map_or(Event::Other, |text| Event::Challenge(text.into()))
        }
        Some("event_callback") => message(body).map_or(Event::Other, Event::Message),
        _ => Event::Other,
    }
}

fn message(body: &Value) -> Option<Message> {
    let event = &body["event"];
    let is_for_us = match event["type"].as_str()? {
        "app_mention" => true,
        "message" => event["channel_type"] == "im",
        _ => false,
    };
    let is_of_a_person = event["bot_id"].is_null() && is_plain(&event["subtype"]) && event["hidden"] != true;
    if !is_for_us || !is_of_a_person {
        return None;
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let ts = text(&event["ts"])?;
    Some(Message {
        event: text(&body["event_id"])?,
        channel: text(&event["channel"])?,
        thread: text(&event["thread_ts"]).unwrap_or(ts),
        user: text(&event["user"])?,
        is_of_a_guest: body["is_ext_shared_channel"] == true && !names_own_team(event, team(body)?),
        text: plain(event["text"].as_str().unwrap_or_default()),
    })
}

/// Whether the writer is of this workspace and no other one, by all that the event says of his.
fn names_own_team(event: &Value, own: &str) -> bool {
    let mut named = ["user_team", "source_team", "team"].iter().map(|name| &event[name]).filter(|team| !team.is_null());
    named.next().is_some_and(|first| first == own) && named.all(|other| other == own)
}

/// Whether a message is one that somebody wrote: a file beside it, or its showing in the channel too, changes nothing.
fn is_plain(subtype: &Value) -> bool {
    subtype.is_null() || ["file_share", "thread_broadcast"].iter().any(|plain| subtype == plain)
}

/// The text as its writer saw it.
fn plain(text: &str) -> String {
    let text = text.trim();
    let behind = text.strip_prefix("<@").and_then(|rest| rest.split_once('>')).map_or(text, |(_, rest)| rest);
    behind.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn callback(event: &Value) -> Value {
        json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event_time": 1, "event": event})
    }

    fn mention() -> Value {
        json!({
            "type": "app_mention", "user": "U1", "text": "<@U0BOT> is 3 &lt; 4 &amp;&amp; 5?", "ts": "1712.0001",
            "channel": "C1", "event_ts": "1712.0001"
        })
    }

    #[test]
    fn a_mention_is_a_message_in_its_own_thread() {
        let expected = Message {
            event: "Ev1".to_owned(),
            channel: "C1".to_owned(),
            thread: "1712.0001".to_owned(),
            user: "U1".to_owned(),
            is_of_a_guest: false,
            text: "is 3 < 4 && 5?".to_owned(),
        };
        assert_eq!(read(&callback(&mention())), Event::Message(expected));
    }

    #[test]
    fn a_message_in_a_thread_stays_in_it() {
        let mut event = mention();
        event["thread_ts"] = json!("1700.0009");
        let Event::Message(message) = read(&callback(&event)) else { panic!("it is one") };
        assert_eq!(message.thread, "1700.0009");
    }

    #[test]
    fn a_direct_message_is_for_the_assistant_and_one_in_a_channel_is_not() {
        let direct =
            json!({"type": "message", "channel_type": "im", "user": "U1", "text": "Hi", "ts": "1", "channel": "D1"});
        assert!(matches!(read(&callback(&direct)), Event::Message(message) if message.text == "Hi"));
        let mut open = direct;
        open["channel_type"] = json!("channel");
        assert_eq!(read(&callback(&open)), Event::Other);
    }

    #[test]
    fn what_bots_write_and_what_is_edited_is_nothing_to_answer() {
        for (name, value) in [("bot_id", "B1"), ("subtype", "message_changed"), ("subtype", "bot_message")] {
            let mut event = mention();
            event[name] = json!(value);
            assert_eq!(read(&callback(&event)), Event::Other, "{name} {value}");
        }
    }

    #[test]
    fn a_message_with_a_file_is_one_all_the_same() {
        for subtype in ["file_share", "thread_broadcast"] {
            let mut event = mention();
            event["subtype"] = json!(subtype);
            assert!(matches!(read(&callback(&event)), Event::Message(_)), "{subtype}");
        }
    }

    #[test]
    fn in_a_channel_shared_with_other_companies_whoever_does_not_prove_to_be_of_this_one_is_a_guest() {
        let is_guest = |shared: &Value, teams: &[(&str, &str)]| {
            let mut event = mention();
            for (name, team) in teams {
                event[name] = json!(team);
            }
            let mut body = callback(&event);
            body["is_ext_shared_channel"] = shared.clone();
            let Event::Message(message) = read(&body) else { panic!("it is one") };
            message.is_of_a_guest
        };
        for teams in [&[][..], &[("user_team", "T2")], &[("user_team", "T1"), ("source_team", "T2")], &[("team", "")]] {
            assert!(is_guest(&json!(true), teams), "{teams:?}");
            assert!(!is_guest(&json!(false), teams) && !is_guest(&json!(null), teams), "{teams:?}");
        }
        for own in [&[("user_team", "T1")][..], &[("team", "T1")], &[("user_team", "T1"), ("team", "T1")]] {
            assert!(!is_guest(&json!(true), own), "{own:?}");
        }
    }

    #[test]
    fn a_challenge_is_sent_back() {
        let body = json!({"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB"});
        assert_eq!(read(&body), Event::Challenge("3eZbrw1aB".to_owned()));
    }

    #[test]
    fn what_is_no_event_is_none() {
        let odd = callback(&json!({"type": "app_mention", "user": 7, "ts": "1", "channel": "C1"}));
        for body in [json!(null), json!([]), json!({}), json!({"type": 7}), callback(&json!(null)), odd] {
            assert_eq!(read(&body), Event::Other, "{body}");
            assert!(team(&json!({"team_id": 7})).is_none());
        }
    }
}

//! Calls Slack's Web API.

use http::StatusCode;
use serde_json::{Value, json};

use super::Slack;
use crate::call::{CallError, malformed, refused, rejected, retry_after};
use crate::egress::{Egress, Endpoint, Request, Response};
use crate::excerpt::excerpt;
use crate::redact::redact;
use crate::verify::Identity;

/// Slack cuts messages behind so many characters; ours end before.
pub(super) const LONGEST_TEXT: usize = 12_000;

/// What Slack calls a token that is none, or none any more.
const BAD_TOKENS: [&str; 6] =
    ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"];
/// What Slack calls its own troubles.
const TROUBLES: [&str; 4] = ["internal_error", "fatal_error", "service_unavailable", "request_timeout"];

/// Calls Slack; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct SlackClient {
    egress: Egress,
    base: Endpoint,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The workspace's ID: what a tenant is bound to.
    pub id: String,
    /// The workspace's name.
    pub name: String,
    /// The app's user in it.
    pub user: String,
}

impl Team {
    /// The team as a verification tells of it.
    pub fn identity(&self) -> Identity {
        Identity::new(format!("{} in {} ({})", self.user, self.name, self.id))
    }
}

/// A message to be posted. Its text is Slack's mrkdwn: what others wrote goes through [`escape`] first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post<'a> {
    /// The channel's ID.
    pub channel: &'a str,
    /// The `ts` of the message that it answers, if it belongs to a thread.
    pub thread: Option<&'a str>,
    /// The text; cut behind 12,000 characters.
    pub text: &'a str,
}

impl SlackClient {
    /// A client of the API at `base`.
    pub fn new(egress: Egress, base: Endpoint) -> Self {
        Self { egress, base }
    }

    /// Asks whose the token is.
    pub async fn team(&self, slack: &Slack) -> Result<Team, CallError> {
        team(&self.call("auth.test", json!({}), slack).await?, slack)
    }

    /// Asks whether the token works.
    pub async fn verify(&self, slack: &Slack) -> Result<Identity, CallError> {
        Ok(self.team(slack).await?.identity())
    }

    /// Posts a message, and answers with its `ts`.
    pub async fn post(&self, slack: &Slack, post: &Post<'_>) -> Result<String, CallError> {
        let answer = self.call("chat.postMessage", body(post), slack).await?;
        let ts = answer["ts"].as_str().ok_or_else(|| malformed("it names no message"))?;
        Ok(ts.to_owned())
    }

    async fn call(&self, method: &str, body: Value, slack: &Slack) -> Result<Value, CallError> {
        let request = Request::post(self.base.join(method), body).authorization("Bearer", slack.bot_token.clone());
        parse(&self.egress.send(request).await?, slack)
    }
}

fn body(post: &Post<'_>) -> Value {
    let mut body = json!({
        "channel": post.channel,
        "text": excerpt(post.text, LONGEST_TEXT),
        // A link in an answer is no invitation to fetch it.
        "unfurl_links": false,
        "unfurl_media": false,
    });
    if let Some(thread) = post.thread {
        body["thread_ts"] = thread.into();
    }
    body
}

/// Makes text that others wrote show as it is: without it, `<!channel>` in a message would call everybody.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn team(answer: &Value, slack: &Slack) -> Result<Team, CallError> {
    let text = |name: &str| answer[name].as_str().map(|text| redact(text, &secrets(slack)));
    let id = text("team_id").ok_or_else(|| malformed("it names no workspace"))?;
    Ok(Team { name: text("team").unwrap_or_else(|| id.clone()), user: text("user").unwrap_or_default(), id })
}

/// Reads an answer. Slack says no with status 200.
fn parse(response: &Response, slack: &Slack) -> Result<Value, CallError> {
    let (status, headers) = (response.status(), response.headers());
    if !status.is_success() {
        let told = response.json().ok().and_then(|json| json["error"].as_str().map(str::to_owned));
        return Err(refused(status, headers, told.map(|told| redact(&told, &secrets(slack)))));
    }
    let answer = response.json()?;
    if answer["ok"] == true {
        return Ok(answer);
    }
    let error =
        answer["error"].as_str().ok_or_else(|| malformed("it says neither that it went well nor what is wrong"))?;
    Err(match error {
        error if BAD_TOKENS.contains(&error) => CallError::Unauthorized,
        "ratelimited" | "rate_limited" => CallError::RateLimited { retry_after: retry_after(headers) },
        error if TROUBLES.contains(&error) => CallError::Unreachable { reason: format!("it answered {error}") },
        error => rejected(StatusCode::OK, Some(redact(error, &secrets(slack)))),
    })
}

fn secrets(slack: &Slack) -> [&tenantry_core::secret::SecretText; 2] {
    [&slack.bot_token, &slack.signing_secret]
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use tenantry_core::secret::SecretText;

    use super::*;

    fn slack() -> Slack {
        let secret = |text: &str| SecretText::new(text.to_owned());
        Slack { bot_token: secret("xoxb-CANARY-acme-1"), signing_secret: secret("CANARY-signing-2") }
    }

    fn parsed(status: u16, body: &Value) -> Result<Value, CallError> {
        let response = Response::new(StatusCode::from_u16(status).unwrap(), HeaderMap::new(), body.to_string());
        parse(&response, &slack())
    }

    #[test]
    fn a_no_with_status_200_is_a_no() {
        for error in BAD_TOKENS {
            assert_eq!(parsed(200, &json!({"ok": false, "error": error})), Err(CallError::Unauthorized), "{error}");
        }
        let rejected = Err(CallError::Rejected { status: 200, reason: "channel_not_found".to_owned() });
        assert_eq!(parsed(200, &json!({"ok": false, "error": "channel_not_found"})), rejected);
        assert!(matches!(parsed(200, &json!({"ok": false})), Err(CallError::Malformed { .. })));
        assert!(matches!(parsed(200, &json!([])), Err(CallError::Malformed { .. })));
        let fatal = parsed(200, &json!({"ok": false, "error": "fatal_error"}));
        assert!(matches!(fatal, Err(CallError::Unreachable { .. })));
        let slow = parsed(200, &json!({"ok": false, "error": "ratelimited"}));
        assert_eq!(slow, Err(CallError::RateLimited { retry_after: None }));
    }

    #[test]
    fn no_error_shows_a_secret() {
        for status in [200, 400, 403, 500] {
            let error = parsed(status, &json!({"ok": false, "error": "xoxb-CANARY-acme-1"})).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn a_message_is_cut_between_characters_and_goes_to_its_thread() {
        let long = "ä".repeat(LONGEST_TEXT + 1);
        let post = Post { channel: "C1", thread: Some("1.2"), text: &long };
        let body = body(&post);
        assert_eq!(body["text"].as_str().unwrap().chars().count(), LONGEST_TEXT + 1, "with the ellipsis");
        assert_eq!((&body["thread_ts"], &body["channel"]), (&json!("1.2"), &json!("C1")));
        assert!(super::body(&Post { thread: None, ..post }).get("thread_ts").is_none());
    }

    #[test]
    fn what_others_wrote_calls_nobody() {
        assert_eq!(escape("<!channel> & <@U1>"), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
    }
}

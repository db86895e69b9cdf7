//! Calls Telegram's Bot API.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::secret::SecretText;
use tracing::warn;

use super::Telegram;
use crate::call::{CallError, malformed, refused};
use crate::egress::{Egress, Endpoint, Request, Response};
use crate::redact::redact;
use crate::verify::Identity;

/// The longest message that Telegram takes, in UTF-16 units.
const LONGEST_MESSAGE: usize = 4096;
/// The most messages that one text becomes: what is longer is cut.
const MOST_MESSAGES: usize = 5;

/// Calls Telegram; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct TelegramClient {
    egress: Egress,
    base: Endpoint,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The bot's number.
    pub id: i64,
    /// The bot's user name, without the `@`.
    pub username: String,
}

impl TelegramClient {
    /// A client of the API at `base`.
    pub fn new(egress: Egress, base: Endpoint) -> Self {
        Self { egress, base }
    }

    /// Asks whose the token is.
    pub async fn bot(&self, telegram: &Telegram) -> Result<Bot, CallError> {
        let result = self.call(telegram, Method::Ask("getMe")).await?;
        let id = result["id"].as_i64().ok_or_else(|| malformed("it names no bot"))?;
        let username = result["username"].as_str().unwrap_or_default();
        Ok(Bot { id, username: redact(username, &secrets(telegram)) })
    }

    /// Asks whether the token works.
    pub async fn verify(&self, telegram: &Telegram) -> Result<Identity, CallError> {
        let bot = self.bot(telegram).await?;
        Ok(Identity::new(format!("@{} ({})", bot.username, bot.id)))
    }

    /// Sends a text to a chat, in several messages if it is long; the first one answers `reply_to`. An error says that nothing
    /// was sent, as far as it is known.
    pub async fn send(&self, telegram: &Telegram, chat: i64, reply_to: i64, text: &str) -> Result<(), CallError> {
        for (at, part) in parts(text).into_iter().enumerate() {
            let mut body = json!({"chat_id": chat, "text": part, "link_preview_options": {"is_disabled": true}});
            if at == 0 {
                // Whoever deleted the message meanwhile still gets the answer.
                body["reply_parameters"] = json!({"message_id": reply_to, "allow_sending_without_reply": true});
            }
            match self.call(telegram, Method::Tell("sendMessage", body)).await {
                Ok(_) => {}
                Err(error) if at == 0 => return Err(error),
                // Whoever sent it again would begin with what was read already.
                Err(error) => {
                    warn!(%error, "the rest of a long message is not sent");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn call(&self, telegram: &Telegram, method: Method) -> Result<Value, CallError> {
        let url = |name: &str| self.base.join(&format!("bot{}/{name}", telegram.bot_token.expose()));
        let request = match method {
            Method::Ask(name) => Request::get(url(name)),
            Method::Tell(name, body) => Request::post(url(name), body),
        };
        parse(&self.egress.send(request).await?, telegram)
    }
}

enum Method {
    Ask(&'static str),
    Tell(&'static str, Value),
}

/// Reads an answer: `{"ok": true, "result": …}`, or what is wrong. A token of the wrong form is answered with 404.
fn parse(response: &Response, telegram: &Telegram) -> Result<Value, CallError> {
    let status = response.status();
    let json = response.json();
    if status.as_u16() == 404 {
        return Err(CallError::Unauthorized);
    }
    if !status.is_success() {
        let json = json.unwrap_or_default();
        let told = json["description"].as_str().map(|text| redact(text, &secrets(telegram)));
        // Telegram says it here, and not in a header: core.telegram.org/bots/api#responseparameters.
        let asked = json["parameters"]["retry_after"].as_u64().map(Duration::from_secs);
        return Err(match refused(status, response.headers(), told) {
            CallError::RateLimited { retry_after } => CallError::RateLimited { retry_after: asked.or(retry_after) },
            error => error,
        });
    }
    let mut answer = json?;
    if answer["ok"] != true {
        return Err(malformed("it says neither that it went well nor what is wrong"));
    }
    Ok(answer["result"].take())
}

fn secrets(telegram: &Telegram) -> [&SecretText; 2] {
    [&telegram.bot_token, &telegram.webhook_secret]
}

/// Cuts a text into messages, at the ends of lines or words where there are any.
fn parts(text: &str) -> Vec<&str> {
    let mut rest = text.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() && parts.len() < MOST_MESSAGES {
        let end = fitting(rest);
        let end = if end == rest.len() { end } else { boundary(&rest[..end]).unwrap_or(end) };
        parts.push(rest[..end].trim_end());
        rest = rest[end..].trim_start();
    }
    parts
}

/// How many bytes of a text fit into one message.
fn fitting(text: &str) -> usize {
    let mut units = 0;
    let over = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > LONGEST_MESSAGE
    });
    over.map_or(text.len(), |(end, _)| end)
}

/// Where the last line ends, or else the last word.
fn boundary(text: &str) -> Option<usize> {
    text.rfind('\n').or_else(|| text.rfind(' ')).filter(|end| *end > 0)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;

    use super::*;

    fn telegram() -> Telegram {
        let secret = |text: &str| SecretText::new(text.to_owned());
        Telegram { bot_token: secret("42:CANARY-token"), webhook_secret: secret("CANARY-webhook") }
    }

    fn parsed(status: u16, body: &Value) -> Result<Value, CallError> {
        parse(&Response::new(StatusCode::from_u16(status).unwrap(), HeaderMap::new(), body.to_string()), &telegram())
    }

    #[test]
    fn a_token_that_is_none_is_unauthorized_whichever_way_it_is_told() {
        let told = json!({"ok": false, "error_code": 401, "description": "Unauthorized"});
        assert_eq!(parsed(401, &told), Err(CallError::Unauthorized));
        assert_eq!(
            parsed(404, &json!({"ok": false, "error_code": 404, "description": "Not Found"})),
            Err(CallError::Unauthorized)
        );
    }

    #[test]
    fn other_refusals_keep_their_reason_and_no_secret() {
        let told =
            json!({"ok": false, "error_code": 400, "description": "Bad Request: chat not found 42:CANARY-token"});
        let reason = "Bad Request: chat not found ***".to_owned();
        assert_eq!(parsed(400, &told), Err(CallError::Rejected { status: 400, reason }));
        assert!(matches!(parsed(200, &json!({"ok": false})), Err(CallError::Malformed { .. })));
    }

    #[test]
    fn the_pause_that_telegram_asks_for_is_told() {
        let told = json!({"ok": false, "error_code": 429, "parameters": {"retry_after": 14}});
        assert_eq!(parsed(429, &told), Err(CallError::RateLimited { retry_after: Some(Duration::from_secs(14)) }));
        assert_eq!(parsed(429, &json!({"ok": false})), Err(CallError::RateLimited { retry_after: None }));
    }

    #[test]
    fn a_long_text_becomes_messages_at_the_ends_of_lines() {
        let line = "x".repeat(3000);
        let text = format!("{line}\n{line}");
        assert_eq!(parts(&text), [line.as_str(), line.as_str()]);
        assert_eq!(parts("  "), Vec::<&str>::new());
        assert_eq!(parts("short"), ["short"]);
    }

    proptest! {
        #[test]
        fn no_message_is_longer_than_telegram_takes(text in "[a-zä😀 \n]{0,9000}") {
            for part in parts(&text) {
                prop_assert!(part.encode_utf16().count() <= LONGEST_MESSAGE && !part.is_empty());
            }
        }
    }
}

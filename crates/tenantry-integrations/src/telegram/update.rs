//! Reads what Telegram sends to a bot's webhook.

use http::HeaderMap;
use ring::hmac;
use serde_json::Value;
use tenantry_core::secret::SecretText;

/// The header with the secret that was given when the webhook was set.
pub const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// A message to the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What Telegram calls the update: the same in every retry.
    pub update: i64,
    /// The chat's number.
    pub chat: i64,
    /// The message's number in the chat.
    pub message: i64,
    /// Who wrote it, as people are shown it.
    pub user_name: Option<String>,
    /// The text.
    pub text: String,
}

/// Whether an update comes from Telegram: the header is there once, and holds the secret. The time that it takes does not
/// depend on where the two differ.
pub fn is_genuine(secret: &SecretText, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(SECRET_HEADER).iter();
    let (Some(given), None) = (values.next(), values.next()) else { return false };
    // The tags of equal texts are equal, and comparing tags tells nothing of the texts.
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"tenantry: one text is another");
    let tag = hmac::sign(&key, secret.expose().as_bytes());
    !secret.is_blank() && hmac::verify(&key, given.as_bytes(), tag.as_ref()).is_ok()
}

/// Reads an update; none if it is nothing to answer: what bots write, edits, pictures, other people's joining.
pub fn read(body: &Value) -> Option<Message> {
    let message = &body["message"];
    let from = &message["from"];
    if from["is_bot"] == true {
        return None;
    }
    Some(Message {
        update: body["update_id"].as_i64()?,
        chat: message["chat"]["id"].as_i64()?,
        message: message["message_id"].as_i64()?,
        user_name: from["first_name"].as_str().map(str::to_owned),
        text: message["text"].as_str().map(str::trim).filter(|text| !text.is_empty())?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn update() -> Value {
        json!({"update_id": 10, "message": {
            "message_id": 5, "date": 1, "text": "Hello", "chat": {"id": -100, "type": "group"},
            "from": {"id": 7, "is_bot": false, "first_name": "Ana"}
        }})
    }

    #[test]
    fn a_text_message_is_read() {
        let expected =
            Message { update: 10, chat: -100, message: 5, user_name: Some("Ana".to_owned()), text: "Hello".to_owned() };
        assert_eq!(read(&update()), Some(expected));
    }

    #[test]
    fn what_is_nothing_to_answer_is_none() {
        let mut bot = update();
        bot["message"]["from"]["is_bot"] = json!(true);
        let mut picture = update();
        picture["message"]["text"] = Value::Null;
        let edited = json!({"update_id": 1, "edited_message": update()["message"]});
        for body in [bot, picture, edited, json!(null), json!({}), json!({"update_id": "1", "message": {}})] {
            assert_eq!(read(&body), None, "{body}");
        }
    }

    #[test]
    fn only_the_secret_itself_given_once_is_genuine() {
        let secret = SecretText::new("CANARY-webhook".to_owned());
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(SECRET_HEADER, HeaderValue::from_static(value));
            }
            headers
        };
        assert!(is_genuine(&secret, &headers(&["CANARY-webhook"])));
        for values in [&[][..], &["CANARY-webhoo"], &["CANARY-webhook "], &[""], &["CANARY-webhook", "CANARY-webhook"]]
        {
            assert!(!is_genuine(&secret, &headers(values)), "{values:?}");
        }
        assert!(!is_genuine(&SecretText::new(String::new()), &headers(&[""])));
    }
}

//! Reads what SES tells of e-mail that it received.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::MessageParser;
use serde_json::Value;

use crate::job::Email;

/// An e-mail that SES received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lambda) struct Received {
    /// What SES calls it: the same in every notification.
    pub(super) id: String,
    /// The recipients of the envelope, for whom SES accepted it.
    pub(super) recipients: Vec<String>,
    /// Why it is not worth anybody's time, if SES found it so.
    pub(super) unwanted: Option<&'static str>,
    /// What is in it.
    pub(super) email: Email,
}

impl Received {
    /// Reads a notification: `{"mail": {…}, "receipt": {…}, "content"?}`; none if it is not one of received mail.
    pub(super) fn of_notification(told: &Value) -> Option<Self> {
        let (mail, receipt) = (&told["mail"], &told["receipt"]);
        let id = mail["messageId"].as_str()?.to_owned();
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let recipients = texts(&receipt["recipients"]);
        let headers = &mail["commonHeaders"];
        let from = headers["from"][0].as_str().or_else(|| mail["source"].as_str()).unwrap_or_default();
        let subject = headers["subject"].as_str().unwrap_or_default();
        let email = Email::new(from, &recipients, subject, &text(told));
        Some(Self { id, recipients, unwanted: unwanted(receipt), email })
    }
}

fn unwanted(receipt: &Value) -> Option<&'static str> {
    let fails = |verdict: &str| receipt[verdict]["status"] == "FAIL";
    match () {
        () if fails("virusVerdict") => Some("an e-mail with a virus in it"),
        () if fails("spamVerdict") => Some("an e-mail that SES takes for spam"),
        () => None,
    }
}

/// The text of the mail, HTML made plain; empty if the notification is without it.
fn text(told: &Value) -> String {
    let Some(content) = told["content"].as_str() else { return String::new() };
    let is_base64 = told["receipt"]["action"]["encoding"] == "BASE64";
    let bytes = if is_base64 { STANDARD.decode(content).unwrap_or_default() } else { content.as_bytes().to_vec() };
    let message = MessageParser::default().parse(&bytes);
    message.and_then(|message| message.body_text(0).map(|text| text.trim().to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(content: &str) -> Value {
        json!({
            "notificationType": "Received",
            "mail": {
                "messageId": "o3vrnil0e2ic28tr", "source": "bounce@x.example", "destination": ["forged@beta.example"],
                "commonHeaders": {"from": ["Ana <ana@x.example>"], "subject": "Order 4711"},
            },
            "receipt": {
                "recipients": ["Office@acme.example"],
                "spamVerdict": {"status": "PASS"}, "virusVerdict": {"status": "PASS"},
                "action": {"type": "SNS", "encoding": "UTF-8"},
            },
            "content": content,
        })
    }

    #[test]
    fn the_recipient_is_the_one_of_the_envelope() {
        let received = Received::of_notification(&told("Subject: x\r\n\r\nHello\r\n")).unwrap();
        assert_eq!(received.recipients, ["Office@acme.example"]);
        assert_eq!((received.email.subject.as_str(), received.email.text.as_str()), ("Order 4711", "Hello"));
        assert_eq!(received.email.from, "Ana <ana@x.example>");
    }

    #[test]
    fn html_becomes_plain_text_and_base64_is_decoded() {
        let mime = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Two <b>kilos</b> of rye</p><script>x()</script>";
        let mut told = told(&STANDARD.encode(mime));
        told["receipt"]["action"]["encoding"] = json!("BASE64");
        let text = Received::of_notification(&told).unwrap().email.text;
        assert!(text.contains("Two kilos of rye") && !text.contains('<'), "{text}");
    }

    #[test]
    fn spam_and_viruses_are_unwanted() {
        for verdict in ["spamVerdict", "virusVerdict"] {
            let mut told = told("");
            told["receipt"][verdict]["status"] = json!("FAIL");
            assert!(Received::of_notification(&told).unwrap().unwanted.is_some());
        }
    }

    #[test]
    fn what_is_no_notification_of_mail_is_none() {
        for odd in [json!(null), json!([]), json!({"mail": {}}), json!({"mail": {"messageId": 7}})] {
            assert!(Received::of_notification(&odd).is_none(), "{odd}");
        }
        let bare = Received::of_notification(&json!({"mail": {"messageId": "1"}})).unwrap();
        assert!(bare.recipients.is_empty() && bare.email.text.is_empty());
    }
}

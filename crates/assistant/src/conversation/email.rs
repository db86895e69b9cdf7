//! The request that has an e-mail summarised.

use jiff::Timestamp;

use super::draft::{Draft, Source};
use super::refusal::Refusal;
use super::{Channel, Incoming, Sender};
use crate::job::Email;
use crate::settings::{EMAIL_PROMPT, Settings};

/// Makes the request that has an e-mail summarised: the prompt and the task `email_summary`, and the e-mail as the message.
pub fn email_draft(settings: &Settings, email: &Email, now: Timestamp) -> Result<Draft, Refusal> {
    let source = Source { prompt: EMAIL_PROMPT, task: EMAIL_PROMPT, asked_by: "email_notifications" };
    let incoming = Incoming {
        text: format!(
            "From: {}\nTo: {}\nSubject: {}\n\n{}",
            email.from,
            email.to.join(", "),
            email.subject,
            email.text
        ),
        intent: None,
        channel: Channel::Email,
        user_name: None,
        sender: Sender::Guest,
        conversation: None,
        attachments: Vec::new(),
    };
    Draft::from_source(settings, &source, &incoming, now)
}

//! What is left to do for an event once its sender has been answered.
//!
//! A job is made only of an event that was verified, for the tenant that it was verified to belong to. It can wait in
//! this process or in a queue that only the assistant can write to; it holds no secret.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenantry_core::scope::TenantId;

/// Something to do for a tenant, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The tenant to whom the event was verified to belong.
    pub tenant: TenantId,
    /// What its sender calls the event, with the channel in front, such as `slack:Ev0123`: it is acted on once.
    pub event: String,
    /// When it arrived.
    pub at: Timestamp,
    /// What to do.
    pub work: Work,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Answer a message in its Slack thread.
    Slack(SlackMessage),
    /// Answer a message in its Telegram chat.
    Telegram(TelegramMessage),
    /// Tell about an e-mail in the tenant's Slack channel.
    Email(Email),
}

/// A message to the assistant in Slack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackMessage {
    /// The channel's ID.
    pub channel: String,
    /// The `ts` of the thread's first message: answers go there.
    pub thread: String,
    /// Who wrote it, as Slack's user ID.
    pub user: String,
    /// The text, without the mention of the assistant.
    pub text: String,
}

/// A message to the assistant in Telegram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelegramMessage {
    /// The chat's id.
    pub chat: i64,
    /// The message's id within the chat.
    pub message: i64,
    /// Who wrote it, as people are shown it.
    pub user_name: Option<String>,
    /// The text.
    pub text: String,
}

/// An e-mail that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// The subject line.
    pub subject: String,
    /// The text, as plain as it could be had.
    pub text: String,
}

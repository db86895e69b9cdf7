//! What is kept of conversations: turns, tokens spent, and which events were acted on already.
//!
//! All of it is a tenant's own: a [`Place`] names the tenant, and is part of every key. Nothing here reads two tenants at
//! once.

#[cfg(test)]
#[macro_use]
mod contract;
#[cfg(feature = "aws")]
mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenantry::TenantConfig;
use tenantry_core::scope::TenantId;

#[cfg(feature = "aws")]
pub use dynamodb::TableConversations;
pub use memory::MemoryConversations;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteConversations;

use crate::settings::Settings;

/// Whose conversations, and which tables they are in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The tenant.
    pub tenant: TenantId,
    /// Tells the tenant from an earlier one of the same name, whose conversations are none of its business.
    pub incarnation: String,
    /// `storage.dynamodb_table_prefix`, if the tenant has one; stores without tables need none.
    pub prefix: Option<String>,
}

impl Place {
    /// The place of a tenant's configuration.
    pub fn of(config: &TenantConfig<Settings>) -> Self {
        Self {
            tenant: config.tenant().clone(),
            incarnation: config.incarnation().to_owned(),
            prefix: config.storage.dynamodb_table_prefix.clone(),
        }
    }
}

/// What a person said, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// When it was answered.
    pub at: Timestamp,
    /// What the person said.
    pub said: String,
    /// The answer.
    pub answered: String,
}

/// A calendar month in UTC, such as `2026-11`: what tokens are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Month(String);

impl Month {
    /// The month of a moment.
    pub fn of(at: Timestamp) -> Self {
        Self(at.strftime("%Y-%m").to_string())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who acts on an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The caller does, and says when it is done.
    Taken,
    /// Somebody else is at it.
    InProgress,
    /// It was acted on.
    Done,
}

/// How long a claim holds that is neither finished nor released: whoever held it is gone by then. In seconds; longer than
/// any event may take to be acted on.
pub const CLAIM_SECONDS: i64 = 300;

/// How long it is remembered that an event was acted on, in seconds: providers send again for hours, queues for days.
pub const REMEMBERED_SECONDS: i64 = 7 * 24 * 3600;

/// For how many days turns are kept where they outlive the process.
pub const KEPT_DAYS: i64 = 30;

/// Keeps conversations. Every operation is about one tenant; nothing of another one can be seen through it.
#[async_trait]
pub trait Conversations: fmt::Debug + Send + Sync + 'static {
    /// The newest turns of a conversation by their time, oldest first.
    async fn turns(&self, place: &Place, conversation: &str, newest: u32) -> Result<Vec<Turn>, ConversationsError>;

    /// Adds a turn to a conversation. A text that a store cannot hold whole ends with a note that it was cut.
    async fn add(&self, place: &Place, conversation: &str, turn: &Turn) -> Result<(), ConversationsError>;

    /// Counts tokens, and tells how many were spent in the month, these included. Two at once are both counted; beyond
    /// 2^63 - 1 some stores count no further.
    async fn spend(&self, place: &Place, month: &Month, tokens: u64) -> Result<u64, ConversationsError>;

    /// Tells how many tokens were spent in a month.
    async fn spent(&self, place: &Place, month: &Month) -> Result<u64, ConversationsError>;

    /// Takes an event, named as its sender names it, so that one alone acts on it. A claim that was neither finished nor
    /// released after [`CLAIM_SECONDS`] can be taken again.
    async fn claim(&self, place: &Place, event: &str, now: Timestamp) -> Result<Claim, ConversationsError>;

    /// Says that an event was acted on; it is remembered for [`REMEMBERED_SECONDS`].
    async fn finish(&self, place: &Place, event: &str, now: Timestamp) -> Result<(), ConversationsError>;

    /// Gives up an event that was not acted on, so that it can be taken again at once. One that was finished stays so.
    async fn release(&self, place: &Place, event: &str) -> Result<(), ConversationsError>;
}

/// Why conversations could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum ConversationsError {
    /// The back end gave no answer: it may work later.
    #[error("the store of conversations cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The back end refuses: something must be set up differently.
    #[error("the store of conversations refuses: {0}")]
    Refused(String),
}

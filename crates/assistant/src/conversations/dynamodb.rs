//! Keeps conversations in Amazon DynamoDB, in the table `<prefix>Conversations`.
//!
//! | what | partition, behind `<tenant>#<incarnation>#` | sort key | removed |
//! |---|---|---|---|
//! | a turn | `conversation#` and the conversation | its time, and a random name | after [`KEPT_DAYS`] days |
//! | a month's tokens | `tokens` | the month, `2026-11` | after [`TOKENS_KEPT_DAYS`] days |
//! | an event | `event#` and the event | `claim` | when the claim has ended, or the event is forgotten |
//!
//! The prefix is the tenant's own, `storage.dynamodb_table_prefix`, or else the platform's. Tables are made beforehand, by
//! the template and by `tenantry storage init`: a tenant's request makes none.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tenantry_integrations::aws::unique;
use tenantry_integrations::call::CallError;
use tenantry_integrations::dynamodb::{Row, RowKey, Rows, Tables, table_name};

use super::{
    CLAIM_SECONDS, Claim, Conversations, ConversationsError, KEPT_DAYS, Month, Place, REMEMBERED_SECONDS, Turn,
};

/// For how many days it is known what was spent in a month: a year can be looked back on.
const TOKENS_KEPT_DAYS: i64 = 400;
/// The most bytes that are kept of a text. A row ends at 400 KB, and holds two of them.
const LONGEST_TEXT: usize = 150 * 1024;
/// The longest name that stands in a key as it is, in bytes. A partition key ends at 2,048.
const LONGEST_NAME: usize = 1024;

const SPENT: &str = "spent";
const STATE: &str = "state";
const TAKEN: &str = "taken";
const DONE: &str = "done";
const HOLDER: &str = "holder";
const UNTIL: &str = "until_ms";

/// Conversations in tables; a clone shares connections.
#[derive(Clone, Debug)]
pub struct TableConversations {
    tables: Tables,
    /// The prefix for tenants without one of their own.
    prefix: String,
}

impl TableConversations {
    /// Conversations in these tables; `prefix` is the platform's own, for tenants without one.
    pub fn new(tables: Tables, prefix: impl Into<String>) -> Self {
        Self { tables, prefix: prefix.into() }
    }

    async fn rows(&self, place: &Place) -> Result<Rows, ConversationsError> {
        let rows = self.tables.rows(&place.tenant, self.prefix(place)).await;
        rows.map_err(|error| self.explain(place, error))
    }

    fn prefix<'a>(&'a self, place: &'a Place) -> &'a str {
        place.prefix.as_deref().unwrap_or(&self.prefix)
    }

    /// What a failed call means for the caller.
    fn explain(&self, place: &Place, error: CallError) -> ConversationsError {
        let table = table_name(self.prefix(place));
        match error {
            CallError::Rejected { reason, .. } if reason.starts_with("ResourceNotFoundException") => {
                let whose = if place.prefix.is_some() { format!("-t {} ", place.tenant) } else { String::new() };
                ConversationsError::Refused(format!(
                    "there is no table {table}: make it with `tenantry {whose}storage init`"
                ))
            }
            error if error.is_transient() => ConversationsError::Unavailable(error.into()),
            error => ConversationsError::Refused(format!("table {table}: {error}")),
        }
    }
}

#[async_trait]
impl Conversations for TableConversations {
    async fn turns(&self, place: &Place, conversation: &str, newest: u32) -> Result<Vec<Turn>, ConversationsError> {
        // DynamoDB removes rows some days late; what is over is not read.
        let behind = sortable(past(Timestamp::now(), KEPT_DAYS));
        let rows = self.rows(place).await?;
        let found = rows.last(&partition(place, "conversation", conversation), &behind, newest).await;
        let found = found.map_err(|error| self.explain(place, error))?;
        // A row that another program wrote is passed over: it is no turn.
        Ok(found.iter().rev().filter_map(read_turn).collect())
    }

    async fn add(&self, place: &Place, conversation: &str, turn: &Turn) -> Result<(), ConversationsError> {
        let sort = format!("{}#{}", sortable(turn.at), unique());
        let key = RowKey { partition: partition(place, "conversation", conversation), sort };
        let row = Row::new(key, seconds(turn.at, 24 * 3600 * KEPT_DAYS))
            .text("said", cut(&turn.said))
            .text("answered", cut(&turn.answered));
        self.rows(place).await?.put(row).await.map_err(|error| self.explain(place, error))
    }

    /// If an answer of DynamoDB is lost, the call is made again, and may count twice; it never counts too little.
    async fn spend(&self, place: &Place, month: &Month, tokens: u64) -> Result<u64, ConversationsError> {
        let more = i64::try_from(tokens).unwrap_or(i64::MAX);
        let expires_at = seconds(Timestamp::now(), 24 * 3600 * TOKENS_KEPT_DAYS);
        let total = self.rows(place).await?.add(&month_key(place, month), SPENT, more, expires_at).await;
        Ok(total.map_err(|error| self.explain(place, error))?.unsigned_abs())
    }

    async fn spent(&self, place: &Place, month: &Month) -> Result<u64, ConversationsError> {
        let row = self.rows(place).await?.get(&month_key(place, month)).await;
        let row = row.map_err(|error| self.explain(place, error))?;
        Ok(row.and_then(|row| row.numbers.get(SPENT).copied()).unwrap_or(0).unsigned_abs())
    }

    async fn claim(&self, place: &Place, event: &str, now: Timestamp) -> Result<Claim, ConversationsError> {
        let holder = unique();
        let row = event_row(place, event, TAKEN, now, CLAIM_SECONDS).text(HOLDER, &holder);
        let found = self.rows(place).await?.put_unless_later(row, UNTIL, now.as_millisecond()).await;
        Ok(match found.map_err(|error| self.explain(place, error))? {
            None => Claim::Taken,
            // The answer to the first try was lost, and the second one met what the first had written.
            Some(row) if row.texts.get(HOLDER) == Some(&holder) => Claim::Taken,
            Some(row) if row.texts.get(STATE).is_some_and(|state| state == DONE) => Claim::Done,
            Some(_) => Claim::InProgress,
        })
    }

    async fn finish(&self, place: &Place, event: &str, now: Timestamp) -> Result<(), ConversationsError> {
        let row = event_row(place, event, DONE, now, REMEMBERED_SECONDS);
        self.rows(place).await?.put(row).await.map_err(|error| self.explain(place, error))
    }

    async fn release(&self, place: &Place, event: &str) -> Result<(), ConversationsError> {
        let removed = self.rows(place).await?.remove_unless(&event_key(place, event), STATE, DONE).await;
        removed.map_err(|error| self.explain(place, error))
    }
}

fn month_key(place: &Place, month: &Month) -> RowKey {
    RowKey { partition: format!("{}#tokens", place.incarnation), sort: month.to_string() }
}

fn event_key(place: &Place, event: &str) -> RowKey {
    RowKey { partition: partition(place, "event", event), sort: "claim".to_owned() }
}

fn event_row(place: &Place, event: &str, state: &str, now: Timestamp, for_seconds: i64) -> Row {
    let until = now.as_millisecond().saturating_add(for_seconds.saturating_mul(1000));
    Row::new(event_key(place, event), seconds(now, for_seconds)).text(STATE, state).number(UNTIL, until)
}

/// A partition's name. A name that is too long stands there as its hash; the sign in front keeps the two kinds apart.
fn partition(place: &Place, kind: &str, name: &str) -> String {
    let incarnation = &place.incarnation;
    if name.len() <= LONGEST_NAME {
        return format!("{incarnation}#{kind}#={name}");
    }
    format!("{incarnation}#{kind}#~{}", blake3::hash(name.as_bytes()))
}

/// A time as text whose order is that of time.
fn sortable(at: Timestamp) -> String {
    format!("{at:.9}")
}

fn read_turn(row: &Row) -> Option<Turn> {
    let (at, _) = row.key.sort.split_once('#')?;
    let text = |name: &str| row.texts.get(name).cloned();
    Some(Turn { at: at.parse().ok()?, said: text("said")?, answered: text("answered")? })
}

fn past(now: Timestamp, days: i64) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN)
}

fn seconds(at: Timestamp, later: i64) -> i64 {
    at.as_second().saturating_add(later)
}

/// A text that fits in a row; one that was longer says so.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(LONGEST_TEXT)];
    format!("{kept} [cut: the whole text had {} characters]", text.chars().count())
}

#[cfg(test)]
mod tests;

//! Keeps conversations in one SQLite file, beside the store of configurations.
//!
//! The file also holds the [backlog](crate::later::Backlog) of jobs. Several processes may use the file at once. Every row and every statement names the tenant. Turns are removed when they
//! are [`KEPT_DAYS`] old: at opening, and with each turn that is added; events when they are forgotten.

mod jobs;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::{
    CLAIM_SECONDS, Claim, Conversations, ConversationsError, KEPT_DAYS, Month, Place, REMEMBERED_SECONDS, Turn,
};

/// Marks the file as one of conversations, in the header field that SQLite keeps for this: `TNRC`.
const APPLICATION_ID: i32 = 0x544e_5243;
/// The format that this program reads and writes.
const FORMAT: i64 = 2;
/// How long a writer waits for another process to finish.
const PATIENCE: Duration = Duration::from_secs(5);

/// Conversations in a file; a clone shares it.
#[derive(Clone)]
pub struct SqliteConversations {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl SqliteConversations {
    /// Where the conversations of the store in this file are kept: `tenantry.db` -> `tenantry.conversations.db`.
    pub fn beside(store: &Path) -> PathBuf {
        store.with_extension("conversations.db")
    }

    /// Opens the file, and makes it if there is none; only its owner can read it.
    pub fn open(path: &Path) -> Result<Self, ConversationsError> {
        let mut connection = connect(path).map_err(|error| explain(path, error))?;
        let format = format(&connection, path)?;
        if format < FORMAT {
            make(&mut connection).map_err(|error| explain(path, error))?;
        }
        remove_old(&connection, Timestamp::now()).map_err(|error| explain(path, error))?;
        Ok(Self { path: path.to_owned(), connection: Arc::new(Mutex::new(connection)) })
    }

    /// Does something with the file, on a thread that may wait.
    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ConversationsError> {
        let connection = Arc::clone(&self.connection);
        let acted = tokio::task::spawn_blocking(move || {
            // Each change is one transaction: a panic leaves nothing half done.
            act(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let acted = acted.await.map_err(|error| ConversationsError::Unavailable(error.into()))?;
        acted.map_err(|error| explain(&self.path, error))
    }
}

impl fmt::Debug for SqliteConversations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteConversations").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Whose rows they are: `#` is in no tenant's id.
fn owner(place: &Place) -> String {
    format!("{}#{}", place.tenant, place.incarnation)
}

#[async_trait]
impl Conversations for SqliteConversations {
    async fn turns(&self, place: &Place, conversation: &str, newest: u32) -> Result<Vec<Turn>, ConversationsError> {
        let (tenant, conversation) = (owner(place), conversation.to_owned());
        let oldest = nanoseconds(oldest_kept(Timestamp::now()));
        self.with(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT at, said, answered FROM turns WHERE tenant = ?1 AND conversation = ?2 AND at > ?3
                 ORDER BY at DESC, id DESC LIMIT ?4",
            )?;
            let rows = select.query_map(params![tenant, conversation, oldest, newest], |row| {
                Ok(Turn { at: moment(row.get(0)?), said: row.get(1)?, answered: row.get(2)? })
            })?;
            let mut turns = rows.collect::<Result<Vec<_>, _>>()?;
            turns.reverse();
            Ok(turns)
        })
        .await
    }

    async fn add(&self, place: &Place, conversation: &str, turn: &Turn) -> Result<(), ConversationsError> {
        let (tenant, conversation, turn) = (owner(place), conversation.to_owned(), turn.clone());
        self.with(move |connection| {
            let insert = "INSERT INTO turns (tenant, conversation, at, said, answered) VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = params![tenant, conversation, nanoseconds(turn.at), turn.said, turn.answered];
            connection.prepare_cached(insert)?.execute(row)?;
            remove_old(connection, Timestamp::now())
        })
        .await
    }

    async fn spend(&self, place: &Place, month: &Month, tokens: u64) -> Result<u64, ConversationsError> {
        let (tenant, month) = (owner(place), month.to_string());
        let tokens = i64::try_from(tokens).unwrap_or(i64::MAX);
        let total: i64 = self
            .with(move |connection| {
                // One statement, and so one transaction. Beyond the largest integer a sum would become inexact.
                let count = "INSERT INTO tokens (tenant, month, spent) VALUES (?1, ?2, ?3)
                             ON CONFLICT (tenant, month) DO UPDATE SET spent =
                                 CASE WHEN spent > ?4 - excluded.spent THEN ?4 ELSE spent + excluded.spent END
                             RETURNING spent";
                let row = params![tenant, month, tokens, i64::MAX];
                connection.prepare_cached(count)?.query_row(row, |row| row.get(0))
            })
            .await?;
        Ok(total.unsigned_abs())
    }

    async fn spent(&self, place: &Place, month: &Month) -> Result<u64, ConversationsError> {
        let (tenant, month) = (owner(place), month.to_string());
        let total: Option<i64> = self
            .with(move |connection| {
                let select = "SELECT spent FROM tokens WHERE tenant = ?1 AND month = ?2";
                connection.prepare_cached(select)?.query_row(params![tenant, month], |row| row.get(0)).optional()
            })
            .await?;
        Ok(total.unwrap_or(0).unsigned_abs())
    }

    async fn claim(&self, place: &Place, event: &str, now: Timestamp) -> Result<Claim, ConversationsError> {
        let (tenant, event) = (owner(place), event.to_owned());
        self.with(move |connection| claim(connection, &tenant, &event, now)).await
    }

    async fn finish(&self, place: &Place, event: &str, now: Timestamp) -> Result<(), ConversationsError> {
        let (tenant, event) = (owner(place), event.to_owned());
        self.with(move |connection| note(connection, &tenant, &event, true, until(now, REMEMBERED_SECONDS))).await
    }

    async fn release(&self, place: &Place, event: &str) -> Result<(), ConversationsError> {
        let (tenant, event) = (owner(place), event.to_owned());
        self.with(move |connection| {
            let delete = "DELETE FROM events WHERE tenant = ?1 AND name = ?2 AND NOT is_done";
            connection.prepare_cached(delete)?.execute(params![tenant, event]).map(drop)
        })
        .await
    }
}

/// Takes an event unless somebody has it. Forgotten events of the tenant are removed on the way.
fn claim(connection: &mut Connection, tenant: &str, event: &str, now: Timestamp) -> rusqlite::Result<Claim> {
    // From its beginning the only writer: what is read here stays so until the end.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached("DELETE FROM events WHERE tenant = ?1 AND until <= ?2")?
        .execute(params![tenant, nanoseconds(now)])?;
    let found: Option<bool> = transaction
        .prepare_cached("SELECT is_done FROM events WHERE tenant = ?1 AND name = ?2")?
        .query_row(params![tenant, event], |row| row.get(0))
        .optional()?;
    let claim = match found {
        Some(true) => Claim::Done,
        Some(false) => Claim::InProgress,
        None => {
            note(&transaction, tenant, event, false, until(now, CLAIM_SECONDS))?;
            Claim::Taken
        }
    };
    transaction.commit()?;
    Ok(claim)
}

fn note(connection: &Connection, tenant: &str, event: &str, is_done: bool, until: i64) -> rusqlite::Result<()> {
    let note = "INSERT INTO events (tenant, name, is_done, until) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (tenant, name) DO UPDATE SET is_done = excluded.is_done, until = excluded.until";
    connection.prepare_cached(note)?.execute(params![tenant, event, is_done, until]).map(drop)
}

fn remove_old(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let delete = "DELETE FROM turns WHERE at <= ?1";
    connection.prepare_cached(delete)?.execute([nanoseconds(oldest_kept(now))]).map(drop)
}

fn oldest_kept(now: Timestamp) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * KEPT_DAYS)).unwrap_or(Timestamp::MIN)
}

fn until(now: Timestamp, seconds: i64) -> i64 {
    nanoseconds(now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX))
}

/// Since 1970; the years 1678 to 2262 are what fits.
fn nanoseconds(at: Timestamp) -> i64 {
    at.as_nanosecond().clamp(i64::MIN.into(), i64::MAX.into()).try_into().unwrap_or(i64::MAX)
}

fn moment(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(Timestamp::MAX)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    make_private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted is overwritten, so that nothing that was said stays in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// Makes an empty file that its owner alone may read, if there is none. SQLite makes the files beside it alike. What fails
/// here fails at opening as well, with a better reason.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// The file's format, 0 if it is new; refuses what is not ours, untouched.
fn format(connection: &Connection, path: &Path) -> Result<i64, ConversationsError> {
    let number = |name: &str| {
        let read = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        read.map_err(|error| explain(path, error))
    };
    let (application, format, pages) = (number("application_id")?, number("user_version")?, number("page_count")?);
    let shown = path.display();
    let refused = |told: String| Err(ConversationsError::Refused(told));
    match (application, format) {
        (0, 0) if pages == 0 => Ok(0),
        (id, format @ 1..=FORMAT) if id == i64::from(APPLICATION_ID) => Ok(format),
        (id, newer) if id == i64::from(APPLICATION_ID) => refused(format!(
            "found format {newer} in {shown}, expected {FORMAT}: use the newer program; the file is untouched"
        )),
        _ => refused(format!(
            "found a database of another program at {shown}, expected conversations or no file: move it away; the file \
             is untouched"
        )),
    }
}

/// Makes the tables, those that an older format is without.
fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read within the transaction: another process may have made it while this one waited.
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format < 1 {
        transaction.execute_batch(include_str!("sqlite/schema.sql"))?;
    }
    if format < FORMAT {
        transaction.execute_batch(include_str!("sqlite/jobs.sql"))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()
}

/// What SQLite's error means for the caller. No text of a conversation is in it.
fn explain(path: &Path, error: rusqlite::Error) -> ConversationsError {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ConversationsError::Refused(format!(
            "found a damaged or foreign file at {shown}, expected conversations: restore a backup, or move it away"
        )),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => ConversationsError::Refused(
            format!("found {shown} closed to this user, expected a file and a folder that this user may write to"),
        ),
        None | Some(ErrorCode::Unknown | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
            ConversationsError::Refused(format!(
                "the tables in {shown} are not those of format {FORMAT}, expected a file that nobody changed by hand: \
                 move it away"
            ))
        }
        // Full disk, I/O error, busy, locked: a later try may work.
        Some(_) => ConversationsError::Unavailable(error.into()),
    }
}

#[cfg(test)]
mod tests;

//! Writes and reads the log.

use rusqlite::{Connection, Transaction, params};
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::rows;
use super::scopes::{self, scope_text};
use crate::error::StoreError;
use crate::records::{LogEntry, LogQuery, NewLogEntry, Page, PageRequest, SecretVersion};
use crate::{cursor, decide};

/// Adds an entry, and tells its number within its scope.
pub(super) fn write(
    transaction: &Transaction<'_>,
    entry: NewLogEntry,
    revision: Option<Revision>,
    secret: Option<&SecretVersion>,
) -> Result<u64, StoreError> {
    let scope = entry.scope.clone();
    let number = last_number(transaction, &scope)? + 1;
    insert(transaction, &scope, number, &decide::log_entry(entry, number, revision, secret))?;
    Ok(number)
}

/// The number of a scope's newest entry; 0 if it has none.
pub(super) fn last_number(transaction: &Transaction<'_>, scope: &Scope) -> Result<u64, StoreError> {
    let mut last = transaction.prepare_cached("SELECT coalesce(max(number), 0) FROM log WHERE scope = ?1")?;
    Ok(last.query_row([scope_text(scope)], |row| row.get(0))?)
}

/// Adds a whole entry under its number.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    scope: &Scope,
    number: u64,
    entry: &LogEntry,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO log (scope, number, revision, at, actor, action, reason, changes, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let action = serde_json::to_value(entry.action).expect("an action is always a word");
    transaction.prepare_cached(sql)?.execute(params![
        scope_text(scope),
        rows::integer(number)?,
        entry.revision.map(|revision| rows::integer(revision.0)).transpose()?,
        rows::nanoseconds(entry.at)?,
        entry.actor,
        action.as_str(),
        entry.reason,
        serde_json::to_string(&entry.changes).expect("differences are always JSON"),
        entry.detail,
    ])?;
    Ok(())
}

/// Takes from a scope's entries what could still tell of an erased tenant, as [`decide::blank`] does.
pub(super) fn blank(transaction: &Transaction<'_>, scope: &Scope) -> Result<(), StoreError> {
    let sql = "UPDATE log SET changes = '[]', reason = NULL, detail = NULL WHERE scope = ?1";
    transaction.execute(sql, [scope_text(scope)])?;
    Ok(())
}

/// Reads a page of the log, newest first.
pub(super) fn read(
    connection: &Connection,
    query: &LogQuery,
    page: &PageRequest,
) -> Result<Page<LogEntry>, StoreError> {
    let listing = cursor::log_listing(query);
    let end = cursor::place::<u64>(&listing, page)?.map_or(Ok(i64::MAX), rows::integer)?;
    let revisions = if query.revisions_only { "AND revision IS NOT NULL" } else { "" };
    let (place, condition) = match &query.scope {
        None => ("sequence", "?1 = ''"),
        Some(_) => ("number", "scope = ?1"),
    };
    let sql = format!(
        "SELECT {place}, {} FROM log WHERE {condition} {revisions} AND {place} > ?2 AND {place} < ?3 \
         ORDER BY {place} DESC LIMIT ?4",
        rows::LOG_ENTRY
    );
    let (scope, begin) = match &query.scope {
        None => ("", 0),
        Some(scope) => (scope_text(scope), first_of(connection, scope)?),
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query(params![scope, rows::integer(begin)?, end, cursor::limit(page) + 1])?;
    let placed = rows::each(found, |row| {
        let entry = rows::log_entry(row)?;
        let size = entry.size();
        Ok((row.get::<_, u64>(0)?, entry, size))
    });
    cursor::fit(&listing, page, placed)
}

/// Reads the entry that made a revision.
pub(super) fn revision(
    connection: &Connection,
    scope: &Scope,
    revision: Revision,
) -> Result<Option<LogEntry>, StoreError> {
    let sql = format!("SELECT 0, {} FROM log WHERE scope = ?1 AND revision = ?2 AND number > ?3", rows::LOG_ENTRY);
    let begin = rows::integer(first_of(connection, scope)?)?;
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query(params![scope_text(scope), rows::integer(revision.0)?, begin])?;
    rows::first(found, rows::log_entry)
}

/// The number behind which a scope's own entries begin: a new tenant does not see those of an erased one.
fn first_of(connection: &Connection, scope: &Scope) -> Result<u64, StoreError> {
    let tomb = scopes::tomb(connection, scope)?;
    let alive = tomb.log_entries > 0 && scopes::head(connection, scope)?.is_some();
    Ok(if alive { tomb.log_entries } else { 0 })
}

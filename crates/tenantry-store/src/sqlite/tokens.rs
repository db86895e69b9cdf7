//! Keeps API tokens: their hashes, never their texts.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};
use tenantry_core::scope::Scope;

use super::scopes::{self, scope_text};
use super::{log, rows};
use crate::error::StoreError;
use crate::records::{NewLogEntry, TokenRecord, TokenUse};

/// Saves a new token.
pub(super) fn create(transaction: &Transaction<'_>, new: &TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
    check_tenant(transaction, new)?;
    if token(transaction, &new.id)?.is_some() {
        return Err(StoreError::Refused("there is a token with this id already"));
    }
    insert(transaction, new)?;
    log::write(transaction, entry, None, None)?;
    Ok(())
}

/// Takes over tokens from another store; those that are here stay as they are.
pub(super) fn take_over(transaction: &Transaction<'_>, tokens: &[TokenRecord]) -> Result<(), StoreError> {
    for new in tokens {
        check_tenant(transaction, new)?;
        if token(transaction, &new.id)?.is_none() {
            insert(transaction, new)?;
        }
    }
    Ok(())
}

fn check_tenant(transaction: &Transaction<'_>, new: &TokenRecord) -> Result<(), StoreError> {
    if matches!(new.scope, Scope::Tenant(_)) && scopes::head(transaction, &new.scope)?.is_none() {
        return Err(StoreError::Missing("tenant"));
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, new: &TokenRecord) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO tokens ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", rows::TOKEN);
    transaction.execute(
        &sql,
        params![
            new.id,
            new.hash,
            scope_text(&new.scope),
            new.role,
            new.name,
            rows::nanoseconds(new.created_at)?,
            new.created_by,
            rows::nanoseconds(new.expires_at)?,
            new.last_used_at.map(rows::nanoseconds).transpose()?,
            new.revoked_at.map(rows::nanoseconds).transpose()?,
        ],
    )?;
    Ok(())
}

/// Finds a token by its id.
pub(super) fn token(connection: &Connection, id: &str) -> Result<Option<TokenRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {} FROM tokens WHERE id = ?1", rows::TOKEN))?;
    rows::first(statement.query([id])?, rows::token)
}

/// Lists tokens, newest first.
pub(super) fn tokens(connection: &Connection, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
    let condition = if scope.is_some() { "scope = ?1" } else { "?1 = ''" };
    let sql = format!("SELECT {} FROM tokens WHERE {condition} ORDER BY sequence DESC", rows::TOKEN);
    let mut statement = connection.prepare_cached(&sql)?;
    rows::all(statement.query([scope.map_or("", scope_text)])?, rows::token)
}

/// Revokes a token for good.
pub(super) fn revoke(
    transaction: &Transaction<'_>,
    id: &str,
    at: Timestamp,
    entry: NewLogEntry,
) -> Result<(), StoreError> {
    let found = token(transaction, id)?.ok_or(StoreError::Missing("token"))?;
    if found.revoked_at.is_some() {
        return Ok(());
    }
    transaction.execute("UPDATE tokens SET revoked_at = ?2 WHERE id = ?1", params![id, rows::nanoseconds(at)?])?;
    log::write(transaction, entry, None, None)?;
    Ok(())
}

/// Notes that tokens were used, in one transaction, and without waiting for the disk: the notes may be lost, and writers wait.
pub(super) fn touch(connection: &Connection, uses: &[TokenUse]) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let touched = touch_all(connection, uses);
    connection.pragma_update(None, "synchronous", "FULL")?;
    touched
}

fn touch_all(connection: &Connection, uses: &[TokenUse]) -> Result<(), StoreError> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut update = transaction.prepare_cached("UPDATE tokens SET last_used_at = ?2 WHERE id = ?1")?;
        for TokenUse { id, at } in uses {
            update.execute(params![id, rows::nanoseconds(*at)?])?;
        }
    }
    Ok(transaction.commit()?)
}

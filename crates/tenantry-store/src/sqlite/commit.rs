//! Writes a commit within one transaction, and erases tenants.

use rusqlite::{Transaction, params};
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::value::Value;

use super::scopes::{self, scope_text};
use super::secrets::Sealing;
use super::{log, rows};
use crate::batch::BatchError;
use crate::error::StoreError;
use crate::records::{
    Binding, ClaimChange, Commit, Committed, Head, ItemChange, ItemMeta, NewLogEntry, SecretVersion, SecretWrite,
};
use crate::{decide, limits};

/// Makes the next revisions of some scopes; the caller's transaction ends whole or not at all. Each commit comes with
/// the name that its scope gets if it is created.
pub(super) fn commit_all(
    transaction: &Transaction<'_>,
    sealing: &Sealing,
    commits: Vec<(Commit, String)>,
) -> Result<Vec<Committed>, BatchError> {
    let mut begun = Vec::with_capacity(commits.len());
    for (commit, incarnation) in commits {
        let named = BatchError::of(&commit.scope);
        begun.push(begin(transaction, commit, &incarnation).map_err(named)?);
    }
    let mut committed = Vec::with_capacity(begun.len());
    for begun in begun {
        let named = BatchError::of(&begun.commit.scope);
        committed.push(finish(transaction, sealing, begun).map_err(named)?);
    }
    Ok(committed)
}

/// A commit whose scope has its new head, and has released what it gives up.
struct Begun {
    commit: Commit,
    tomb: scopes::Tomb,
    head: Head,
}

fn begin(transaction: &Transaction<'_>, commit: Commit, incarnation: &str) -> Result<Begun, StoreError> {
    let tomb = scopes::tomb(transaction, &commit.scope)?;
    let found = scopes::head(transaction, &commit.scope)?;
    let head = decide::next_head(&commit, found.as_ref(), tomb.revision, incarnation)?;
    write_head(transaction, &commit.scope, &head)?;
    release(transaction, &commit.scope, &commit.claims)?;
    Ok(Begun { commit, tomb, head })
}

fn finish(transaction: &Transaction<'_>, sealing: &Sealing, begun: Begun) -> Result<Committed, StoreError> {
    let Begun { commit, tomb, head } = begun;
    take_all(transaction, &commit.scope, &commit.claims)?;
    write_items(transaction, &commit.scope, &commit.items, &decide::meta_of(&commit, &head))?;
    let write = |write| sealing.write(transaction, &commit.scope, &head.incarnation, &tomb, write);
    let secret_version = commit.secret.as_ref().map(write).transpose()?;
    if decide::is_revoked_by(&commit.head, tomb.revision) {
        revoke(transaction, &commit.scope)?;
    }
    log::write(transaction, commit.entry, Some(head.revision), secret_version.as_ref())?;
    Ok(Committed { revision: head.revision, secret_version })
}

/// Changes a scope's secret alone.
pub(super) fn write_secret(
    transaction: &Transaction<'_>,
    sealing: &Sealing,
    scope: &Scope,
    write: &SecretWrite,
) -> Result<SecretVersion, StoreError> {
    let head = scopes::head(transaction, scope)?.ok_or(StoreError::Missing("scope"))?;
    sealing.write(transaction, scope, &head.incarnation, &scopes::tomb(transaction, scope)?, write)
}

pub(super) fn write_head(transaction: &Transaction<'_>, scope: &Scope, head: &Head) -> Result<(), StoreError> {
    let sql = "INSERT INTO scopes (scope, revision, status, display_name, incarnation, created_at, updated_at, \
         updated_by, item_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0) \
         ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision, status = excluded.status, \
         display_name = excluded.display_name, updated_at = excluded.updated_at, updated_by = excluded.updated_by";
    transaction.prepare_cached(sql)?.execute(params![
        scope_text(scope),
        rows::integer(head.revision.0)?,
        head.status.to_string(),
        head.display_name,
        head.incarnation,
        rows::nanoseconds(head.created_at)?,
        rows::nanoseconds(head.updated_at)?,
        head.updated_by,
    ])?;
    Ok(())
}

fn write_items(
    transaction: &Transaction<'_>,
    scope: &Scope,
    items: &[ItemChange],
    meta: &ItemMeta,
) -> Result<(), StoreError> {
    let mut unset = transaction.prepare_cached("DELETE FROM items WHERE scope = ?1 AND key = ?2")?;
    for ItemChange { key, value } in items {
        match value {
            Some(value) => write_item(transaction, scope, key, value, Some(meta))?,
            None => drop(unset.execute([scope_text(scope), key.as_str()])?),
        }
    }
    count_items(transaction, scope)
}

pub(super) fn write_item(
    transaction: &Transaction<'_>,
    scope: &Scope,
    key: &Key,
    value: &Value,
    meta: Option<&ItemMeta>,
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO items (scope, key, value, revision, updated_at, updated_by, default_revision) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(sql)?.execute(params![
        scope_text(scope),
        key.as_str(),
        value.to_json(),
        meta.map(|meta| rows::integer(meta.revision.0)).transpose()?,
        meta.map(|meta| rows::nanoseconds(meta.updated_at)).transpose()?,
        meta.map(|meta| &meta.updated_by),
        meta.map(|meta| rows::integer(meta.default_revision.0)).transpose()?,
    ])?;
    Ok(())
}

/// Notes in the head how many items there are, which must not be too many.
pub(super) fn count_items(transaction: &Transaction<'_>, scope: &Scope) -> Result<(), StoreError> {
    let count = "UPDATE scopes SET item_count = (SELECT count(*) FROM items WHERE scope = ?1) WHERE scope = ?1 \
         RETURNING item_count";
    limits::check_items(transaction.prepare_cached(count)?.query_row([scope_text(scope)], |row| row.get(0))?)
}

fn release(transaction: &Transaction<'_>, scope: &Scope, claims: &[ClaimChange]) -> Result<(), StoreError> {
    let mut release = transaction.prepare_cached("DELETE FROM bindings WHERE binding = ?1 AND scope = ?2")?;
    for claim in claims {
        match claim {
            ClaimChange::Release(binding) => drop(release.execute(params![binding.to_string(), scope_text(scope)])?),
            ClaimChange::Take(_) => {}
        }
    }
    Ok(())
}

fn take_all(transaction: &Transaction<'_>, scope: &Scope, claims: &[ClaimChange]) -> Result<(), StoreError> {
    for claim in claims {
        match claim {
            ClaimChange::Take(binding) => take(transaction, scope, binding)?,
            ClaimChange::Release(_) => {}
        }
    }
    Ok(())
}

pub(super) fn take(transaction: &Transaction<'_>, scope: &Scope, binding: &Binding) -> Result<(), StoreError> {
    match scopes::bound(transaction, binding)? {
        None => {
            let sql = "INSERT INTO bindings (binding, scope) VALUES (?1, ?2)";
            transaction.prepare_cached(sql)?.execute(params![binding.to_string(), scope_text(scope)])?;
            Ok(())
        }
        Some(owner) if *scope == Scope::Tenant(owner.clone()) => Ok(()),
        Some(_) => Err(StoreError::Taken(binding.clone())),
    }
}

pub(super) fn revoke(transaction: &Transaction<'_>, scope: &Scope) -> Result<(), StoreError> {
    transaction.prepare_cached("INSERT INTO revocations (scope) VALUES (?1)")?.execute([scope_text(scope)])?;
    Ok(())
}

/// Erases a suspended tenant. With its data key gone, not even an old copy of its secret opens in this file.
pub(super) fn erase(
    transaction: &Transaction<'_>,
    tenant: &TenantId,
    expected: Revision,
    entry: NewLogEntry,
) -> Result<(), StoreError> {
    let scope = Scope::Tenant(tenant.clone());
    decide::check_erasable(scopes::head(transaction, &scope)?.as_ref(), expected)?;
    let last = scopes::tomb(transaction, &scope)?.secret_version;
    let version = "SELECT max(?2, coalesce((SELECT version FROM secrets WHERE scope = ?1), 0))";
    let version: i64 =
        transaction.query_row(version, params![tenant.as_str(), rows::integer(last)?], |row| row.get(0))?;
    // In the order of references, so that each row goes before the one that it refers to.
    for table in ["secret_fields", "secrets", "data_keys", "items", "bindings", "tokens", "scopes"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE scope = ?1"), [tenant.as_str()])?;
    }
    log::blank(transaction, &scope)?;
    let erased_at = rows::nanoseconds(entry.at)?;
    let entries = log::write(transaction, entry, None, None)?;
    transaction.execute(
        "INSERT OR REPLACE INTO tombs (scope, revision, secret_version, log_entries, erased_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![tenant.as_str(), rows::integer(expected.0)?, version, rows::integer(entries)?, erased_at],
    )?;
    revoke(transaction, &scope)
}

//! Reads scopes, tenants and bindings.

use std::sync::LazyLock;

use rusqlite::{Connection, params};
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

use super::rows::{self, Cells};
use crate::cursor;
use crate::error::StoreError;
use crate::records::{
    Binding, Head, Item, Page, PageRequest, RevocationCursor, Revocations, StoredScope, TenantSummary,
};

/// One statement for head and items, so that both are of one state.
static READ: LazyLock<String> = LazyLock::new(|| {
    let (head, item) = (rows::HEAD, rows::ITEM);
    format!(
        "SELECT {head}, s.item_count, {item} FROM scopes AS s LEFT JOIN items AS i ON i.scope = s.scope WHERE s.scope = ?1"
    )
});
static HEAD: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM scopes AS s WHERE s.scope = ?1", rows::HEAD));
/// Where the head's count of items is, behind the other cells of the head.
const COUNT_AT: usize = 7;
/// Where the cells of an item begin.
const ITEM_AT: usize = 8;

/// Reads all of a scope but its secret.
pub(super) fn read(connection: &Connection, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
    let mut statement = connection.prepare_cached(&READ)?;
    let mut found = statement.query([scope_text(scope)])?;
    let (mut stored, mut count) = (None, None);
    while let Some(row) = found.next()? {
        let stored = match &mut stored {
            Some(stored) => stored,
            empty => {
                count = row.get_ref(COUNT_AT)?.as_i64().ok().and_then(|count| usize::try_from(count).ok());
                empty.insert(unread(named_head(row, scope)?))
            }
        };
        match rows::item(row, ITEM_AT) {
            Some(Ok(item)) => stored.items.push(item),
            Some(Err(odd)) => stored.odd.push(odd),
            None => {}
        }
    }
    if let Some(stored) = &mut stored {
        // SQLite orders by bytes, in which a hyphen stands before a dot: hardly anything is left to do.
        stored.items.sort_by(|left, right| left.key.cmp(&right.key));
        let rows = stored.items.len() + stored.odd.len();
        stored.drift = count != Some(rows) || !stored.items.iter().all(|item| is_managed(item, &stored.head));
    }
    Ok(stored)
}

/// A scope of which the head alone was read.
fn unread(head: Head) -> StoredScope {
    StoredScope { head, items: Vec::new(), odd: Vec::new(), drift: false, secret_version: None }
}

/// Whether an item has the note of a managed write that can have been.
fn is_managed(item: &Item, head: &Head) -> bool {
    item.meta.as_ref().is_some_and(|meta| meta.revision <= head.revision)
}

/// Reads a scope's head.
pub(super) fn head(connection: &Connection, scope: &Scope) -> Result<Option<Head>, StoreError> {
    let mut statement = connection.prepare_cached(&HEAD)?;
    rows::first(statement.query([scope_text(scope)])?, |row| named_head(row, scope))
}

fn named_head(row: &rusqlite::Row<'_>, scope: &Scope) -> Result<Head, StoreError> {
    // The name is only made where it is needed: this is the path of every cold read.
    rows::head(&Cells::new(row, "")).or_else(|_| rows::head(&Cells::new(row, &format!("the head of {scope}"))))
}

/// The scope as its rows name it, without a copy of a tenant's id.
pub(super) fn scope_text(scope: &Scope) -> &str {
    match scope {
        Scope::Global => GLOBAL,
        Scope::Tenant(tenant) => tenant.as_str(),
    }
}

/// How the rows of the global scope name it; it sorts before every tenant id.
const GLOBAL: &str = "#global";

/// Lists tenants by id.
pub(super) fn tenants(connection: &Connection, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
    let after: Option<TenantId> = cursor::place(cursor::TENANTS, page)?;
    let after = after.as_ref().map_or(GLOBAL, TenantId::as_str);
    let sql = format!("SELECT {} FROM scopes WHERE scope > ?1 ORDER BY scope LIMIT ?2", rows::SUMMARY);
    let mut statement = connection.prepare_cached(&sql)?;
    let read = rows::all(statement.query(params![after, cursor::limit(page) + 1])?, rows::summary)?;
    let placed = read.into_iter().map(|tenant| (tenant.tenant_id.clone(), tenant)).collect();
    Ok(cursor::cut(cursor::TENANTS, page, placed))
}

/// Finds the tenant that has a binding.
pub(super) fn bound(connection: &Connection, binding: &Binding) -> Result<Option<TenantId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT scope FROM bindings WHERE binding = ?1")?;
    let found = statement.query([binding.to_string()])?;
    rows::first(found, |row| Cells::new(row, "the bindings").tenant(0))
}

/// Lists what is bound to a tenant, in order.
pub(super) fn bindings(connection: &Connection, tenant: &TenantId) -> Result<Vec<Binding>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT binding FROM bindings WHERE scope = ?1")?;
    let mut found = rows::all(statement.query([tenant.as_str()])?, |row| {
        let what = format!("the bindings of {tenant}");
        let text = Cells::new(row, &what).text(0)?;
        Binding::parse(text).map_err(|_| StoreError::corrupt(format!("{what}: found {text:?}, expected a binding")))
    })?;
    found.sort();
    Ok(found)
}

/// Lists the revocations behind a cursor.
pub(super) fn revocations(connection: &Connection, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
    let mut newest = connection.prepare_cached("SELECT coalesce(max(sequence), 0) FROM revocations")?;
    let newest: u64 = newest.query_row([], |row| row.get(0))?;
    let cursor = RevocationCursor(newest.to_string());
    let Some(RevocationCursor(text)) = after else { return Ok(Revocations { cursor, tenants: Vec::new() }) };
    let after = text.parse::<u64>().ok().filter(|after| *after <= newest);
    // A cursor from the future is from a store of which this is an older copy: what happened is not known here.
    let after = after.ok_or(StoreError::Refused("the cursor is not from this store: begin again without it"))?;
    let mut listed = connection
        .prepare_cached("SELECT scope FROM revocations WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence")?;
    let tenants = rows::all(listed.query([after, newest])?, |row| Cells::new(row, "the revocations").tenant(0))?;
    Ok(Revocations { cursor, tenants })
}

/// What stays of an erased tenant; zeros if none was erased.
#[derive(Clone, Copy, Default)]
pub(super) struct Tomb {
    pub(super) revision: Revision,
    pub(super) secret_version: u64,
    /// How many log entries the scope had when it was erased.
    pub(super) log_entries: u64,
}

/// Reads what stayed of an erased tenant.
pub(super) fn tomb(connection: &Connection, scope: &Scope) -> Result<Tomb, StoreError> {
    let sql = "SELECT revision, secret_version, log_entries FROM tombs WHERE scope = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let found = rows::first(statement.query([scope_text(scope)])?, |row| {
        let cells = Cells::new(row, "a tombstone");
        let revision = Revision(cells.number(0)?);
        Ok(Tomb { revision, secret_version: cells.number(1)?, log_entries: cells.number(2)? })
    })?;
    Ok(found.unwrap_or_default())
}

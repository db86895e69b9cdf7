//! Reads the outlines of many tenants: three statements for a page of them, however many they are.

use std::collections::BTreeSet;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::rows::{self, Cells};
use super::scopes;
use crate::error::StoreError;
use crate::records::{Outline, OutlineRequest, Page, TenantSummary, Wanted};

/// Reads a page of outlines, all of one state of the store.
pub(super) fn read(connection: &Connection, request: &OutlineRequest) -> Result<Page<Outline>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let Page { items: tenants, next } = scopes::tenants(&transaction, &request.page)?;
    let mut outlines: Vec<_> = tenants.into_iter().map(empty).collect();
    add_items(&transaction, &mut outlines, &request.wanted)?;
    add_fields(&transaction, &mut outlines)?;
    Ok(Page { items: outlines, next })
}

fn empty(tenant: TenantSummary) -> Outline {
    Outline { tenant, items: Vec::new(), secret_fields: BTreeSet::new() }
}

fn add_items(connection: &Connection, outlines: &mut [Outline], wanted: &Wanted) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT i.scope, {} FROM items AS i WHERE i.scope >= ?1 AND i.scope <= ?2 ORDER BY i.scope",
        rows::ITEM
    );
    each_row(connection, &sql, outlines, |row, outline| {
        let is_wanted =
            matches!(row.get_ref(1)?, ValueRef::Text(key) if std::str::from_utf8(key).is_ok_and(|key| wanted.is(key)));
        if is_wanted && let Some(Ok(item)) = rows::item(row, 1) {
            outline.items.push(item);
        }
        Ok(())
    })?;
    // SQLite orders by bytes, in which a hyphen stands before a dot.
    for outline in outlines {
        outline.items.sort_by(|left, right| left.key.cmp(&right.key));
    }
    Ok(())
}

fn add_fields(connection: &Connection, outlines: &mut [Outline]) -> Result<(), StoreError> {
    let sql = "SELECT scope, field FROM secret_fields WHERE scope >= ?1 AND scope <= ?2 ORDER BY scope";
    each_row(connection, sql, outlines, |row, outline| {
        outline.secret_fields.insert(Cells::new(row, "a secret").text(1)?.to_owned());
        Ok(())
    })
}

/// Walks over the rows of a range of scopes, each with the outline that it belongs to. Both are in the order of the scopes.
fn each_row(
    connection: &Connection,
    sql: &str,
    outlines: &mut [Outline],
    mut take: impl FnMut(&rusqlite::Row<'_>, &mut Outline) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (outlines.first(), outlines.last()) else { return Ok(()) };
    let range = params![first.tenant.tenant_id.as_str(), last.tenant.tenant_id.as_str()];
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(range)?;
    let mut at = 0;
    while let Some(row) = found.next()? {
        let ValueRef::Text(scope) = row.get_ref(0)? else { continue };
        while outlines.get(at).is_some_and(|outline| outline.tenant.tenant_id.as_str().as_bytes() < scope) {
            at += 1;
        }
        if let Some(outline) =
            outlines.get_mut(at).filter(|outline| outline.tenant.tenant_id.as_str().as_bytes() == scope)
        {
            take(row, outline)?;
        }
    }
    Ok(())
}

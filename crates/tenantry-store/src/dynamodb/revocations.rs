//! The sequence of revocations: one row a revocation, and one that holds the newest number.

use tenantry_core::scope::TenantId;

use super::row::{self, CONFIG_VALUE, Cells, Row};
use super::table::{Range, Table, Update};
use super::transaction::{Condition, Transaction};
use crate::error::StoreError;
use crate::records::{RevocationCursor, Revocations};

/// The partition of revocations.
pub(crate) const REVOCATIONS: &str = "#revocations";
/// The sort key of the newest number.
const NEWEST: &str = "#newest";

/// The sort key of a revocation.
fn sort(number: u64) -> String {
    format!("{number:020}")
}

impl Table<'_> {
    /// The number of the newest revocation; 0 if there was none.
    pub(super) async fn newest_revocation(&self) -> Result<u64, StoreError> {
        let Some(row) = self.get(REVOCATIONS, NEWEST).await? else { return Ok(0) };
        Cells::new(&row, "the newest revocation").number(CONFIG_VALUE)
    }

    /// Lists the revocations behind a cursor.
    pub(super) async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        let newest = self.newest_revocation().await?;
        let cursor = RevocationCursor(newest.to_string());
        let Some(RevocationCursor(text)) = after else { return Ok(Revocations { cursor, tenants: Vec::new() }) };
        let after = text.parse::<u64>().ok().filter(|after| *after <= newest);
        // A cursor from the future is from a store of which this is an older copy: what happened is not known here.
        let after = after.ok_or(StoreError::Refused("the cursor is not from this store: begin again without it"))?;
        if after == newest {
            return Ok(Revocations { cursor, tenants: Vec::new() });
        }
        let from = sort(after + 1);
        let rows = self.query(REVOCATIONS, &Range { from: Some(&from), ..Range::default() }).await?;
        let mut tenants = Vec::with_capacity(rows.len());
        for row in &rows {
            let cells = Cells::new(row, "the revocations");
            // What came while this was read is told the next time.
            if cells.sort()?.parse::<u64>().is_ok_and(|number| number <= newest) {
                tenants.push(cells.tenant(CONFIG_VALUE)?);
            }
        }
        Ok(Revocations { cursor, tenants })
    }
}

/// Adds revocations to a transaction, behind the newest one as it was read.
pub(super) fn revoke<M: Clone>(
    transaction: &mut Transaction<M>,
    mark: &M,
    table: &str,
    newest: u64,
    tenants: &[&TenantId],
) -> Result<(), StoreError> {
    if tenants.is_empty() {
        return Ok(());
    }
    let last = newest + tenants.len() as u64;
    let update = Update {
        expression: "SET #v = :last",
        condition: Some(if newest == 0 { "attribute_not_exists(#v)" } else { "#v = :newest" }),
        names: &[("#v", CONFIG_VALUE)],
        values: match newest {
            0 => vec![(":last", row::number(last))],
            _ => vec![(":last", row::number(last)), (":newest", row::number(newest))],
        },
    };
    transaction.update(mark.clone(), table, row::key(REVOCATIONS, NEWEST), &update)?;
    for (number, tenant) in (newest + 1..).zip(tenants) {
        transaction.put(mark.clone(), table, revocation(number, tenant), &Condition::none())?;
    }
    Ok(())
}

fn revocation(number: u64, tenant: &TenantId) -> Row {
    let mut row = row::key(REVOCATIONS, &sort(number));
    row.insert(CONFIG_VALUE.to_owned(), row::text(tenant.as_str()));
    row
}

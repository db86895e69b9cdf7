//! A scope's partition as it was read: its head, its items, and what is neither.

use jiff::Timestamp;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::digest::{Digest, Print, ValuePrint};
use super::head::{HEAD, HeadRow, Life};
use super::row::{CONFIG_KEY, CONFIG_VALUE, Row, TENANT_ID};
use super::value::from_attribute;
use super::{Alien, partition_of};
use crate::error::StoreError;
use crate::records::{Item, ItemMeta, OddItem, StoredScope};

/// All rows of a scope's partition.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// The head; none if the partition has none.
    pub(super) head: Option<HeadRow>,
    items: Vec<Item>,
    odd: Vec<OddItem>,
    /// What the items are now.
    pub(super) digest: Digest,
}

impl Partition {
    /// Sorts the rows of a scope. A row of any other partition is refused with all the rest.
    pub(super) fn read(scope: &Scope, rows: &[Row]) -> Result<Self, StoreError> {
        let mut read = Self { head: None, items: Vec::new(), odd: Vec::new(), digest: Digest::default() };
        let partition = partition_of(scope);
        for row in rows {
            if row.get(TENANT_ID).and_then(|id| id.as_s().ok()).map(String::as_str) != Some(partition) {
                return Err(Alien::row(scope));
            }
            read.add(scope, row)?;
        }
        // DynamoDB orders by bytes, in which a hyphen stands before a dot: hardly anything is left to do.
        read.items.sort_by(|left, right| left.key.cmp(&right.key));
        Ok(read)
    }

    fn add(&mut self, scope: &Scope, row: &Row) -> Result<(), StoreError> {
        let sort = row.get(CONFIG_KEY).and_then(|key| key.as_s().ok()).map(String::as_str).unwrap_or_default();
        if sort == HEAD {
            self.head = Some(HeadRow::read(scope, row)?);
            return Ok(());
        }
        let read = item(sort, row);
        let revision = number(row, "revision");
        let value = read.as_ref().ok().map(|item| ValuePrint::of(&item.value));
        self.digest.0.insert(sort.to_owned(), Print { revision, value });
        match read {
            Ok(item) => self.items.push(item),
            Err(reason) => self.odd.push(OddItem { key: sort.to_owned(), reason }),
        }
        Ok(())
    }

    /// The head of the scope if it is there: a stored one, or that of items which another program wrote.
    pub(super) fn living(&self) -> Option<HeadRow> {
        match &self.head {
            Some(head) => Some(head.clone()).filter(|head| head.life == Life::Alive),
            None if self.digest.0.is_empty() => None,
            None => Some(HeadRow::unmanaged()),
        }
    }

    /// Whether the items are not those that the head tells of: the read was torn, or somebody changed them.
    pub(super) fn differs(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.life == Life::Alive && head.digest != self.digest.to_text())
    }

    /// The scope as the port shows it; none if it is not there.
    pub(super) fn into_stored(self) -> Option<StoredScope> {
        let living = self.living()?;
        let drift = self.differs();
        Some(StoredScope {
            head: living.head,
            items: self.items,
            odd: self.odd,
            drift,
            secret_version: living.secret_version,
        })
    }
}

fn item(sort: &str, row: &Row) -> Result<Item, String> {
    let key = Key::parse(sort).map_err(|error| error.to_string())?;
    let value = row.get(CONFIG_VALUE).ok_or_else(|| format!("the attribute {CONFIG_VALUE} is missing"))?;
    Ok(Item { key, value: from_attribute(value)?, meta: meta(row) })
}

/// The note of a managed write; an item without a whole one was written by another program.
fn meta(row: &Row) -> Option<ItemMeta> {
    let text = |name| row.get(name)?.as_s().ok();
    Some(ItemMeta {
        revision: Revision(number(row, "revision")?),
        updated_at: text("updated_at")?.parse::<Timestamp>().ok()?,
        updated_by: text("updated_by")?.clone(),
        default_revision: Revision(number(row, "default_revision")?),
    })
}

fn number(row: &Row, name: &str) -> Option<u64> {
    row.get(name)?.as_n().ok()?.parse().ok()
}

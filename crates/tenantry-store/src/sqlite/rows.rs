//! Reads rows without trusting them: whatever the cells hold, an answer or a named error, never a panic.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::value::Value;

use crate::error::StoreError;
use crate::records::{Head, Item, ItemMeta, LogEntry, OddItem, TenantStatus, TenantSummary, TokenRecord};

/// A moment as it is stored: nanoseconds since 1970. Those before 1677 and after 2262 do not fit.
pub(super) fn nanoseconds(at: Timestamp) -> Result<i64, StoreError> {
    i64::try_from(at.as_nanosecond()).map_err(|_| StoreError::Refused("a time must be between the years 1677 and 2262"))
}

/// A revision, number or version as it is stored.
pub(super) fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Refused("a number must be less than 2^63"))
}

/// The cells of a row, read by position.
pub(super) struct Cells<'a> {
    row: &'a Row<'a>,
    /// What the row is, for errors: `the head of acme`.
    what: &'a str,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a Row<'a>, what: &'a str) -> Self {
        Self { row, what }
    }

    fn cell(&self, at: usize) -> ValueRef<'a> {
        self.row.get_ref(at).unwrap_or(ValueRef::Null)
    }

    fn odd(&self, at: usize, expected: &str) -> StoreError {
        let column = self.row.as_ref().column_name(at).unwrap_or("?").to_owned();
        StoreError::corrupt(format!(
            "{}: column {column} holds something else, expected {expected}: run `tenantry doctor`",
            self.what
        ))
    }

    pub(super) fn text(&self, at: usize) -> Result<&'a str, StoreError> {
        text(self.cell(at)).ok_or_else(|| self.odd(at, "a text"))
    }

    pub(super) fn optional_text(&self, at: usize) -> Result<Option<&'a str>, StoreError> {
        if self.cell(at) == ValueRef::Null { Ok(None) } else { self.text(at).map(Some) }
    }

    pub(super) fn bytes(&self, at: usize) -> Result<&'a [u8], StoreError> {
        match self.cell(at) {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(self.odd(at, "bytes")),
        }
    }

    pub(super) fn number(&self, at: usize) -> Result<u64, StoreError> {
        number(self.cell(at)).ok_or_else(|| self.odd(at, "a number from 0"))
    }

    pub(super) fn optional_number(&self, at: usize) -> Result<Option<u64>, StoreError> {
        if self.cell(at) == ValueRef::Null { Ok(None) } else { self.number(at).map(Some) }
    }

    pub(super) fn moment(&self, at: usize) -> Result<Timestamp, StoreError> {
        moment(self.cell(at)).ok_or_else(|| self.odd(at, "a time"))
    }

    pub(super) fn optional_moment(&self, at: usize) -> Result<Option<Timestamp>, StoreError> {
        if self.cell(at) == ValueRef::Null { Ok(None) } else { self.moment(at).map(Some) }
    }

    fn json<T: DeserializeOwned>(&self, at: usize, expected: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(at)?).map_err(|_| self.odd(at, expected))
    }

    fn scope(&self, at: usize) -> Result<Scope, StoreError> {
        Scope::parse(self.text(at)?).map_err(|_| self.odd(at, "a scope"))
    }

    pub(super) fn tenant(&self, at: usize) -> Result<TenantId, StoreError> {
        TenantId::parse(self.text(at)?).map_err(|_| self.odd(at, "a tenant id"))
    }

    fn status(&self, at: usize) -> Result<TenantStatus, StoreError> {
        match self.text(at)? {
            "active" => Ok(TenantStatus::Active),
            "suspended" => Ok(TenantStatus::Suspended),
            _ => Err(self.odd(at, "active or suspended")),
        }
    }
}

fn text(cell: ValueRef<'_>) -> Option<&str> {
    match cell {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn number(cell: ValueRef<'_>) -> Option<u64> {
    match cell {
        ValueRef::Integer(number) => number.try_into().ok(),
        _ => None,
    }
}

fn moment(cell: ValueRef<'_>) -> Option<Timestamp> {
    match cell {
        ValueRef::Integer(nanoseconds) => Timestamp::from_nanosecond(nanoseconds.into()).ok(),
        _ => None,
    }
}

/// The columns of [`head`], in its order.
pub(super) const HEAD: &str =
    "s.revision, s.status, s.display_name, s.incarnation, s.created_at, s.updated_at, s.updated_by";

/// Reads a head from the first seven cells.
pub(super) fn head(cells: &Cells<'_>) -> Result<Head, StoreError> {
    Ok(Head {
        revision: Revision(cells.number(0)?),
        status: cells.status(1)?,
        display_name: cells.text(2)?.to_owned(),
        incarnation: cells.text(3)?.to_owned(),
        created_at: cells.moment(4)?,
        updated_at: cells.moment(5)?,
        updated_by: cells.text(6)?.to_owned(),
    })
}

/// The columns of [`item`], in its order.
pub(super) const ITEM: &str = "i.key, i.value, i.revision, i.updated_at, i.updated_by, i.default_revision";

/// Reads an item from the cells that begin at `from`; `None` where there is none beside a head.
pub(super) fn item(row: &Row<'_>, from: usize) -> Option<Result<Item, OddItem>> {
    let cell = |at: usize| row.get_ref(from + at).unwrap_or(ValueRef::Null);
    let stored = match cell(0) {
        ValueRef::Null => return None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
        ValueRef::Integer(_) | ValueRef::Real(_) => "(a number)".into(),
    };
    let odd = |reason: String| OddItem { key: stored.clone().into_owned(), reason };
    Some((|| {
        let key = Key::parse(&stored).map_err(|error| odd(error.to_string()))?;
        let json = text(cell(1)).ok_or_else(|| odd("expected a value as JSON, found no text".to_owned()))?;
        let value = Value::from_json(json).map_err(|error| odd(error.to_string()))?;
        Ok(Item { key, value, meta: meta(cell) })
    })())
}

/// The note of a managed write; an item without a whole one was written by another program.
fn meta<'a>(cell: impl Fn(usize) -> ValueRef<'a>) -> Option<ItemMeta> {
    Some(ItemMeta {
        revision: Revision(number(cell(2))?),
        updated_at: moment(cell(3))?,
        updated_by: text(cell(4))?.to_owned(),
        default_revision: Revision(number(cell(5))?),
    })
}

/// The columns of [`summary`], in its order.
pub(super) const SUMMARY: &str = "scope, display_name, status, revision, created_at, updated_at";

/// Reads a tenant as it stands in a list.
pub(super) fn summary(row: &Row<'_>) -> Result<TenantSummary, StoreError> {
    let cells = Cells::new(row, "the list of tenants");
    Ok(TenantSummary {
        tenant_id: cells.tenant(0)?,
        display_name: cells.text(1)?.to_owned(),
        status: cells.status(2)?,
        revision: Revision(cells.number(3)?),
        created_at: cells.moment(4)?,
        updated_at: cells.moment(5)?,
    })
}

/// The columns of [`log_entry`], which stand behind the place of an entry in its listing.
pub(super) const LOG_ENTRY: &str = "scope, number, revision, at, actor, action, reason, changes, detail";

/// Reads an entry of the log.
pub(super) fn log_entry(row: &Row<'_>) -> Result<LogEntry, StoreError> {
    let cells = Cells::new(row, "the log");
    let scope = cells.scope(1)?;
    let what = format!("the log entry {scope}:{}", cells.number(2)?);
    let cells = Cells::new(row, &what);
    let action = serde_json::Value::from(cells.text(6)?);
    Ok(LogEntry {
        id: format!("{scope}:{}", cells.number(2)?),
        scope: scope.to_string(),
        revision: cells.optional_number(3)?.map(Revision),
        at: cells.moment(4)?,
        actor: cells.text(5)?.to_owned(),
        action: serde_json::from_value(action).map_err(|_| cells.odd(6, "an action"))?,
        reason: cells.optional_text(7)?.map(str::to_owned),
        changes: cells.json(8, "differences as JSON")?,
        detail: cells.optional_text(9)?.map(str::to_owned),
    })
}

/// The columns of [`token`], in its order.
pub(super) const TOKEN: &str =
    "id, hash, scope, role, name, created_at, created_by, expires_at, last_used_at, revoked_at";

/// Reads an API token.
pub(super) fn token(row: &Row<'_>) -> Result<TokenRecord, StoreError> {
    let cells = Cells::new(row, "the tokens");
    Ok(TokenRecord {
        id: cells.text(0)?.to_owned(),
        hash: cells.bytes(1)?.try_into().map_err(|_| cells.odd(1, "32 bytes"))?,
        scope: cells.scope(2)?,
        role: cells.text(3)?.to_owned(),
        name: cells.text(4)?.to_owned(),
        created_at: cells.moment(5)?,
        created_by: cells.text(6)?.to_owned(),
        expires_at: cells.moment(7)?,
        last_used_at: cells.optional_moment(8)?,
        revoked_at: cells.optional_moment(9)?,
    })
}

/// Reads all rows of a query.
pub(super) fn all<T>(
    rows: rusqlite::Rows<'_>,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    each(rows, read).collect()
}

/// Reads the rows of a query one after the other, as they are asked for.
pub(super) fn each<T>(
    mut rows: rusqlite::Rows<'_>,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> impl Iterator<Item = Result<T, StoreError>> {
    std::iter::from_fn(move || match rows.next() {
        Ok(row) => row.map(&read),
        Err(error) => Some(Err(error.into())),
    })
}

/// Reads the first row of a query, if there is one.
pub(super) fn first<T>(
    mut rows: rusqlite::Rows<'_>,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    rows.next()?.map(read).transpose()
}

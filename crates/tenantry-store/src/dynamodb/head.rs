//! The row `#head` of a partition: what is known of the scope as a whole, and of what its items should be.

use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::digest::Digest;
use super::log::Place;
use super::row::{self, Cells, Row};
use crate::error::StoreError;
use crate::records::{Binding, Head, SecretVersion, TenantStatus};

/// The sort key of a head.
pub(super) const HEAD: &str = "#head";

/// A head as it is stored.
#[derive(Clone, Debug)]
pub(super) struct HeadRow {
    /// What the ports show of it. Of a scope that is not there any more, or not yet, it is what must be remembered.
    pub(super) head: Head,
    /// Whether the scope is there.
    pub(super) life: Life,
    /// The revision that created this incarnation: what is older in the log belongs to an erased tenant.
    pub(super) first: Revision,
    /// How many items the last managed write left.
    pub(super) item_count: usize,
    /// The digest of these.
    pub(super) digest: String,
    /// A random name of the last managed write, told anew each time: by it a write whose answer was lost is recognised.
    pub(super) change: String,
    /// What is bound to the tenant, in order.
    pub(super) bindings: Vec<Binding>,
    /// The version of the secret that belongs to this revision.
    pub(super) secret_version: Option<SecretVersion>,
    /// Of a scope that is being copied: the newest entry of the log that was here before.
    pub(super) copied_behind: Option<Place>,
}

/// Where in its life a scope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is there.
    Alive,
    /// It is being copied from another store, and cannot be seen yet.
    Incoming,
    /// It is deleted, and its rows are being erased.
    Erasing,
    /// It is erased; the head remembers its last revision.
    Erased,
}

impl HeadRow {
    /// The head of a scope whose items another program wrote: at revision 0, known of it is nothing.
    pub(super) fn unmanaged() -> Self {
        let head = Head::unsaved();
        Self {
            head,
            life: Life::Alive,
            first: Revision(0),
            item_count: 0,
            digest: Digest::default().to_text(),
            change: String::new(),
            bindings: Vec::new(),
            secret_version: None,
            copied_behind: None,
        }
    }

    /// Whether there is a row for it: an unmanaged scope has none.
    pub(super) fn is_stored(&self) -> bool {
        !self.change.is_empty()
    }

    /// Reads the head of a scope.
    pub(super) fn read(scope: &Scope, row: &Row) -> Result<Self, StoreError> {
        let what = format!("the head of {scope}");
        let cells = Cells::new(row, &what);
        let (life, status) = match cells.text("status")? {
            "active" => (Life::Alive, TenantStatus::Active),
            "suspended" => (Life::Alive, TenantStatus::Suspended),
            "incoming" => (Life::Incoming, TenantStatus::Suspended),
            "erasing" => (Life::Erasing, TenantStatus::Suspended),
            "erased" => (Life::Erased, TenantStatus::Suspended),
            _ => return Err(cells.odd("status", "active or suspended")),
        };
        let binding = |text: &str| Binding::parse(text).map_err(|_| cells.odd("bindings", "a list of bindings"));
        Ok(Self {
            head: Head {
                revision: revision(&cells)?,
                status,
                display_name: cells.text("display_name")?.to_owned(),
                incarnation: cells.text("incarnation")?.to_owned(),
                created_at: cells.moment("created_at")?,
                updated_at: cells.moment("updated_at")?,
                updated_by: cells.text("updated_by")?.to_owned(),
            },
            life,
            first: Revision(cells.optional_number("first_revision")?.unwrap_or(1)),
            item_count: usize::try_from(cells.number("item_count")?).unwrap_or(usize::MAX),
            digest: cells.text("digest")?.to_owned(),
            change: cells.text("change")?.to_owned(),
            bindings: cells.texts("bindings")?.into_iter().map(binding).collect::<Result<_, _>>()?,
            secret_version: cells.optional_text("secret_version")?.map(|text| SecretVersion(text.to_owned())),
            copied_behind: cells.optional_text("copied_behind")?.and_then(|text| text.parse().ok()),
        })
    }

    /// The row of the head of a scope.
    pub(super) fn to_row(&self, partition: &str) -> Row {
        let head = &self.head;
        let mut row = row::key(partition, HEAD);
        let mut put = |name: &str, value: AttributeValue| drop(row.insert(name.to_owned(), value));
        put("description", row::text("Tenantry's own record of this partition: do not edit"));
        put("revision", row::number(head.revision.0));
        put("status", row::text(self.status()));
        put("display_name", row::text(&head.display_name));
        put("incarnation", row::text(&head.incarnation));
        put("created_at", row::moment(head.created_at));
        put("updated_at", row::moment(head.updated_at));
        put("updated_by", row::text(&head.updated_by));
        put("first_revision", row::number(self.first.0));
        put("item_count", row::number(self.item_count as u64));
        put("digest", row::text(&self.digest));
        put("change", row::text(&self.change));
        if !self.bindings.is_empty() {
            let bindings = self.bindings.iter().map(|binding| row::text(binding.to_string()));
            put("bindings", AttributeValue::L(bindings.collect()));
        }
        if let Some(version) = &self.secret_version {
            put("secret_version", row::text(&version.0));
        }
        if let Some(place) = self.copied_behind {
            put("copied_behind", row::text(place.sort()));
        }
        row
    }

    fn status(&self) -> String {
        match self.life {
            Life::Alive => self.head.status.to_string(),
            Life::Incoming => "incoming".to_owned(),
            Life::Erasing => "erasing".to_owned(),
            Life::Erased => "erased".to_owned(),
        }
    }
}

/// A revision that still has one behind it.
fn revision(cells: &Cells<'_>) -> Result<Revision, StoreError> {
    let number = cells.number("revision")?;
    i64::try_from(number).map(|_| Revision(number)).map_err(|_| cells.odd("revision", "a number from 0 to 2^63"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_what_it_writes() {
        let mut head = HeadRow::unmanaged();
        head.head.revision = Revision(7);
        head.head.display_name = "Ümläut".to_owned();
        head.change = "c".to_owned();
        head.bindings = vec![Binding::parse("slack:T1").unwrap(), Binding::parse("host:a.example").unwrap()];
        head.secret_version = Some(SecretVersion("v".to_owned()));
        for life in [Life::Alive, Life::Incoming, Life::Erasing, Life::Erased] {
            head.life = life;
            head.head.status = if life == Life::Alive { TenantStatus::Active } else { TenantStatus::Suspended };
            let read = HeadRow::read(&Scope::Global, &head.to_row("#global")).unwrap();
            assert_eq!(format!("{read:?}"), format!("{head:?}"));
        }
    }

    #[test]
    fn a_head_of_something_else_names_the_attribute_and_not_its_value() {
        let mut head = HeadRow::unmanaged();
        head.change = "c".to_owned();
        for name in ["revision", "status", "created_at", "item_count", "bindings", "change", "digest", "incarnation"] {
            for bad in [row::text("CANARY x"), AttributeValue::Null(true), row::number(3)] {
                let mut row = head.to_row("#global");
                row.insert(name.to_owned(), bad);
                if let Err(error) = HeadRow::read(&Scope::Global, &row) {
                    let error = format!("{error} {error:?}");
                    assert!(error.contains(name) && !error.contains("CANARY"), "{error}");
                }
            }
        }
    }
}

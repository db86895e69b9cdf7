//! A change of one scope, and what it made.

use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;
use tenantry_core::value::Value;

use super::{ClaimChange, NewLogEntry, SecretVersion, SecretWrite, TenantStatus};

/// A change of one scope: all of it happens, or nothing.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The scope to change.
    pub scope: Scope,
    /// What the change was decided on.
    pub expected: Expected,
    /// What becomes of the scope as a whole.
    pub head: HeadChange,
    /// The items to write and to remove, each key once.
    pub items: Vec<ItemChange>,
    /// The change of the scope's secret, if there is one.
    pub secret: Option<SecretWrite>,
    /// Bindings and reservations to take and to give up.
    pub claims: Vec<ClaimChange>,
    /// The revision of the tier below, noted with every item written.
    pub default_revision: Revision,
    /// What the log says of it.
    pub entry: NewLogEntry,
}

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No such scope.
    Absent,
    /// The scope at this revision.
    At(Revision),
}

/// What becomes of a scope as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadChange {
    /// It stays as it is.
    Keep,
    /// It is created: needs [`Expected::Absent`].
    Create {
        /// The company's name; empty for the global scope.
        display_name: String,
    },
    /// It gets another name.
    Rename(String),
    /// It is suspended or resumed.
    Status(TenantStatus),
}

/// An item to write (`Some`) or to remove (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// The item's key.
    pub key: Key,
    /// Its new value.
    pub value: Option<Value>,
}

/// What a commit made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The new revision.
    pub revision: Revision,
    /// The new version of the scope's secret, if it was changed.
    pub secret_version: Option<SecretVersion>,
}

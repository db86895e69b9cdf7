//! Scopes, items and tenants as they are read, which of them must be dropped, and what a look over the store found.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::TenantId;
use tenantry_core::value::Value;

use super::SecretVersion;

/// All that is stored for a scope, but its secret.
#[derive(Clone, Debug)]
pub struct StoredScope {
    /// What is known of the scope as a whole.
    pub head: Head,
    /// The stored items, in the order of their keys.
    pub items: Vec<Item>,
    /// What cannot be read as an item.
    pub odd: Vec<OddItem>,
    /// Whether something else than the last managed write is stored, as far as the store can tell without its log:
    /// what was changed by hand is served, and labelled.
    pub drift: bool,
    /// The version of the secret that belongs to this revision, where parameters and secrets are two services.
    pub secret_version: Option<SecretVersion>,
}

/// What is known of a scope as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The revision of the newest saved state.
    pub revision: Revision,
    /// Whether the tenant may be served. The global scope is always active.
    pub status: TenantStatus,
    /// The company's name; empty for the global scope.
    pub display_name: String,
    /// Told anew each time a tenant of this name is created, so that a deleted one's leftovers are never taken for it.
    pub incarnation: String,
    /// When the scope was created.
    pub created_at: Timestamp,
    /// When the newest revision was made.
    pub updated_at: Timestamp,
    /// Who made it.
    pub updated_by: String,
}

impl Head {
    /// The head of a scope of which nothing was ever saved by a managed write.
    pub fn unsaved() -> Self {
        Self {
            revision: Revision(0),
            status: TenantStatus::Active,
            display_name: String::new(),
            incarnation: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            updated_by: String::new(),
        }
    }
}

/// Whether a tenant may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TenantStatus {
    /// Served.
    Active,
    /// Refused until it is resumed; its values stay.
    Suspended,
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        })
    }
}

/// One stored item: a leaf, or a subtree that another program wrote as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The item's key.
    pub key: Key,
    /// Its value.
    pub value: Value,
    /// What a managed write noted; none for an item written by another program.
    pub meta: Option<ItemMeta>,
}

/// What a managed write notes beside a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemMeta {
    /// The revision that wrote the item.
    pub revision: Revision,
    /// When.
    pub updated_at: Timestamp,
    /// Who.
    pub updated_by: String,
    /// The revision of the tier below when the override was written: what makes "behind the default" visible.
    pub default_revision: Revision,
}

/// Something stored that is no item. The value is not shown: it may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OddItem {
    /// What is stored as its key.
    pub key: String,
    /// Why it is no item.
    pub reason: String,
}

/// A tenant as it stands in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TenantSummary {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The company's name.
    pub display_name: String,
    /// Whether it may be served.
    pub status: TenantStatus,
    /// The newest revision of its scope.
    pub revision: Revision,
    /// When it was created.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
    /// When its newest revision was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub updated_at: Timestamp,
}

/// A place in the sequence of revocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationCursor(pub String);

/// The tenants whose cached copies must go.
#[derive(Clone, Debug)]
pub struct Revocations {
    /// Where to go on from.
    pub cursor: RevocationCursor,
    /// The tenants, in the order in which it happened.
    pub tenants: Vec<TenantId>,
}

/// Something that a look over the store found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at: `integrity`, `schema`, `master key`.
    pub subject: String,
    /// What was found, and the next step if there is one to take.
    pub message: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Should be looked at.
    Warning,
    /// Must be mended.
    Error,
}

//! Outlines of many tenants at once: as much of their scopes as somebody asks for, and of their secrets the names of the fields.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{Item, PageRequest, TenantSummary};

/// As much of a tenant's scope as was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The tenant.
    pub tenant: TenantSummary,
    /// The items that were asked for, in the order of their keys. What cannot be read as an item is left out.
    pub items: Vec<Item>,
    /// The names of the fields that the tenant's secret has. No text is read for it.
    pub secret_fields: BTreeSet<String>,
}

/// Which outlines to read, and how much of them.
#[derive(Clone, Debug)]
pub struct OutlineRequest {
    /// Which part of the listing of tenants, by id.
    pub page: PageRequest,
    /// The items that are wanted.
    pub wanted: Wanted,
}

/// Tells by an item's key whether the item is wanted.
#[derive(Clone)]
pub struct Wanted(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl Wanted {
    /// All items.
    pub fn all() -> Self {
        Self::those(|_| true)
    }

    /// The items of whose keys this is true. A key is given as it is stored, which may be none at all.
    pub fn those(is_wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_wanted))
    }

    /// Whether the item of a key is wanted.
    pub fn is(&self, key: &str) -> bool {
        (self.0)(key)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wanted")
    }
}

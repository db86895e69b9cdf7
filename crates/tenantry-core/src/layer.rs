//! The values of one tier, ready to be merged.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{Document, range_within};
use crate::key::Key;
use crate::scope::Scope;
use crate::secret::SecretMark;
use crate::value::Value;

/// Who set a value; declared from the one that gives way to the one that wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Built into the application.
    Default,
    /// Set by the operator for every tenant.
    Global,
    /// Set by the tenant for itself.
    Tenant,
}

impl Tier {
    /// The tier at which a scope's values stand.
    pub fn of(scope: &Scope) -> Self {
        match scope {
            Scope::Global => Self::Global,
            Scope::Tenant(_) => Self::Tenant,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "default",
            Self::Global => "global",
            Self::Tenant => "tenant",
        })
    }
}

/// The number of an immutable saved state of one scope. The first one is 1; 0 is before anything was saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a tier says of one leaf: its value, or that a secret is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// A value that may be shown.
    Value(Value),
    /// A secret: that it is set, never its text.
    Secret(SecretMark),
}

impl Entry {
    /// The value, if this is no secret.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Secret(_) => None,
        }
    }
}

/// The values of one tier with their revision: leaves in the order of their keys, no key below another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    tier: Tier,
    revision: Revision,
    entries: Vec<(Key, Entry)>,
}

impl Layer {
    /// Makes a layer of a document; secrets are added by [`Layer::with_secrets`].
    pub fn new(tier: Tier, revision: Revision, document: Document) -> Self {
        let entries = document.into_leaves().into_iter().map(|(key, value)| (key, Entry::Value(value))).collect();
        Self { tier, revision, entries }
    }

    /// Adds the marks of the secrets that are set at this tier. A key that has an entry already is left as it is.
    #[must_use]
    pub fn with_secrets(mut self, marks: impl IntoIterator<Item = (Key, SecretMark)>) -> Self {
        for (key, mark) in marks {
            let within = range_within(&self.entries, &key);
            if within.is_empty() {
                self.entries.insert(within.start, (key, Entry::Secret(mark)));
            }
        }
        self
    }

    /// The layer's tier.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The revision of the scope from which the layer was read.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The leaves, in the order of their keys.
    pub fn entries(&self) -> &[(Key, Entry)] {
        &self.entries
    }

    /// The leaves at and below a key.
    pub fn within(&self, key: &Key) -> &[(Key, Entry)] {
        &self.entries[range_within(&self.entries, key)]
    }

    /// The entry of a leaf.
    pub fn entry(&self, key: &Key) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        Some(&self.entries[at].1)
    }
}

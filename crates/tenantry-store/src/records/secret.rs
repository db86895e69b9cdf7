//! Secrets as they are read and written.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tenantry_core::secret::{FingerprintKey, SecretText};

use super::{OddItem, TokenKey};

/// The store's name for one version of a scope's secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretVersion(pub String);

impl fmt::Display for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A scope's secret: a flat set of named texts.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// The version that was read.
    pub version: SecretVersion,
    /// The texts by field name, such as `odoo_password`.
    pub fields: BTreeMap<String, SecretText>,
    /// Fields that cannot be used, by name, with the reason and without the value.
    pub odd: Vec<OddItem>,
}

/// A change of a scope's secret.
#[derive(Clone, Debug)]
pub struct SecretWrite {
    /// The version it was decided on; `None` if there was no secret.
    pub expected: Option<SecretVersion>,
    /// Fields to set (`Some`) and to remove (`None`).
    pub fields: BTreeMap<String, Option<SecretText>>,
}

/// Keys derived from the store's master key, for what must be told apart but not read.
#[derive(Clone, Debug)]
pub struct StoreKeys {
    /// For the fingerprints of secrets.
    pub fingerprint: FingerprintKey,
    /// For the hashes of API tokens.
    pub token: TokenKey,
}

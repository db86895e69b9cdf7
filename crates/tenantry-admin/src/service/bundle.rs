//! Bundles: the values of many scopes as a file holds them, and the change that it asks of each.

mod read;

use std::collections::BTreeMap;

use tenantry_core::catalog::Catalog;
use tenantry_core::change::ChangeSet;
use tenantry_core::json::{JsonError, Nullable, without_null};
use tenantry_core::key::{Key, KeyError};
use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;
use tenantry_core::validate::{Violation, ViolationCode};

/// The values of many scopes, as a file holds them.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// What the operator sets for every tenant.
    pub global: BundleValues,
    /// The tenants, in the order of the file.
    pub tenants: Vec<BundleTenant>,
}

/// One tenant of a bundle.
#[derive(Clone, Debug)]
pub struct BundleTenant {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The company's name; none to leave an existing tenant's as it is.
    pub display_name: Option<String>,
    /// What it sets.
    pub values: BundleValues,
}

/// What a bundle sets in one scope, by keys in either spelling. `null` removes an override.
#[derive(Clone, Debug, Default)]
pub struct BundleValues {
    values: BTreeMap<String, Nullable>,
    secrets: BTreeMap<String, Option<SecretText>>,
}

/// Why a text is no bundle. It never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not JSON, or not such as can be stored.
    #[error("{0}")]
    Json(JsonError),
    /// A part of it has another form than a bundle has.
    #[error("{pointer}: {message}")]
    Form {
        /// The place, as a JSON Pointer (RFC 6901).
        pointer: String,
        /// What was expected there.
        message: String,
    },
}

impl Bundle {
    /// Reads a bundle from JSON, with all that is wrong with its form.
    ///
    /// ```json
    /// {"global": {"values": {"persona": {"language": "en"}}, "secrets": {}},
    ///  "tenants": [{"tenant_id": "acme", "display_name": "Acme", "values": {"persona.name": "Ada"}, "secrets": {}}]}
    /// ```
    pub fn from_json(text: &str) -> Result<Self, Vec<BundleError>> {
        let (bundle, faults) = Self::read(text);
        if faults.is_empty() { Ok(bundle) } else { Err(faults) }
    }

    /// Reads what can be read of a bundle, with all that is wrong with its form: so that what is wrong with its values
    /// can be told at the same time.
    pub fn read(text: &str) -> (Self, Vec<BundleError>) {
        read::bundle(text)
    }
}

impl BundleValues {
    /// The change that is asked for, and what cannot be read as one. Keys are accepted in both spellings, each key once.
    pub(super) fn changes(&self, catalog: &Catalog) -> (ChangeSet, Vec<Violation>) {
        let mut asked = Asked::default();
        for (name, value) in &self.values {
            match catalog.key(name).or_else(|_| Key::parse(name)) {
                Ok(key) => asked.value(key, value),
                Err(error) => asked.name(name.clone(), &error),
            }
        }
        for (name, text) in &self.secrets {
            match catalog.key(name) {
                Ok(key) => asked.secret(key, text.as_ref()),
                Err(error) => asked.refuse(name, ViolationCode::UnknownParameter, error.to_string()),
            }
        }
        (asked.changes, asked.violations)
    }
}

/// A change in the making, with what is wrong with it.
#[derive(Default)]
struct Asked {
    changes: ChangeSet,
    violations: Vec<Violation>,
}

impl Asked {
    fn refuse(&mut self, key: impl std::fmt::Display, code: ViolationCode, message: impl Into<String>) {
        self.violations.push(Violation::new(key, code, message));
    }

    fn name(&mut self, name: String, error: &KeyError) {
        self.refuse(name, ViolationCode::UnknownParameter, error.to_string());
    }

    /// Takes a value by its leaves, so that tables merge. `null` removes an override.
    fn value(&mut self, key: Key, value: &Nullable) {
        let value = match value {
            Nullable::Null => None,
            Nullable::Value(value) => Some(value.clone()),
            Nullable::List(_) => match without_null(value.clone(), &format!("/{}", key.as_str().replace('.', "/"))) {
                Ok(list) => Some(list),
                Err(error) => return self.null(&error),
            },
            Nullable::Table(table) => return self.table(&key, table),
        };
        if self.changes.values.contains_key(&key) {
            return self.twice(&key);
        }
        self.changes.values.insert(key, value);
    }

    fn table(&mut self, key: &Key, table: &BTreeMap<String, Nullable>) {
        for (name, value) in table {
            match key.child(name) {
                Ok(child) => self.value(child, value),
                Err(error) => self.name(format!("{key}.{name}"), &error),
            }
        }
    }

    fn null(&mut self, error: &JsonError) {
        let place = error.pointer.trim_start_matches('/').replace('/', ".");
        self.refuse(place, ViolationCode::Null, "null cannot stand in a list");
    }

    fn secret(&mut self, key: Key, text: Option<&SecretText>) {
        if self.changes.keys().any(|known| *known == key) {
            return self.twice(&key);
        }
        self.changes.secrets.insert(key, text.cloned());
    }

    fn twice(&mut self, key: &Key) {
        if self.violations.iter().all(|known| known.code != ViolationCode::Twice || known.key != key.as_str()) {
            self.refuse(key, ViolationCode::Twice, "stands twice: keep one of its spellings");
        }
    }
}

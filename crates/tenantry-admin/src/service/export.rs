//! Exporting scopes as a bundle: what is set at their own tier, without secrets.

use std::collections::BTreeMap;

use tenantry_core::catalog::Sensitivity;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::Entry;
use tenantry_core::scope::Scope;
use tenantry_core::value::Value;

use super::{ScopeState, Service, ServiceError};

impl Service {
    /// Exports scopes as a bundle's JSON value: what is set at their own tier. Secrets are named, not exported.
    pub async fn export(&self, scopes: &[Scope]) -> Result<Value, ServiceError> {
        let mut bundle = BTreeMap::new();
        let mut tenants = Vec::new();
        for scope in scopes {
            let state = self.scope(scope).await?;
            let mut part = self.export_scope(&state);
            match scope {
                Scope::Global => drop(bundle.insert("global".to_owned(), Value::Table(part))),
                Scope::Tenant(tenant) => {
                    part.insert("tenant_id".to_owned(), tenant.as_str().into());
                    part.insert("display_name".to_owned(), Value::String(state.display_name));
                    tenants.push(Value::Table(part));
                }
            }
        }
        if !tenants.is_empty() {
            bundle.insert("tenants".to_owned(), Value::Array(tenants));
        }
        Ok(Value::Table(bundle))
    }

    fn export_scope(&self, state: &ScopeState) -> BTreeMap<String, Value> {
        let is_secret = |key: &Key| self.catalog.parameter(key).is_some_and(|p| p.sensitivity == Sensitivity::Secret);
        let shown = state.entries().iter().filter_map(|(key, entry)| match entry {
            Entry::Value(value) => Some((key.clone(), value.clone())),
            Entry::Secret(_) => None,
        });
        let left_out = state.entries().iter().filter(|(key, _)| is_secret(key));
        let left_out: Vec<_> = left_out.map(|(key, _)| Value::from(key.as_str())).collect();
        let values = Document::from_items(shown).0.to_table();
        let mut part = BTreeMap::from([("values".to_owned(), Value::Table(values))]);
        if !left_out.is_empty() {
            part.insert("secrets_not_exported".to_owned(), Value::Array(left_out));
        }
        part
    }
}

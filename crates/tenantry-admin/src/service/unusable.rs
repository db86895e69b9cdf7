//! Refusing to show a lower tier's value as that of a tier whose own cannot be used.

use std::fmt;

use tenantry_core::catalog::Catalog;
use tenantry_core::key::Key;
use tenantry_core::scope::Scope;
use tenantry_core::usable::Fault;

use super::{Effective, Service, ServiceError};

/// What is stored and cannot be used, by scope; the global one first. It shows no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(pub Vec<(Scope, Fault)>);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is stored cannot be used, and no other tier's value is shown in its place")?;
        self.0.iter().try_for_each(|(scope, fault)| write!(f, "\n  - {scope}: {fault}"))
    }
}

impl Effective {
    /// Refuses if something unusable is at, below or above a key, or anywhere. Connections are taken whole: what is
    /// wrong with one field of them makes all of them uncertain.
    pub fn must_be_usable(&self, catalog: &Catalog, asked: Option<&Key>) -> Result<(), ServiceError> {
        let whole = asked.map(|key| catalog.connections().of(key).map_or(key, |connection| &connection.section));
        let concerns =
            |fault: &Fault| whole.is_none_or(|asked| fault.key.is_within(asked) || asked.is_within(&fault.key));
        refuse(self.unusable.iter().filter(|(_, fault)| concerns(fault)).cloned().collect())
    }
}

impl Service {
    /// Refuses if what is stored of any of the scopes, at its own tier, cannot be used.
    pub async fn must_be_usable(&self, scopes: &[Scope]) -> Result<(), ServiceError> {
        let mut found = Vec::new();
        for scope in scopes {
            let faults = self.scope(scope).await?.faults(&self.validator);
            found.extend(faults.into_iter().map(|fault| (scope.clone(), fault)));
        }
        refuse(found)
    }
}

fn refuse(found: Vec<(Scope, Fault)>) -> Result<(), ServiceError> {
    if found.is_empty() { Ok(()) } else { Err(ServiceError::Unusable(Unusable(found))) }
}

//! The effective configuration of a scope, where its values come from, and how two scopes differ.

use serde::Serialize;
use tenantry_core::assemble::Oddity;
use tenantry_core::change::diff;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Tier};
use tenantry_core::resolve::{Effective as EffectiveLeaf, Resolved};
use tenantry_core::scope::Scope;
use tenantry_core::usable::Fault;
use tenantry_store::Head;

use super::{Service, ServiceError};

/// The effective configuration of a scope.
#[derive(Clone, Debug)]
pub struct Effective {
    /// What is known of the scope as a whole; none for a global scope in which nothing was set yet.
    pub head: Option<Head>,
    /// The merged configuration.
    pub resolved: Resolved,
    /// What is stored in the place of a parameter and cannot be used, the global scope's first. What the merged
    /// configuration says there is another tier's: see [`Effective::must_be_usable`].
    pub unusable: Vec<(Scope, Fault)>,
    /// What else is stored but is no part of the configuration, the global scope's first.
    pub oddities: Vec<(Scope, Oddity)>,
}

/// How a leaf differs between two effective configurations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeafDifference {
    /// The leaf.
    pub key: Key,
    /// On the left: its value, and its tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<(Entry, Tier)>,
    /// On the right: its value, and its tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<(Entry, Tier)>,
}

impl Service {
    /// The effective configuration of a tenant; of the global scope, what a tenant without values of its own gets.
    pub async fn effective(&self, scope: &Scope) -> Result<Effective, ServiceError> {
        let states = self.states(scope).await?;
        let resolved = states.resolve(&self.catalog);
        let (mut unusable, mut oddities) = (Vec::new(), Vec::new());
        for state in states.all() {
            unusable.extend(state.faults(&self.validator).into_iter().map(|fault| (state.scope.clone(), fault)));
            oddities.extend(state.oddities().map(|oddity| (state.scope.clone(), oddity.clone())));
        }
        Ok(Effective { head: states.looked_at().head.clone(), resolved, unusable, oddities })
    }

    /// The effective configuration of a scope, if all of it can be used.
    pub async fn usable(&self, scope: &Scope) -> Result<Effective, ServiceError> {
        let effective = self.effective(scope).await?;
        effective.must_be_usable(&self.catalog, None)?;
        Ok(effective)
    }

    /// Lists the leaves in which two scopes' effective configurations differ, in the order of the keys.
    ///
    /// Secrets of two scopes always differ: their fingerprints are made so that they cannot be compared.
    pub async fn diff(&self, left: &Scope, right: &Scope) -> Result<Vec<LeafDifference>, ServiceError> {
        let (left, right) = (self.usable(left).await?.resolved, self.usable(right).await?.resolved);
        let differences = diff(&entries(&left), &entries(&right));
        let side = |resolved: &Resolved, key: &Key| {
            resolved.leaf(key).map(|leaf: EffectiveLeaf<'_>| (leaf.entry.clone(), leaf.origin.tier))
        };
        let both = |key: Key| LeafDifference { left: side(&left, &key), right: side(&right, &key), key };
        Ok(differences.into_iter().map(|difference| both(difference.key)).collect())
    }
}

fn entries(resolved: &Resolved) -> Vec<(Key, Entry)> {
    resolved.iter().map(|leaf| (leaf.key.clone(), leaf.entry.clone())).collect()
}

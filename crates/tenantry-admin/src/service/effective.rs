//! The effective configuration of a scope, where its values come from, and how two scopes differ.

use serde::Serialize;
use tenantry_core::assemble::Oddity;
use tenantry_core::change::diff;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Tier};
use tenantry_core::resolve::{Effective as EffectiveLeaf, Resolved};
use tenantry_core::scope::Scope;
use tenantry_store::Head;

use super::{Service, ServiceError};

/// The effective configuration of a scope.
#[derive(Clone, Debug)]
pub struct Effective {
    /// What is known of the scope as a whole; none for a global scope in which nothing was set yet.
    pub head: Option<Head>,
    /// The merged configuration.
    pub resolved: Resolved,
    /// What is stored but cannot be used, the global scope's first.
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
        let mut oddities = Vec::new();
        for state in [Some(&states.global), states.own.as_ref()].into_iter().flatten() {
            oddities.extend(state.assembled.oddities.iter().map(|oddity| (state.scope.clone(), oddity.clone())));
        }
        Ok(Effective { head: states.looked_at().head.clone(), resolved, oddities })
    }

    /// Lists the leaves in which two scopes' effective configurations differ, in the order of the keys.
    ///
    /// Secrets of two scopes always differ: their fingerprints are made so that they cannot be compared.
    pub async fn diff(&self, left: &Scope, right: &Scope) -> Result<Vec<LeafDifference>, ServiceError> {
        let (left, right) = (self.effective(left).await?.resolved, self.effective(right).await?.resolved);
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

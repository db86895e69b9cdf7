//! A configuration to be tried before it is saved, or as it is saved, with its secrets filled in: for those who ask providers
//! whether the connections work. What knows providers is outside of this crate.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use tenantry_core::change::ChangeSet;
use tenantry_core::key::Key;
use tenantry_core::layer::Tier;
use tenantry_core::resolve::Resolved;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_core::settings::{Built, SettingsError, build};
use tenantry_store::{Action, Binding, ClaimChange, NewLogEntry};

use super::decide::{Decision, Drafted, MissingConnections, draft};
use super::{Context, ScopeState, Service, ServiceError, States};

/// A configuration with its secrets. Nothing of it was saved that was not before.
pub struct Candidate {
    /// The merged configuration, without the texts of secrets.
    pub resolved: Resolved,
    /// The outside identities that belong to the tenant; the global scope cannot have any.
    pub bindings: Option<Vec<Binding>>,
    secrets: BTreeMap<(Key, Tier), SecretText>,
}

impl Candidate {
    /// Builds the application's settings of it; here the secrets are filled in.
    pub fn build<S: DeserializeOwned>(&self) -> Result<Built<S>, SettingsError> {
        build(&self.resolved, |key, tier| self.secrets.get(&(key.clone(), tier)))
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("bindings", &self.bindings).finish_non_exhaustive()
    }
}

impl Service {
    /// The configuration of a scope as it is saved, with changes over it that are not, for these sections to be verified. That
    /// their secrets are about to be used is logged first.
    pub async fn candidate(
        &self,
        scope: &Scope,
        changes: &ChangeSet,
        sections: &[&str],
        context: &Context,
    ) -> Result<Candidate, ServiceError> {
        let states = self.with_changes(self.states(scope).await?, changes, context).await?;
        let bindings = match scope {
            Scope::Global => None,
            Scope::Tenant(tenant) => Some(self.stores.bindings(tenant).await?),
        };
        let entry = context.entry(scope, Action::Verify)?;
        self.stores.record(NewLogEntry { detail: Some(detail(sections, changes)), ..entry }).await?;
        let secrets = states.all().flat_map(|state| self.secrets(state)).collect();
        Ok(Candidate { resolved: states.resolve(&self.catalog), bindings, secrets })
    }

    /// The states with changes made, if these break no rule.
    async fn with_changes(
        &self,
        states: States,
        changes: &ChangeSet,
        context: &Context,
    ) -> Result<States, ServiceError> {
        if changes.keys().next().is_none() {
            return Ok(states);
        }
        let Drafted { decision, violations } = draft(self, &states, changes, MissingConnections::Accepted, context);
        if !violations.is_empty() {
            return Err(ServiceError::Invalid(violations));
        }
        let (commit, after) = match decision {
            Decision::NothingToDo => return Ok(states),
            Decision::Commit { commit, after, .. } => (commit, after),
        };
        // A name that is another tenant's is not tried either: whether it works is nobody else's to know.
        for claim in &commit.claims {
            if let ClaimChange::Take(binding) = claim
                && self.stores.bound(binding).await?.is_some_and(|owner| Some(&owner) != commit.scope.tenant())
            {
                return Err(ServiceError::Taken(binding.clone()));
            }
        }
        Ok(states.with(*after))
    }

    /// The texts of a scope's secret, by their keys.
    fn secrets(&self, state: &ScopeState) -> Vec<((Key, Tier), SecretText)> {
        let tier = state.scope.tenant().map_or(Tier::Global, |_| Tier::Tenant);
        let fields = state.secret.iter().flat_map(|secret| &secret.fields);
        let key = |field: &String| self.catalog.key_of_secret_field(field).cloned();
        fields.filter_map(|(field, text)| Some(((key(field)?, tier), text.clone()))).collect()
    }
}

/// The most characters that the log says of it.
const LONGEST_DETAIL: usize = 1000;

/// What is verified, and which values are tried that are not saved: their keys alone.
fn detail(sections: &[&str], changes: &ChangeSet) -> String {
    let unsaved: Vec<_> = changes.keys().map(Key::as_str).collect();
    let sections = sections.join(", ");
    let whole = if unsaved.is_empty() { sections } else { format!("{sections}; unsaved: {}", unsaved.join(", ")) };
    whole.chars().take(LONGEST_DETAIL).collect()
}

//! Setting and unsetting values and secrets of one scope.

use tenantry_core::change::{ChangeSet, Difference};
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::decide::{Decision, MissingConnections, decide, name_version};
use super::patience::Patience;
use super::{Context, Service, ServiceError};

/// What a change made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The newest revision: a new one, or the one that was there if nothing differs.
    pub revision: Revision,
    /// How the scope's leaves differ; none if all was so already.
    pub differences: Vec<Difference>,
}

impl Service {
    /// Changes a scope. With `expected`, only if it is at that revision; without, whatever it is at.
    ///
    /// A change that would make something invalid that was valid is refused with all its violations. A change after
    /// which all is as it was makes no revision.
    pub async fn change(
        &self,
        scope: &Scope,
        changes: &ChangeSet,
        expected: Option<Revision>,
        context: &Context,
    ) -> Result<Changed, ServiceError> {
        let mut patience = Patience::new();
        loop {
            match self.try_change(scope, changes, expected, context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(done) => return Ok(done),
            }
        }
    }

    async fn try_change(
        &self,
        scope: &Scope,
        changes: &ChangeSet,
        expected: Option<Revision>,
        context: &Context,
    ) -> Result<Changed, ServiceError> {
        let states = self.states(scope).await?;
        let state = states.looked_at();
        state.must_be_at(expected)?;
        let from = state.revision();
        match decide(self, &states, changes, MissingConnections::Refused, context)? {
            Decision::NothingToDo => Ok(Changed { revision: from, differences: Vec::new() }),
            Decision::Commit { commit, mut differences, .. } => {
                let committed = self.stores.commit(*commit).await;
                let committed = committed.map_err(|error| ServiceError::of_commit(error, scope, expected))?;
                if let Some(version) = &committed.secret_version {
                    name_version(&mut differences, version);
                }
                Ok(Changed { revision: committed.revision, differences })
            }
        }
    }
}

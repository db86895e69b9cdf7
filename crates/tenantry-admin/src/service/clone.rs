//! Creating a tenant with the values of another one, such as one that was set up as a template.

use tenantry_core::change::ChangeSet;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::StoreError;

use super::decide::{Decision, MissingConnections, decide};
use super::tenants::check_name;
use super::{Context, ScopeState, Service, ServiceError, States};

impl Service {
    /// Creates a tenant with the plain values of another one. Secrets, the fields of connections, and names that must be
    /// each tenant's own stay with the other one, and so do its bindings and tokens.
    pub async fn create_tenant_like(
        &self,
        tenant: &TenantId,
        display_name: &str,
        template: &TenantId,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let name = check_name(display_name)?;
        let like = self.scope(&Scope::Tenant(template.clone())).await?;
        let changes = self.copied(&like);
        let own = ScopeState::unborn(self, tenant, name);
        let states = States { global: self.scope(&Scope::Global).await?, own: Some(own) };
        let mut commit = match decide(self, &states, &changes, MissingConnections::Accepted, context)? {
            Decision::Commit { commit, .. } => commit,
            Decision::NothingToDo => return self.create_tenant(tenant, display_name, context).await,
        };
        commit.entry.detail = Some(format!("with the values of {template}"));
        match self.stores.commit(*commit).await {
            Ok(committed) => Ok(committed.revision),
            Err(StoreError::Conflict { .. }) => Err(ServiceError::TenantExists(tenant.clone())),
            Err(error) => Err(ServiceError::of_commit(error, &tenant.clone().into(), None)),
        }
    }

    /// What a tenant sets that another one may set as well.
    fn copied(&self, state: &ScopeState) -> ChangeSet {
        let is_common = |key| {
            self.catalog.parameter(key).is_some_and(|parameter| {
                !parameter.is_in_secret() && parameter.connection.is_none() && parameter.unique.is_none()
            })
        };
        let plain = state.entries().iter().filter(|(key, _)| is_common(key));
        plain.fold(ChangeSet::default(), |changes, (key, entry)| match entry {
            Entry::Value(value) => changes.set(key.clone(), value.clone()),
            Entry::Secret(_) => changes,
        })
    }
}

//! Bindings: outside identities that belong to one tenant alone.

use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{Action, Binding, ClaimChange, Commit, Expected, HeadChange};

use super::patience::Patience;
use super::words::check_words;
use super::{Context, Service, ServiceError};

impl Service {
    /// Binds an outside identity to a tenant; it must not be another one's.
    pub async fn bind(&self, tenant: &TenantId, binding: Binding, context: &Context) -> Result<Revision, ServiceError> {
        check_words("binding", &binding.to_string())?;
        let detail = format!("bound {binding}");
        self.claim(tenant, ClaimChange::Take(binding), detail, context).await
    }

    /// Releases an outside identity of a tenant.
    pub async fn unbind(
        &self,
        tenant: &TenantId,
        binding: Binding,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let detail = format!("released {binding}");
        self.claim(tenant, ClaimChange::Release(binding), detail, context).await
    }

    /// Lists what is bound to a tenant.
    pub async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, ServiceError> {
        self.tenant(tenant).await?;
        Ok(self.stores.bindings(tenant).await?)
    }

    async fn claim(
        &self,
        tenant: &TenantId,
        claim: ClaimChange,
        detail: String,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let mut patience = Patience::new();
        loop {
            match self.try_claim(tenant, claim.clone(), detail.clone(), context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(revision) => return Ok(revision),
            }
        }
    }

    async fn try_claim(
        &self,
        tenant: &TenantId,
        claim: ClaimChange,
        detail: String,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let head = self.tenant(tenant).await?;
        let scope = Scope::Tenant(tenant.clone());
        let mut entry = context.entry(&scope, Action::Bind)?;
        entry.detail = Some(detail);
        let commit = Commit {
            scope: scope.clone(),
            expected: Expected::At(head.revision),
            head: HeadChange::Keep,
            items: Vec::new(),
            secret: None,
            claims: vec![claim],
            default_revision: Revision(0),
            entry,
        };
        let committed = self.stores.commit(commit).await;
        Ok(committed.map_err(|error| ServiceError::of_commit(error, &scope, None))?.revision)
    }
}

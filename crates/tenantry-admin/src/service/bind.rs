//! Bindings: outside identities that belong to one tenant alone.

use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{Action, Binding, BindingKind, ClaimChange, Commit, Expected, HeadChange};

use super::patience::Patience;
use super::words::check_words;
use super::{Context, Service, ServiceError};

/// How many bindings a tenant may have: names are taken from everybody else, so nobody takes them all.
const MOST_BINDINGS: usize = 200;

impl Service {
    /// Binds an outside identity to a tenant; it must not be another one's. Binding what is the tenant's already changes
    /// nothing.
    pub async fn bind(&self, tenant: &TenantId, binding: Binding, context: &Context) -> Result<Revision, ServiceError> {
        check_words("binding", &binding.to_string())?;
        must_be_free(&binding)?;
        let bound = self.bindings(tenant).await?;
        if bound.contains(&binding) {
            return Ok(self.tenant(tenant).await?.revision);
        }
        if bound.len() >= MOST_BINDINGS {
            return Err(ServiceError::Full { what: "bindings", most: MOST_BINDINGS });
        }
        let detail = format!("bound {binding}");
        self.claim(tenant, ClaimChange::Take(binding), detail, context).await
    }

    /// Releases an outside identity of a tenant; it must be the tenant's.
    pub async fn unbind(
        &self,
        tenant: &TenantId,
        binding: Binding,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        must_be_free(&binding)?;
        if !self.bindings(tenant).await?.contains(&binding) {
            return Err(ServiceError::NotBound { tenant: tenant.clone(), binding });
        }
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

/// Refuses what follows a parameter's value: it is taken and released with the value alone.
fn must_be_free(binding: &Binding) -> Result<(), ServiceError> {
    match binding.kind() {
        BindingKind::Slack | BindingKind::Telegram | BindingKind::Email | BindingKind::Host => Ok(()),
        BindingKind::Bucket | BindingKind::Prefix => {
            Err(ServiceError::BadRequest(format!("{binding} is reserved by a parameter's value: change that value")))
        }
    }
}

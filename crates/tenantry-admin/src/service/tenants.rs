//! Tenants: creating, listing, renaming, suspending, resuming and deleting them.

use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{
    Action, Commit, Expected, Head, HeadChange, Page, PageRequest, StoreError, TenantStatus, TenantSummary,
};

use super::patience::Patience;
use super::words::check_words;
use super::{Context, Service, ServiceError};

impl Service {
    /// Creates a tenant without any values of its own.
    pub async fn create_tenant(
        &self,
        tenant: &TenantId,
        display_name: &str,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let name = check_name(display_name)?;
        let change = HeadChange::Create { display_name: name.to_owned() };
        match self.commit_head(tenant, Expected::Absent, change, Action::Create, context).await {
            Err(ServiceError::Store(StoreError::Conflict { .. })) => Err(ServiceError::TenantExists(tenant.clone())),
            done => done,
        }
    }

    /// Lists tenants by id.
    pub async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, ServiceError> {
        Ok(self.stores.tenants(page).await?)
    }

    /// The ids of all tenants.
    pub async fn tenant_ids(&self) -> Result<Vec<TenantId>, ServiceError> {
        let mut request = PageRequest::first(PageRequest::LARGEST);
        let mut ids = Vec::new();
        loop {
            let page = self.tenants(&request).await?;
            ids.extend(page.items.into_iter().map(|tenant| tenant.tenant_id));
            match page.next {
                Some(cursor) => request = request.behind(cursor),
                None => return Ok(ids),
            }
        }
    }

    /// What is known of a tenant as a whole.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<Head, ServiceError> {
        let stored = self.stores.read(&tenant.clone().into()).await?;
        stored.map(|stored| stored.head).ok_or_else(|| ServiceError::UnknownTenant(tenant.clone()))
    }

    /// Gives a tenant another display name; the one that it has makes no revision. With `expected`, only if its scope is at
    /// that revision.
    pub async fn rename_tenant(
        &self,
        tenant: &TenantId,
        display_name: &str,
        expected: Option<Revision>,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let name = check_name(display_name)?;
        let mut patience = Patience::new();
        loop {
            let head = self.tenant(tenant).await?;
            must_be_at(tenant, &head, expected)?;
            if head.display_name == name {
                return Ok(head.revision);
            }
            let change = HeadChange::Rename(name.to_owned());
            match self.commit_head(tenant, Expected::At(head.revision), change, Action::Rename, context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(revision) => return Ok(revision),
            }
        }
    }

    /// Stops serving a tenant; its values stay. Suspending a suspended one changes nothing.
    pub async fn suspend_tenant(&self, tenant: &TenantId, context: &Context) -> Result<Revision, ServiceError> {
        self.set_status(tenant, TenantStatus::Suspended, Action::Suspend, context).await
    }

    /// Serves a suspended tenant again. Resuming an active one changes nothing.
    pub async fn resume_tenant(&self, tenant: &TenantId, context: &Context) -> Result<Revision, ServiceError> {
        self.set_status(tenant, TenantStatus::Active, Action::Resume, context).await
    }

    /// Erases a suspended tenant for good: its values, secrets, bindings and tokens.
    /// With `expected`, only if its scope is at that revision.
    pub async fn delete_tenant(
        &self,
        tenant: &TenantId,
        expected: Option<Revision>,
        context: &Context,
    ) -> Result<(), ServiceError> {
        let head = self.tenant(tenant).await?;
        must_be_at(tenant, &head, expected)?;
        if head.status != TenantStatus::Suspended {
            return Err(ServiceError::NotSuspended(tenant.clone()));
        }
        let scope = Scope::Tenant(tenant.clone());
        let erased = self.stores.erase(tenant, head.revision, context.entry(&scope, Action::Delete)?).await;
        erased.map_err(|error| ServiceError::of_commit(error, &scope, Some(head.revision)))
    }

    async fn set_status(
        &self,
        tenant: &TenantId,
        status: TenantStatus,
        action: Action,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let mut patience = Patience::new();
        loop {
            let head = self.tenant(tenant).await?;
            if head.status == status {
                return Ok(head.revision);
            }
            let change = HeadChange::Status(status);
            match self.commit_head(tenant, Expected::At(head.revision), change, action, context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(revision) => return Ok(revision),
            }
        }
    }

    async fn commit_head(
        &self,
        tenant: &TenantId,
        expected: Expected,
        head: HeadChange,
        action: Action,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let scope = Scope::Tenant(tenant.clone());
        let entry = context.entry(&scope, action)?;
        let commit = Commit {
            scope: scope.clone(),
            expected,
            head,
            items: Vec::new(),
            secret: None,
            claims: Vec::new(),
            default_revision: Revision(0),
            entry,
        };
        match (self.stores.commit(commit).await, expected) {
            (Ok(committed), _) => Ok(committed.revision),
            (Err(error), Expected::At(_)) => Err(ServiceError::of_commit(error, &scope, None)),
            (Err(error), Expected::Absent) => Err(error.into()),
        }
    }
}

/// Refuses unless the tenant is at the revision that a change was decided on, if it was on one.
fn must_be_at(tenant: &TenantId, head: &Head, expected: Option<Revision>) -> Result<(), ServiceError> {
    if expected.is_none_or(|expected| expected == head.revision) {
        return Ok(());
    }
    let (by, at) = (Some(head.updated_by.clone()), Some(head.updated_at));
    Err(ServiceError::Conflict { scope: tenant.clone().into(), expected, current: head.revision, by, at })
}

/// The longest display name, in characters.
const LONGEST_NAME: usize = 200;

/// A display name is a line of visible text.
pub(super) fn check_name(name: &str) -> Result<&str, ServiceError> {
    let trimmed = name.trim();
    if trimmed.is_empty() || trimmed.chars().count() > LONGEST_NAME || trimmed.chars().any(char::is_control) {
        let message = format!("a display name is a line of 1 to {LONGEST_NAME} characters");
        return Err(ServiceError::Unfit { field: "display_name", message });
    }
    check_words("display_name", trimmed)?;
    Ok(trimmed)
}

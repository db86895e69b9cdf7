//! Tenants: created, listed, shown, renamed, suspended, resumed and deleted.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::problem::Problem;
use tenantry_core::layer::Revision;
use tenantry_core::scope::TenantId;
use tenantry_store::{Head, TenantStatus, TenantSummary};

use super::problems::Finding;
use crate::answer::{Answer, Created, Done};
use crate::asked::conditions::tag;
use crate::asked::{Asked, Json, Nothing, PageQuery, query};
use crate::error::Refused;
use crate::service::{ScopeReport, ServiceError, Verdict};

/// A part of the list of tenants.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TenantPage {
    /// The tenants, by id.
    items: Vec<TenantSummary>,
    /// The cursor of the next page; none on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A tenant as a whole.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tenant {
    /// The tenant's id.
    #[serde(rename = "tenant_id")]
    id: TenantId,
    /// The company's name.
    display_name: String,
    /// Whether it is served.
    status: TenantStatus,
    /// The newest revision of its scope.
    revision: Revision,
    /// When it was created.
    #[schemars(with = "String", extend("format" = "date-time"))]
    created_at: jiff::Timestamp,
    /// When its newest revision was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    updated_at: jiff::Timestamp,
    /// By whom.
    updated_by: String,
}

impl Tenant {
    fn new(id: &TenantId, head: &Head) -> Self {
        Self {
            id: id.clone(),
            display_name: head.display_name.clone(),
            status: head.status,
            revision: head.revision,
            created_at: head.created_at,
            updated_at: head.updated_at,
            updated_by: head.updated_by.clone(),
        }
    }
}

/// A tenant to be created.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTenant {
    /// 1 to 63 of a-z, 0-9 and hyphens. It stays the company's until that is erased; then another one may have it, whose
    /// revisions go on behind the last one, and the log still has the entries of both.
    #[schemars(with = "TenantId")]
    tenant_id: String,
    /// The company's name; the id if it is left out.
    display_name: Option<String>,
    /// A tenant whose plain values it begins with, such as one that was set up as a template. Secrets, connections and names
    /// that must be each tenant's own are not copied.
    #[schemars(with = "Option<TenantId>")]
    like: Option<String>,
}

/// What of a tenant is to be changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChange {
    /// The company's new name.
    display_name: String,
}

/// Whether a tenant's configuration is valid and complete.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Completeness {
    /// How it is, all in all.
    verdict: VerdictShown,
    /// What is wrong, or lacking.
    findings: Vec<Finding>,
}

/// How a configuration is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VerdictShown {
    /// All is well.
    Valid,
    /// Valid, but something is lacking or left over.
    Incomplete,
    /// Something is wrong.
    Invalid,
}

/// Lists the tenants.
pub(crate) async fn list(asked: Asked<PageQuery>) -> Result<Answer<TenantPage>, Refused> {
    let request = asked.query.request(&asked.scope, "tenants")?;
    let page = asked.api.service.tenants(&request).await?;
    let next = page.next.map(|cursor| query::shown(&cursor, &asked.scope, "tenants"));
    Ok(Answer::new(TenantPage { items: page.items, next }))
}

/// Creates a tenant.
pub(crate) async fn create(asked: Asked<Nothing, Json<NewTenant>>) -> Result<Created<Tenant>, Refused> {
    let Json(new) = &asked.body;
    let tenant = id("/tenant_id", &new.tenant_id)?;
    let name = new.display_name.as_deref().unwrap_or(&new.tenant_id);
    let service = &asked.api.service;
    match &new.like {
        None => service.create_tenant(&tenant, name, &asked.context()).await?,
        Some(like) => {
            let like = id("/like", like)?;
            let made = service.create_tenant_like(&tenant, name, &like, &asked.context()).await;
            made.map_err(|error| match error {
                // The operator alone asks, to whom every tenant exists.
                ServiceError::UnknownTenant(_) => {
                    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_such_tenant", error.to_string())
                        .at("/like")
                        .into()
                }
                error => Refused::from(error),
            })?
        }
    };
    let head = service.tenant(&tenant).await?;
    let tag = tag(&tenant.clone().into(), Some(&head));
    Ok(Created::new(Tenant::new(&tenant, &head), &format!("/v1/tenants/{tenant}")).tagged(&tag))
}

/// Shows a tenant.
pub(crate) async fn show(asked: Asked<Nothing>) -> Result<Answer<Tenant>, Refused> {
    newest(&asked).await
}

/// Gives a tenant another name.
pub(crate) async fn change(asked: Asked<Nothing, Json<TenantChange>>) -> Result<Answer<Tenant>, Refused> {
    let expected = asked.expected().await?;
    let (service, Json(change)) = (&asked.api.service, &asked.body);
    service.rename_tenant(asked.tenant()?, &change.display_name, expected, &asked.context()).await?;
    newest(&asked).await
}

/// Stops serving a tenant.
pub(crate) async fn suspend(asked: Asked<Nothing>) -> Result<Answer<Tenant>, Refused> {
    asked.api.service.suspend_tenant(asked.tenant()?, &asked.context()).await?;
    newest(&asked).await
}

/// Serves a tenant again.
pub(crate) async fn resume(asked: Asked<Nothing>) -> Result<Answer<Tenant>, Refused> {
    asked.api.service.resume_tenant(asked.tenant()?, &asked.context()).await?;
    newest(&asked).await
}

/// Erases a suspended tenant for good.
pub(crate) async fn delete(asked: Asked<Nothing>) -> Result<Done, Refused> {
    let expected = asked.expected().await?;
    asked.api.service.delete_tenant(asked.tenant()?, expected, &asked.context()).await?;
    Ok(Done)
}

/// Tells whether a tenant's configuration is valid and complete.
pub(crate) async fn completeness(asked: Asked<Nothing>) -> Result<Answer<Completeness>, Refused> {
    let report = asked.api.service.validate(&asked.scope).await?;
    Ok(Answer::new(Completeness::from(&report)).tagged(&tag(&asked.scope, asked.head.as_ref())))
}

impl From<&ScopeReport> for Completeness {
    fn from(report: &ScopeReport) -> Self {
        let verdict = match report.verdict() {
            Verdict::Valid => VerdictShown::Valid,
            Verdict::Incomplete => VerdictShown::Incomplete,
            Verdict::Invalid => VerdictShown::Invalid,
        };
        let unusable =
            report.unusable.iter().map(|fault| Finding::told(fault.key.as_str(), "unusable", fault.to_string()));
        let oddities = report.oddities.iter().map(|odd| Finding::told(&odd.place, "unknown", odd.reason.clone()));
        let findings = report.violations.iter().map(Finding::from).chain(unusable).chain(oddities);
        Self { verdict, findings: findings.collect() }
    }
}

/// A tenant as it is now.
async fn newest<Q, B>(asked: &Asked<Q, B>) -> Result<Answer<Tenant>, Refused> {
    let head = asked.api.service.tenant(asked.tenant()?).await?;
    let tag = tag(&asked.scope, Some(&head));
    Ok(Answer::new(Tenant::new(asked.tenant()?, &head)).tagged(&tag))
}

fn id(pointer: &str, text: &str) -> Result<TenantId, Refused> {
    TenantId::parse(text)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.code(), error.to_string()).at(pointer).into())
}

//! Who asks: extracted from the credential before anything else of a request is looked at.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use tenantry::credential::bearer;
use tenantry::identify::{Evidence, IdentifyError, Source, TENANT_HEADER, identify};
use tenantry::problem::Problem;
use tenantry::token::TokenError;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{Head, TenantStatus};

use crate::access::{Access, Permission, Principal, Role};
use crate::error::Refused;
use crate::routes::Api;

/// Who asks, once their token was found to hold.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Principal);

impl FromRequestParts<Api> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        let token = bearer(parts)?.ok_or_else(|| Problem::from(IdentifyError::Missing))?;
        let found = api.tokens.authenticate(token, Timestamp::now()).await.map_err(Problem::from)?;
        let role: Role = found.role.parse().map_err(|_| Problem::from(TokenError::Unknown))?;
        let actor = format!("token:{} ({})", found.name, found.id);
        Ok(Self(Principal { scope: found.scope, role, actor }))
    }
}

impl Caller {
    /// The tenant that a path names, if the token and the header may name it as well. For a tenant's token, another
    /// tenant's path does not exist.
    pub(crate) fn tenant(&self, named: &str, headers: &HeaderMap) -> Result<TenantId, Refused> {
        let evidence = Evidence {
            token: Some(&self.0.scope),
            headers: headers.get_all(TENANT_HEADER).iter().map(HeaderValue::as_bytes).collect(),
            path: Some(named),
            ..Evidence::default()
        };
        identify(&evidence).map_err(|error| match error {
            IdentifyError::Mismatch { second: Source::Path, .. } => Problem::not_found().into(),
            error => Problem::from(error).into(),
        })
    }

    /// Refuses unless the caller may do this in the scope. Another tenant's scope does not exist for it.
    pub(crate) fn needs(&self, permission: Permission, scope: &Scope) -> Result<(), Refused> {
        match self.0.may(permission, scope) {
            Access::Allowed => Ok(()),
            Access::Hidden => Err(Problem::not_found().into()),
            Access::Denied => {
                let detail = format!("{} lacks the permission {permission:?}", self.0.role);
                Err(Problem::new(StatusCode::FORBIDDEN, "permission_missing", detail).into())
            }
        }
    }

    /// Refuses a suspended tenant's own callers; the operator still sees it.
    pub(crate) fn check_served(&self, head: Option<&Head>) -> Result<(), Refused> {
        let suspended = head.is_some_and(|head| head.status == TenantStatus::Suspended);
        if suspended && self.0.role != Role::Operator {
            return Err(Problem::new(StatusCode::FORBIDDEN, "suspended", "the tenant is suspended").into());
        }
        Ok(())
    }
}

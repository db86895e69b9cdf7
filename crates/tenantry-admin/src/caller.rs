//! Who asks: extracted from the credential before anything else of a request is looked at.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tenantry::problem::Problem;
use tenantry::token::TokenError;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{Head, TenantStatus};

use crate::access::{Access, Permission, Principal, Role};
use crate::error::{Refused, store_problem, unauthorized};
use crate::routes::Api;

/// The header in which a caller may say which tenant it means; it may only agree with what was verified.
const TENANT_HEADER: &str = "x-tenant-id";
/// Names under which credentials are put into queries, where logs and histories keep them.
const CREDENTIALS_IN_QUERY: [&str; 3] = ["token", "access_token", "api_key"];

/// Who asks, once their token was found to hold.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Principal);

impl FromRequestParts<Api> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        refuse_credential_in_query(parts.uri.query().unwrap_or_default())?;
        let token = bearer(&parts.headers)?;
        let found = api.tokens.authenticate(token, Timestamp::now()).await.map_err(token_problem)?;
        let role: Role =
            found.role.parse().map_err(|_| unauthorized("token_invalid", "the token has no known role"))?;
        let actor = format!("token:{} ({})", found.name, found.id);
        Ok(Self(Principal { scope: found.scope, role, actor }))
    }
}

impl Caller {
    /// The tenant that a path names. A header may name it as well, but no other one.
    pub(crate) fn tenant(&self, named: &str, headers: &HeaderMap) -> Result<TenantId, Refused> {
        let tenant = parse_tenant(named)?;
        let mut claims = headers.get_all(TENANT_HEADER).iter();
        let claim = claims.next();
        if claims.next().is_some() {
            let detail = format!("{TENANT_HEADER} stands in the request twice");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "duplicate_header", detail).into());
        }
        if let Some(claim) = claim {
            let claimed = parse_tenant(&String::from_utf8_lossy(claim.as_bytes()))?;
            let agrees = claimed == tenant && self.0.scope.tenant().is_none_or(|own| *own == claimed);
            if !agrees {
                let detail = format!("{TENANT_HEADER} names another tenant than the credential or the path");
                return Err(Problem::new(StatusCode::FORBIDDEN, "tenant_mismatch", detail).into());
            }
        }
        Ok(tenant)
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

fn parse_tenant(text: &str) -> Result<TenantId, Refused> {
    TenantId::parse(text).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.code(), error.to_string()).into())
}

fn refuse_credential_in_query(query: &str) -> Result<(), Refused> {
    let name = |part: &str| part.split('=').next().unwrap_or_default().to_ascii_lowercase();
    if query.split('&').any(|part| CREDENTIALS_IN_QUERY.contains(&name(part).as_str())) {
        let detail = "a credential must not stand in the query, where logs keep it: send it as a bearer token";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "credential_in_query", detail).into());
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let missing = || unauthorized("token_missing", "send a token: Authorization: Bearer tny_…");
    let first = sent.next().ok_or_else(missing)?;
    if sent.next().is_some() {
        let detail = "authorization stands in the request twice";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "duplicate_header", detail).into());
    }
    let scheme_and_token = first.to_str().ok().and_then(|text| text.split_once(' '));
    let token = scheme_and_token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).ok_or_else(|| missing().into())
}

fn token_problem(error: TokenError) -> Problem {
    match error {
        TokenError::Malformed | TokenError::Unknown => unauthorized("token_invalid", &error.to_string()),
        TokenError::Expired(_) => unauthorized("token_expired", &error.to_string()),
        TokenError::Revoked(_) => unauthorized("token_revoked", &error.to_string()),
        TokenError::Store(error) => store_problem(&error),
    }
}

//! Who asks, and which scope they reach: found out from the credential before anything else of a request is looked at.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use tenantry::credential::bearer;
use tenantry::identify::{Evidence, IdentifyError, Source, TENANT_HEADER, identify};
use tenantry::problem::Problem;
use tenantry::token::TokenError;
use tenantry_core::scope::{Scope, TenantId};

use crate::access::{Access, Credential, Permission, Principal, Role};
use crate::error::Refused;
use crate::hot::Seen;
use crate::operation::{Needs, Place};
use crate::routes::Api;

/// Finds out who asks and about which scope, and refuses unless they may.
pub(crate) async fn reach(
    api: &Api,
    needs: Needs,
    parts: &Parts,
    params: Option<&HashMap<String, String>>,
    now: Timestamp,
    seen: Option<Seen>,
) -> Result<(Arc<Principal>, Scope), Refused> {
    let caller = authenticate(api, parts, now, seen).await.map_err(|refused| counted(api, parts, refused))?;
    if let Scope::Tenant(tenant) = &caller.scope {
        api.gate.pass(tenant)?;
    }
    let scope = match needs.place {
        Place::Open | Place::Caller => caller.scope.clone(),
        Place::Global => Scope::Global,
        Place::Own => tenant(&caller, None, &parts.headers)?.into(),
        Place::Tenant => {
            let named = match params {
                Some(params) => params.get("tenant_id").map(String::as_str),
                // Another part of the path may be the one that cannot be read.
                None => parts.uri.path().split('/').nth(3).filter(|id| !id.contains('%')),
            };
            let named = named.ok_or_else(unreadable_id)?;
            tenant(&caller, Some(named), &parts.headers)?.into()
        }
    };
    self::needs(&caller, needs.permission, &scope)?;
    Ok((caller, scope))
}

/// Counts a request whose credential does not hold. Where there were too many of its address, that is what it is told.
fn counted(api: &Api, parts: &Parts, refused: Refused) -> Refused {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    match address.map(|address| api.gate.count_failure(address)) {
        Some(Err(limited)) => limited.into(),
        Some(Ok(())) | None => refused,
    }
}

async fn authenticate(api: &Api, parts: &Parts, now: Timestamp, seen: Option<Seen>) -> Result<Arc<Principal>, Refused> {
    let token = bearer(parts)?.ok_or_else(|| Problem::from(IdentifyError::Missing))?;
    if let Some(known) = seen.and_then(|seen| api.hot.caller(token, seen, now)) {
        return Ok(known);
    }
    if let (Some(oidc), false) = (&api.oidc, token.starts_with("tny_")) {
        let (caller, ends) = oidc.authenticate(token).await?;
        let caller = Arc::new(caller);
        if let Some(seen) = seen {
            api.hot.keep_caller(token, &caller, ends, seen);
        }
        return Ok(caller);
    }
    let found = api.tokens.authenticate(token, now).await.map_err(Problem::from)?;
    let role: Role = found.role.parse().map_err(|_| Problem::from(TokenError::Unknown))?;
    let actor = format!("token:{} ({})", found.name, found.id);
    let caller = Arc::new(Principal { scope: found.scope, role, actor, credential: Credential::Token(found.id) });
    if let Some(seen) = seen {
        api.hot.keep_caller(token, &caller, found.expires_at, seen);
    }
    Ok(caller)
}

/// The tenant that a request is about, if the token, the header and the path may all name it. For a tenant's token, another
/// tenant's path does not exist.
fn tenant(caller: &Principal, path: Option<&str>, headers: &HeaderMap) -> Result<TenantId, Refused> {
    let evidence = Evidence {
        token: Some(&caller.scope),
        headers: headers.get_all(TENANT_HEADER).iter().map(HeaderValue::as_bytes).collect(),
        path,
        ..Evidence::default()
    };
    identify(&evidence).map_err(|error| match error {
        IdentifyError::Mismatch { second: Source::Path, .. } => Problem::not_found().into(),
        error => Problem::from(error).into(),
    })
}

/// Refuses unless the caller may do this in the scope. Another tenant's scope does not exist for it.
pub(crate) fn needs(caller: &Principal, permission: Permission, scope: &Scope) -> Result<(), Refused> {
    match caller.may(permission, scope) {
        Access::Allowed => Ok(()),
        Access::Hidden => Err(Problem::not_found().into()),
        Access::Denied => {
            let detail = format!("the role {} lacks the permission {permission}", caller.role);
            Err(Problem::new(StatusCode::FORBIDDEN, "permission_missing", detail).into())
        }
    }
}

/// The answer to a path whose percent signs do not spell text.
fn unreadable_id() -> Problem {
    let detail = "the path: a tenant id has a-z, 0-9 and '-', and the percent signs here do not even spell text";
    Problem::new(StatusCode::BAD_REQUEST, "tenant_id_invalid", detail)
}

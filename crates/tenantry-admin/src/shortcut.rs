//! The short way to what is asked most often: a tenant's configuration that is kept ready, for a caller who is known. Neither
//! the router nor anything behind it is asked.
//!
//! Whatever is not exactly that takes the long way; so does all that is refused. There is one answer, whichever way it came:
//! a test compares them byte by byte.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use futures::FutureExt as _;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, IF_NONE_MATCH};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use jiff::Timestamp;
use tenantry::identify::TENANT_HEADER;
use tenantry_core::scope::Scope;
use tenantry_store::Stores;

use crate::access::{Access, Permission, Principal};
use crate::api::configuration::sent;
use crate::asked::REASON;
use crate::hot::{Hot, Ready};
use crate::limits::Gate;
use crate::routes::Api;

/// The path as it is declared, in two parts.
const BEFORE: &str = "/v1/tenants/";
const BEHIND: &str = "/configuration";
/// The same as one.
pub(crate) const ROUTE: &str = "/v1/tenants/{tenant_id}/configuration";

/// Answers what is kept ready.
#[derive(Clone, Debug)]
pub(crate) struct Shortcut {
    hot: Hot,
    gate: Gate,
    stores: Stores,
}

impl Shortcut {
    pub(crate) fn of(api: &Api) -> Self {
        Self { hot: api.hot.clone(), gate: api.gate.clone(), stores: api.service.stores().clone() }
    }

    /// The answer now, if there is a short way to it.
    pub(crate) fn answer<B>(&self, request: &Request<B>, now: Instant) -> Option<Response<Full<Bytes>>> {
        if request.method() != Method::GET {
            return None;
        }
        let uri = request.uri();
        let id = uri.path().strip_prefix(BEFORE)?.strip_suffix(BEHIND)?;
        if uri.query().is_some() {
            return None;
        }
        let ready = self.ready(id, request.headers(), now)?;
        Some(sent(&request.headers().get_all(IF_NONE_MATCH), ready.body, ready.tag).map(Full::new))
    }

    /// What is kept of a tenant, for a caller who is known and may have it, and within the limits.
    fn ready(&self, id: &str, headers: &HeaderMap, now: Instant) -> Option<Ready> {
        let token = sole_token(headers)?;
        // A store that has to be waited for is looked at by the long way.
        let look = || self.hot.look(&self.stores).now_or_never()?.ok();
        let seen = self.hot.looked_lately(now).or_else(look)?;
        let (tenant, ready) = self.hot.named(id, seen)?;
        let scope = Scope::Tenant(tenant);
        let passes = |caller: &Arc<Principal>| {
            let may = caller.may(Permission::Read, &scope) == Access::Allowed;
            may && caller.scope.tenant().is_none_or(|tenant| self.gate.pass(tenant).is_ok())
        };
        self.hot.with_caller(token, seen, Timestamp::now(), passes)?.then_some(ready)
    }
}

/// The token of a request that says nothing else of who asks for whom in which form.
fn sole_token(headers: &HeaderMap) -> Option<&str> {
    let mut token = None;
    for (name, value) in headers {
        if name == AUTHORIZATION {
            let sent = value.to_str().ok()?.strip_prefix("Bearer ")?;
            if token.replace(sent).is_some() {
                return None;
            }
        } else if name == TENANT_HEADER || name == ACCEPT_ENCODING || name == REASON {
            return None;
        }
    }
    token
}

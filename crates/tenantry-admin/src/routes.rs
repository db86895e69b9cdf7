//! Every route of the API on one page.

use axum::Router;
use axum::http::Uri;
use axum::routing::get;
use tenantry::problem::Problem;
use tenantry::token::Tokens;

use crate::api::{configuration, health};
use crate::error::Refused;
use crate::service::Service;

/// What the handlers work with. Cloning shares all of it.
#[derive(Clone, Debug)]
pub struct Api {
    /// The use cases.
    pub service: Service,
    /// Finds out who asks.
    pub tokens: Tokens,
}

/// Builds the API.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/v1/tenants/{tenant_id}/configuration", get(configuration::show))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_path)
        .with_state(api)
}

async fn no_such_path(uri: Uri) -> Refused {
    let problem = Problem::not_found();
    if uri.path().starts_with("/v1/") {
        problem.into()
    } else {
        problem.with_hint("GET /healthz, GET /readyz, GET /v1/tenants/{tenant_id}/configuration").into()
    }
}

async fn method_not_allowed() -> Refused {
    let detail = "this path does not take that method: the Allow header lists those that it takes";
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into()
}

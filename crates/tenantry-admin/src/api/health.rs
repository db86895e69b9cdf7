//! Is the process alive, and can it do its work?

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::problem::Problem;
use tenantry_core::scope::Scope;

use crate::answer::{Answer, Media, Raw};
use crate::api::catalog::AnyObject;
use crate::asked::{Anything, Asked};
use crate::error::Refused;
use crate::openapi;

/// How the process is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `ok`, or `ready`.
    status: &'static str,
}

/// The document of the API.
pub(crate) struct OpenApi;

impl Media for OpenApi {
    const MEDIA: &'static str = "application/json";
    type Part = AnyObject;
}

/// The counts of the server.
pub(crate) struct OpenMetrics;

impl Media for OpenMetrics {
    const MEDIA: &'static str = crate::metrics::MEDIA;
    type Part = String;
}

/// The process answers.
pub(crate) async fn alive(_: Asked<Anything>) -> Result<Answer<Health>, Refused> {
    Ok(Answer::new(Health { status: "ok" }))
}

/// The store answers as well. Says nothing about the store, because anybody may ask.
pub(crate) async fn ready(asked: Asked<Anything>) -> Result<Answer<Health>, Refused> {
    match asked.api.service.head(&Scope::Global).await {
        Ok(_) => Ok(Answer::new(Health { status: "ready" })),
        Err(error) => {
            tracing::warn!(error = %error, "not ready");
            let detail = "the store does not answer";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail).into())
        }
    }
}

/// The document of the API.
pub(crate) async fn openapi(_: Asked<Anything>) -> Result<Raw<OpenApi>, Refused> {
    Ok(Raw::new(http::HeaderMap::new(), openapi::document().to_string()))
}

/// The counts of the server.
pub(crate) async fn metrics(asked: Asked<Anything>) -> Result<Raw<OpenMetrics>, Refused> {
    Ok(Raw::new(http::HeaderMap::new(), asked.api.metrics.text()))
}

//! Is the process alive, and can it do its work?

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use tenantry::problem::Problem;
use tenantry_core::scope::Scope;

use crate::error::Refused;
use crate::routes::Api;

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: the store answers as well. Says nothing about the store, because anybody may ask.
pub(crate) async fn ready(State(api): State<Api>) -> Result<Json<Value>, Refused> {
    match api.service.effective(&Scope::Global).await {
        Ok(_) => Ok(Json(json!({ "status": "ready" }))),
        Err(error) => {
            tracing::warn!(error = %error, "not ready");
            let detail = "the store does not answer";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail).into())
        }
    }
}

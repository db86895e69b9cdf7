//! What webhooks have in common: a body that must be read before it is known whose it is, and one answer to all that are not
//! genuine.

use axum::body::{Body, Bytes};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tenantry::identify::{Evidence, TENANT_HEADER, identify};
use tenantry::layer::LambdaTenant;
use tenantry::problem::Problem;
use tenantry::{LoadError, TenantConfig};
use tenantry_core::scope::TenantId;
use tenantry_store::Binding;
use tracing::{error, warn};

use super::http::whole;
use crate::app::App;
use crate::job::{Job, WorkError};
use crate::settings::Settings;

/// An event as it came.
pub(super) struct Event {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    lambda: Option<String>,
}

impl Event {
    pub(super) async fn read(request: Request<Body>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = whole(body).await?;
        let lambda = parts.extensions.get::<LambdaTenant>().map(|tenant| tenant.0.clone());
        Ok(Self { headers: parts.headers, body, lambda })
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<serde_json::Value, Box<Problem>> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let detail = format!("the body is no JSON (line {}, column {})", error.line(), error.column());
            Box::new(Problem::new(StatusCode::BAD_REQUEST, "body_invalid", detail))
        })
    }

    /// Refuses an event in which anything names another tenant than the one whose secret made the signature.
    pub(super) fn must_be_of(&self, signer: &TenantId) -> Result<(), Box<Problem>> {
        let evidence = Evidence {
            lambda: self.lambda.as_deref(),
            signature: Some(signer),
            headers: self.headers.get_all(TENANT_HEADER).iter().map(HeaderValue::as_bytes).collect(),
            ..Evidence::default()
        };
        identify(&evidence).map(drop).map_err(|error| Box::new(error.into()))
    }
}

/// The one answer to whatever is not genuine: who has no business here learns nothing, not even who has.
pub(super) fn not_genuine() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "signature_invalid", "this is not signed by anybody who is known here")
        .with_hint("check the binding and the signing secret of the company")
}

/// The configuration of the tenant that an outside identity belongs to. It proves nothing yet: it holds the secret by which
/// the event is judged.
pub(super) async fn candidate(app: &App, binding: &Binding) -> Result<TenantConfig<Settings>, Problem> {
    let bound = app.bindings.bound(binding).await.map_err(|error| cannot_tell(&error))?;
    let tenant = bound.ok_or_else(|| {
        warn!(%binding, "an event of an identity that is bound to nobody");
        not_genuine()
    })?;
    app.loader.load(&tenant).await.map_err(|error| match error {
        // A tenant that is not served has no answer that tells it from one that there is not.
        LoadError::UnknownTenant(_) | LoadError::Suspended(_) => not_genuine(),
        // Its own answer names the tenant, and nobody has proven yet that he may know.
        error @ (LoadError::Invalid { .. } | LoadError::Store { .. }) => cannot_tell(&error),
    })
}

/// The answer to an event whose secret is not there: it is not genuine if nobody set one, and cannot be judged if it cannot be
/// read for now.
pub(super) fn without(section: &'static str, config: &TenantConfig<Settings>) -> Problem {
    let (tenant, why) = (config.tenant(), WorkError::without(section, config));
    if why.is_transient() {
        return cannot_tell(&why);
    }
    warn!(%tenant, section, "an event, and the connection is not set");
    not_genuine()
}

fn cannot_tell(error: &(dyn std::error::Error + 'static)) -> Problem {
    error!(error, "it cannot be told to whom an event belongs");
    let detail = "it cannot be told for now to whom this belongs";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail)
        .retry_after(std::time::Duration::from_secs(1))
}

/// Hands a job over. What may work later is answered so that the sender sends it again.
pub(super) async fn hand_over(app: &App, job: Job) -> Result<(), Problem> {
    let (tenant, event) = (job.tenant.clone(), job.event.clone());
    app.later.take(app, job).await.map_err(|error| {
        error!(%tenant, event, error = &error as &dyn std::error::Error, "an event got no answer");
        refused(&error)
    })
}

fn refused(error: &WorkError) -> Problem {
    if error.is_transient() {
        let detail = "the message cannot be answered for now";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_answered", detail).retry_after(error.retry_after());
    }
    Problem::new(StatusCode::CONFLICT, "not_answered", "the message cannot be answered: something is not set up")
}

//! What a caller is told when there is no configuration for its request; what only the operator may know is logged.

use http::StatusCode;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use tenantry_core::assemble::Oddity;
use tenantry_core::scope::TenantId;
use tenantry_store::StoreError;
use tracing::{error, warn};

use crate::error::{LoadError, SOON};
use crate::identify::IdentifyError;
use crate::problem::Problem;
use crate::token::TokenError;

/// A request without a credential that holds.
pub(crate) fn unauthorized(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail).with_header(WWW_AUTHENTICATE, challenge(code))
}

/// How to do better, in the words of RFC 6750: no error is named where no token was given.
fn challenge(code: &str) -> HeaderValue {
    HeaderValue::from_static(match code {
        "token_missing" | "tenant_unverified" => r#"Bearer realm="tenantry""#,
        _ => r#"Bearer realm="tenantry", error="invalid_token""#,
    })
}

/// Nothing in the request tells who asks.
pub(crate) fn token_missing() -> Problem {
    unauthorized("token_missing", "send a token: Authorization: Bearer tny_…")
}

/// A header that tells who asks stands in the request more than once.
pub(crate) fn duplicate_header(name: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "duplicate_header", format!("{name} stands in the request twice"))
}

/// A credential stands where logs and histories keep it.
pub(crate) fn credential_in_query() -> Problem {
    let detail = "a credential must not stand in the query, where logs keep it: send it as a bearer token";
    Problem::new(StatusCode::BAD_REQUEST, "credential_in_query", detail)
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match &error {
            TokenError::Malformed | TokenError::Unknown => unauthorized("token_invalid", error.to_string()),
            TokenError::Expired(_) => unauthorized("token_expired", error.to_string()),
            TokenError::Revoked(_) => unauthorized("token_revoked", error.to_string()),
            TokenError::Store(source) => store_problem(source, "the token cannot be checked now"),
        }
    }
}

impl From<IdentifyError> for Problem {
    fn from(error: IdentifyError) -> Self {
        match &error {
            IdentifyError::Missing => token_missing(),
            IdentifyError::Unverified => unauthorized(error.code(), error.to_string()),
            IdentifyError::Mismatch { .. } => Self::new(StatusCode::FORBIDDEN, error.code(), error.to_string()),
            IdentifyError::Unnamed | IdentifyError::DuplicateHeader | IdentifyError::Malformed { .. } => {
                Self::new(StatusCode::BAD_REQUEST, error.code(), error.to_string())
            }
        }
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        match &error {
            LoadError::UnknownTenant(_) => Self::not_found(),
            LoadError::Suspended(_) => Self::new(StatusCode::FORBIDDEN, "suspended", "the tenant is suspended"),
            LoadError::Invalid { tenant, reasons } => {
                error!(%tenant, %error, "a request was refused");
                invalid(tenant, reasons)
            }
            LoadError::Store { tenant, source } => {
                warn!(%tenant, %error, "a request was refused");
                store_problem(source, "the configuration cannot be read now")
            }
        }
    }
}

/// Names the keys and not the values: who may use the application may not be who may see them.
fn invalid(tenant: &TenantId, reasons: &[Oddity]) -> Problem {
    let places: Vec<_> = reasons.iter().map(|reason| reason.place.as_str()).collect();
    let detail = format!("the configuration of {tenant} cannot be used: see {}", places.join(", "));
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "configuration_invalid", detail)
}

/// The cause is for the operator: it is logged, not sent.
fn store_problem(source: &StoreError, detail: &str) -> Problem {
    warn!(error = %source, cause = ?std::error::Error::source(source), "the store failed");
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail);
    if source.is_transient() { problem.retry_after(SOON) } else { problem }
}

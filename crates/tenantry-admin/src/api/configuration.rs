//! `GET /v1/tenants/{tenant_id}/configuration`: what a tenant gets.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tenantry::problem::Problem;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::resolve::{Explanation, Origin};
use tenantry_core::scope::TenantId;

use crate::access::Permission;
use crate::caller::Caller;
use crate::error::Refused;
use crate::routes::Api;
use crate::service::Effective;

/// The effective configuration of one tenant. Secrets are told by version and fingerprint.
#[derive(Serialize)]
struct Configuration<'a> {
    tenant_id: &'a TenantId,
    /// The revision of the tenant's own scope.
    revision: Revision,
    /// The revision of each tier, lowest first.
    revisions: Vec<Origin>,
    values: Document,
    secrets: Vec<SecretLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<ExplainLine<'a>>>,
}

#[derive(Serialize)]
struct SecretLine<'a> {
    key: &'a Key,
    origin: Origin,
    #[serde(flatten)]
    mark: &'a tenantry_core::secret::SecretMark,
}

#[derive(Serialize)]
struct ExplainLine<'a> {
    key: &'a Key,
    origin: Origin,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hides: Vec<HiddenLine<'a>>,
}

#[derive(Serialize)]
struct HiddenLine<'a> {
    origin: Origin,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// Shows the configuration; with `?explain`, where each value came from and what it hides.
pub(crate) async fn show(
    State(api): State<Api>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let Path(tenant_id) = path.map_err(|_| unreadable_id())?;
    let tenant = caller.tenant(&tenant_id, &headers)?;
    let scope = tenant.clone().into();
    caller.needs(Permission::Read, &scope)?;
    let effective = api.service.effective(&scope).await?;
    caller.check_served(effective.head.as_ref())?;
    effective.must_be_usable(api.service.catalog(), None)?;
    let with_explain =
        query.is_some_and(|query| query.split('&').any(|part| matches!(part, "explain" | "explain=true")));
    let body = serde_json::to_vec(&configuration(&tenant, &effective, with_explain)).expect("a configuration is JSON");
    let tag = entity_tag(&tenant, &effective, &body);
    let head = [(ETAG, header(&tag)), (CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))];
    if headers.get_all(IF_NONE_MATCH).iter().any(|sent| matches(sent, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

fn configuration<'a>(tenant_id: &'a TenantId, effective: &'a Effective, with_explain: bool) -> Configuration<'a> {
    let resolved = &effective.resolved;
    let secret = |(key, origin, entry): (&'a Key, Origin, &'a Entry)| match entry {
        Entry::Secret(mark) => Some(SecretLine { key, origin, mark }),
        Entry::Value(_) => None,
    };
    Configuration {
        tenant_id,
        revision: effective.head.as_ref().map_or(Revision(0), |head| head.revision),
        revisions: resolved.revisions().collect(),
        values: resolved.document(),
        secrets: resolved.iter().filter_map(|leaf| secret((leaf.key, leaf.origin, leaf.entry))).collect(),
        explain: with_explain.then(|| resolved.explain_all().map(|explanation| explain_line(&explanation)).collect()),
    }
}

fn explain_line<'a>(explanation: &Explanation<'a>) -> ExplainLine<'a> {
    let hides = explanation.hidden.iter().map(|hidden| HiddenLine { origin: hidden.origin, entry: hidden.entry });
    ExplainLine { key: explanation.leaf.key, origin: explanation.leaf.origin, hides: hides.collect() }
}

/// The entity tag of a configuration: a hash of what is sent, bound to the tenant and its incarnation. Revisions alone
/// would not do: values are also changed by hand, and built-in ones by an upgrade.
fn entity_tag(tenant: &TenantId, effective: &Effective, body: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    let incarnation = effective.head.as_ref().map_or("", |head| head.incarnation.as_str());
    hasher.update(format!("{tenant} {incarnation} ").as_bytes()).update(body);
    format!("\"{}\"", &hasher.finalize().to_hex()[..32])
}

/// The answer to a path whose percent signs do not spell text.
fn unreadable_id() -> Problem {
    let detail = "the path: a tenant id has a-z, 0-9 and '-', and the percent signs here do not even spell text";
    Problem::new(StatusCode::BAD_REQUEST, "tenant_id_invalid", detail)
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("hexadecimal digits in quotes are a header")
}

/// Whether a sent `If-None-Match` names the tag (RFC 9110: weak comparison, a list, or any).
fn matches(sent: &HeaderValue, tag: &str) -> bool {
    let Ok(sent) = sent.to_str() else { return false };
    sent.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

//! The effective configuration: what a tenant gets.

use axum::body::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, GetAll, HeaderValue, IF_NONE_MATCH, VARY};
use http::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::problem::Problem;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::resolve::{Explanation, Origin};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::TenantStatus;

use crate::answer::{Answer, Media, Raw};
use crate::asked::{Asked, Flag, Nothing, must_be_served};
use crate::error::Refused;
use crate::hot::Ready;
use crate::service::Effective;

/// The effective configuration of one tenant. Secrets are told by version and fingerprint.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Configuration")]
pub(crate) struct Configuration<'a> {
    /// The tenant; none for the global scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a TenantId>,
    /// The revision of the tenant's own scope.
    revision: Revision,
    /// The revision of each tier, lowest first.
    revisions: Vec<Origin>,
    values: Document,
    secrets: Vec<SecretLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<ExplainLine<'a>>>,
}

/// A secret that is set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConfigurationSecret")]
pub(crate) struct SecretLine<'a> {
    key: &'a Key,
    origin: Origin,
    #[serde(flatten)]
    mark: &'a tenantry_core::secret::SecretMark,
}

/// Where a value came from, and what it hides.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explained")]
pub(crate) struct ExplainLine<'a> {
    key: &'a Key,
    origin: Origin,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hides: Vec<HiddenLine<'a>>,
}

/// A value that another one hides.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Hidden")]
pub(crate) struct HiddenLine<'a> {
    origin: Origin,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// What to tell beside the values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigurationQuery {
    /// Tells of each value where it came from and what it hides.
    #[serde(default)]
    explain: Flag,
}

/// The answer as the document describes it.
pub(crate) struct ConfigurationDocument;

impl Media for ConfigurationDocument {
    const MEDIA: &'static str = "application/json";
    type Part = Configuration<'static>;
    const HEADERS: &'static [&'static str] = &["etag"];
    const IS_REMEMBERED: bool = true;
}

/// Shows what a tenant gets, or a tenant without values of its own.
pub(crate) async fn show(asked: Asked<ConfigurationQuery>) -> Result<Raw<ConfigurationDocument>, Refused> {
    let known = asked.headers.get_all(IF_NONE_MATCH);
    if let Some(ready) = ready(&asked) {
        return Ok(Raw::of(sent(&known, ready.body, ready.tag)));
    }
    let effective = effective(&asked).await?;
    let shown = configuration(&asked.scope, &effective, asked.query.explain.0);
    let body = serde_json::to_vec(&shown).expect("a configuration is JSON");
    let (tag, body) = (header(&entity_tag(&asked.scope, &effective, &body)), Bytes::from(body));
    // A suspended tenant is the operator's to see: it is not kept, lest somebody else gets it.
    let is_active = effective.head.as_ref().is_some_and(|head| head.status == TenantStatus::Active);
    if let (Some(seen), Scope::Tenant(tenant), true, false) =
        (asked.seen, &asked.scope, is_active, asked.query.explain.0)
    {
        asked.api.hot.keep_configuration(tenant, &body, &tag, seen);
    }
    Ok(Raw::of(sent(&known, body, tag)))
}

/// The configuration as it is kept, if it is.
fn ready(asked: &Asked<ConfigurationQuery>) -> Option<Ready> {
    let (seen, tenant) = (asked.seen?, asked.scope.tenant()?);
    if asked.query.explain.0 { None } else { asked.api.hot.configuration(tenant, seen) }
}

/// How many headers there will be: room for them is made once.
const HEADERS: usize = 8;

/// A configuration as it is sent to whoever has these, by the values of `If-None-Match`.
pub(crate) fn sent(known: &GetAll<'_, HeaderValue>, body: Bytes, tag: HeaderValue) -> Response<Bytes> {
    let text = tag.to_str().unwrap_or_default();
    let is_known = known.iter().any(|sent| matches(sent, text));
    let mut headers = HeaderMap::with_capacity(HEADERS);
    let mut response = Response::default();
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(ConfigurationDocument::MEDIA));
        *response.body_mut() = body;
    }
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // Told here for those who have it already, too: an answer without a body is not looked at by what compresses.
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    *response.headers_mut() = headers;
    response
}

/// Shows one value, or those below a key, with where it came from and what it hides.
pub(crate) async fn one(asked: Asked<Nothing>) -> Result<Answer<Part>, Refused> {
    let key = asked.key()?;
    let effective = effective(&asked).await?;
    let leaves: Vec<_> = effective.resolved.explain_all().filter(|leaf| leaf.leaf.key.is_within(&key)).collect();
    if leaves.is_empty() {
        let detail = format!("{key} is not set, and has no default");
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_set", detail).into());
    }
    let shown = |explanation: &Explanation<'_>| LeafShown {
        key: explanation.leaf.key.clone(),
        origin: explanation.leaf.origin,
        entry: explanation.leaf.entry.clone(),
        hides: explanation
            .hidden
            .iter()
            .map(|hidden| HiddenShown { origin: hidden.origin, entry: hidden.entry.clone() })
            .collect(),
    };
    Ok(Answer::new(Part { leaves: leaves.iter().map(shown).collect(), key }))
}

/// What stands at a key and below it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConfigurationPart")]
pub(crate) struct Part {
    /// The key that was asked for.
    key: Key,
    /// The values at it and below it, in the order of their keys.
    leaves: Vec<LeafShown>,
}

/// One value, and where it came from.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConfigurationLeaf")]
pub(crate) struct LeafShown {
    /// The parameter.
    key: Key,
    /// Where it came from.
    origin: Origin,
    #[serde(flatten)]
    entry: Entry,
    /// What it hides, the highest tier first.
    hides: Vec<HiddenShown>,
}

/// A value that another one hides.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HiddenValue")]
pub(crate) struct HiddenShown {
    /// Where it came from.
    origin: Origin,
    #[serde(flatten)]
    entry: Entry,
}

/// The effective configuration, if the tenant is served and all of it can be used.
pub(super) async fn effective<Q, B>(asked: &Asked<Q, B>) -> Result<Effective, Refused> {
    let effective = asked.api.service.effective(&asked.scope).await?;
    if let (Some(head), Scope::Tenant(_)) = (&effective.head, &asked.scope) {
        must_be_served(asked.caller(), head)?;
    }
    effective.must_be_usable(asked.api.service.catalog(), None)?;
    Ok(effective)
}

fn configuration<'a>(scope: &'a Scope, effective: &'a Effective, with_explain: bool) -> Configuration<'a> {
    let resolved = &effective.resolved;
    let secret = |(key, origin, entry): (&'a Key, Origin, &'a Entry)| match entry {
        Entry::Secret(mark) => Some(SecretLine { key, origin, mark }),
        Entry::Value(_) => None,
    };
    Configuration {
        tenant_id: scope.tenant(),
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
fn entity_tag(scope: &Scope, effective: &Effective, body: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    let incarnation = effective.head.as_ref().map_or("", |head| head.incarnation.as_str());
    hasher.update(format!("{scope} {incarnation} ").as_bytes()).update(body);
    format!("\"{}\"", &hasher.finalize().to_hex()[..32])
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("hexadecimal digits in quotes are a header")
}

/// Whether a sent `If-None-Match` names the tag (RFC 9110: weak comparison, a list, or any).
pub(super) fn matches(sent: &HeaderValue, tag: &str) -> bool {
    let Ok(sent) = sent.to_str() else { return false };
    sent.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

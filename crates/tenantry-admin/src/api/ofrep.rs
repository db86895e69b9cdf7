//! OpenFeature's remote evaluation protocol: any OpenFeature client reads its tenant's parameters as flags.
//!
//! A flag's key is a parameter's, or a section's, whose value is then a table; all of them come at once, too. Who asks is told
//! by the token, and never by the evaluation context, which a client's code makes up: it is read, and changes nothing. Fields
//! of connections and secrets are no flags.
//!
//! Format: github.com/open-feature/protocol, service/openapi.yaml, version 0.2. Errors of an evaluation have that protocol's
//! form, all others are problem documents.

use std::collections::BTreeSet;

use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Revision, Tier};
use tenantry_core::resolve::{Effective as Leaf, Resolved};
use tenantry_core::value::Value;

use super::configuration::{effective, matches};
use crate::answer::{Media, Raw};
use crate::asked::{Asked, Body, Json, Nothing};
use crate::error::Refused;

/// What a client sends along, or why that cannot be read: the protocol has a form of its own for this.
#[derive(Debug)]
pub(crate) struct Sent(Result<Evaluation, Unread>);

/// Why what a client sends along cannot be read.
#[derive(Clone, Debug)]
struct Unread {
    /// The protocol's name for it.
    error: &'static str,
    /// This API's name for it.
    code: &'static str,
    detail: String,
}

impl Body for Sent {
    const MEDIA: &'static [&'static str] = Json::<Evaluation>::MEDIA;

    fn read(text: &str) -> Result<Self, Refused> {
        let unread = |refused: Refused| {
            let problem = refused.problem();
            let place = problem.errors.first().map_or("", |error| &error.pointer);
            let is_context = problem.code == "invalid" && place.starts_with("/context");
            // A client knows its context as an object of its language.
            let detail = if is_context { "context: expected an object".to_owned() } else { problem.detail.clone() };
            let error = if is_context { "INVALID_CONTEXT" } else { "PARSE_ERROR" };
            Unread { error, code: problem.code, detail }
        };
        Ok(Self(Json::read(text).map(|Json(evaluation)| evaluation).map_err(unread)))
    }

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Json::<Evaluation>::schema(generator)
    }
}

/// What a client sends along.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Evaluation {
    /// The evaluation context: read, and of no account.
    #[expect(dead_code, reason = "who asks is told by the token")]
    #[serde(default)]
    context: serde_json::Map<String, serde_json::Value>,
}

/// All flags at once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Flags {
    /// In the order of their keys.
    flags: Vec<FlagShown>,
}

/// A parameter's value, as a flag.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EvaluatedFlag")]
pub(crate) struct FlagShown {
    /// The parameter's key.
    key: String,
    /// `DEFAULT` for a built-in value, `STATIC` for the operator's, `TARGETING_MATCH` for the tenant's own.
    reason: &'static str,
    /// The tier that it came from.
    variant: Tier,
    /// The value.
    value: Value,
    /// Where it came from.
    metadata: FlagMetadata,
}

/// Where a flag came from.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FlagMetadata {
    /// The tier.
    tier: Tier,
    /// The revision of that tier's scope.
    revision: Revision,
}

/// There is no such flag.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FlagNotFound")]
#[serde(rename_all = "camelCase")]
struct NotFound<'a> {
    key: &'a str,
    error_code: &'static str,
    error_details: String,
}

/// The flag cannot be evaluated.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EvaluationFailure")]
struct Failure<'a> {
    key: &'a str,
    #[serde(flatten)]
    failure: BulkFailure<'a>,
}

/// Nothing can be evaluated.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BulkEvaluationFailure")]
#[serde(rename_all = "camelCase")]
struct BulkFailure<'a> {
    /// `PARSE_ERROR` or `INVALID_CONTEXT`.
    error_code: &'a str,
    error_details: &'a str,
    /// The kind of problem, as in problem documents.
    code: &'a str,
    /// What happened, as in problem documents.
    detail: &'a str,
}

impl<'a> From<&'a Unread> for BulkFailure<'a> {
    fn from(unread: &'a Unread) -> Self {
        let Unread { error, code, detail } = unread;
        Self { error_code: error, error_details: detail, code, detail }
    }
}

/// An evaluated flag.
pub(crate) struct OneFlag;

impl Media for OneFlag {
    const MEDIA: &'static str = "application/json";
    type Part = FlagShown;

    fn other(generator: &mut SchemaGenerator) -> Vec<(StatusCode, Schema)> {
        vec![
            (StatusCode::BAD_REQUEST, generator.subschema_for::<Failure<'static>>()),
            (StatusCode::NOT_FOUND, generator.subschema_for::<NotFound<'static>>()),
        ]
    }
}

/// All evaluated flags.
pub(crate) struct AllFlags;

impl Media for AllFlags {
    const MEDIA: &'static str = "application/json";
    type Part = Flags;
    const HEADERS: &'static [&'static str] = &["etag"];
    const IS_REMEMBERED: bool = true;

    fn other(generator: &mut SchemaGenerator) -> Vec<(StatusCode, Schema)> {
        vec![(StatusCode::BAD_REQUEST, generator.subschema_for::<BulkFailure<'static>>())]
    }
}

/// Evaluates one flag.
pub(crate) async fn one(asked: Asked<Nothing, Sent>) -> Result<Raw<OneFlag>, Refused> {
    let resolved = effective(&asked).await?.resolved;
    let name = asked.param("flag");
    if let Err(unread) = &asked.body.0 {
        let failure = Failure { key: name, failure: unread.into() };
        return Ok(Raw::new(headers(None), json(&failure)).with_status(StatusCode::BAD_REQUEST));
    }
    let catalog = asked.api.service.catalog();
    let key = catalog.key(name).or_else(|_| Key::parse(name)).ok();
    if let Some(flag) = key.and_then(|key| flag(&resolved, &key, &|key| catalog.secret_field(key).is_some())) {
        return Ok(Raw::new(headers(None), json(&flag)));
    }
    let details = "no parameter of this key is set".to_owned();
    let missing = NotFound { key: name, error_code: "FLAG_NOT_FOUND", error_details: details };
    Ok(Raw::new(headers(None), json(&missing)).with_status(StatusCode::NOT_FOUND))
}

/// Evaluates all flags: those of parameters, and those of sections, which clients that read all at once ask for by name.
pub(crate) async fn all(asked: Asked<Nothing, Sent>) -> Result<Raw<AllFlags>, Refused> {
    let resolved = effective(&asked).await?.resolved;
    if let Err(unread) = &asked.body.0 {
        let failure = BulkFailure::from(unread);
        return Ok(Raw::new(headers(None), json(&failure)).with_status(StatusCode::BAD_REQUEST));
    }
    let catalog = asked.api.service.catalog();
    let is_kept_apart = |key: &Key| catalog.secret_field(key).is_some();
    let plain = resolved.iter().filter(|leaf| !is_kept_apart(leaf.key));
    let keys: BTreeSet<Key> = plain.flat_map(|leaf| with_sections(leaf.key)).collect();
    let flags = keys.iter().filter_map(|key| flag(&resolved, key, &is_kept_apart)).collect();
    let body = json(&Flags { flags });
    // Bound to the tenant, as every tag is.
    let tag =
        format!("\"{}\"", &blake3::hash(&[asked.scope.to_string().as_bytes(), b" ", &body].concat()).to_hex()[..32]);
    if asked.headers.get_all(IF_NONE_MATCH).iter().any(|sent| matches(sent, &tag)) {
        return Ok(Raw::not_modified(headers(Some(&tag))));
    }
    Ok(Raw::new(headers(Some(&tag)), body))
}

/// A key, and those of the sections that it is in.
fn with_sections(key: &Key) -> impl Iterator<Item = Key> {
    let text = key.as_str();
    let ends = text.match_indices('.').map(|(at, _)| at).chain([text.len()]);
    ends.map(|end| Key::parse(&text[..end]).expect("what a key begins with is a key"))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("what is answered is JSON")
}

fn headers(tag: Option<&str>) -> HeaderMap {
    let tag = tag.and_then(|tag| Some((ETAG, HeaderValue::from_str(tag).ok()?)));
    [(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))].into_iter().chain(tag).collect()
}

/// The flag of a parameter, or of a section: that is the table of what is below, from the highest tier that any of it came
/// from.
fn flag(resolved: &Resolved, key: &Key, is_kept_apart: &impl Fn(&Key) -> bool) -> Option<FlagShown> {
    let plain: Vec<_> = resolved.within(key).filter(|leaf| !is_kept_apart(leaf.key)).collect();
    if let [only] = &plain[..]
        && only.key == key
    {
        return shown(key, *only);
    }
    let highest = plain.iter().max_by_key(|leaf| leaf.origin.tier)?;
    let values = plain.iter().filter_map(|leaf| Some((leaf.key.clone(), leaf.entry.value()?.clone())));
    let mut table = Value::Table(Document::from_items(values).0.to_table());
    for name in key.segments() {
        let Value::Table(mut below) = table else { return None };
        table = below.remove(name)?;
    }
    Some(of(key, table, *highest))
}

fn shown(key: &Key, leaf: Leaf<'_>) -> Option<FlagShown> {
    Some(of(key, leaf.entry.value()?.clone(), leaf))
}

fn of(key: &Key, value: Value, leaf: Leaf<'_>) -> FlagShown {
    let reason = match leaf.origin.tier {
        Tier::Default => "DEFAULT",
        Tier::Global => "STATIC",
        Tier::Tenant => "TARGETING_MATCH",
    };
    let metadata = FlagMetadata { tier: leaf.origin.tier, revision: leaf.origin.revision };
    FlagShown { key: key.to_string(), reason, variant: leaf.origin.tier, value, metadata }
}

//! What the query of a request says.

use axum::extract::rejection::QueryRejection;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{StatusCode, Uri};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use tenantry::problem::Problem;
use tenantry_core::scope::Scope;
use tenantry_store::{Cursor, PageRequest};

use crate::error::Refused;

/// What can be read of a query.
pub(crate) trait Query: Sized + Send {
    fn read(uri: &Uri) -> Result<Self, Refused>;

    /// The schema of it: an object whose properties are the parameters.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

impl<T: DeserializeOwned + JsonSchema + Send> Query for T {
    fn read(uri: &Uri) -> Result<Self, Refused> {
        axum::extract::Query::try_from_uri(uri).map(|query| query.0).map_err(|error| {
            // The text may repeat what stands there, which is in logs anyway; what looks like a secret is not repeated.
            let told = told(&error);
            let told = tenantry_core::validate::masked(&told).into_owned();
            Problem::new(StatusCode::BAD_REQUEST, "query_invalid", told).into()
        })
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// What is wrong with a query, in the words of this API: which parameter, and what was expected.
fn told(error: &QueryRejection) -> String {
    let cause = std::error::Error::source(error).map_or_else(|| error.body_text(), ToString::to_string);
    let (place, fault) = cause.split_once(": ").unwrap_or(("", &cause));
    let Some(name) = cause.split('`').nth(1) else { return cause };
    let choices = match fault.split_once("expected ") {
        Some((_, choices)) => format!("expected {}", choices.replace('`', "")),
        None => "there are none here".to_owned(),
    };
    let is = |what: &str| cause.starts_with(what) || fault.starts_with(what);
    if is("unknown field `") {
        format!("there is no parameter {name} in the query: {choices}")
    } else if is("unknown variant `") {
        format!("{place}: {choices}, found {name:?}")
    } else if is("duplicate field `") {
        format!("{name} stands in the query twice")
    } else if is("missing field `") {
        format!("{name} is missing in the query")
    } else {
        cause
    }
}

/// No parameter at all: one that is sent is refused, because whoever sends it expects something of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Whatever stands there is of no account: whoever looks after the health of programs adds what they like.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Anything {}

/// Something that is asked for by its name alone: `?explain`, or `?explain=true`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" | "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            other => Err(D::Error::custom(format!("expected true or false, found {other:?}"))),
        }
    }
}

impl JsonSchema for Flag {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Flag".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"], "enum": [true, false, ""] })
    }
}

/// Which part of a listing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many at the most.
    #[serde(default = "usual", deserialize_with = "limit")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) limit: u16,
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// How many things a page holds unless said otherwise.
pub(crate) fn usual() -> u16 {
    100
}

/// Reads how many things a page is to hold.
pub(crate) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.parse().ok().filter(|number| LIMITS.contains(number));
    let (least, most) = (LIMITS.start(), LIMITS.end());
    number.ok_or_else(|| D::Error::custom(format!("expected a whole number from {least} to {most}, found {text:?}")))
}

/// Reads the number of a revision, if there is one.
pub(crate) fn revision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| D::Error::custom(format!("expected the whole number of a revision, found {text:?}")))
}

/// How many things a page may be asked to hold.
const LIMITS: std::ops::RangeInclusive<u16> = 1..=1000;

impl PageQuery {
    /// The part of a store's listing.
    pub(crate) fn request(&self, scope: &Scope, listing: &str) -> Result<PageRequest, Refused> {
        request(self.limit, self.cursor.as_deref(), scope, listing)
    }
}

/// The part of a store's listing. A cursor of another listing, or of another scope's, is refused.
pub(crate) fn request(limit: u16, cursor: Option<&str>, scope: &Scope, listing: &str) -> Result<PageRequest, Refused> {
    let first = PageRequest::first(limit.into());
    let Some(cursor) = cursor else { return Ok(first) };
    let bound = cursor.split_once('.').filter(|(mark, _)| *mark == self::mark(scope, listing));
    let bytes = bound.and_then(|(_, text)| URL_SAFE_NO_PAD.decode(text).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad_cursor)?;
    Ok(first.behind(Cursor(text)))
}

/// How a cursor is shown: bound to its listing, and opaque.
pub(crate) fn shown(cursor: &Cursor, scope: &Scope, listing: &str) -> String {
    format!("{}.{}", mark(scope, listing), URL_SAFE_NO_PAD.encode(&cursor.0))
}

fn mark(scope: &Scope, listing: &str) -> String {
    blake3::hash(format!("{scope} {listing}").as_bytes()).to_hex()[..8].to_owned()
}

/// The answer to a cursor that was not made for this.
fn bad_cursor() -> Problem {
    let detail = "cursor: this is not the next of an earlier page of the same listing";
    Problem::new(StatusCode::BAD_REQUEST, "cursor_invalid", detail)
}

#[cfg(test)]
mod tests {
    use tenantry_core::scope::TenantId;

    use super::*;

    #[test]
    fn a_cursor_is_of_one_scope_and_one_listing() {
        let scope = |id: &str| Scope::Tenant(TenantId::parse(id).unwrap());
        let shown = shown(&Cursor("7/ü".to_owned()), &scope("acme"), "audit");
        let read = |scope: &Scope, listing: &str| request(10, Some(&shown), scope, listing).ok().map(|page| page.after);
        assert_eq!(read(&scope("acme"), "audit"), Some(Some(Cursor("7/ü".to_owned()))));
        assert_eq!(read(&scope("beta"), "audit"), None);
        assert_eq!(read(&scope("acme"), "revisions"), None);
        for odd in ["", ".", "x", "zz.zz", "é.é"] {
            assert!(request(10, Some(odd), &scope("acme"), "audit").is_err(), "{odd}");
        }
    }
}

//! What the body of a request says, read strictly: no two readers can take it for two things, and no error repeats it.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use tenantry::problem::Problem;
use tenantry_core::change::{ChangeSet, PatchError};
use tenantry_core::json::{self, JsonError, Nullable};
use tenantry_store::limits::MOST_CHANGES;

use crate::error::Refused;

/// What can be read of a body.
pub(crate) trait Body: Sized + Send {
    /// The media types that are taken, the usual one first; none if there is no body.
    const MEDIA: &'static [&'static str];

    /// Reads the text.
    fn read(text: &str) -> Result<Self, Refused>;

    /// The schema of it.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;
}

impl Body for () {
    const MEDIA: &'static [&'static str] = &[];

    fn read(_: &str) -> Result<Self, Refused> {
        Ok(())
    }

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }
}

/// A body of JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Send> Body for Json<T> {
    const MEDIA: &'static [&'static str] = &["application/json"];

    fn read(text: &str) -> Result<Self, Refused> {
        let read = nullable(text)?;
        // A derived reader would take a list of the fields in their order, too.
        if !matches!(read, Nullable::Table(_)) {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "expected an object").at("").into());
        }
        let value: serde_json::Value = read.into();
        serde_path_to_error::deserialize(value).map(Self).map_err(|error| misfit(&error).into())
    }

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }
}

/// A change of a scope's values: a JSON Merge Patch (RFC 7396).
#[derive(Debug)]
pub(crate) struct Patch(pub(crate) ChangeSet);

impl Body for Patch {
    const MEDIA: &'static [&'static str] = &["application/merge-patch+json", "application/json"];

    fn read(text: &str) -> Result<Self, Refused> {
        let changes = ChangeSet::from_merge_patch(nullable(text)?).map_err(|error| {
            let shown = error.to_string();
            let pointer = shown.split_once(": ").map_or("", |(pointer, _)| pointer).to_owned();
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.reason()).at(pointer)
        })?;
        must_fit(&changes)?;
        Ok(Self(changes))
    }

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemars::json_schema!({
            "type": "object",
            "description": "Parameters as nested tables, or by dotted keys. null removes an override.",
        }))
    }
}

/// A change that stands in another document. Digits beyond a float's were lost when that was read.
pub(crate) fn values(patch: &serde_json::Map<String, serde_json::Value>) -> Result<ChangeSet, PatchError> {
    let text = serde_json::to_string(patch).expect("a value is JSON");
    ChangeSet::from_merge_patch(json::parse_nullable(&text).expect("what was read is read again"))
}

/// Refuses a change of more keys than one change can have, before each of them is looked at.
pub(crate) fn must_fit(changes: &ChangeSet) -> Result<(), Refused> {
    let count = changes.keys().count();
    if count <= MOST_CHANGES {
        return Ok(());
    }
    let detail = format!("the change has {count} keys, the limit is {MOST_CHANGES}: split it");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).into())
}

fn nullable(text: &str) -> Result<Nullable, Refused> {
    json::parse_nullable(text).map_err(|error| unreadable(&error).into())
}

fn unreadable(error: &JsonError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body_invalid", error.fault.to_string()).at(&error.pointer)
}

/// What is wrong with the form of a body. What was found there is not repeated: it may be a secret in the wrong place.
fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    use serde_path_to_error::Segment;

    let told = error.inner().to_string();
    let expected = told.find("expected ").map(|at| told[at..].trim_end_matches(['.', ' ']).to_owned());
    let detail = match expected {
        Some(expected) if told.starts_with("unknown field") => format!("there is no such field: {expected}"),
        Some(expected) => expected,
        // The names of missing fields are ours.
        None if told.starts_with("missing field") => told,
        None => "the value does not fit".to_owned(),
    };
    let pointer = error.path().iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => {
            format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Unknown => pointer,
    });
    // A name that looks like a secret is one that was put in the wrong place.
    let pointer = tenantry_core::validate::masked(&pointer).into_owned();
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at(pointer)
}

/// Refuses a body that is not said to be of one of these media types.
pub(super) fn must_be_of(headers: &HeaderMap, media: &[&str]) -> Result<(), Refused> {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if media.iter().any(|media| media.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    let detail = format!("send the body with content-type: {}", media.join(" or "));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_unsupported", detail).into())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "it is read, and that is all")]
        count: u8,
        #[expect(dead_code, reason = "it is read, and that is all")]
        secret: Option<tenantry_core::secret::SecretText>,
    }

    #[test]
    fn what_does_not_fit_is_told_by_its_place_and_never_repeated() {
        let check = |text: &str, code: &str, place: &str| {
            let refused = Json::<Sample>::read(text).unwrap_err();
            let problem = refused.problem();
            assert_eq!((problem.code, problem.errors[0].pointer.as_str()), (code, place), "{text}");
            assert!(!problem.to_json().contains("CANARY"), "{}", problem.to_json());
        };
        check("CANARY", "body_invalid", "");
        check(r#"{"count": "CANARY"}"#, "invalid", "/count");
        check(r#"{"count": 300}"#, "invalid", "/count");
        check(r#"{"count": 1, "secret": "  "}"#, "invalid", "/secret");
        check(r#"{"count": 1, "count": 2}"#, "body_invalid", "/count");
        check(r#"{"count": 1, "sk-CANARY-0123456789abcdef": 2}"#, "invalid", "/secret-not-shown");
        check("{}", "invalid", "");
        check("[1]", "invalid", "");
        assert!(Json::<Sample>::read(r#"{"count": 1, "secret": null}"#).is_ok());
    }
}

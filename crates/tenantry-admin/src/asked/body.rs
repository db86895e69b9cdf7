//! What the body of a request says, read strictly: no two readers can take it for two things, and no error repeats it.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use tenantry::problem::Problem;
use tenantry_core::catalog::Catalog;
use tenantry_core::change::ChangeSet;
use tenantry_core::json::{self, JsonError, Nullable};
use tenantry_core::key::Key;
use tenantry_core::patch::{self, PatchError};
use tenantry_core::secret::SecretText;
use tenantry_core::validate::masked;
use tenantry_store::limits::MOST_CHANGES;

use crate::error::Refused;
use crate::service::ServiceError;

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
        // As text, so that values within it keep every digit.
        let text = read.to_json();
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        serde_path_to_error::deserialize(&mut deserializer).map(Self).map_err(|error| misfit(&error).into())
    }

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }
}

/// A change of a scope's values: a JSON Merge Patch (RFC 7396).
#[derive(Debug)]
pub(crate) struct Patch(Nullable);

impl Patch {
    /// The change that is asked for.
    pub(crate) fn change(&self, catalog: &Catalog) -> Result<Wanted, Refused> {
        Wanted::read(catalog, &self.0, "")
    }
}

impl Body for Patch {
    const MEDIA: &'static [&'static str] = &["application/merge-patch+json", "application/json"];

    fn read(text: &str) -> Result<Self, Refused> {
        nullable(text).map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemars::json_schema!({
            "type": "object",
            "description": "Parameters as nested tables, or by dotted keys. null removes an override.",
        }))
    }
}

/// A change that a body asks for. What is wrong with it is told by its place in the body.
#[derive(Debug)]
pub(crate) struct Wanted(patch::Patch);

impl Wanted {
    /// Reads a merge patch that stands in a body at `whole`, a JSON Pointer.
    pub(crate) fn read(catalog: &Catalog, values: &Nullable, whole: &str) -> Result<Self, Refused> {
        let wanted = Self(patch::Patch::read(catalog, values.clone(), whole).map_err(|error| misread(&error))?);
        wanted.must_fit()?;
        Ok(wanted)
    }

    /// The same with a secret that stands elsewhere in the body.
    pub(crate) fn with_secret(mut self, key: Key, text: SecretText, pointer: &str) -> Result<Self, Refused> {
        self.0.add_secret(key, text, pointer).map_err(|error| misread(&error))?;
        self.must_fit()?;
        Ok(self)
    }

    /// What is asked for.
    pub(crate) fn changes(&self) -> &ChangeSet {
        &self.0.changes
    }

    /// The answer to a change that was refused.
    pub(crate) fn refused(&self, error: ServiceError) -> Refused {
        let ServiceError::Invalid(violations) = &error else { return error.into() };
        let places: Vec<_> = violations.iter().map(|violation| self.0.place(&violation.key)).collect();
        Refused::from(error).map(|mut problem| {
            problem.errors.iter_mut().zip(places).for_each(|(field, place)| field.pointer = place);
            problem
        })
    }

    /// Refuses a change of more keys than one change can have, before each of them is looked at.
    fn must_fit(&self) -> Result<(), Refused> {
        let count = self.0.changes.keys().count();
        if count <= MOST_CHANGES {
            return Ok(());
        }
        let detail = format!("the change has {count} keys, the limit is {MOST_CHANGES}: split it");
        Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).into())
    }
}

fn misread(error: &PatchError) -> Refused {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.to_string()).at(error.pointer()).into()
}

fn nullable(text: &str) -> Result<Nullable, Refused> {
    json::parse_nullable(text).map_err(|error| unreadable(&error).into())
}

fn unreadable(error: &JsonError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body_invalid", error.fault.to_string()).at(masked(&error.pointer))
}

/// What is wrong with the form of a body. What was found there is not repeated: it may be a secret in the wrong place.
fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    use serde_path_to_error::Segment;

    let told = error.inner().to_string();
    // The text was written anew, so that its lines are not those of the body.
    let told = told.rsplit_once(" at line ").map_or(told.as_str(), |(told, _)| told);
    let expected = told.find("expected ").map(|at| in_words(told[at..].trim_end_matches(['.', ' '])));
    let detail = match expected {
        Some(expected) if told.starts_with("unknown field") => format!("there is no such field: {expected}"),
        Some(expected) => expected,
        // The names of missing fields are ours.
        None if told.starts_with("missing field") => told.to_owned(),
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
    let pointer = masked(&pointer).into_owned();
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at(pointer)
}

/// What was expected, in the words of JSON and not of the language that this is written in.
fn in_words(expected: &str) -> String {
    match expected {
        "expected a map" => "expected an object".to_owned(),
        "expected a sequence" => "expected a list".to_owned(),
        "expected a boolean" => "expected true or false".to_owned(),
        "expected u8" => format!("expected a whole number between 0 and {}", u8::MAX),
        "expected u16" => format!("expected a whole number between 0 and {}", u16::MAX),
        "expected u32" => format!("expected a whole number between 0 and {}", u32::MAX),
        "expected u64" | "expected usize" => "expected a whole number of at least 0".to_owned(),
        "expected i8" | "expected i16" | "expected i32" | "expected i64" => "expected a whole number".to_owned(),
        "expected f32" | "expected f64" => "expected a number".to_owned(),
        of_type if of_type.starts_with("expected struct ") => "expected an object".to_owned(),
        other => other.to_owned(),
    }
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
        secret: Option<SecretText>,
        #[expect(dead_code, reason = "it is read, and that is all")]
        list: Option<Vec<bool>>,
        #[serde(default)]
        #[schemars(with = "serde_json::Value")]
        values: Option<Nullable>,
        #[expect(dead_code, reason = "it is read, and that is all")]
        inner: Option<Box<Sample>>,
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

    #[test]
    fn what_was_expected_is_told_in_the_words_of_json() {
        for (field, expected) in [
            (r#""count": "x""#, "expected a whole number between 0 and 255"),
            (r#""count": -1"#, "expected a whole number between 0 and 255"),
            (r#""count": 1, "list": {}"#, "expected a list"),
            (r#""count": 1, "list": [1]"#, "expected true or false"),
            (r#""count": 1, "inner": 5"#, "expected an object"),
            (r#""count": 1, "secret": 5"#, "expected a string"),
            (r#""cuont": 1"#, "there is no such field: expected one of `count`, `secret`, `list`, `values`, `inner`"),
        ] {
            let refused = Json::<Sample>::read(&format!("{{{field}}}")).unwrap_err();
            assert_eq!(refused.problem().detail, expected, "{field}");
        }
    }

    #[test]
    fn values_in_a_body_keep_every_digit() {
        let text = r#"{"count":1,"values":{"n":0.1234567890123456789}}"#;
        let Json(read) = Json::<Sample>::read(text).unwrap();
        assert_eq!(read.values.unwrap().to_json(), r#"{"n":0.1234567890123456789}"#);
    }
}

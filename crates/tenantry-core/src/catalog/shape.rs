//! Checks a value against a JSON Schema: the only module that knows the library which does it.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Validator};
use serde_json::Value as Json;

/// A compiled schema without references.
pub(crate) struct Shape(Validator);

/// What about a value is not as the schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FaultKind {
    /// It is of another type.
    Type,
    /// It is not one of the allowed values.
    Choice,
    /// It is too small, too large, too short or too long.
    Range,
    /// A text has not the form that it should have.
    Form,
}

/// One place of a value that is not as the schema says.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// Where in the value, as a JSON Pointer (RFC 6901); empty for the value itself.
    pub(crate) pointer: String,
    /// The schema of that place.
    pub(crate) schema: Json,
}

impl Shape {
    /// Compiles a schema; the error says what in it no schema has.
    pub(crate) fn compile(schema: &Json) -> Result<Self, String> {
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        // Formats such as `uint32` are hints for programs, unknown to the validator.
        options.should_ignore_unknown_formats(true).build(schema).map(Self).map_err(|error| error.to_string())
    }

    /// The faults of a value, at most one for each place, in the order of the places.
    pub(crate) fn faults(&self, schema: &Json, value: &Json) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self
            .0
            .iter_errors(value)
            .map(|error| Fault {
                kind: kind(error.kind()),
                pointer: error.instance_path().to_string(),
                schema: subschema(schema, &error.schema_path().to_string()),
            })
            .collect();
        faults.sort_by(|left, right| (&left.pointer, left.kind).cmp(&(&right.pointer, right.kind)));
        faults.dedup_by(|later, first| later.pointer == first.pointer);
        faults
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shape")
    }
}

/// The schema in which a failed keyword stands.
fn subschema(schema: &Json, keyword_path: &str) -> Json {
    let parent = keyword_path.rsplit_once('/').map_or("", |(parent, _)| parent);
    schema.pointer(parent).unwrap_or(schema).clone()
}

fn kind(error: &ValidationErrorKind) -> FaultKind {
    use ValidationErrorKind as E;
    match error {
        E::Enum { .. }
        | E::Constant { .. }
        | E::OneOfNotValid { .. }
        | E::AnyOf { .. }
        | E::Not { .. }
        | E::FalseSchema => FaultKind::Choice,
        E::Minimum { .. }
        | E::Maximum { .. }
        | E::ExclusiveMinimum { .. }
        | E::ExclusiveMaximum { .. }
        | E::MultipleOf { .. }
        | E::MinLength { .. }
        | E::MaxLength { .. }
        | E::MinItems { .. }
        | E::MaxItems { .. }
        | E::UniqueItems
        | E::Contains => FaultKind::Range,
        E::Pattern { .. }
        | E::Format { .. }
        | E::ContentEncoding { .. }
        | E::ContentMediaType { .. }
        | E::BacktrackLimitExceeded { .. }
        | E::RegexEngineFailure { .. } => FaultKind::Form,
        // All others are about the members of tables in lists, or about the schema itself.
        _ => FaultKind::Type,
    }
}

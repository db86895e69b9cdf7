//! Reads JSON strictly: no duplicate name, no `null` where none may stand, no deep nesting, every digit kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::number::{Number, NumberError};
use crate::value::Value;

/// Tells, as a JSON Schema, what a type with a serialisation of its own is written as.
macro_rules! written_as {
    ($type:ty, $schema:tt) => {
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}
pub(crate) use written_as;

/// How deep tables and lists may be nested.
pub const DEEPEST: usize = 32;

/// Reads a text that holds one value and no `null`.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    without_null(parse_nullable(text)?, "")
}

/// A value in which names may stand for `null`, as in a JSON Merge Patch (RFC 7396).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nullable {
    /// `null`.
    Null,
    /// A value without any `null` in it that is no table.
    Value(Value),
    /// A table.
    Table(BTreeMap<String, Nullable>),
    /// A list with a `null` somewhere in it.
    List(Vec<Nullable>),
}

impl Nullable {
    /// The value as JSON text, with every digit.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a value is JSON")
    }
}

impl Serialize for Nullable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Value(value) => value.serialize(serializer),
            Self::Table(table) => serializer.collect_map(table),
            Self::List(items) => serializer.collect_seq(items),
        }
    }
}

/// From JSON text alone, because only there can every digit of a number be seen.
impl<'de> Deserialize<'de> for Nullable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        parse_nullable(raw.get()).map_err(serde::de::Error::custom)
    }
}

/// The same value for libraries that take theirs; digits beyond a float's are lost.
impl From<Nullable> for serde_json::Value {
    fn from(nullable: Nullable) -> Self {
        match nullable {
            Nullable::Null => Self::Null,
            Nullable::Value(value) => (&value).into(),
            Nullable::Table(table) => {
                Self::Object(table.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
            Nullable::List(items) => items.into_iter().map(Self::from).collect(),
        }
    }
}

/// Reads a text that holds one value, in which names may stand for `null`.
pub fn parse_nullable(text: &str) -> Result<Nullable, JsonError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| JsonError::new("", Fault::syntax(&error)))?;
    read(raw, "", DEEPEST)
}

/// The value, if there is no `null` in it; else where one stands, below the place that `pointer` names.
pub fn without_null(value: Nullable, pointer: &str) -> Result<Value, JsonError> {
    match value {
        Nullable::Null => Err(JsonError::new(pointer, Fault::Null)),
        Nullable::Value(value) => Ok(value),
        Nullable::Table(table) => {
            let read = |(name, value): (String, Nullable)| {
                let value = without_null(value, &below(pointer, &name))?;
                Ok((name, value))
            };
            table.into_iter().map(read).collect::<Result<_, _>>().map(Value::Table)
        }
        Nullable::List(items) => {
            let read = |(index, item): (usize, Nullable)| without_null(item, &below(pointer, &index.to_string()));
            items.into_iter().enumerate().map(read).collect::<Result<_, _>>().map(Value::Array)
        }
    }
}

fn read(raw: &RawValue, pointer: &str, depth: usize) -> Result<Nullable, JsonError> {
    let text = raw.get();
    let fault = |fault| JsonError::new(pointer, fault);
    let value = match text.as_bytes().first() {
        Some(b'{' | b'[') if depth == 0 => return Err(fault(Fault::TooDeep)),
        Some(b'{') => return read_table(text, pointer, depth).map(Nullable::Table),
        Some(b'[') => return read_list(text, pointer, depth),
        Some(b'n') => return Ok(Nullable::Null),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'"') => Value::String(serde_json::from_str(text).map_err(|error| fault(Fault::syntax(&error)))?),
        _ => Value::Number(Number::parse(text).map_err(|error| fault(Fault::Number(error)))?),
    };
    Ok(Nullable::Value(value))
}

fn read_table(text: &str, pointer: &str, depth: usize) -> Result<BTreeMap<String, Nullable>, JsonError> {
    let Members(members) =
        serde_json::from_str(text).map_err(|error| JsonError::new(pointer, Fault::syntax(&error)))?;
    let mut seen = BTreeSet::new();
    let mut table = BTreeMap::new();
    for (name, raw) in members {
        // Each member's place is told by all the names above it: long ones would make a small text a long work.
        if name.len() > LONGEST_NAME {
            return Err(JsonError::new(pointer, Fault::LongName));
        }
        let here = below(pointer, &name);
        if !seen.insert(name.clone()) {
            return Err(JsonError::new(&here, Fault::Duplicate));
        }
        table.insert(name, read(raw, &here, depth - 1)?);
    }
    Ok(table)
}

fn read_list(text: &str, pointer: &str, depth: usize) -> Result<Nullable, JsonError> {
    let raw: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| JsonError::new(pointer, Fault::syntax(&error)))?;
    let mut items = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        items.push(read(raw, &below(pointer, &index.to_string()), depth - 1)?);
    }
    let whole = items.iter().cloned().map(|item| without_null(item, "")).collect::<Result<_, _>>();
    Ok(whole.map_or(Nullable::List(items), |values| Nullable::Value(Value::Array(values))))
}

/// Appends a name to a JSON Pointer (RFC 6901).
pub(crate) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The members of an object in the order of the text, duplicates included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Why a text is not taken as JSON, and where. It never quotes a value, which may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The place as a JSON Pointer (RFC 6901); empty for the whole text.
    pub pointer: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// The longest name of a member, in bytes: as long as a key can be.
pub const LONGEST_NAME: usize = 255;

/// What can be wrong with a JSON text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is not JSON at all.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Line within the value at the pointer, from 1.
        line: usize,
        /// Column within that line, from 1.
        column: usize,
    },
    /// One name twice in one object.
    #[error("the name stands twice in one object")]
    Duplicate,
    /// `null`, which cannot be stored.
    #[error("null cannot be stored: leave the parameter out to inherit it")]
    Null,
    /// More than [`DEEPEST`] levels.
    #[error("nested deeper than 32 levels")]
    TooDeep,
    /// A name longer than [`LONGEST_NAME`] bytes.
    #[error("a name in it is longer than 255 bytes")]
    LongName,
    /// A number that no store keeps.
    #[error(transparent)]
    Number(NumberError),
}

impl Fault {
    fn syntax(error: &serde_json::Error) -> Self {
        // serde_json gives up at 128 levels, where ours would have refused long before.
        if error.to_string().starts_with("recursion limit") {
            return Self::TooDeep;
        }
        Self::Syntax { line: error.line(), column: error.column() }
    }
}

impl JsonError {
    fn new(pointer: &str, fault: Fault) -> Self {
        Self { pointer: pointer.to_owned(), fault }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() { self.fault.fmt(f) } else { write!(f, "{}: {}", self.pointer, self.fault) }
    }
}

impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> (String, Fault) {
        let error = parse(text).unwrap_err();
        (error.pointer, error.fault)
    }

    #[test]
    fn every_digit_of_a_number_is_kept() {
        let text = r#"{"n":[12345678901234567890123456789012345678,0.1]}"#;
        assert_eq!(parse(text).unwrap().to_json(), text);
    }

    #[test]
    fn a_fault_is_told_with_its_place() {
        assert_eq!(refused(r#"{"a":{"b":1,"b":2}}"#), ("/a/b".to_owned(), Fault::Duplicate));
        assert_eq!(refused(r#"{"a":[1,null]}"#), ("/a/1".to_owned(), Fault::Null));
        assert_eq!(refused(r#"{"a":{"b/c":null}}"#), ("/a/b~1c".to_owned(), Fault::Null));
        assert_eq!(refused("null"), (String::new(), Fault::Null));
        assert_eq!(refused("[1e999]").1, Fault::Number(NumberError::OutOfRange));
        assert_eq!(refused("{\n \"a\": NaN}").1, Fault::Syntax { line: 2, column: 7 });
        assert!(matches!(refused(r#""\ud800""#).1, Fault::Syntax { .. }), "a lone surrogate");
    }

    #[test]
    fn every_digit_is_kept_within_another_document() {
        #[derive(Deserialize)]
        struct Around {
            values: Nullable,
        }
        let text = r#"{"values":{"n":0.1234567890123456789,"gone":null,"list":[null,1]}}"#;
        let around: Around = serde_json::from_str(&parse_nullable(text).unwrap().to_json()).unwrap();
        assert_eq!(
            format!(r#"{{"values":{}}}"#, around.values.to_json()),
            r#"{"values":{"gone":null,"list":[null,1],"n":0.1234567890123456789}}"#
        );
    }

    #[test]
    fn a_list_keeps_its_nulls_where_they_may_stand() {
        let read = parse_nullable(r#"[{"a":null},1]"#).unwrap();
        let table = Nullable::Table([("a".to_owned(), Nullable::Null)].into());
        assert_eq!(read, Nullable::List(vec![table, Nullable::Value(1.into())]));
        assert_eq!(without_null(read, "/list").unwrap_err().pointer, "/list/0/a");
    }

    #[test]
    fn deep_nesting_is_refused_without_using_up_the_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert_eq!(refused(&nested(DEEPEST + 1)).1, Fault::TooDeep);
        assert!(parse(&nested(100_000)).is_err());
    }

    #[test]
    fn names_are_as_long_as_keys_at_the_most() {
        let named = |length: usize| format!(r#"{{"a": {{"{}": {{}}}}}}"#, "x".repeat(length));
        assert!(parse_nullable(&named(LONGEST_NAME)).is_ok());
        let refused = parse_nullable(&named(LONGEST_NAME + 1)).unwrap_err();
        assert_eq!((refused.pointer.as_str(), refused.fault), ("/a", Fault::LongName));
    }

    #[test]
    fn a_duplicate_spelled_with_an_escape_is_one() {
        assert_eq!(refused(r#"{"a":1,"\u0061":2}"#).1, Fault::Duplicate);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read_as_itself(text in "[a-z\"\\\\\n\u{1}\u{e9}\u{1f600}]{0,10}", n in any::<i64>()) {
            let value = Value::Table([("t".to_owned(), Value::String(text)), ("n".to_owned(), n.into())].into());
            prop_assert_eq!(parse(&value.to_json()).unwrap(), value);
        }
    }
}

//! What a parameter can be: JSON without `null`, with numbers that keep their digits.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::json;
use crate::number::{Number, NumberError};

/// A value. There is no `null`: absent means inherit.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A decimal number.
    Number(Number),
    /// A text.
    String(String),
    /// A list; as a whole it replaces the list below.
    Array(Vec<Value>),
    /// A table; it is merged with the table below, name by name.
    Table(BTreeMap<String, Value>),
}

impl Value {
    /// Reads JSON, refusing what [`json::JsonError`] lists, `null` among it.
    pub fn from_json(text: &str) -> Result<Self, json::JsonError> {
        json::parse(text)
    }

    /// Writes JSON without white space; tables by name in order.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a value is always JSON")
    }

    /// What kind of value this is, for messages: `a string`, `a number`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Table(_) => None,
        }
    }

    /// The table, if this is one.
    pub fn as_table(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Self::Table(table) => Some(table),
            Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::String(_) => None,
        }
    }
}

/// Debug output is JSON: it is what people read in failing tests.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Number(integer.into())
    }
}

impl TryFrom<&serde_json::Value> for Value {
    type Error = ForeignValueError;

    fn try_from(foreign: &serde_json::Value) -> Result<Self, Self::Error> {
        Ok(match foreign {
            serde_json::Value::Null => return Err(ForeignValueError::Null),
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => Self::Number(Number::parse(&number.to_string())?),
            serde_json::Value::String(text) => Self::String(text.clone()),
            serde_json::Value::Array(items) => Self::Array(items.iter().map(Self::try_from).collect::<Result<_, _>>()?),
            serde_json::Value::Object(members) => {
                let read = |(name, value): (&String, _)| Ok((name.clone(), Self::try_from(value)?));
                Self::Table(members.iter().map(read).collect::<Result<_, Self::Error>>()?)
            }
        })
    }
}

/// The same value for libraries that take theirs; digits beyond a float's are lost.
impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => integer.into(),
                (None, Some(integer)) => integer.into(),
                (None, None) => number.as_f64().into(),
            },
            Value::String(text) => Self::String(text.clone()),
            Value::Array(items) => items.iter().map(Self::from).collect(),
            Value::Table(table) => Self::Object(table.iter().map(|(n, v)| (n.clone(), v.into())).collect()),
        }
    }
}

/// Why a value of another library is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignValueError {
    /// `null` cannot be stored.
    #[error("null cannot be a value: leave the parameter out to inherit it")]
    Null,
    /// A number that no store keeps.
    #[error(transparent)]
    Number(#[from] NumberError),
}

crate::json::written_as!(Value, { "type": ["boolean", "number", "string", "array", "object"] });

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Table(table) => serializer.collect_map(table),
        }
    }
}

/// From JSON alone, because only there can every digit of a number be seen.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_json(raw.get()).map_err(de::Error::custom)
    }
}

//! Builds an application's typed settings from a resolved configuration, filling in the secrets.
//!
//! This is the only place where a secret's text meets the configuration, and it goes straight into the typed field.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::key::Key;
use crate::layer::{Entry, Tier};
use crate::resolve::{Connection, ConnectionStatus, Resolved};
use crate::secret::SecretText;
use crate::value::Value;

/// Typed settings, and the connections that could not be part of them.
#[derive(Clone, Debug)]
pub struct Built<S> {
    /// The settings.
    pub settings: S,
    /// Connections that some tier sets but that cannot be used; in the settings they are absent.
    pub left_out: Vec<LeftOut>,
}

/// A connection that cannot be used, though some tier sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The connection's section.
    pub section: Key,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why a connection cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyLeftOut {
    /// Fields that it needs are not set by the tier that it is taken from.
    Incomplete(Vec<Key>),
    /// The text of one of its secrets could not be had.
    SecretUnavailable(Key),
}

/// Builds settings of type `S`.
///
/// `secret` gives the text of a secret that the given tier sets; where it has none, the secret's connection is left out
/// as a whole. An empty text never stands in for a secret.
pub fn build<'a, S: DeserializeOwned>(
    resolved: &'a Resolved,
    secret: impl Fn(&Key, Tier) -> Option<&'a SecretText>,
) -> Result<Built<S>, SettingsError> {
    let mut leaves: Vec<_> =
        resolved.iter().map(|leaf| (leaf.key, fill(leaf.entry, leaf.key, leaf.origin.tier, &secret))).collect();
    let mut left_out = Vec::new();
    for connection in resolved.connections().iter() {
        let start = leaves.partition_point(|(key, _)| **key < connection.section);
        let count = leaves[start..].partition_point(|(key, _)| key.is_within(&connection.section));
        let without_text =
            leaves[start..start + count].iter().find(|(_, leaf)| leaf.is_none()).map(|(key, _)| (*key).clone());
        match usable(resolved, connection, without_text) {
            Ok(true) => {}
            Ok(false) => drop(leaves.drain(start..start + count)),
            Err(why) => {
                leaves.drain(start..start + count);
                left_out.push(LeftOut { section: connection.section.clone(), why });
            }
        }
    }
    let leaves: Vec<(&str, Leaf<'_>)> =
        leaves.into_iter().filter_map(|(key, leaf)| Some((key.as_str(), leaf?))).collect();
    let settings = S::deserialize(Node { leaves: &leaves, depth: 0 })?;
    Ok(Built { settings, left_out })
}

fn fill<'a>(
    entry: &'a Entry,
    key: &Key,
    tier: Tier,
    secret: impl Fn(&Key, Tier) -> Option<&'a SecretText>,
) -> Option<Leaf<'a>> {
    match entry {
        Entry::Value(value) => Some(Leaf::Value(value)),
        Entry::Secret(_) => secret(key, tier).filter(|text| !text.is_blank()).map(Leaf::Secret),
    }
}

/// Whether a connection is part of the settings; an error if a tier sets it in vain.
fn usable(resolved: &Resolved, connection: &Connection, without_text: Option<Key>) -> Result<bool, WhyLeftOut> {
    match resolved.connection(connection) {
        ConnectionStatus::Unset => Ok(false),
        ConnectionStatus::Incomplete { missing, .. } => Err(WhyLeftOut::Incomplete(missing)),
        ConnectionStatus::Set(_) => match without_text {
            Some(key) => Err(WhyLeftOut::SecretUnavailable(key)),
            None => Ok(true),
        },
    }
}

/// What stands at one key.
#[derive(Clone, Copy)]
enum Leaf<'a> {
    Value(&'a Value),
    Secret(&'a SecretText),
}

/// A part of the configuration on its way into a typed value: leaves whose keys share their first `depth` bytes.
#[derive(Clone, Copy)]
struct Node<'a> {
    leaves: &'a [(&'a str, Leaf<'a>)],
    depth: usize,
}

impl<'a> Node<'a> {
    /// The one leaf at this very place, if it is no table.
    fn leaf(self) -> Option<(&'a str, Leaf<'a>)> {
        self.leaves.first().filter(|(key, _)| key.len() < self.depth).copied()
    }
}

impl<'de, 'a: 'de> Deserializer<'de> for Node<'a> {
    type Error = SettingsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.leaf() {
            Some((key, Leaf::Value(value))) => Plain(value).deserialize_any(visitor).map_err(|error| error.at(key)),
            Some((key, Leaf::Secret(secret))) => {
                let text: StrDeserializer<'_, SettingsError> = secret.expose().into_deserializer();
                text.deserialize_any(visitor).map_err(|_| SettingsError::of_secret(key))
            }
            None => visitor.visit_map(Children { rest: self.leaves, depth: self.depth, next: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.leaf() {
            Some((key, Leaf::Value(value))) => {
                Plain(value).deserialize_enum(name, variants, visitor).map_err(|error| error.at(key))
            }
            Some((key, Leaf::Secret(_))) => Err(SettingsError::of_secret(key)),
            None => MapAccessDeserializer::new(Children { rest: self.leaves, depth: self.depth, next: None })
                .deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The names below a node, one after the other.
struct Children<'a> {
    rest: &'a [(&'a str, Leaf<'a>)],
    depth: usize,
    next: Option<Node<'a>>,
}

impl<'de, 'a: 'de> MapAccess<'de> for Children<'a> {
    type Error = SettingsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some((first, _)) = self.rest.first() else { return Ok(None) };
        let name = first[self.depth..].split('.').next().expect("splitting gives at least one part");
        let shared = &first[..self.depth + name.len()];
        let belongs = |(key, _): &(&str, Leaf<'_>)| {
            key.strip_prefix(shared).is_some_and(|tail| tail.is_empty() || tail.starts_with('.'))
        };
        let (children, rest) = self.rest.split_at(self.rest.partition_point(belongs));
        self.rest = rest;
        self.next = Some(Node { leaves: children, depth: shared.len() + 1 });
        let name: StrDeserializer<'_, SettingsError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        let node = self.next.take().expect("a value is asked for after its key");
        let section = node.leaves[0].0;
        let place = &section[..section.len().min(node.depth - 1)];
        seed.deserialize(node).map_err(|error| error.at(place))
    }
}

/// A value on its way into a typed one.
struct Plain<'a>(&'a Value);

impl<'de, 'a: 'de> Deserializer<'de> for Plain<'a> {
    type Error = SettingsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => visitor.visit_i64(integer),
                (None, Some(integer)) => visitor.visit_u64(integer),
                (None, None) => visitor.visit_f64(number.as_f64()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Plain))),
            Value::Table(table) => {
                visitor.visit_map(MapDeserializer::new(table.iter().map(|(name, value)| (name.as_str(), Plain(value)))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::String(text) => {
                let text: StrDeserializer<'_, SettingsError> = text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Value::Table(table) => {
                let members = table.iter().map(|(name, value)| (name.as_str(), Plain(value)));
                MapAccessDeserializer::new(MapDeserializer::new(members)).deserialize_enum(name, variants, visitor)
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de, 'a: 'de> IntoDeserializer<'de, SettingsError> for Plain<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Why a configuration does not fit the application's settings: which key, and what was expected. It says nothing of a
/// secret's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    key: Option<String>,
    message: String,
}

impl SettingsError {
    /// The key at which it went wrong, if it was at one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Names the place, unless a place nearer to the fault was named before.
    fn at(mut self, key: &str) -> Self {
        self.key.get_or_insert_with(|| key.to_owned());
        self
    }

    fn of_secret(key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            message: "the secret does not have the form that is expected here".to_owned(),
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for SettingsError {}

impl de::Error for SettingsError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { key: None, message: message.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::Deserialize;

    use super::*;
    use crate::document::Document;
    use crate::layer::{Layer, Revision};
    use crate::resolve::{Connections, resolve};
    use crate::scope::Scope;
    use crate::secret::{FingerprintKey, SecretMark};

    #[derive(Debug, Deserialize)]
    struct Settings {
        #[serde(default)]
        persona: Persona,
        #[serde(default)]
        limits: BTreeMap<String, u32>,
        odoo: Option<Odoo>,
        #[serde(default)]
        tools: Vec<Tool>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Persona {
        name: String,
        warmth: f64,
        language: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    struct Odoo {
        url: String,
        password: SecretText,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Tool {
        FindPartner,
    }

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn with_password(json: &str, password: bool) -> Resolved {
        let Ok(Value::Table(table)) = Value::from_json(json) else { panic!("{json} is no table") };
        let text = SecretText::new("hidden".to_owned());
        let mark = SecretMark {
            version: "v1".to_owned(),
            fingerprint: FingerprintKey::new([0; 32]).fingerprint(&Scope::Global, "odoo_password", &text),
        };
        let layer = Layer::new(Tier::Tenant, Revision(1), Document::from_table(table).0)
            .with_secrets(password.then(|| (key("odoo.password"), mark)));
        let required = vec![key("odoo.url"), key("odoo.password")];
        resolve(vec![Arc::new(layer)], &Connections::new(vec![Connection { section: key("odoo"), required }]))
    }

    fn built(json: &str) -> Result<Settings, SettingsError> {
        build(&with_password(json, false), |_, _| None).map(|built| built.settings)
    }

    #[test]
    fn leaves_become_typed_fields() {
        let settings =
            built(r#"{"persona":{"name":"Ada","warmth":1,"language":"de"},"limits":{"a":1,"b-c":2},"tools":["find_partner"]}"#)
                .unwrap();
        let persona = Persona { name: "Ada".to_owned(), warmth: 1.0, language: Some("de".to_owned()) };
        assert_eq!(settings.persona, persona);
        assert_eq!(settings.limits, [("a".to_owned(), 1), ("b-c".to_owned(), 2)].into());
        assert_eq!(settings.tools, [Tool::FindPartner]);
    }

    #[test]
    fn a_secret_goes_straight_into_its_field() {
        let secret = SecretText::new("hidden".to_owned());
        let resolved = with_password(r#"{"odoo":{"url":"u"}}"#, true);
        let built: Built<Settings> = build(&resolved, |_, _| Some(&secret)).unwrap();
        let odoo = built.settings.odoo.unwrap();
        assert_eq!((odoo.url.as_str(), odoo.password.expose()), ("u", "hidden"));
    }

    #[test]
    fn a_connection_without_its_secret_is_left_out_by_name() {
        let resolved = with_password(r#"{"odoo":{"url":"u"}}"#, true);
        let blank = SecretText::new(" ".to_owned());
        for lookup in [None, Some(&blank)] {
            let built: Built<Settings> = build(&resolved, |_, _| lookup).unwrap();
            assert!(built.settings.odoo.is_none());
            let why = WhyLeftOut::SecretUnavailable(key("odoo.password"));
            assert_eq!(built.left_out, [LeftOut { section: key("odoo"), why }]);
        }
    }

    #[test]
    fn an_incomplete_connection_is_left_out_by_name() {
        let resolved = with_password(r#"{"odoo":{"url":"u"}}"#, false);
        let built: Built<Settings> = build(&resolved, |_, _| None).unwrap();
        assert!(built.settings.odoo.is_none());
        assert_eq!(built.left_out[0].why, WhyLeftOut::Incomplete(vec![key("odoo.password")]));
    }

    #[test]
    fn an_error_names_the_key_and_what_was_expected() {
        let error = built(r#"{"persona":{"name":7,"warmth":1}}"#).unwrap_err();
        assert_eq!(error.to_string(), "persona.name: invalid type: integer `7`, expected a string");
        let error = built(r#"{"persona":{"name":"Ada"}}"#).unwrap_err();
        assert_eq!(error.to_string(), "persona: missing field `warmth`");
        let error = built(r#"{"limits":{"a":-1}}"#).unwrap_err();
        assert_eq!(error.key(), Some("limits.a"));
        let error = built(r#"{"tools":["fly"]}"#).unwrap_err();
        assert_eq!(error.to_string(), "tools: unknown variant `fly`, expected `find_partner`");
    }

    #[test]
    fn an_error_about_a_secret_does_not_show_it() {
        #[derive(Debug, Deserialize)]
        struct Wrong {
            #[expect(dead_code, reason = "only its type matters")]
            odoo: BTreeMap<String, u32>,
        }
        let secret = SecretText::new("CANARY".to_owned());
        let resolved = with_password(r#"{"odoo":{"url":1}}"#, true);
        let error = build::<Wrong>(&resolved, |_, _| Some(&secret)).unwrap_err();
        assert_eq!(error.key(), Some("odoo.password"));
        assert!(!format!("{error:?}").contains("CANARY"));
    }
}

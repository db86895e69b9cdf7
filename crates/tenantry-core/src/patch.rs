//! Reads a JSON Merge Patch as a change, and remembers where in the text each key stands.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, SpellingError};
use crate::change::ChangeSet;
use crate::json::{Nullable, below, without_null};
use crate::key::Key;
use crate::secret::SecretText;
use crate::validate::masked;

/// A change as a JSON Merge Patch (RFC 7396) asks for it, in which `null` means "remove the override".
///
/// Every leaf becomes a change of its own, so tables merge; which keys are secrets is for the catalog to say. The outermost
/// names may be spelt in any way that the catalog reads, but each key stands there once, and none beside a value or removal
/// of all that it lies in: no two readers can take a patch for two changes.
///
/// ```
/// use tenantry_core::{catalog::Catalog, json::parse_nullable, patch::Patch};
///
/// let schema = serde_json::json!({"properties": {"odoo": {"properties": {"url": {"type": "string"}}}}});
/// let catalog = Catalog::from_schema(&schema)?;
/// let patch = Patch::read(&catalog, parse_nullable(r#"{"odoo_url": "https://odoo.example"}"#)?, "/values")?;
/// assert_eq!(patch.changes.keys().next().unwrap().as_str(), "odoo.url");
/// assert_eq!(patch.place("odoo.url"), "/values/odoo_url");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// What is asked for.
    pub changes: ChangeSet,
    /// Where the patch itself stands in its document.
    whole: String,
    places: BTreeMap<Key, String>,
}

impl Patch {
    /// Reads a patch that stands at `whole`, a JSON Pointer, in its document.
    pub fn read(catalog: &Catalog, patch: Nullable, whole: &str) -> Result<Self, PatchError> {
        let Nullable::Table(table) = patch else { return Err(PatchError::NotATable(whole.to_owned())) };
        let mut read = Self { whole: whole.to_owned(), ..Self::default() };
        for (name, value) in table {
            let pointer = below(whole, &name);
            match key(catalog, &name) {
                Ok(key) => read.add(key, value, pointer)?,
                Err(error) => return Err(PatchError::name(&pointer, error)),
            }
        }
        match read.contradiction() {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }

    /// Adds a secret to set, that stands at a place of its own in the document.
    pub fn add_secret(&mut self, key: Key, text: SecretText, pointer: &str) -> Result<(), PatchError> {
        self.note(&key, pointer)?;
        self.changes.secrets.insert(key, Some(text));
        Ok(())
    }

    /// Where a key stands, as a JSON Pointer (RFC 6901); of a table, where the first of its keys does. What the patch does not
    /// name is for the patch as a whole to answer for. No pointer shows what looks like a secret.
    pub fn place(&self, key: &str) -> String {
        let Ok(key) = Key::parse(key) else { return masked(&self.whole).into_owned() };
        let above = std::iter::successors(Some(key.clone()), Key::parent).find_map(|key| self.places.get(&key));
        let within = || self.places.iter().find(|(known, _)| known.is_within(&key)).map(|(_, place)| place);
        masked(above.or_else(within).unwrap_or(&self.whole)).into_owned()
    }

    fn add(&mut self, key: Key, value: Nullable, pointer: String) -> Result<(), PatchError> {
        let value = match value {
            Nullable::Null => None,
            Nullable::Value(value) => Some(value),
            Nullable::List(_) => {
                let pointer = without_null(value, &pointer).err().map_or(pointer, |error| error.pointer);
                return Err(PatchError::Null(masked(&pointer).into_owned()));
            }
            Nullable::Table(table) => {
                for (name, value) in table {
                    let pointer = below(&pointer, &name);
                    let child = key.child(&name).map_err(|error| PatchError::name(&pointer, error.into()))?;
                    self.add(child, value, pointer)?;
                }
                return Ok(());
            }
        };
        self.note(&key, &pointer)?;
        self.changes.values.insert(key, value);
        Ok(())
    }

    fn note(&mut self, key: &Key, pointer: &str) -> Result<(), PatchError> {
        match self.places.insert(key.clone(), pointer.to_owned()) {
            None => Ok(()),
            Some(first) => Err(PatchError::twice(key, &first, pointer)),
        }
    }

    /// A key that stands beside another one in which it lies. Removing both says the same twice, and harms nobody.
    fn contradiction(&self) -> Option<PatchError> {
        let values = &self.changes.values;
        values.iter().find_map(|(key, value)| {
            let mut above = std::iter::successors(key.parent(), Key::parent);
            let above =
                above.find(|above| values.get(above).is_some_and(|above| above.is_some() || value.is_some()))?;
            Some(PatchError::within(key, &self.places[key], &above, &self.places[&above]))
        })
    }
}

/// The key that a name stands for. One that the catalog does not know may be left over from an older catalog.
fn key(catalog: &Catalog, name: &str) -> Result<Key, SpellingError> {
    match catalog.key(name) {
        Err(SpellingError::Unknown { .. }) => Ok(Key::parse(name)?),
        read => read,
    }
}

/// Why a JSON Merge Patch cannot be read as a change. What looks like a secret in the place of a name is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The outermost value is not an object.
    #[error("expected an object of parameters")]
    NotATable(String),
    /// A `null` within a list, where it cannot mean "remove the override".
    #[error("null cannot stand in a list")]
    Null(String),
    /// A name that no key has, or that several have.
    #[error("{error}")]
    Name {
        /// Where, as a JSON Pointer.
        pointer: String,
        /// What is wrong with it.
        error: SpellingError,
    },
    /// One key by two spellings, or a key and another one in which it lies.
    #[error("{message}")]
    Ambiguous {
        /// Where the second one is, as a JSON Pointer.
        pointer: String,
        /// Which keys, and both places.
        message: String,
    },
}

impl PatchError {
    /// Where it is, as a JSON Pointer.
    pub fn pointer(&self) -> &str {
        match self {
            Self::NotATable(pointer)
            | Self::Null(pointer)
            | Self::Name { pointer, .. }
            | Self::Ambiguous { pointer, .. } => pointer,
        }
    }

    fn name(pointer: &str, error: SpellingError) -> Self {
        Self::Name { pointer: masked(pointer).into_owned(), error }
    }

    fn twice(key: &Key, first: &str, second: &str) -> Self {
        let [name, first, second] = [key.as_str(), first, second].map(|text| masked(text).into_owned());
        let message = format!("{name} stands here twice, at {first} and at {second}: keep one of them");
        Self::Ambiguous { pointer: second, message }
    }

    fn within(key: &Key, place: &str, above: &Key, place_above: &str) -> Self {
        let texts = [key.as_str(), place, above.as_str(), place_above];
        let [name, place, above, place_above] = texts.map(|text| masked(text).into_owned());
        let message =
            format!("{name}, at {place}, lies within {above}, at {place_above}: which of them holds is not said");
        Self::Ambiguous { pointer: place, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_nullable;
    use crate::value::Value;

    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "persona": {"type": "object", "properties": {"name": {"type": "string"}, "language": {"type": "string"}}},
        "facts": {"type": "object", "additionalProperties": {"type": "string"}},
        "odoo": {"type": "object", "properties": {"url": {"type": "string"}}},
        "plain_name": {"type": "string"}
    }}"#;

    fn read(text: &str) -> Result<Patch, PatchError> {
        let catalog = Catalog::from_schema(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        Patch::read(&catalog, parse_nullable(text).unwrap(), "")
    }

    fn keys(text: &str) -> Vec<String> {
        read(text).unwrap().changes.keys().map(Key::to_string).collect()
    }

    #[test]
    fn null_in_a_merge_patch_removes_the_override() {
        let patch = read(r#"{"persona":{"name":"Ada","language":null},"facts":{"city":"Delft"}}"#).unwrap();
        let values = patch.changes.values.iter();
        let shown: Vec<_> = values.map(|(k, v)| (k.as_str(), v.as_ref().map(Value::to_json))).collect();
        assert_eq!(
            shown,
            [
                ("facts.city", Some(r#""Delft""#.to_owned())),
                ("persona.language", None),
                ("persona.name", Some(r#""Ada""#.to_owned()))
            ]
        );
    }

    #[test]
    fn a_merge_patch_with_a_bad_name_tells_where() {
        let told = |text: &str| {
            let error = read(text).unwrap_err();
            (error.pointer().to_owned(), error.to_string())
        };
        let (pointer, message) = told(r#"{"persona":{"na me":1}}"#);
        assert_eq!((pointer.as_str(), &message[..3]), ("/persona/na me", "' '"));
        assert_eq!(told(r#"{"a/b~c":1}"#).0, "/a~1b~0c");
        let null = ("/persona/tags/1".to_owned(), "null cannot stand in a list".to_owned());
        assert_eq!(told(r#"{"persona":{"tags":[1,null]}}"#), null);
        assert_eq!(told("null").1, "expected an object of parameters");
        assert!(!told(r#"{"persona":{"sk-CANARY0123456789 x":1}}"#).0.contains("CANARY"));
    }

    #[test]
    fn the_outermost_names_are_read_in_both_spellings() {
        assert_eq!(
            keys(r#"{"odoo_url":"u","persona.name":"Ada","plain_name":"x"}"#),
            ["odoo.url", "persona.name", "plain_name"]
        );
        assert_eq!(keys(r#"{"persona":{"odoo_url":1},"left_over":null}"#), ["left_over", "persona.odoo_url"]);
    }

    #[test]
    fn one_key_named_twice_is_refused_with_both_places() {
        let error = read(r#"{"persona":{"name":"B"},"persona.name":"A"}"#).unwrap_err();
        let message = "persona.name stands here twice, at /persona/name and at /persona.name: keep one of them";
        assert_eq!((error.pointer(), error.to_string().as_str()), ("/persona.name", message));
        assert!(read(r#"{"persona_name":"B","persona.name":null}"#).is_err());
    }

    #[test]
    fn a_key_beside_what_it_lies_in_is_refused_unless_both_are_removed() {
        for text in [
            r#"{"persona.name":"x","persona":null}"#,
            r#"{"persona.name":null,"persona":5}"#,
            r#"{"persona":"x","persona.name":"y"}"#,
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.pointer(), "/persona.name", "{text}");
        }
        assert_eq!(keys(r#"{"persona.name":null,"persona":null}"#), ["persona", "persona.name"]);
    }

    #[test]
    fn every_key_knows_its_place_in_the_text() {
        let patch = read(r#"{"persona":{"name":1},"odoo_url":2,"facts.city":3}"#).unwrap();
        let place = |key: &str| patch.place(key);
        assert_eq!([place("persona.name"), place("persona.name.x"), place("persona")], ["/persona/name"; 3]);
        assert_eq!([place("odoo.url"), place("facts.city")], ["/odoo_url", "/facts.city"]);
        assert_eq!([place("routes.x"), place("no key")], [""; 2], "what is not in it");
    }
}

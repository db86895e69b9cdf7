//! Turns what two stores hold of one scope into one layer, and reports what cannot be part of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::{Catalog, Sensitivity};
use crate::document::{Document, UnusableName};
use crate::key::Key;
use crate::layer::{Entry, Layer, Revision, Tier};
use crate::scope::Scope;
use crate::secret::{FingerprintKey, SecretMark, SecretText};
use crate::usable::Fault;
use crate::validate::masked;
use crate::value::Value;

/// A scope's secret as it is stored: a flat set of named texts with one version.
#[derive(Clone, Copy, Debug)]
pub struct SecretFields<'a> {
    /// The store's name for the version.
    pub version: &'a str,
    /// The texts by field name, such as `odoo_password`.
    pub fields: &'a BTreeMap<String, SecretText>,
}

/// A scope's layer, with what belongs to it and what does not.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// The layer: values that may be shown, and marks of secrets.
    pub layer: Layer,
    /// The texts of the secrets that the layer marks.
    pub secrets: BTreeMap<Key, SecretText>,
    /// What is stored but cannot be used.
    pub oddities: Vec<Oddity>,
    /// Of those, the ones that stand in the place of a parameter or section, so that [`crate::usable`] refuses the scope.
    pub blocked: Vec<Fault>,
}

/// Something stored that is not part of the configuration. It never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// The item's key or the secret's field.
    pub place: String,
    /// Why it is not used.
    pub reason: String,
}

impl Oddity {
    fn new(place: &impl ToString, reason: &str) -> Self {
        Self { place: place.to_string(), reason: reason.to_owned() }
    }
}

/// Makes the layer of a scope from its stored items and its secret.
///
/// A reader survives any stored bytes: what the catalog does not know, what stands in the wrong store and what is blank is
/// left out and reported. Whether the values are good ones is for [`crate::validate`] to say.
pub fn assemble(
    catalog: &Catalog,
    fingerprints: &FingerprintKey,
    scope: &Scope,
    revision: Revision,
    items: impl IntoIterator<Item = (Key, Value)>,
    secret: Option<SecretFields<'_>>,
) -> Assembled {
    let mut odd = Odd::default();
    let document = plain_values(catalog, items, &mut odd);
    let (shown, marks, secrets) = match secret {
        Some(stored) => read_secret(catalog, fingerprints, scope, stored, &mut odd),
        None => Default::default(),
    };
    let Odd { oddities, blocked } = odd;
    let (document, _) = Document::from_items(document.into_iter().chain(shown));
    let layer = Layer::new(Tier::of(scope), revision, document).with_secrets(marks);
    Assembled { layer, secrets, oddities, blocked }
}

/// What is left out.
#[derive(Default)]
struct Odd {
    oddities: Vec<Oddity>,
    blocked: Vec<Fault>,
}

impl Odd {
    fn push(&mut self, oddity: Oddity) {
        self.oddities.push(oddity);
    }

    /// Leaves out what stands in the place of something that the catalog knows.
    fn block(&mut self, key: &Key, oddity: Oddity) {
        self.blocked.push(Fault::new(key, &*oddity.reason));
        self.push(oddity);
    }
}

/// The leaves of the stored items that are plain parameters of the catalog.
fn plain_values(catalog: &Catalog, items: impl IntoIterator<Item = (Key, Value)>, odd: &mut Odd) -> Vec<(Key, Value)> {
    let (document, unusable) = Document::from_items(items);
    odd.oddities.extend(unusable.iter().map(unusable_name));
    let mut leaves = Vec::with_capacity(document.leaves().len());
    for (key, value) in document.into_leaves() {
        match catalog.parameter(&key).map(|parameter| parameter.sensitivity) {
            Some(Sensitivity::Plain) => leaves.push((key, value)),
            Some(Sensitivity::Credential | Sensitivity::Secret) => {
                odd.push(Oddity::new(&key, "belongs into the secret, not among the plain parameters"));
            }
            None if catalog.is_section(&key) => {
                odd.block(&key, Oddity::new(&key, "is a section: a value cannot stand in its place"));
            }
            None => odd.push(Oddity::new(&key, "is no parameter of the catalog")),
        }
    }
    leaves
}

fn unusable_name(name: &UnusableName) -> Oddity {
    let place = match &name.parent {
        Some(parent) => format!("{parent}.{}", name.name.escape_debug()),
        None => name.name.escape_debug().to_string(),
    };
    Oddity::new(&masked(&place), "cannot be a key: use letters, digits, '_' and '-'")
}

type Read = (Vec<(Key, Value)>, Vec<(Key, SecretMark)>, BTreeMap<Key, SecretText>);

/// The fields of the secret: values that may be shown, marks of those that may not, and the texts behind the marks.
fn read_secret(
    catalog: &Catalog,
    fingerprints: &FingerprintKey,
    scope: &Scope,
    stored: SecretFields<'_>,
    odd: &mut Odd,
) -> Read {
    let (mut shown, mut marks, mut secrets) = Read::default();
    for (field, text) in stored.fields {
        let Some(key) = catalog.key_of_secret_field(field) else {
            odd.push(Oddity::new(field, "is no field of the catalog's secret"));
            continue;
        };
        if text.is_blank() {
            odd.block(key, Oddity::new(field, "is blank: an empty text is never a secret"));
            continue;
        }
        match catalog.parameter(key).map(|parameter| parameter.sensitivity) {
            Some(Sensitivity::Secret) => {
                let fingerprint = fingerprints.fingerprint(scope, field, text);
                marks.push((key.clone(), SecretMark { version: stored.version.to_owned(), fingerprint }));
                secrets.insert(key.clone(), text.clone());
            }
            Some(Sensitivity::Credential) => shown.push((key.clone(), Value::String(text.expose().to_owned()))),
            Some(Sensitivity::Plain) | None => {
                odd.push(Oddity::new(field, "belongs among the plain parameters, not into the secret"));
            }
        }
    }
    (shown, marks, secrets)
}

impl Assembled {
    /// The texts and marks of a layer's entries, to build settings from.
    pub fn secret(&self, key: &Key) -> Option<&SecretText> {
        match self.layer.entry(key)? {
            Entry::Secret(_) => self.secrets.get(key),
            Entry::Value(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": {
            "persona": {"type": "object", "properties": {"name": {"type": "string"}}},
            "odoo": {
                "type": "object",
                "x-connection": true,
                "required": ["url", "password"],
                "properties": {
                    "url": {"type": "string", "x-sensitivity": "credential"},
                    "password": {"type": "string", "x-sensitivity": "secret"}
                }
            }
        }
    }"#;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn assembled(items: &[(&str, &str)], fields: &[(&str, &str)]) -> Assembled {
        let catalog = Catalog::from_schema(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let items = items.iter().map(|(k, json)| (key(k), Value::from_json(json).unwrap()));
        let secret = |text: &&str| SecretText::new((*text).to_owned());
        let fields = fields.iter().map(|(name, text)| ((*name).to_owned(), secret(text))).collect();
        let stored = SecretFields { version: "v7", fields: &fields };
        assemble(&catalog, &FingerprintKey::new([0; 32]), &Scope::Global, Revision(3), items, Some(stored))
    }

    fn places(assembled: &Assembled) -> Vec<&str> {
        assembled.oddities.iter().map(|oddity| oddity.place.as_str()).collect()
    }

    #[test]
    fn credentials_are_shown_and_secrets_are_marked() {
        let assembled = assembled(&[("persona.name", r#""Ada""#)], &[("odoo_url", "u"), ("odoo_password", "CANARY")]);
        let layer = &assembled.layer;
        assert_eq!((layer.tier(), layer.revision()), (Tier::Global, Revision(3)));
        assert_eq!(layer.entry(&key("odoo.url")), Some(&Entry::Value("u".into())));
        let Some(Entry::Secret(mark)) = layer.entry(&key("odoo.password")) else { panic!("{layer:?}") };
        assert_eq!(mark.version, "v7");
        assert_eq!(assembled.secret(&key("odoo.password")).unwrap().expose(), "CANARY");
        assert!(assembled.oddities.is_empty());
        assert!(!format!("{assembled:?}").contains("CANARY"));
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_reported_without_its_value() {
        let items = [
            ("persona.nmae", r#""CANARY""#),
            ("persona", r#"{"na me":"CANARY"}"#),
            ("odoo.password", r#""CANARY""#),
            ("odoo", r#""CANARY""#),
        ];
        let fields = [("odoo_url", " "), ("unknown", "CANARY"), ("odoo_password", "")];
        let assembled = assembled(&items, &fields);
        assert!(assembled.layer.entries().is_empty());
        let expected = ["persona.na me", "odoo.password", "persona.nmae", "odoo_password", "odoo_url", "unknown"];
        assert_eq!(places(&assembled), expected);
        assert!(!format!("{assembled:?}").contains("CANARY"));
    }

    #[test]
    fn a_value_in_the_place_of_a_section_is_reported() {
        assert_eq!(places(&assembled(&[("odoo", "1")], &[])), ["odoo"]);
    }
}

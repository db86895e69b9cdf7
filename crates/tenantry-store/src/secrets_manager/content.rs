//! The flat JSON object in a secret: read whoever wrote it, and written so that nothing of it is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tenantry_core::secret::SecretText;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::limits;
use crate::records::{OddItem, SecretVersion, StoredSecret};

/// The fields of a secret.
#[derive(Clone, Default)]
pub(super) struct Content(BTreeMap<String, Field>);

#[derive(Clone)]
enum Field {
    Text(SecretText),
    /// Something that is no secret: kept as it is, until the field is set or removed.
    Odd {
        json: Zeroizing<String>,
        reason: &'static str,
    },
}

impl Content {
    /// Reads the JSON of a secret; the error says nothing of what is in it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let fields = deserializer.deserialize_map(Fields).ok()?;
        deserializer.end().ok()?;
        Some(fields)
    }

    /// The JSON, and whether it is small enough.
    pub(super) fn to_json(&self) -> Result<Zeroizing<String>, StoreError> {
        let mut json = Zeroizing::new(String::from("{"));
        for (name, field) in &self.0 {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&encoded(name));
            json.push(':');
            match field {
                Field::Text(text) => json.push_str(&Zeroizing::new(encoded(text.expose()))),
                Field::Odd { json: odd, .. } => json.push_str(odd),
            }
        }
        json.push('}');
        if json.len() > limits::LARGEST_SECRET {
            let what = "the secret".to_owned();
            return Err(StoreError::TooLarge { what, size: json.len(), limit: limits::LARGEST_SECRET });
        }
        Ok(json)
    }

    /// Sets and removes fields; all others stay, odd ones as well.
    pub(super) fn change(&mut self, fields: &BTreeMap<String, Option<SecretText>>) {
        for (name, text) in fields {
            match text {
                Some(text) => drop(self.0.insert(name.clone(), Field::Text(text.clone()))),
                None => drop(self.0.remove(name)),
            }
        }
    }

    /// The texts that differ from those of an earlier content.
    pub(super) fn changes_since(&self, before: &Self) -> BTreeMap<String, Option<SecretText>> {
        let text = |content: &Self, name: &str| match content.0.get(name) {
            Some(Field::Text(text)) => Some(text.clone()),
            Some(Field::Odd { .. }) | None => None,
        };
        let names: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let pairs = names.into_iter().map(|name| (name, text(before, name), text(self, name)));
        let differs = |before: &Option<SecretText>, after: &Option<SecretText>| {
            before.as_ref().map(SecretText::expose) != after.as_ref().map(SecretText::expose)
        };
        pairs
            .filter(|(_, before, after)| differs(before, after))
            .map(|(name, _, after)| (name.clone(), after))
            .collect()
    }

    /// The secret as the port shows it.
    pub(super) fn into_stored(self, version: SecretVersion) -> StoredSecret {
        let mut stored = StoredSecret { version, fields: BTreeMap::new(), odd: Vec::new() };
        for (name, field) in self.0 {
            match field {
                Field::Text(text) => drop(stored.fields.insert(name, text)),
                Field::Odd { reason, .. } => stored.odd.push(OddItem { key: name, reason: reason.to_owned() }),
            }
        }
        stored
    }
}

fn encoded(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

/// Reads an object whose members may be anything; one that is named twice is odd, because readers would disagree on it.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        let mut content = Content::default();
        while let Some((name, raw)) = members.next_entry::<String, &RawValue>()? {
            let twice = content.0.contains_key(&name);
            let field = if twice { odd(raw, "is named twice") } else { field(raw) };
            content.0.insert(name, field);
        }
        Ok(content)
    }
}

fn field(raw: &RawValue) -> Field {
    match serde_json::from_str::<String>(raw.get()).map(SecretText::new) {
        Ok(text) if text.is_blank() => odd(raw, "is blank"),
        Ok(text) => Field::Text(text),
        Err(_) => odd(raw, "is no text"),
    }
}

fn odd(raw: &RawValue, reason: &'static str) -> Field {
    Field::Odd { json: Zeroizing::new(raw.get().to_owned()), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(text: &str) -> StoredSecret {
        Content::read(text).unwrap().into_stored(SecretVersion("v".to_owned()))
    }

    #[test]
    fn what_is_no_text_is_reported_and_kept_when_another_field_changes() {
        let text = r#"{"n": 7, "null": null, "odoo_password": "p", "blank": " ", "deep": {"a": [1]}, "twice": "1", "twice": "2"}"#;
        let odd: Vec<_> = stored(text).odd.into_iter().map(|odd| odd.key).collect();
        assert_eq!(odd, ["blank", "deep", "n", "null", "twice"]);
        let mut content = Content::read(text).unwrap();
        content.change(&BTreeMap::from([("odoo_password".to_owned(), Some(SecretText::new("q".to_owned())))]));
        let json = content.to_json().unwrap();
        assert_eq!(*json, r#"{"blank":" ","deep":{"a": [1]},"n":7,"null":null,"odoo_password":"q","twice":"2"}"#);
    }

    #[test]
    fn what_is_no_object_is_no_secret() {
        for text in ["", "CANARY", "[]", "null", "\"CANARY\"", "{", "{} {}", r#"{"a":}"#, "{\"a\":\"\u{0}\"}"] {
            assert!(Content::read(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn fields_come_back_as_they_went(texts in prop::collection::btree_map(".{0,8}", ".*[a-z]", 0..5)) {
            let mut content = Content::default();
            content.change(&texts.iter().map(|(n, t)| (n.clone(), Some(SecretText::new(t.clone())))).collect());
            let read = stored(&content.to_json().unwrap());
            let read: BTreeMap<_, _> = read.fields.iter().map(|(n, t)| (n.clone(), t.expose().to_owned())).collect();
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = Content::read(&text);
        }
    }
}

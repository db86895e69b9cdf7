//! The digest of a scope's items: by it a reader sees that it read a state that no managed write left.

use std::collections::BTreeMap;

use tenantry_core::value::Value;

use crate::random;

/// What the digest says of one item: the revision that wrote it, and its value. What cannot be read counts as such, so
/// that mending it is seen, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Print {
    /// None for an item that another program wrote.
    pub(super) revision: Option<u64>,
    /// None if it cannot be read.
    pub(super) value: Option<ValuePrint>,
}

/// A hash of a value that no change of a library's notation can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValuePrint([u8; 32]);

/// The prints of all items of a scope by their sort keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest(pub(super) BTreeMap<String, Print>);

/// The contexts of the hashes (BLAKE3 `derive_key`), never changed.
const ITEMS: &str = "tenantry 2026-11 aws store: digest of a scope's items";
const VALUE: &str = "tenantry 2026-11 aws store: print of a value";

impl Digest {
    /// The first 16 bytes of the BLAKE3 hash over sort key, revision and value of each item, in the order of keys, as 32
    /// hexadecimal digits. Numbers are 8 bytes, the least significant first; texts stand behind their length.
    pub(super) fn to_text(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key(ITEMS);
        for (key, print) in &self.0 {
            add_text(&mut hasher, key);
            // Revisions begin at 1, so 0 is an item that has none.
            hasher.update(&print.revision.unwrap_or(0).to_le_bytes());
            hasher.update(&print.value.map_or([0; 32], |print| print.0));
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        random::hex(&bytes)
    }
}

impl ValuePrint {
    pub(super) fn of(value: &Value) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(VALUE);
        add_value(&mut hasher, value);
        Self(*hasher.finalize().as_bytes())
    }
}

/// Each value begins with a letter that tells its kind; lists and tables tell how many members follow.
fn add_value(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Bool(flag) => drop(hasher.update(if *flag { b"+" } else { b"-" })),
        Value::Number(number) => add_text(hasher.update(b"n"), &number.to_string()),
        Value::String(text) => add_text(hasher.update(b"s"), text),
        Value::Array(values) => {
            hasher.update(b"l").update(&(values.len() as u64).to_le_bytes());
            for value in values {
                add_value(hasher, value);
            }
        }
        Value::Table(table) => {
            hasher.update(b"t").update(&(table.len() as u64).to_le_bytes());
            for (name, value) in table {
                add_text(hasher, name);
                add_value(hasher, value);
            }
        }
    }
}

fn add_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(items: &[(&str, Option<u64>, Option<&str>)]) -> String {
        let print = |json: &str| ValuePrint::of(&Value::from_json(json).unwrap());
        let print = |revision, json: Option<&str>| Print { revision, value: json.map(print) };
        Digest(items.iter().map(|(key, revision, json)| ((*key).to_owned(), print(*revision, *json))).collect())
            .to_text()
    }

    #[test]
    fn every_part_of_every_item_counts() {
        let values = [
            "1",
            "2",
            "\"1\"",
            "true",
            "false",
            "[]",
            "{}",
            "[1]",
            "[[1]]",
            "[1,1]",
            r#"{"a":1}"#,
            r#"{"b":1}"#,
            r#"{"a":[1]}"#,
        ];
        let mut all: Vec<_> = values.map(|json| digest(&[("a", Some(1), Some(json))])).into();
        all.extend([
            digest(&[]),
            digest(&[("a", Some(2), Some("1"))]),
            digest(&[("a", None, Some("1"))]),
            digest(&[("a", Some(1), None)]),
            digest(&[("b", Some(1), Some("1"))]),
            digest(&[("a", Some(1), Some("1")), ("b", Some(1), Some("1"))]),
            digest(&[("ab", Some(1), Some("1")), ("b", Some(1), Some("1"))]),
        ]);
        for (n, one) in all.iter().enumerate() {
            assert!(all[n + 1..].iter().all(|other| other != one), "{n}");
        }
        assert_eq!(digest(&[("b", None, None), ("a", None, None)]), digest(&[("a", None, None), ("b", None, None)]));
    }

    #[test]
    fn equal_numbers_count_alike_however_an_engine_writes_them() {
        assert_eq!(digest(&[("a", Some(1), Some("1e125"))]), digest(&[("a", Some(1), Some("10E+124"))]));
    }

    #[test]
    fn a_digest_is_what_it_always_was() {
        let value = r#"{"name":"Ada","tags":[true,0.5]}"#;
        assert_eq!(digest(&[("persona", Some(3), Some(value)), ("x", None, None)]), "103632892a9e31672b048356a2d412d3");
    }
}

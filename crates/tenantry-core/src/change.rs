//! What a change asks for, what it did, and how to walk back through what was done.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::key::Key;
use crate::layer::Entry;
use crate::secret::SecretText;
use crate::value::Value;

/// What somebody asks to be changed in one scope: values to set, and keys to unset (`None`).
///
/// Secrets are kept apart from the first moment, so that no text of theirs can stray into a document.
#[derive(Clone, Debug, Default)]
pub struct ChangeSet {
    /// Values by key. A table replaces all that is below its key; `None` removes the override at and below the key.
    pub values: BTreeMap<Key, Option<Value>>,
    /// Secret and credential texts by key; `None` removes the override.
    pub secrets: BTreeMap<Key, Option<SecretText>>,
}

impl ChangeSet {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.secrets.is_empty()
    }

    /// The keys that are set or unset, each once.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.values.keys().chain(self.secrets.keys())
    }

    /// Adds a value to set.
    #[must_use]
    pub fn set(mut self, key: Key, value: Value) -> Self {
        self.values.insert(key, Some(value));
        self
    }

    /// Adds a key to unset.
    #[must_use]
    pub fn unset(mut self, key: Key) -> Self {
        self.values.insert(key, None);
        self
    }

    /// Adds a secret to set.
    #[must_use]
    pub fn set_secret(mut self, key: Key, secret: SecretText) -> Self {
        self.secrets.insert(key, Some(secret));
        self
    }

    /// Adds a secret to unset.
    #[must_use]
    pub fn unset_secret(mut self, key: Key) -> Self {
        self.secrets.insert(key, None);
        self
    }

    /// The document that the values of this change make of another.
    pub fn apply(&self, document: &Document) -> Document {
        let mut changed = document.clone();
        for (key, value) in &self.values {
            match value {
                Some(value) => drop(changed.set(key, value.clone())),
                None => drop(changed.unset(key)),
            }
        }
        changed
    }
}

/// How one leaf differs between two states. A secret shows as its mark, never as its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The leaf.
    pub key: Key,
    /// What was there; none if it was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Entry>,
    /// What is there; none if it is not set any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Entry>,
}

/// Lists the leaves in which two states differ, in the order of their keys. Both must be sorted by key.
///
/// A secret whose fingerprint is unchanged does not differ, though the secret's version moves with its neighbours.
pub fn diff(before: &[(Key, Entry)], after: &[(Key, Entry)]) -> Vec<Difference> {
    let mut all: BTreeMap<&Key, (Option<&Entry>, Option<&Entry>)> = BTreeMap::new();
    for (key, entry) in before {
        all.entry(key).or_default().0 = Some(entry);
    }
    for (key, entry) in after {
        all.entry(key).or_default().1 = Some(entry);
    }
    let differs = |(before, after): &(Option<&Entry>, Option<&Entry>)| match (before, after) {
        (Some(Entry::Secret(before)), Some(Entry::Secret(after))) => before.fingerprint != after.fingerprint,
        (before, after) => before != after,
    };
    all.into_iter()
        .filter(|(_, states)| differs(states))
        .map(|(key, (before, after))| Difference { key: key.clone(), before: before.cloned(), after: after.cloned() })
        .collect()
}

/// Walks a document back through differences, given from the newest to the oldest. Secrets are not in documents, so
/// they are passed over.
pub fn rewind<'a>(document: &Document, newest_first: impl IntoIterator<Item = &'a Difference>) -> Document {
    let mut leaves: BTreeMap<Key, Value> = document.leaves().iter().cloned().collect();
    for difference in newest_first {
        match &difference.before {
            Some(Entry::Value(value)) => drop(leaves.insert(difference.key.clone(), value.clone())),
            Some(Entry::Secret(_)) => {}
            None => drop(leaves.remove(&difference.key)),
        }
    }
    Document::from_items(leaves).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Layer, Revision, Tier};
    use proptest::prelude::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn entries(document: &Document) -> Vec<(Key, Entry)> {
        Layer::new(Tier::Tenant, Revision(1), document.clone()).entries().to_vec()
    }

    fn documents() -> impl Strategy<Value = Document> {
        prop::collection::btree_map("[a-c](\\.[a-c]){0,2}", 0i64..4, 0..6)
            .prop_map(|items| Document::from_items(items.into_iter().map(|(k, v)| (key(&k), Value::from(v)))).0)
    }

    fn changes() -> impl Strategy<Value = ChangeSet> {
        prop::collection::btree_map("[a-c](\\.[a-c]){0,2}", prop::option::of(0i64..4), 0..4).prop_map(|values| {
            ChangeSet {
                values: values.into_iter().map(|(k, v)| (key(&k), v.map(Value::from))).collect(),
                secrets: BTreeMap::new(),
            }
        })
    }

    proptest! {
        #[test]
        fn a_document_does_not_differ_from_itself(document in documents()) {
            prop_assert!(diff(&entries(&document), &entries(&document)).is_empty());
        }

        #[test]
        fn rewinding_the_differences_of_changes_undoes_them(start in documents(), changes in prop::collection::vec(changes(), 0..4)) {
            let mut document = start.clone();
            let mut done = Vec::new();
            for change in changes {
                let changed = change.apply(&document);
                done.push(diff(&entries(&document), &entries(&changed)));
                document = changed;
            }
            let newest_first: Vec<_> = done.iter().rev().flatten().collect();
            prop_assert_eq!(rewind(&document, newest_first), start);
        }
    }
}

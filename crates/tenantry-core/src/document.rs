//! A tree of values as it is stored: its leaves in the order of their keys.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::key::{Key, KeyError, is_segment};
use crate::value::Value;

/// A tree of values, held as its leaves: keys in order, no table among the values, no key below another.
///
/// An empty table says nothing and is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    leaves: Vec<(Key, Value)>,
}

impl Document {
    /// Builds a document from stored items, whose values may be subtrees.
    ///
    /// `ai.default` = `{temperature: 0.2}` and `ai.default.temperature` = `0.2` say the same; where items overlap, the
    /// longer key wins, and between equal keys the later item. Names in a subtree that no key can have are returned
    /// beside the document.
    pub fn from_items(items: impl IntoIterator<Item = (Key, Value)>) -> (Self, Vec<UnusableName>) {
        let mut items: Vec<_> = items.into_iter().collect();
        items.sort_by_key(|(key, _)| key.segments().count());
        let mut leaves = BTreeMap::new();
        let mut unusable = Vec::new();
        for (key, value) in items {
            plant(&mut leaves, &key, value, &mut unusable);
        }
        (Self { leaves: leaves.into_iter().collect() }, unusable)
    }

    /// Builds a document from one table.
    pub fn from_table(table: BTreeMap<String, Value>) -> (Self, Vec<UnusableName>) {
        let mut unusable = Vec::new();
        let mut items = Vec::new();
        for (name, value) in table {
            match Key::parse(&name) {
                Ok(key) if is_segment(&name) => items.push((key, value)),
                Ok(_) | Err(_) => unusable.push(UnusableName { parent: None, name }),
            }
        }
        let (document, mut more) = Self::from_items(items);
        unusable.append(&mut more);
        (document, unusable)
    }

    /// The leaves, in the order of their keys.
    pub fn leaves(&self) -> &[(Key, Value)] {
        &self.leaves
    }

    /// Consumes the document into its leaves.
    pub fn into_leaves(self) -> Vec<(Key, Value)> {
        self.leaves
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The value of a leaf.
    pub fn leaf(&self, key: &Key) -> Option<&Value> {
        let at = self.leaves.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        Some(&self.leaves[at].1)
    }

    /// The value at a key: a leaf's, or a table made of all that is below the key.
    pub fn at(&self, key: &Key) -> Option<Value> {
        let within = self.within(key);
        match within {
            [] => None,
            [(only, value)] if only == key => Some(value.clone()),
            leaves => Some(Value::Table(grow(leaves, key.as_str().len() + 1))),
        }
    }

    /// The leaves at and below a key.
    pub fn within(&self, key: &Key) -> &[(Key, Value)] {
        &self.leaves[range_within(&self.leaves, key)]
    }

    /// Puts a value at a key in place of all that was at, below or (as a value) above it.
    pub fn set(&mut self, key: &Key, value: Value) -> Vec<UnusableName> {
        let mut leaves: BTreeMap<_, _> = std::mem::take(&mut self.leaves).into_iter().collect();
        uproot(&mut leaves, key);
        let mut unusable = Vec::new();
        plant(&mut leaves, key, value, &mut unusable);
        self.leaves = leaves.into_iter().collect();
        unusable
    }

    /// Removes all that is at or below a key, and tells whether there was anything.
    pub fn unset(&mut self, key: &Key) -> bool {
        let range = range_within(&self.leaves, key);
        self.leaves.drain(range).next().is_some()
    }

    /// The whole document as one table.
    pub fn to_table(&self) -> BTreeMap<String, Value> {
        grow(&self.leaves, 0)
    }
}

crate::json::written_as!(Document, { "type": "object" });

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.to_table())
    }
}

/// A name in a stored subtree that cannot be part of a key, so that what is below it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableName {
    /// The key of the table in which it stands; none for the outermost one.
    pub parent: Option<Key>,
    /// The name.
    pub name: String,
}

/// Puts a value's leaves into the map, in place of what they contradict.
fn plant(leaves: &mut BTreeMap<Key, Value>, key: &Key, value: Value, unusable: &mut Vec<UnusableName>) {
    let Value::Table(table) = value else {
        uproot(leaves, key);
        leaves.insert(key.clone(), value);
        return;
    };
    for (name, value) in table {
        match child(key, &name) {
            Ok(key) => plant(leaves, &key, value, unusable),
            Err(_) => unusable.push(UnusableName { parent: Some(key.clone()), name }),
        }
    }
}

/// The key below another by one name; a name with a dot in it is none.
fn child(key: &Key, name: &str) -> Result<Key, KeyError> {
    match name.find('.') {
        Some(index) => Err(KeyError::Character { position: index + 1, found: '.' }),
        None => key.child(name),
    }
}

/// Removes what is at or below a key, and a value above it that a leaf here makes a table.
fn uproot(leaves: &mut BTreeMap<Key, Value>, key: &Key) {
    let within: Vec<Key> =
        leaves.range(key.clone()..).map(|(k, _)| k).take_while(|k| k.is_within(key)).cloned().collect();
    for key in within {
        leaves.remove(&key);
    }
    let mut above = key.parent();
    while let Some(parent) = above {
        leaves.remove(&parent);
        above = parent.parent();
    }
}

/// Where the items at and below a key stand in a list that is sorted by key.
pub(crate) fn range_within<T>(sorted: &[(Key, T)], key: &Key) -> Range<usize> {
    let start = sorted.partition_point(|item| item.0 < *key);
    let length = sorted[start..].partition_point(|item| item.0.is_within(key));
    start..start + length
}

/// Makes a table of leaves that share their first `skip` bytes.
fn grow(leaves: &[(Key, Value)], skip: usize) -> BTreeMap<String, Value> {
    let mut table = BTreeMap::new();
    let mut rest = leaves;
    while let Some((key, value)) = rest.first() {
        let tail = &key.as_str()[skip..];
        let Some((name, _)) = tail.split_once('.') else {
            table.insert(tail.to_owned(), value.clone());
            rest = &rest[1..];
            continue;
        };
        let end = skip + name.len() + 1;
        let branch = &key.as_str()[..end];
        let count = rest.partition_point(|(k, _)| k.as_str().starts_with(branch));
        table.insert(name.to_owned(), Value::Table(grow(&rest[..count], end)));
        rest = &rest[count..];
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn document(items: &[(&str, &str)]) -> Document {
        let items = items.iter().map(|(k, json)| (key(k), Value::from_json(json).unwrap()));
        Document::from_items(items).0
    }

    fn json(document: &Document) -> String {
        serde_json::to_string(document).unwrap()
    }

    #[test]
    fn a_subtree_and_its_leaves_say_the_same() {
        let as_subtree = document(&[("ai.default", r#"{"model":"m","temperature":0.2}"#)]);
        let as_leaves = document(&[("ai.default.temperature", "0.2"), ("ai.default.model", r#""m""#)]);
        assert_eq!(as_subtree, as_leaves);
        assert_eq!(json(&as_leaves), r#"{"ai":{"default":{"model":"m","temperature":0.2}}}"#);
    }

    #[test]
    fn the_longer_key_wins_in_any_order() {
        let (short, long) = (("ai.default", r#"{"temperature":0.2,"model":"m"}"#), ("ai.default.temperature", "0.9"));
        let expected = r#"{"ai":{"default":{"model":"m","temperature":0.9}}}"#;
        assert_eq!(json(&document(&[short, long])), expected);
        assert_eq!(json(&document(&[long, short])), expected);
    }

    #[test]
    fn names_that_no_key_has_are_reported_not_repaired() {
        let table = Value::from_json(r#"{"ok":1,"not ok":2,"a.b":3}"#).unwrap();
        let (document, unusable) = Document::from_items([(key("company.facts"), table)]);
        assert_eq!(json(&document), r#"{"company":{"facts":{"ok":1}}}"#);
        assert_eq!(unusable.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(), ["a.b", "not ok"]);
    }

    #[test]
    fn setting_a_table_replaces_what_was_below() {
        let mut document = document(&[("a.b", "1"), ("a.c.d", "2"), ("a-b", "3")]);
        document.set(&key("a"), Value::from_json(r#"{"x":1}"#).unwrap());
        assert_eq!(json(&document), r#"{"a":{"x":1},"a-b":3}"#);
    }

    #[test]
    fn unsetting_takes_all_that_is_below_and_nothing_beside() {
        let mut document = document(&[("a.b", "1"), ("a.c.d", "2"), ("a-b", "3"), ("ab", "4")]);
        assert!(document.unset(&key("a")));
        assert!(!document.unset(&key("a")));
        assert_eq!(json(&document), r#"{"a-b":3,"ab":4}"#);
    }

    #[test]
    fn a_table_is_found_at_its_key() {
        let document = document(&[("a.b", "1"), ("a.c.d", "2")]);
        assert_eq!(document.at(&key("a.c")), Some(Value::from_json(r#"{"d":2}"#).unwrap()));
        assert_eq!(document.at(&key("a.b")), Some(1.into()));
        assert_eq!(document.at(&key("a.x")), None);
    }

    fn trees() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<i64>().prop_map(Value::from), "[a-z]{0,4}".prop_map(Value::String)];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop::collection::btree_map("[a-c-]{1,2}", inner, 1..4).prop_map(Value::Table)
        })
    }

    proptest! {
        #[test]
        fn a_table_is_the_same_after_its_way_through_leaves(table in prop::collection::btree_map("[a-c-]{1,2}", trees(), 0..4)) {
            let (document, unusable) = Document::from_table(table.clone());
            prop_assert!(unusable.is_empty());
            prop_assert_eq!(document.to_table(), table);
        }

        #[test]
        fn no_leaf_lies_below_another(items in prop::collection::vec(("[ab](\\.[ab]){0,2}", trees()), 0..6)) {
            let (document, _) = Document::from_items(items.into_iter().map(|(k, v)| (key(&k), v)));
            for pair in document.leaves().windows(2) {
                prop_assert!(pair[0].0 < pair[1].0 && !pair[1].0.is_below(&pair[0].0));
            }
        }
    }
}

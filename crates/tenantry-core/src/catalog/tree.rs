//! Finds the declaration of a key, and splits values where the catalog has its leaves.

use std::collections::BTreeMap;

use crate::key::Key;
use crate::value::Value;

/// A node of the catalog; numbers are places in its lists of parameters and sections.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// A table with fields of its own.
    Section { at: usize, children: BTreeMap<String, Tree> },
    /// A table of entries that are alike.
    Map { at: usize, entry: Box<Tree> },
    /// A value.
    Parameter(usize),
}

impl Tree {
    /// The node at the end of a path.
    pub(super) fn find<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter().try_fold(self, Self::child)
    }

    /// The node below by one name.
    fn child(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Section { children, .. } => children.get(name),
            Self::Map { entry, .. } => Some(entry),
            Self::Parameter(_) => None,
        }
    }

    /// The place of the parameter, if this is one.
    pub(super) fn parameter(&self) -> Option<usize> {
        match self {
            Self::Parameter(at) => Some(*at),
            Self::Section { .. } | Self::Map { .. } => None,
        }
    }

    /// The place of the section or map, if this is one.
    pub(super) fn section(&self) -> Option<usize> {
        match self {
            Self::Section { at, .. } | Self::Map { at, .. } => Some(*at),
            Self::Parameter(_) => None,
        }
    }

    /// Splits the value of this node into those of its leaves. What the catalog does not know stays in one piece.
    pub(super) fn leaves(&self, key: &Key, value: Value) -> Vec<(Key, Value)> {
        let mut leaves = Vec::new();
        self.split(key, value, &mut leaves);
        leaves
    }

    fn split(&self, key: &Key, value: Value, leaves: &mut Vec<(Key, Value)>) {
        let table = match (self, value) {
            (Self::Section { .. } | Self::Map { .. }, Value::Table(table)) => table,
            (_, value) => return leaves.push((key.clone(), value)),
        };
        let mut nameless = BTreeMap::new();
        for (name, value) in table {
            let Some(below) = child_key(key, &name) else {
                nameless.insert(name, value);
                continue;
            };
            match self.child(&name) {
                Some(tree) => tree.split(&below, value, leaves),
                None => leaves.push((below, value)),
            }
        }
        if !nameless.is_empty() {
            leaves.push((key.clone(), Value::Table(nameless)));
        }
    }
}

/// The key below by a name, unless no key can have that name.
fn child_key(key: &Key, name: &str) -> Option<Key> {
    if name.contains('.') { None } else { key.child(name).ok() }
}

//! The keys of a parameter: one key, or one for each entry of a map.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::key::Key;

/// A key in which `*` stands for the name of a map's entry: `persona.name`, `routing.routes.*.prompt`.
///
/// Patterns are in the order of keys.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyPattern(Arc<str>);

/// The segment that stands for any name.
pub(super) const ANY: &str = "*";

impl KeyPattern {
    /// The pattern of the outermost section, which is no key.
    pub(super) fn root() -> Self {
        Self("".into())
    }

    /// The pattern one segment longer.
    pub(super) fn child(&self, segment: &str) -> Self {
        if self.0.is_empty() { Self(segment.into()) } else { Self(format!("{}.{segment}", self.0).into()) }
    }

    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the dots.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.').filter(|segment| !segment.is_empty())
    }

    /// Whether it stands for many keys.
    pub fn has_wildcard(&self) -> bool {
        self.segments().any(|segment| segment == ANY)
    }

    /// The one key that it stands for, if it has no `*`.
    pub fn key(&self) -> Option<Key> {
        Key::parse(&self.0).ok()
    }

    /// Whether a key is one of those that it stands for.
    pub fn matches(&self, key: &Key) -> bool {
        let mut segments = key.segments();
        let all = self.segments().all(|own| segments.next().is_some_and(|other| own == ANY || own == other));
        all && segments.next().is_none()
    }

    /// The pattern one segment shorter; that of the outermost section for a single segment.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('.').map_or("", |(parent, _)| parent).into()))
    }

    /// How the pattern is shown to people: `prompts.<name>`.
    pub fn shown(&self) -> String {
        self.0.replace(ANY, "<name>")
    }
}

impl Ord for KeyPattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.segments().cmp(other.segments())
    }
}

impl PartialOrd for KeyPattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

crate::json::written_as!(KeyPattern, { "type": "string" });

impl Serialize for KeyPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

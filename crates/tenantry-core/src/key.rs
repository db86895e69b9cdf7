//! The names of parameters: dotted paths, ordered so that everything below a key stands right behind it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;
/// The longest segment of a key, in bytes.
const LONGEST_SEGMENT: usize = 64;

/// A parameter's name, such as `persona.name`: segments of `[A-Za-z0-9_-]{1,64}` joined by dots, at most 255 bytes.
///
/// Keys are case-sensitive. Their order compares segment by segment (a dot sorts before every letter), so in a sorted
/// list the keys below `a` follow `a` without a gap. Cloning copies a pointer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Reads a key, or says at which place it breaks which rule.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if let Some((index, found)) = text.chars().enumerate().find(|(_, c)| !is_key_character(*c) && *c != '.') {
            return Err(KeyError::Character { position: index + 1, found });
        }
        if text.len() > LONGEST_KEY {
            return Err(KeyError::TooLong(text.len()));
        }
        let mut position = 1;
        for segment in text.split('.') {
            check_segment_length(segment, position)?;
            position += segment.len() + 1;
        }
        Ok(Self(text.into()))
    }

    /// The dotted text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the dots, at least one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// The key one segment longer, if the segment is a valid one and there is room for it.
    pub fn child(&self, segment: &str) -> Result<Self, KeyError> {
        Self::parse(&format!("{}.{segment}", self.0))
    }

    /// The key one segment shorter, unless this one has a single segment.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('.').map(|(parent, _)| Self(parent.into()))
    }

    /// Whether this key is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self == other || self.is_below(other)
    }

    /// Whether this key lies below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        // The one byte tells nearly all of them apart, and is cheaper to look at than the rest.
        self.0.as_bytes().get(other.0.len()) == Some(&b'.') && self.0.starts_with(&*other.0)
    }

    /// The flat spelling, with `_` for `.`: how a field of a tenant's secret is named unless declared otherwise.
    pub fn flat(&self) -> String {
        self.0.replace('.', "_")
    }
}

/// Whether a character may be in a segment of a key.
fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Whether a text can be one segment of a key (and so the name of an entry of a map).
pub fn is_segment(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_SEGMENT && text.chars().all(is_key_character)
}

fn check_segment_length(segment: &str, position: usize) -> Result<(), KeyError> {
    match segment.len() {
        0 => Err(KeyError::EmptySegment(position)),
        1..=LONGEST_SEGMENT => Ok(()),
        length => Err(KeyError::SegmentTooLong { position, length }),
    }
}

/// Why a text is no key. Positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing was given.
    #[error("a key must not be empty: write it like persona.name")]
    Empty,
    /// More than 255 bytes were given.
    #[error("a key has at most 255 characters, this one has {0}")]
    TooLong(usize),
    /// Two dots in a row, or one at an end.
    #[error("a name is missing at position {0}: segments are joined by single dots")]
    EmptySegment(usize),
    /// A segment of more than 64 bytes.
    #[error("the name at position {position} has {length} characters, at most 64 are allowed")]
    SegmentTooLong {
        /// Where the segment begins, counted in characters from 1.
        position: usize,
        /// How long it is.
        length: usize,
    },
    /// A character that no key has.
    #[error("{found:?} at position {position} cannot be in a key: use letters, digits, '_', '-' and dots")]
    Character {
        /// Where, counted in characters from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        compare_keys(self.0.as_bytes(), other.0.as_bytes())
    }
}

/// Compares two keys' bytes as if the dot were the least of all.
fn compare_keys(left: &[u8], right: &[u8]) -> Ordering {
    match first_difference(left, right) {
        Some(at) => dot_first(left[at]).cmp(&dot_first(right[at])),
        None => left.len().cmp(&right.len()),
    }
}

/// The first place at which two texts differ, as far as both go. Eight bytes at a time: neighbours begin alike.
fn first_difference(left: &[u8], right: &[u8]) -> Option<usize> {
    let (lefts, _) = left.as_chunks::<8>();
    let (rights, _) = right.as_chunks::<8>();
    let alike = lefts.iter().zip(rights).take_while(|(left, right)| left == right).count() * 8;
    let differs = left[alike..].iter().zip(&right[alike..]).position(|(left, right)| left != right);
    differs.map(|at| alike + at)
}

fn dot_first(byte: u8) -> u8 {
    if byte == b'.' { 0 } else { byte }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

crate::json::written_as!(Key, {
    "type": "string", "maxLength": 255, "pattern": r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})*$"
});

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[test]
    fn a_bad_key_is_refused_with_its_place() {
        assert_eq!(Key::parse(""), Err(KeyError::Empty));
        assert_eq!(Key::parse(".a"), Err(KeyError::EmptySegment(1)));
        assert_eq!(Key::parse("a..b"), Err(KeyError::EmptySegment(3)));
        assert_eq!(Key::parse("a."), Err(KeyError::EmptySegment(3)));
        assert_eq!(Key::parse("a b"), Err(KeyError::Character { position: 2, found: ' ' }));
        assert_eq!(Key::parse("#head"), Err(KeyError::Character { position: 1, found: '#' }));
        let long = "x".repeat(65);
        assert_eq!(Key::parse(&long), Err(KeyError::SegmentTooLong { position: 1, length: 65 }));
        let deep = ["x"; 129].join(".");
        assert_eq!(Key::parse(&deep), Err(KeyError::TooLong(257)));
    }

    #[test]
    fn all_that_is_below_a_key_follows_it_without_a_gap() {
        let mut keys = ["a-b", "a.b-c", "a", "a.b", "ab", "a.b.c", "A", "a_b"].map(key);
        keys.sort();
        assert_eq!(keys.map(|k| k.to_string()), ["A", "a", "a.b", "a.b.c", "a.b-c", "a-b", "a_b", "ab"]);
    }

    #[test]
    fn within_and_below_go_by_segments() {
        assert!(key("odoo.url").is_below(&key("odoo")));
        assert!(key("odoo").is_within(&key("odoo")));
        assert!(!key("odoo").is_below(&key("odoo")));
        assert!(!key("odoo2.url").is_within(&key("odoo")));
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_segments(left in "[a-c_-]{1,3}(\\.[a-c_-]{1,3}){0,3}", right in "[a-c_-]{1,3}(\\.[a-c_-]{1,3}){0,3}") {
            let (left, right) = (key(&left), key(&right));
            prop_assert_eq!(left.cmp(&right), left.segments().cmp(right.segments()));
        }

        #[test]
        fn however_long_two_keys_begin_alike_what_follows_orders_them(
            begin in "[a-c.]{0,20}x",
            left in "[a-b.-]{0,9}x",
            right in "[a-b.-]{0,9}x",
        ) {
            let whole = |end: &str| Key::parse(&format!("{begin}{end}"));
            if let (Ok(left), Ok(right)) = (whole(&left), whole(&right)) {
                prop_assert_eq!(left.cmp(&right), left.segments().cmp(right.segments()));
                prop_assert_eq!(left.is_below(&right), left.as_str().starts_with(&format!("{right}.")));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Ok(read) = Key::parse(&text) {
                prop_assert_eq!(read.as_str(), text.as_str());
            }
        }
    }
}

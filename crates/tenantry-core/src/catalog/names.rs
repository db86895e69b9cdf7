//! The spellings of keys: dotted, or flat as in a tenant's secret; and the keys nearest to a wrong one.

use std::collections::BTreeMap;

use crate::catalog::error::{CatalogError, CatalogFault};
use crate::catalog::pattern::ANY;
use crate::catalog::{Catalog, KeyPattern, Parameter};
use crate::key::{Key, KeyError, is_segment};
use crate::validate::masked;

/// How many names are offered for a wrong one.
const OFFERED: usize = 3;
/// How many slips a map's key may have for the name of its entry to be taken over.
const MOST_SLIPS: usize = 3;

impl Catalog {
    /// Reads a key in either spelling: dotted (`odoo.password`), or flat (`odoo_password`, `calendar_id`).
    ///
    /// The key of a section is one, too.
    pub fn key(&self, spelling: &str) -> Result<Key, SpellingError> {
        let key = Key::parse(spelling)?;
        if self.tree.find(key.segments()).is_some() {
            return Ok(key);
        }
        if let Some(key) = self.flat.get(spelling) {
            return Ok(key.clone());
        }
        let mut keys = self.entries_spelt(spelling);
        match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => Ok(key),
            (Some(key), false) => {
                keys.push(key);
                Err(SpellingError::Ambiguous { spelling: spelling.to_owned(), keys })
            }
            (None, _) => Err(self.unknown(spelling)),
        }
    }

    /// The error of a wrong spelling; what looks like a secret in its place is not repeated.
    fn unknown(&self, spelling: &str) -> SpellingError {
        let nearest = self.nearest(spelling).iter().map(|name| masked(name).into_owned()).collect();
        SpellingError::Unknown { spelling: masked(spelling).into_owned(), nearest }
    }

    /// The three keys that are spelt most like a text, the nearest first.
    ///
    /// The entry of a map is offered under the name that the text has in its place.
    pub fn nearest(&self, text: &str) -> Vec<String> {
        let candidates = self.parameters().map(|parameter| fill(&parameter.pattern, text));
        nearest(text, candidates.collect())
    }

    /// The entries of maps with this flat spelling.
    fn entries_spelt(&self, flat: &str) -> Vec<Key> {
        let mut keys = Vec::new();
        for parameter in self.parameters().filter(|parameter| parameter.pattern.has_wildcard()) {
            let segments: Vec<&str> = parameter.pattern.segments().collect();
            unflatten(&segments, flat, &mut Vec::new(), &mut keys);
        }
        keys
    }
}

/// Why a spelling is no key of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpellingError {
    /// No key can be spelt like this.
    #[error(transparent)]
    Syntax(#[from] KeyError),
    /// There is no such parameter.
    #[error("there is no parameter {spelling}; nearest: {}", .nearest.join(", "))]
    Unknown {
        /// What was given.
        spelling: String,
        /// The three names most like it.
        nearest: Vec<String>,
    },
    /// The flat spelling is that of several entries of maps.
    #[error("{spelling} may be any of {}: write it with dots", list(.keys))]
    Ambiguous {
        /// What was given.
        spelling: String,
        /// What it may mean.
        keys: Vec<Key>,
    },
}

fn list(keys: &[Key]) -> String {
    keys.iter().map(Key::as_str).collect::<Vec<_>>().join(", ")
}

/// The flat names of all keys without `*`: those declared for the tenant's secret, and else those that the keys give.
pub(super) fn flat(parameters: &[Parameter]) -> Result<BTreeMap<String, Key>, CatalogError> {
    let mut flat: BTreeMap<String, Key> = BTreeMap::new();
    let keys = || parameters.iter().filter_map(|parameter| Some((parameter, parameter.pattern.key()?)));
    for (parameter, key) in keys() {
        let name = parameter.secret_field.clone().unwrap_or_else(|| key.flat());
        if let Some(other) = flat.insert(name.clone(), key) {
            return Err(CatalogError::at(&parameter.pattern, CatalogFault::SameFlatName { name, other }));
        }
    }
    // A key with a declared field is read in its derived spelling, too, unless that is another's.
    for (_, key) in keys() {
        flat.entry(key.flat()).or_insert(key);
    }
    Ok(flat)
}

/// The names most like a text, the nearest first; those as near keep their order.
///
/// A common beginning counts for a name: people mistype ends, and what they mean is in the same section.
pub(crate) fn nearest(text: &str, mut candidates: Vec<String>) -> Vec<String> {
    // Both spellings are compared as one, and a slip of case is a small one.
    let plain = |name: &str| name.replace('.', "_").to_lowercase();
    let text = plain(text);
    candidates.sort_by_cached_key(|name| {
        let name = plain(name);
        let common = name.bytes().zip(text.bytes()).take_while(|(left, right)| left == right).count();
        2 * strsim::damerau_levenshtein(&name, &text) + text.len() - common
    });
    candidates.truncate(OFFERED);
    candidates
}

/// Puts the names that a text has in the places of `*`, if what goes before them is nearly that of the pattern.
fn fill(pattern: &KeyPattern, text: &str) -> String {
    let pairs: Vec<(&str, &str)> = pattern.segments().zip(text.split('.').chain(std::iter::repeat(""))).collect();
    let slips = |(own, given): &(&str, &str)| match *own {
        ANY => 0,
        own => strsim::damerau_levenshtein(own, given),
    };
    let before = pairs.iter().rposition(|(own, _)| *own == ANY).unwrap_or(0);
    let is_near = pairs[..before].iter().map(slips).sum::<usize>() <= MOST_SLIPS;
    let filled = pairs.iter().map(|(own, given)| match *own {
        ANY if is_near && is_segment(given) => given,
        ANY => "<name>",
        own => own,
    });
    filled.collect::<Vec<_>>().join(".")
}

/// Finds the keys of a pattern that are spelt `flat`: names may contain `_` themselves, so there may be several.
fn unflatten<'a>(segments: &[&str], flat: &'a str, names: &mut Vec<&'a str>, keys: &mut Vec<Key>) {
    let Some((segment, rest)) = segments.split_first() else { return };
    let ends = flat.match_indices('_').map(|(at, _)| at).filter(|_| !rest.is_empty());
    let ends = ends.chain((rest.is_empty() && !flat.is_empty()).then_some(flat.len()));
    for end in ends {
        let name = &flat[..end];
        if *segment != ANY && *segment != name {
            continue;
        }
        names.push(name);
        match rest {
            [] => keys.extend(Key::parse(&names.join("."))),
            _ => unflatten(rest, &flat[end + 1..], names, keys),
        }
        names.pop();
    }
}

//! Tells what a change made worse from what was wrong before it.

use std::collections::BTreeSet;

use super::violation::{Violation, ViolationCode};
use crate::catalog::Catalog;
use crate::key::Key;

/// The violations for which a change is refused: those that were not there before it.
///
/// `written` are the keys to which the change gives a value. Two kinds count only for a change that brings them about by
/// a value of its own, so that a leaked key can be removed at any time, and a company can be set up in any order:
/// * a connection that a value needs and that is not set: when that value itself is written, or the switch that puts it
///   into use;
/// * a connection set in part: when a field of it is written that cuts off the connection of a lower tier.
pub fn introduced(
    catalog: &Catalog,
    before: &[Violation],
    after: Vec<Violation>,
    written: &BTreeSet<Key>,
) -> Vec<Violation> {
    after.into_iter().filter(|violation| !is_in(before, violation) && counts(catalog, violation, written)).collect()
}

fn is_in(before: &[Violation], violation: &Violation) -> bool {
    before.iter().any(|other| match violation.code {
        // What exactly is missing may change while the same connection stays incomplete in the same way.
        ViolationCode::ConnectionIncomplete { inherited, .. } => {
            let was =
                matches!(other.code, ViolationCode::ConnectionIncomplete { inherited: was, .. } if was == inherited);
            was && other.key == violation.key && other.tier == violation.tier
        }
        _ => other == violation,
    })
}

fn counts(catalog: &Catalog, violation: &Violation, written: &BTreeSet<Key>) -> bool {
    let Ok(own) = Key::parse(&violation.key) else { return true };
    let is_at = |key: &Key| key.is_within(&own) || own.is_within(key);
    match &violation.code {
        ViolationCode::ConnectionMissing => written.iter().any(|key| is_at(key) || switches(catalog, key, &own)),
        ViolationCode::ConnectionIncomplete { missing, inherited } => {
            *inherited && written.iter().any(|key| is_at(key) && !missing.contains(key))
        }
        _ => true,
    }
}

/// Whether a key is the switch of a section in which another one lies.
fn switches(catalog: &Catalog, key: &Key, other: &Key) -> bool {
    let Some(section) = key.parent().filter(|section| other.is_below(section)) else { return false };
    let switch = catalog.section(&section).and_then(|section| section.enabled_by.as_deref());
    switch.is_some() && switch == key.segments().next_back()
}

//! Tells what a change made worse from what was wrong before it.

use std::collections::BTreeSet;

use super::violation::{Violation, ViolationCode};
use crate::key::Key;

/// The violations for which a change is refused: those that were not there before it.
///
/// `written` are the keys to which the change gives a value. Two kinds count only for a change that brings them about by
/// a value of its own, so that a leaked key can be removed at any time, and a company can be set up in any order:
/// * a connection that a value needs and that is not set: when that value itself is written;
/// * a connection set in part: when a field of it is written that cuts off the connection of a lower tier.
pub fn introduced(before: &[Violation], after: Vec<Violation>, written: &BTreeSet<Key>) -> Vec<Violation> {
    after.into_iter().filter(|violation| !is_in(before, violation) && counts(violation, written)).collect()
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

fn counts(violation: &Violation, written: &BTreeSet<Key>) -> bool {
    let is_at = |key: &Key| Key::parse(&violation.key).is_ok_and(|own| key.is_within(&own) || own.is_within(key));
    match &violation.code {
        ViolationCode::ConnectionMissing => written.iter().any(is_at),
        ViolationCode::ConnectionIncomplete { missing, inherited } => {
            *inherited && written.iter().any(|key| is_at(key) && !missing.contains(key))
        }
        _ => true,
    }
}

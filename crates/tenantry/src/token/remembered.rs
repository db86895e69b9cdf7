//! Which tokens held lately, for the time in which the store does not answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Authenticated;

/// How long a token that held is taken to hold while the store does not answer. Short, because the store may be out for this
/// process alone, and another one may revoke it meanwhile.
const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// The most tokens that are remembered.
const MOST: usize = 10_000;

/// Tokens that held, by a hash of their texts: the texts themselves are not kept.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<[u8; 32], Held>>);

struct Held {
    found: Authenticated,
    expires_at: Timestamp,
    at: Timestamp,
}

impl Remembered {
    /// Remembers that a token held.
    pub(super) fn learn(&self, text: &str, found: &Authenticated, expires_at: Timestamp, at: Timestamp) {
        let mut held = self.held();
        if held.len() >= MOST {
            held.retain(|_, held| held.holds(at));
            if held.len() >= MOST {
                held.clear();
            }
        }
        held.insert(hash(text), Held { found: found.clone(), expires_at, at });
    }

    /// Forgets a token that does not hold any more.
    pub(super) fn forget(&self, text: &str) {
        self.held().remove(&hash(text));
    }

    /// Whose a token is that held not long ago.
    pub(super) fn find(&self, text: &str, now: Timestamp) -> Option<Authenticated> {
        self.held().get(&hash(text)).filter(|held| held.holds(now)).map(|held| held.found.clone())
    }

    fn held(&self) -> MutexGuard<'_, HashMap<[u8; 32], Held>> {
        // Nothing that holds the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn holds(&self, now: Timestamp) -> bool {
        now < self.expires_at && now.duration_since(self.at) < GRACE
    }
}

fn hash(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}

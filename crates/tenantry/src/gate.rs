//! What holds for all tenants at once, so that the warm path can see in one look that nothing is due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::clock::Moment;

/// Open while the global layer is fresh and revocations were asked for a moment ago.
#[derive(Default)]
pub(crate) struct Gate {
    /// Counts the changes of the global layer: a configuration built with another one is no good any more.
    generation: AtomicU64,
    monotonic: AtomicU64,
    wall: AtomicU64,
    deadlines: Mutex<Deadlines>,
}

#[derive(Clone, Copy, Default)]
struct Deadlines {
    global: Moment,
    revocations: Moment,
}

impl Gate {
    /// Whether nothing is due at `now`. Reading two halves of different deadlines can only close the gate too early or keep
    /// it open until the older of the two.
    #[inline]
    pub(crate) fn is_open(&self, now: Moment) -> bool {
        let monotonic = self.monotonic.load(Ordering::Relaxed);
        let wall = self.wall.load(Ordering::Relaxed);
        now.is_before(Moment { monotonic, wall })
    }

    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Says when the global layer must be looked at again.
    pub(crate) fn set_global(&self, due: Moment) {
        self.set(|deadlines| deadlines.global = due);
    }

    /// Says when revocations must be asked for again.
    pub(crate) fn set_revocations(&self, due: Moment) {
        self.set(|deadlines| deadlines.revocations = due);
    }

    fn set(&self, change: impl FnOnce(&mut Deadlines)) {
        let mut deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut deadlines);
        let due = deadlines.global.earlier(deadlines.revocations);
        self.monotonic.store(due.monotonic, Ordering::Relaxed);
        self.wall.store(due.wall, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_gate_closes_when_the_first_of_its_deadlines_is_reached() {
        let at = |seconds| Moment::LONG_AGO.after(Duration::from_secs(seconds));
        let gate = Gate::default();
        assert!(!gate.is_open(at(1)), "nothing is known at first");
        gate.set_global(at(50));
        gate.set_revocations(at(10));
        assert!(gate.is_open(at(9)));
        assert!(!gate.is_open(at(10)));
        gate.set_revocations(at(80));
        assert!(gate.is_open(at(49)));
        assert!(!gate.is_open(at(50)));
    }
}

//! What time it is, by two clocks at once, because each of them lies in its own way.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// A moment by the monotonic clock and by the wall clock.
///
/// The monotonic clock may stand still while a process is frozen; the wall clock may be set back. So the time between two
/// moments is the larger of what the two clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since some fixed moment, never less than before.
    pub monotonic: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub wall: u64,
}

impl Moment {
    /// Before everything: nothing is fresh that was read then.
    pub const LONG_AGO: Self = Self { monotonic: 0, wall: 0 };

    /// How long ago `self` was at `now`: the larger of what the two clocks say.
    pub fn age(self, now: Self) -> Duration {
        let monotonic = now.monotonic.saturating_sub(self.monotonic);
        let wall = now.wall.saturating_sub(self.wall);
        Duration::from_nanos(monotonic.max(wall))
    }

    /// The moment at which `self` is as old as `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { monotonic: self.monotonic.saturating_add(nanoseconds), wall: self.wall.saturating_add(nanoseconds) }
    }

    /// Whether both clocks say that `self` is earlier than `deadline`.
    ///
    /// `now.is_before(read.after(bound))` says the same as `read.age(now) < bound` for every bound but zero, in two comparisons.
    pub fn is_before(self, deadline: Self) -> bool {
        self.monotonic < deadline.monotonic && self.wall < deadline.wall
    }

    /// The earlier of two deadlines, by each clock.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        Self { monotonic: self.monotonic.min(other.monotonic), wall: self.wall.min(other.wall) }
    }

    /// The time of day, for what carries an expiry date.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(self.wall.into()).unwrap_or(Timestamp::MAX)
    }
}

/// Tells the time. There is one in every loader, so that tests can set it.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Moment;
}

/// The clocks of the system, in their coarse form: right to a few milliseconds, and read without a system call.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Moment {
        Moment {
            monotonic: nanoseconds(clock_gettime(ClockId::MonotonicCoarse)),
            wall: nanoseconds(clock_gettime(ClockId::RealtimeCoarse)),
        }
    }
}

#[inline]
fn nanoseconds(time: Timespec) -> u64 {
    // A time before 1970 is as good as 1970: everything is older than it should be, and read again.
    u64::try_from(time.tv_sec).unwrap_or(0).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.unsigned_abs())
}

/// The clock of a loader. The system's is called directly: it is read at each load.
#[derive(Clone)]
pub(crate) enum Time {
    System,
    Given(Arc<dyn Clock>),
}

impl Time {
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        match self {
            Self::System => SystemClock.now(),
            Self::Given(clock) => clock.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moments() -> impl Strategy<Value = Moment> {
        (0..1_000_000_u64, 0..1_000_000_u64).prop_map(|(monotonic, wall)| Moment { monotonic, wall })
    }

    #[test]
    fn a_process_that_was_frozen_is_as_old_as_the_wall_clock_says() {
        let read = Moment { monotonic: 10, wall: 1_000 };
        let thawed = Moment { monotonic: 11, wall: 9_000 };
        assert_eq!(read.age(thawed), Duration::from_micros(8));
    }

    #[test]
    fn a_wall_clock_that_was_set_back_makes_nothing_younger() {
        let read = Moment { monotonic: 10, wall: 9_000 };
        let later = Moment { monotonic: 5_010, wall: 1_000 };
        assert_eq!(read.age(later), Duration::from_micros(5));
    }

    #[test]
    fn the_system_clock_goes_on() {
        let (first, second) = (SystemClock.now(), SystemClock.now());
        assert!(second.monotonic >= first.monotonic);
        assert!(first.timestamp() > Timestamp::UNIX_EPOCH);
    }

    proptest! {
        #[test]
        fn a_deadline_says_the_same_as_an_age(read in moments(), now in moments(), bound in 1..1_000_000_u64) {
            let bound = Duration::from_nanos(bound);
            prop_assert_eq!(now.is_before(read.after(bound)), read.age(now) < bound);
        }

        #[test]
        fn before_the_earlier_deadline_is_before_both(now in moments(), left in moments(), right in moments()) {
            prop_assert_eq!(now.is_before(left.earlier(right)), now.is_before(left) && now.is_before(right));
        }
    }
}

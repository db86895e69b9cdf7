//! The rules of freshness: what is fresh, what may still be served, what must be read; pure functions of `now`.

use std::time::Duration;

use crate::clock::Moment;
use crate::error::{Fault, Stale, StaleReason};

/// How old what is served may be, and how long is waited for what is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Parameters younger than this are served as they are. Default: 60 s.
    pub parameters_fresh: Duration,
    /// Parameters up to this age are served, labelled as stale, while newer ones cannot be had. Default: 24 h.
    pub parameters_usable: Duration,
    /// Secrets younger than this are served as they are. Default: 300 s.
    pub secrets_fresh: Duration,
    /// Secrets up to this age are served, labelled as stale, while newer ones cannot be had. Default: 1 h.
    pub secrets_usable: Duration,
    /// How long it is remembered that a tenant is unknown or suspended. Default: 5 s.
    pub refused: Duration,
    /// How long one call of a store may take. Default: 800 ms.
    pub call: Duration,
    /// How long loading one configuration may take, all calls and pauses together. Default: 2 s.
    pub configuration: Duration,
    /// How often a call that failed for a passing reason is made again. Default: 2 times.
    pub retries: u32,
    /// Revocations are asked for when the last answer is older than this. Default: 2 s.
    pub revocations_due: Duration,
    /// Nothing is served without a label when the last answer about revocations is older than this. Default: 5 s.
    pub revocations_within: Duration,
    /// The pause after a first failure to load something that is not cached; doubled with each further one. Default: 1 s.
    pub cold_pause: Duration,
    /// The longest such pause. Default: 8 s.
    pub longest_cold_pause: Duration,
    /// The pause after a first failure to refresh something that can be served stale; doubled likewise. Default: 10 s.
    pub warm_pause: Duration,
    /// The longest such pause: no shorter than `parameters_fresh`, lest a back end in trouble gets more calls than one in
    /// health. Default: 60 s.
    pub longest_warm_pause: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            parameters_fresh: Duration::from_mins(1),
            parameters_usable: Duration::from_hours(24),
            secrets_fresh: Duration::from_mins(5),
            secrets_usable: Duration::from_hours(1),
            refused: Duration::from_secs(5),
            call: Duration::from_millis(800),
            configuration: Duration::from_secs(2),
            retries: 2,
            revocations_due: Duration::from_secs(2),
            revocations_within: Duration::from_secs(5),
            cold_pause: Duration::from_secs(1),
            longest_cold_pause: Duration::from_secs(8),
            warm_pause: Duration::from_secs(10),
            longest_warm_pause: Duration::from_mins(1),
        }
    }
}

/// When the parts of a cached copy of one scope were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// When reading the parameters began.
    pub(crate) parameters: Moment,
    /// When reading the secret began.
    pub(crate) secrets: Moment,
    /// Whether the texts of the secrets are at hand: `false` if they were dropped, `true` if there are none.
    pub(crate) has_texts: bool,
    /// Whether a revocation since then would have been noticed.
    pub(crate) is_watched: bool,
}

/// Which parts of a scope to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    pub(crate) parameters: bool,
    pub(crate) secrets: bool,
}

impl Reads {
    pub(crate) const ALL: Self = Self { parameters: true, secrets: true };

    pub(crate) fn any(self) -> bool {
        self.parameters || self.secrets
    }
}

/// The first try of a retry waits up to this; the second up to twice as much.
const FIRST_RETRY: Duration = Duration::from_millis(50);

/// Refreshing begins in the background when this part of the freshness is left: a warm tenant's callers never wait.
const REST: u32 = 4;

impl Freshness {
    /// For how long parameters are fresh. Where revocations cannot be noticed, reading again takes their place.
    fn parameters_fresh(&self, is_watched: bool) -> Duration {
        if is_watched { self.parameters_fresh } else { self.parameters_fresh.min(self.revocations_within) }
    }

    /// What is so old that it must be read before it is served.
    pub(crate) fn expired(&self, times: Times, now: Moment) -> Reads {
        Reads {
            parameters: times.parameters.age(now) >= self.parameters_fresh(times.is_watched),
            secrets: !times.has_texts || times.secrets.age(now) >= self.secrets_fresh,
        }
    }

    /// How old the oldest part is that should have been read again; `None` if all is fresh.
    pub(crate) fn stale_age(&self, times: Times, now: Moment) -> Option<Duration> {
        let expired = self.expired(times, now);
        let parameters = expired.parameters.then(|| times.parameters.age(now));
        let secrets = expired.secrets.then(|| times.secrets.age(now));
        parameters.max(secrets)
    }

    /// The label of what has expired at this age, with the fault that kept it from being read again.
    ///
    /// Without a fault it was read for this very answer: it needs a label only if reading took longer than it may.
    pub(crate) fn label(&self, age: Duration, fault: Option<&Fault>) -> Option<Stale> {
        match fault {
            Some(fault) => Some(Stale { age, reason: fault.as_reason() }),
            None => (age > self.configuration).then_some(Stale { age, reason: StaleReason::Late }),
        }
    }

    /// What to read when a copy is refreshed: what has expired, or will soon. A copy without its texts needs them.
    pub(crate) fn reads(&self, times: Times, now: Moment) -> Reads {
        Reads {
            parameters: times.parameters.age(now) >= ahead(self.parameters_fresh(times.is_watched)),
            secrets: !times.has_texts || times.secrets.age(now) >= ahead(self.secrets_fresh),
        }
    }

    /// Until when a copy is served without a thought.
    pub(crate) fn due(&self, times: Times) -> Moment {
        let parameters = times.parameters.after(ahead(self.parameters_fresh(times.is_watched)));
        parameters.earlier(if times.has_texts {
            times.secrets.after(ahead(self.secrets_fresh))
        } else {
            Moment::LONG_AGO
        })
    }

    /// Until when a copy is fresh.
    pub(crate) fn fresh_until(&self, times: Times) -> Moment {
        let parameters = times.parameters.after(self.parameters_fresh(times.is_watched));
        parameters.earlier(if times.has_texts { times.secrets.after(self.secrets_fresh) } else { Moment::LONG_AGO })
    }

    /// Until when a copy is served while it cannot be refreshed.
    pub(crate) fn usable_until(&self, times: Times) -> Moment {
        let parameters = times.parameters.after(self.parameters_usable);
        if times.has_texts { parameters.earlier(times.secrets.after(self.secrets_usable)) } else { parameters }
    }

    /// Whether the parameters of a copy may still be served.
    pub(crate) fn are_parameters_usable(&self, times: Times, now: Moment) -> bool {
        times.parameters.age(now) < self.parameters_usable
    }

    /// Whether the texts of a copy's secrets are there and may still be served.
    pub(crate) fn are_texts_usable(&self, times: Times, now: Moment) -> bool {
        times.has_texts && times.secrets.age(now) < self.secrets_usable
    }

    /// The pause before the `retry`-th retry of a call (from 0): full jitter, so that many callers spread out.
    /// `random` lies in `0.0..1.0`.
    pub(crate) fn retry_pause(retry: u32, random: f64) -> Duration {
        FIRST_RETRY.saturating_mul(1 << retry.min(10)).mul_f64(random)
    }

    /// The pause before anything is tried again after `failures` failures in a row (from 1): doubling, and at least half
    /// of it, so that callers spread out and yet none comes back at once. `random` lies in `0.0..1.0`.
    pub(crate) fn back_off(&self, failures: u32, can_serve: bool, random: f64) -> Duration {
        let (first, longest) = if can_serve {
            (self.warm_pause, self.longest_warm_pause)
        } else {
            (self.cold_pause, self.longest_cold_pause)
        };
        let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(longest);
        doubled.mul_f64(0.5 + random / 2.0)
    }
}

/// The age at which refreshing begins.
fn ahead(fresh: Duration) -> Duration {
    fresh.saturating_sub(fresh / REST)
}

/// What is known about revocations: when they were last asked for, and since when none could have been missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watched {
    /// Nothing was missed after this moment; `None` until the first answer.
    pub(crate) since: Option<Moment>,
    /// When the last check that was answered began.
    pub(crate) confirmed: Moment,
}

impl Watched {
    /// Whether a revocation of what was read then would have been noticed.
    pub(crate) fn covers(self, read: Moment) -> bool {
        self.since.is_some_and(|since| since.is_before(read))
    }

    /// The last moment at which something that was read at `read` was known not to be revoked.
    pub(crate) fn known_good(self, read: Moment, now: Moment) -> Moment {
        if self.covers(read) && self.confirmed.age(now) < read.age(now) { self.confirmed } else { read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: fn() -> Freshness = Freshness::default;

    fn at(seconds: u64) -> Moment {
        Moment::LONG_AGO.after(Duration::from_secs(1_000_000 + seconds))
    }

    fn read_at(parameters: u64, secrets: u64) -> Times {
        Times { parameters: at(parameters), secrets: at(secrets), has_texts: true, is_watched: true }
    }

    fn times() -> impl Strategy<Value = Times> {
        (0..200_000_u64, 0..200_000_u64, any::<bool>(), any::<bool>()).prop_map(|(p, s, has_texts, is_watched)| Times {
            has_texts,
            is_watched,
            ..read_at(p, s)
        })
    }

    #[test]
    fn parameters_expire_after_a_minute_and_secrets_after_five() {
        let expired = |seconds| RULES().expired(read_at(0, 0), at(seconds));
        assert_eq!(expired(59), Reads::default());
        assert_eq!(expired(60), Reads { parameters: true, secrets: false });
        assert_eq!(expired(300), Reads::ALL);
    }

    #[test]
    fn what_will_expire_soon_is_read_along() {
        assert_eq!(RULES().reads(read_at(0, 0), at(44)), Reads::default());
        assert_eq!(RULES().reads(read_at(0, 0), at(45)), Reads { parameters: true, secrets: false });
        assert_eq!(RULES().reads(read_at(0, 0), at(225)), Reads::ALL);
    }

    #[test]
    fn a_copy_without_its_texts_needs_them() {
        let bare = Times { has_texts: false, ..read_at(0, 0) };
        assert_eq!(RULES().reads(bare, at(1)), Reads { parameters: false, secrets: true });
    }

    #[test]
    fn without_a_watch_over_revocations_parameters_are_fresh_for_five_seconds() {
        let unwatched = Times { is_watched: false, ..read_at(0, 0) };
        assert!(!RULES().expired(unwatched, at(4)).parameters);
        assert!(RULES().expired(unwatched, at(5)).parameters);
    }

    #[test]
    fn secrets_are_usable_for_an_hour_and_parameters_for_a_day() {
        let hour = 3600;
        assert!(RULES().are_texts_usable(read_at(0, 0), at(hour - 1)));
        assert!(!RULES().are_texts_usable(read_at(0, 0), at(hour)));
        assert!(RULES().are_parameters_usable(read_at(0, 0), at(24 * hour - 1)));
        assert!(!RULES().are_parameters_usable(read_at(0, 0), at(24 * hour)));
    }

    #[test]
    fn a_revocation_before_the_watch_began_could_have_been_missed() {
        let watched = Watched { since: Some(at(10)), confirmed: at(20) };
        assert!(!watched.covers(at(10)), "the same tick of the clock is not after it");
        assert_eq!(watched.known_good(at(9), at(30)), at(9));
        assert_eq!(watched.known_good(at(11), at(30)), at(20));
        assert_eq!(watched.known_good(at(25), at(30)), at(25));
        assert_eq!(Watched::default().known_good(at(25), at(30)), at(25));
    }

    proptest! {
        #[test]
        fn what_must_be_read_before_serving_is_always_read(times in times(), now in 0..400_000_u64) {
            let (expired, read) = (RULES().expired(times, at(now)), RULES().reads(times, at(now)));
            prop_assert!(!expired.parameters || read.parameters);
            prop_assert!(!expired.secrets || read.secrets);
        }

        #[test]
        fn before_it_is_due_nothing_has_expired(times in times(), now in 0..400_000_u64) {
            if at(now).is_before(RULES().due(times)) {
                prop_assert!(!RULES().expired(times, at(now)).any());
            }
        }

        #[test]
        fn what_is_usable_never_grows_usable_again(times in times(), now in 0..400_000_u64, later in 0..400_000_u64) {
            let usable = |now: u64| at(now).is_before(RULES().usable_until(times));
            prop_assert!(!usable(now + later) || usable(now));
        }

        #[test]
        fn usable_until_agrees_with_its_parts(times in times(), now in 0..400_000_u64) {
            let texts = !times.has_texts || RULES().are_texts_usable(times, at(now));
            let parts = RULES().are_parameters_usable(times, at(now)) && texts;
            prop_assert_eq!(at(now).is_before(RULES().usable_until(times)), parts);
        }

        #[test]
        fn pauses_grow_and_stay_within_their_bounds(failures in 1..100_u32, can_serve: bool, random in 0.0..1.0_f64) {
            let longest = if can_serve { RULES().longest_warm_pause } else { RULES().longest_cold_pause };
            let pause = RULES().back_off(failures, can_serve, random);
            prop_assert!(pause <= longest && pause * 2 >= RULES().back_off(1, can_serve, 0.0));
            prop_assert!(pause <= RULES().back_off(failures + 1, can_serve, random));
        }

        #[test]
        fn retries_fit_into_the_time_for_a_configuration(random in 0.0..1.0_f64) {
            let pauses: Duration = (0..RULES().retries).map(|retry| Freshness::retry_pause(retry, random)).sum();
            prop_assert!(pauses < RULES().configuration / 4);
        }
    }
}

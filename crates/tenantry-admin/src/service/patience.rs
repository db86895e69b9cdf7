//! Waits a moment before something is tried again that others were quicker with.

use std::time::Duration;

use tenantry_store::StoreError;
use tokio::time::Instant;

use super::ServiceError;

/// How long something is tried again, from its first refusal on.
const LONGEST: Duration = Duration::from_secs(5);
/// The first pause is at most this long, about as long as a write takes; each next one at most twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(8);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The patience of one use case that was decided on no revision in particular, so that it can be decided anew.
pub(super) struct Patience {
    /// When it is over; not set before the first refusal.
    until: Option<Instant>,
    pause: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { until: None, pause: FIRST_PAUSE }
    }

    /// Waits if others were quicker; gives the error back if it is another one, or if it went on for too long.
    pub(super) async fn wait_after(&mut self, error: ServiceError) -> Result<(), ServiceError> {
        let now = Instant::now();
        let until = *self.until.get_or_insert(now + LONGEST);
        if !is_contention(&error) || now >= until {
            return Err(error);
        }
        // Of any length up to the longest, so that those who met once do not meet again.
        tokio::time::sleep(self.pause.mul_f64(random_part())).await;
        self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Whether the same may succeed when it is decided anew on what others have written.
fn is_contention(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Conflict { expected: None, .. } | ServiceError::Store(StoreError::SecretConflict))
}

/// A random number from 0 to 1.
fn random_part() -> f64 {
    let random = getrandom::u32().expect("the operating system always has random bytes once it has started");
    f64::from(random) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use tenantry_core::layer::Revision;
    use tenantry_core::scope::Scope;

    use super::*;

    fn conflict(expected: Option<Revision>) -> ServiceError {
        ServiceError::Conflict { scope: Scope::Global, expected, current: Revision(2), by: None, at: None }
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_after_some_seconds_and_many_tries() {
        let (begin, mut patience, mut tries) = (Instant::now(), Patience::new(), 0);
        let error = loop {
            match patience.wait_after(conflict(None)).await {
                Ok(()) => tries += 1,
                Err(error) => break error,
            }
        };
        assert!(tries > 20, "{tries}");
        assert!(begin.elapsed() >= LONGEST && begin.elapsed() <= LONGEST + LONGEST_PAUSE);
        assert!(error.to_string().contains("again and again; nothing was written: try again"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_expected_a_revision_is_refused_at_once() {
        let begin = Instant::now();
        let refused = Patience::new().wait_after(conflict(Some(Revision(1)))).await.unwrap_err();
        assert!(refused.to_string().contains("at revision 2, not 1"), "{refused}");
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}

//! Keeps watch over tenants that are suspended, resumed, deleted or created again, by whomever and wherever.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tenantry_store::{RevocationCursor, Revocations};
use tracing::{error, warn};

use crate::cache::Watched;
use crate::clock::Moment;
use crate::error::Fault;

/// What is known about revocations, and where to go on asking.
#[derive(Default)]
pub(crate) struct Watch(Mutex<State>);

#[derive(Default)]
struct State {
    cursor: Option<RevocationCursor>,
    watched: Watched,
    next_try: Moment,
}

/// The pause after a check that failed.
const PAUSE: Duration = Duration::from_secs(1);

impl Watch {
    /// What is known.
    pub(crate) fn watched(&self) -> Watched {
        self.state().watched
    }

    /// Whether to ask now.
    pub(crate) fn is_due(&self, now: Moment, due: Duration) -> bool {
        let state = self.state();
        state.watched.confirmed.age(now) >= due && !now.is_before(state.next_try)
    }

    /// Where to go on asking from.
    pub(crate) fn cursor(&self) -> Option<RevocationCursor> {
        self.state().cursor.clone()
    }

    /// Takes the answer to a check that began and ended at these moments, after what it revokes was dropped.
    pub(crate) fn learn(&self, answer: Result<Revocations, Fault>, began: Moment, ended: Moment) {
        let mut state = self.state();
        match answer {
            Ok(Revocations { cursor, tenants: _ }) => {
                state.cursor = Some(cursor);
                let since = state.watched.since.unwrap_or(ended);
                state.watched = Watched { since: Some(since), confirmed: began };
                state.next_try = began;
            }
            Err(Fault::Unavailable(error)) => {
                warn!(%error, "the store could not be asked for suspended tenants");
                state.next_try = ended.after(PAUSE);
            }
            Err(fault @ (Fault::Denied(_) | Fault::Unusable(_))) => {
                error!(reason = %fault.as_reason(), "revocations cannot be followed; all cached configurations are dropped");
                *state = State { next_try: ended.after(PAUSE), ..State::default() };
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

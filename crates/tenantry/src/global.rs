//! Keeps the global layer, which all tenants share: one read serves them all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenantry_core::scope::Scope;
use tracing::{error, warn};

use crate::cache::Reads;
use crate::clock::Moment;
use crate::config::GlobalView;
use crate::error::{BrokenOff, Fault, Stale};
use crate::flight::{FlightNumber, Flights, Seat};
use crate::gate::Gate;
use crate::reading::Reading;
use crate::shelf::Failure;
use crate::source::{Outcome, Source};

/// The global layer with its own freshness and its own single flight.
pub(crate) struct Global {
    source: Arc<Source>,
    gate: Arc<Gate>,
    state: Mutex<State>,
    flights: Flights<(), Result<GlobalView, Fault>>,
}

#[derive(Default)]
struct State {
    reading: Option<Arc<Reading>>,
    failure: Option<Failure>,
    /// Whether somebody said that it has changed since it was read.
    is_outdated: bool,
}

/// What the global layer means for a configuration that was built with it.
pub(crate) struct Glance {
    /// Whether configurations may be served with it without waiting: it is fresh, or cannot be had fresher now.
    pub(crate) is_settled: bool,
    /// Whether it should be refreshed in the background.
    pub(crate) is_due: bool,
    /// How old it is, if it is older than it should be.
    pub(crate) stale: Option<Stale>,
}

impl Global {
    pub(crate) fn new(source: Arc<Source>, gate: Arc<Gate>) -> Self {
        Self { source, gate, state: Mutex::default(), flights: Flights::default() }
    }

    /// Looks at it without waiting.
    pub(crate) fn glance(&self, now: Moment) -> Glance {
        let state = self.state();
        let freshness = &self.source.freshness;
        let Some(reading) = &state.reading else { return Glance { is_settled: false, is_due: true, stale: None } };
        let outdated = state.is_outdated.then(|| reading.times.parameters.age(now));
        let stale_age = freshness.stale_age(reading.times, now).max(outdated);
        let is_due = stale_age.is_some() || freshness.reads(reading.times, now).any();
        let is_pausing = state.is_pausing(now);
        Glance {
            is_settled: stale_age.is_none() || is_pausing,
            is_due: is_due && !is_pausing,
            stale: stale_age.and_then(|age| freshness.label(age, state.failure.as_ref().map(|failure| &failure.fault))),
        }
    }

    /// The layer to build configurations with: fresh if it can be had.
    pub(crate) async fn view(self: &Arc<Self>) -> Result<GlobalView, Fault> {
        let now = self.source.time.now();
        let is_settled = self.glance(now).is_settled;
        if let Some(view) = self.held(now).filter(|_| is_settled) {
            return Ok(view);
        }
        if let Some(failure) = self.state().failure.clone().filter(|failure| now.is_before(failure.until)) {
            return Err(failure.fault);
        }
        self.refresh().arrive().await.unwrap_or_else(|| Err(broken_off()))
    }

    /// Begins to refresh it, or joins those who wait for it.
    pub(crate) fn refresh(self: &Arc<Self>) -> Seat<Result<GlobalView, Fault>> {
        self.flights.join(&(), |number| {
            let this = Arc::clone(self);
            async move { this.fly(number).await }
        })
    }

    /// Says that the global scope has changed: it is read before anything is served again.
    pub(crate) fn outdate(&self) {
        let mut state = self.state();
        state.is_outdated = true;
        state.failure = None;
        self.flights.forget(&());
        self.gate.set_global(Moment::LONG_AGO);
    }

    /// Drops it, and all configurations that were built with it.
    pub(crate) fn forget(&self) {
        self.forget_in(&mut self.state());
        self.flights.forget(&());
    }

    fn forget_in(&self, state: &mut State) {
        *state = State::default();
        self.gate.next_generation();
        self.gate.set_global(Moment::LONG_AGO);
    }

    /// What is held, while it may be served.
    fn held(&self, now: Moment) -> Option<GlobalView> {
        let state = self.state();
        let is_usable = |reading: &&Arc<Reading>| self.source.freshness.are_parameters_usable(reading.times, now);
        let reading = Arc::clone(state.reading.as_ref().filter(is_usable)?);
        // The generation changes under the lock that is held here.
        Some(GlobalView { reading, generation: self.gate.generation() })
    }

    async fn fly(&self, number: FlightNumber) -> Result<GlobalView, Fault> {
        let now = self.source.time.now();
        let (held, reads, is_first_try) = {
            let state = self.state();
            let held = state.reading.as_deref().cloned();
            let due = held.as_ref().map_or(Reads::ALL, |held| self.source.freshness.reads(held.times, now));
            (held, if state.is_outdated { Reads::ALL } else { due }, state.failure.is_none())
        };
        let retries = if is_first_try { self.source.freshness.retries } else { 0 };
        let outcome = self.source.refresh(&Scope::Global, held, reads, retries).await;
        self.settle(number, outcome)
    }

    fn settle(&self, number: FlightNumber, outcome: Outcome) -> Result<GlobalView, Fault> {
        let now = self.source.time.now();
        let mut state = self.state();
        let is_current = self.flights.is_current(&(), number);
        match outcome {
            // Somebody changed the global scope meanwhile. Those who wait have asked before that.
            Outcome::Read(reading, _) if !is_current => Ok(GlobalView::passing(reading)),
            Outcome::Failed(fault) if !is_current => Err(fault),
            Outcome::Read(reading, fault) => Ok(self.keep(&mut state, Arc::new(reading), fault, now)),
            Outcome::Failed(fault) => {
                if let Fault::Denied(error) = &fault {
                    error!(scope = "global", %error, "the store denies access; all cached configurations are dropped");
                }
                let failure = self.failure(&state, fault.clone(), false, now);
                self.forget_in(&mut state);
                state.failure = Some(failure);
                Err(fault)
            }
            Outcome::Refused(_) => unreachable!("the global scope is never refused"),
        }
    }

    fn keep(&self, state: &mut State, reading: Arc<Reading>, fault: Option<Fault>, now: Moment) -> GlobalView {
        let is_same = state.reading.as_ref().is_some_and(|held| is_as_good(held, &reading));
        let generation = if is_same { self.gate.generation() } else { self.gate.next_generation() };
        state.is_outdated &= fault.is_some();
        state.failure = fault.map(|fault| self.failure(state, fault, true, now));
        state.reading = Some(Arc::clone(&reading));
        self.gate.set_global(self.due(state, &reading));
        GlobalView { reading, generation }
    }

    /// When it must be looked at again.
    fn due(&self, state: &State, reading: &Reading) -> Moment {
        match &state.failure {
            None => self.source.freshness.due(reading.times),
            Some(_) if state.is_outdated => Moment::LONG_AGO,
            Some(failure) => self.source.freshness.fresh_until(reading.times).earlier(failure.until),
        }
    }

    fn failure(&self, state: &State, fault: Fault, can_serve: bool, now: Moment) -> Failure {
        let count = state.failure.as_ref().map_or(0, |failure| failure.count) + 1;
        warn!(scope = "global", count, reason = %fault.as_reason(), "the global layer cannot be refreshed");
        let pause = self.source.freshness.back_off(count, can_serve, self.source.random());
        Failure { fault, count, until: now.after(pause) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_pausing(&self, now: Moment) -> bool {
        self.failure.as_ref().is_some_and(|failure| now.is_before(failure.until))
    }
}

/// Whether configurations built with one reading are as good as those built with the other.
fn is_as_good(held: &Reading, new: &Reading) -> bool {
    held.says_the_same(new) && held.texts.is_some() == new.texts.is_some()
}

/// What those get whose flight never landed.
pub(crate) fn broken_off() -> Fault {
    Fault::Unavailable(Arc::new(tenantry_store::StoreError::Unavailable(BrokenOff.into())))
}

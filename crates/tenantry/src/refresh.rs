//! What happens when a ready configuration is not at hand: refresh in the background, wait for one flight, or serve what is
//! stale, with a label, while a passing failure lasts. A denial, deletion or suspension is never papered over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tenantry_core::scope::{Scope, TenantId};
use tracing::{Instrument as _, error, info_span, warn};

use crate::Settings;
use crate::cache::{Reads, Watched};
use crate::clock::Moment;
use crate::config::{Config, GlobalView, TenantConfig};
use crate::error::{Fault, LoadError, Stale, StaleReason};
use crate::flight::{FlightNumber, Flights, Seat};
use crate::gate::Gate;
use crate::global::{Glance, Global, broken_off};
use crate::reading::{Reading, Reasons};
use crate::revocations::Watch;
use crate::shelf::{Failure, Shelf};
use crate::source::{Outcome, Refusal, Source};

/// All that the clones of a loader share.
pub(crate) struct Shared<S> {
    pub(crate) source: Arc<Source>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) shelf: Shelf<S>,
    global: Arc<Global>,
    watch: Watch,
    flights: Flights<TenantId, Loaded<S>>,
    checks: Flights<(), ()>,
    /// The generation of the global layer whose keys the shelf knows.
    learned: AtomicU64,
    pub(crate) stale_answers: AtomicU64,
}

type Loaded<S> = Result<TenantConfig<S>, LoadError>;

/// What can be said at once.
enum AtHand<S> {
    Answer(Loaded<S>),
    /// Nothing that may be served without asking a store or building anew.
    Nothing,
}

impl<S: Settings> Shared<S> {
    pub(crate) fn new(source: Source, hot_tenants: usize) -> Self {
        let (source, gate) = (Arc::new(source), Arc::<Gate>::default());
        let catalog = Arc::clone(source.validator.catalog());
        let declared = catalog.parameters().filter_map(|parameter| parameter.pattern.key());
        let built_in = catalog.defaults().entries().iter().map(|(key, _)| key.clone());
        let keys: Vec<_> = declared.chain(built_in).collect();
        Self {
            global: Arc::new(Global::new(Arc::clone(&source), Arc::clone(&gate))),
            shelf: Shelf::new(hot_tenants, &keys),
            source,
            gate,
            watch: Watch::default(),
            flights: Flights::default(),
            checks: Flights::default(),
            learned: AtomicU64::new(0),
            stale_answers: AtomicU64::new(0),
        }
    }

    /// The configuration, if it is ready and nothing at all is due: the path of nearly every request.
    #[inline]
    pub(crate) fn warm(&self, tenant: &TenantId) -> Option<TenantConfig<S>> {
        let now = self.source.time.now();
        if !self.gate.is_open(now) {
            return None;
        }
        self.shelf.warm(tenant, now, self.gate.generation()).map(TenantConfig::fresh)
    }

    /// The path of all others.
    pub(crate) async fn load(self: Arc<Self>, tenant: TenantId) -> Loaded<S> {
        let check = self.check_revocations_if_due();
        let answer = self.answer(&tenant).await;
        let is_unchecked = answer.as_ref().is_ok_and(|config| self.is_unchecked(config));
        let answer = match check {
            Some(check) if is_unchecked => {
                check.arrive().await;
                self.answer(&tenant).await
            }
            _ => answer,
        };
        if answer.as_ref().is_ok_and(|config| config.stale().is_some()) {
            self.stale_answers.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    async fn answer(self: &Arc<Self>, tenant: &TenantId) -> Loaded<S> {
        match self.at_hand(tenant) {
            AtHand::Answer(answer) => answer,
            AtHand::Nothing => {
                let landed = self.refresh(tenant).arrive().await;
                landed.unwrap_or_else(|| Err(broken_off().as_error(tenant)))
            }
        }
    }

    /// Decides without waiting. Whatever should be refreshed soon is refreshed in the background.
    fn at_hand(self: &Arc<Self>, tenant: &TenantId) -> AtHand<S> {
        let now = self.source.time.now();
        let known = self.shelf.known(tenant, now);
        if let Some(refusal) = known.refusal {
            return AtHand::Answer(Err(refusal.of(tenant)));
        }
        let failure = known.failure;
        let is_pausing = failure.as_ref().is_some_and(|failure| now.is_before(failure.until));
        let glance = self.global.glance(now);
        let generation = self.gate.generation();
        let is_good = |config: &Arc<Config<S>>| config.generation == generation && now.is_before(config.usable_until);
        let Some(config) = self.shelf.ready(tenant).filter(is_good) else {
            return match failure {
                Some(failure) if is_pausing && !known.is_kept => AtHand::Answer(Err(failure.fault.as_error(tenant))),
                Some(_) | None => AtHand::Nothing,
            };
        };
        let times = config.times();
        let is_fresh = !self.source.freshness.expired(times, now).any();
        if !glance.is_settled || !(is_fresh || is_pausing) {
            return AtHand::Nothing;
        }
        if glance.is_due {
            drop(self.global.refresh());
        }
        if self.source.freshness.reads(times, now).any() && !is_pausing {
            drop(self.refresh(tenant));
        }
        let stale = self.label(&config, failure.as_ref(), glance, self.watch.watched(), now);
        AtHand::Answer(Ok(TenantConfig::labelled(config, stale)))
    }

    /// How much older a configuration is than it should be, by its oldest part; of parts of one age, by the tenant's own.
    fn label(
        &self,
        config: &Config<S>,
        failure: Option<&Failure>,
        glance: Glance,
        watched: Watched,
        now: Moment,
    ) -> Option<Stale> {
        let freshness = &self.source.freshness;
        let fault = failure.map(|failure| &failure.fault);
        let own = freshness.stale_age(config.times(), now).and_then(|age| freshness.label(age, fault));
        let known_good = watched.known_good(config.times().parameters, now).age(now);
        // While checks are answered, what none of them covers expires as early, and is labelled with its own reason.
        let is_unchecked =
            [known_good, watched.confirmed.age(now)].iter().all(|age| *age >= freshness.revocations_within);
        let unchecked = is_unchecked.then_some(Stale { age: known_good, reason: StaleReason::Unchecked });
        // The last of equal ones is taken.
        [unchecked, glance.stale, own].into_iter().flatten().max_by_key(|stale| stale.age)
    }

    fn is_unchecked(&self, config: &TenantConfig<S>) -> bool {
        let now = self.source.time.now();
        let known_good = self.watch.watched().known_good(config.read_at(), now);
        known_good.age(now) >= self.source.freshness.revocations_within
    }

    /// Begins to refresh a tenant, or joins those who wait for it.
    fn refresh(self: &Arc<Self>, tenant: &TenantId) -> Seat<Loaded<S>> {
        self.flights.join(tenant, |number| {
            let (this, tenant) = (Arc::clone(self), tenant.clone());
            // Of its target are the spans that are for traces and not for the log.
            let span = info_span!(target: "traces", "configuration.read", "tenantry.scope" = %tenant);
            async move { this.fly(tenant, number).await }.instrument(span)
        })
    }

    async fn fly(self: Arc<Self>, tenant: TenantId, number: FlightNumber) -> Loaded<S> {
        let now = self.source.time.now();
        let mut held = self.shelf.reading(&tenant);
        if let Some(held) = &mut held {
            held.times.is_watched = self.watch.watched().covers(held.times.parameters);
        }
        let failure = self.shelf.known(&tenant, now).failure;
        let scope = Scope::Tenant(tenant.clone());
        let (global, outcome) = tokio::join!(self.global.view(), self.read(&scope, held, failure.as_ref(), now));
        self.settle(&tenant, number, global, outcome, failure)
    }

    /// Reads what is due, unless an earlier failure asks for patience.
    async fn read(&self, scope: &Scope, held: Option<Reading>, failure: Option<&Failure>, now: Moment) -> Outcome {
        let freshness = &self.source.freshness;
        if let (Some(held), Some(failure)) = (&held, failure.filter(|failure| now.is_before(failure.until))) {
            let fault = failure.fault.clone();
            let is_usable = freshness.are_parameters_usable(held.times, now);
            return if is_usable { Outcome::Read(held.clone(), Some(fault)) } else { Outcome::Failed(fault) };
        }
        let retries = if failure.is_none() { freshness.retries } else { 0 };
        let reads = held.as_ref().map_or(Reads::ALL, |held| freshness.reads(held.times, now));
        self.source.refresh(scope, held, reads, retries).await
    }

    /// Decides what to keep and what to answer, now that all is read.
    fn settle(
        &self,
        tenant: &TenantId,
        number: FlightNumber,
        global: Result<GlobalView, Fault>,
        outcome: Outcome,
        earlier: Option<Failure>,
    ) -> Loaded<S> {
        let now = self.source.time.now();
        let (mut reading, fault) = match outcome {
            Outcome::Refused(refusal) => return Err(self.refuse(tenant, number, refusal, now)),
            Outcome::Failed(fault) => return Err(self.fail(tenant, number, &fault, earlier, now)),
            Outcome::Read(reading, fault) => (reading, fault),
        };
        let global = match global {
            Ok(global) => global,
            Err(fault) => {
                // Without this the tenant would be read again and again, in vain.
                self.note(tenant, number, Some(fault.clone()), earlier, now);
                return Err(fault.as_error(tenant));
            }
        };
        self.learn_keys(&global);
        reading.times.is_watched = self.watch.watched().covers(reading.times.parameters);
        let catalog = self.source.validator.catalog();
        match Config::build(tenant, reading, &global, catalog, &self.source.freshness, now) {
            Ok(config) => {
                let config = Arc::new(config);
                self.shelf.keep(
                    Arc::clone(&config),
                    || self.source.random(),
                    || self.flights.is_current(tenant, number),
                );
                let failure = self.note(tenant, number, fault, earlier, now);
                let stale = self.label(&config, failure.as_ref(), self.global.glance(now), self.watch.watched(), now);
                Ok(TenantConfig::labelled(config, stale))
            }
            Err(reasons) => self.keep_last_good(tenant, number, reasons, earlier, now),
        }
    }

    /// Serves the configuration from before the one that does not fit the settings, if there is one.
    fn keep_last_good(
        &self,
        tenant: &TenantId,
        number: FlightNumber,
        reasons: Reasons,
        earlier: Option<Failure>,
        now: Moment,
    ) -> Loaded<S> {
        let fault = Fault::Unusable(reasons);
        self.note(tenant, number, Some(fault.clone()), earlier, now);
        let last_good = self.shelf.ready(tenant).filter(|config| now.is_before(config.usable_until));
        let Some(config) = last_good else { return Err(fault.as_error(tenant)) };
        let stale = Stale { age: config.times().parameters.age(now), reason: fault.as_reason() };
        Ok(TenantConfig::labelled(config, Some(stale)))
    }

    fn refuse(&self, tenant: &TenantId, number: FlightNumber, refusal: Refusal, now: Moment) -> LoadError {
        if self.flights.is_current(tenant, number) {
            self.shelf.drop_tenant(tenant, || {});
            self.shelf.refuse(tenant, refusal, now, now.after(self.source.freshness.refused));
        }
        refusal.of(tenant)
    }

    fn fail(
        &self,
        tenant: &TenantId,
        number: FlightNumber,
        fault: &Fault,
        earlier: Option<Failure>,
        now: Moment,
    ) -> LoadError {
        if self.flights.is_current(tenant, number) {
            if let Fault::Denied(error) = fault {
                error!(%tenant, %error, "the store denies access; the cached configuration is dropped");
            }
            self.shelf.drop_tenant(tenant, || {});
            self.note(tenant, number, Some(fault.clone()), earlier, now);
        }
        fault.as_error(tenant)
    }

    /// Remembers a failure together with when to try again, or that all is well.
    fn note(
        &self,
        tenant: &TenantId,
        number: FlightNumber,
        fault: Option<Fault>,
        earlier: Option<Failure>,
        now: Moment,
    ) -> Option<Failure> {
        let failure = fault.map(|fault| match earlier {
            Some(waiting) if now.is_before(waiting.until) => waiting,
            earlier => self.next_failure(tenant, fault, earlier.map_or(0, |failure| failure.count) + 1, now),
        });
        if self.flights.is_current(tenant, number) {
            self.shelf.note(tenant, failure.clone(), now);
        }
        failure
    }

    fn next_failure(&self, tenant: &TenantId, fault: Fault, count: u32, now: Moment) -> Failure {
        warn!(%tenant, count, reason = %fault.as_reason(), "the configuration cannot be refreshed");
        let can_serve = self.shelf.known(tenant, now).is_kept;
        let pause = self.source.freshness.back_off(count, can_serve, self.source.random());
        Failure { fault, count, until: now.after(pause) }
    }

    fn learn_keys(&self, global: &GlobalView) {
        if self.learned.swap(global.generation, Ordering::Relaxed) != global.generation {
            self.shelf.learn(global.reading.layer.entries().iter().map(|(key, _)| key));
        }
    }

    /// Asks for revocations if it is time to, in the background.
    fn check_revocations_if_due(self: &Arc<Self>) -> Option<Seat<()>> {
        let now = self.source.time.now();
        self.watch.is_due(now, self.source.freshness.revocations_due).then(|| {
            self.checks.join(&(), |_| {
                let this = Arc::clone(self);
                async move { this.check_revocations().await }
            })
        })
    }

    async fn check_revocations(&self) {
        let began = self.source.time.now();
        let answer = self.source.revocations(self.watch.cursor()).await;
        let ended = self.source.time.now();
        // Tenants are dropped before what is left counts as confirmed.
        match &answer {
            Ok(revocations) => revocations.tenants.iter().for_each(|tenant| self.purge(tenant)),
            Err(Fault::Unavailable(_)) => {}
            // Nobody can tell what was missed.
            Err(Fault::Denied(_) | Fault::Unusable(_)) => self.purge_all(),
        }
        self.watch.learn(answer, began, ended);
        self.gate.set_revocations(self.watch.watched().confirmed.after(self.source.freshness.revocations_due));
    }

    pub(crate) fn purge(&self, tenant: &TenantId) {
        self.shelf.drop_tenant(tenant, || self.flights.forget(tenant));
    }

    pub(crate) fn purge_global(&self) {
        self.global.outdate();
    }

    pub(crate) fn purge_all(&self) {
        self.global.forget();
        self.shelf.drop_all(|| self.flights.forget_all());
    }
}

impl Refusal {
    fn of(self, tenant: &TenantId) -> LoadError {
        match self {
            Self::Unknown => LoadError::UnknownTenant(tenant.clone()),
            Self::Suspended => LoadError::Suspended(tenant.clone()),
        }
    }
}

//! Reads a scope through the two ports: side by side, within a time limit, again after a passing failure.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tenantry_core::scope::Scope;
use tenantry_core::secret::FingerprintKey;
use tenantry_core::validate::Validator;
use tenantry_store::{
    Head, ParameterStore, RevocationCursor, Revocations, SecretStore, SecretVersion, StoreError, StoredScope,
    StoredSecret, TenantStatus,
};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

use crate::cache::{Freshness, Reads, Times};
use crate::clock::{Moment, Time};
use crate::error::{Fault, Unanswered};
use crate::reading::{Reading, Reasons};

/// The ports, and all that turns what they hold into readings.
pub(crate) struct Source {
    parameters: Arc<dyn ParameterStore>,
    secrets: Arc<dyn SecretStore>,
    fingerprints: OnceCell<FingerprintKey>,
    pub(crate) validator: Validator,
    pub(crate) freshness: Freshness,
    pub(crate) time: Time,
    dice: Dice,
    pub(crate) parameter_reads: AtomicU64,
    pub(crate) secret_reads: AtomicU64,
}

/// What came of reading a scope.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// There is something to serve; if not all of it is new, the fault says why.
    Read(Reading, Option<Fault>),
    /// The tenant is not served.
    Refused(Refusal),
    /// There is nothing to serve.
    Failed(Fault),
}

/// Why a tenant is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unknown,
    Suspended,
}

/// A scope's secret, if it has one.
struct Fetched(Option<StoredSecret>);

/// What a port gave for a part: nothing if it was not asked.
type Part<T> = Option<Result<T, Fault>>;

impl Source {
    pub(crate) fn new(
        parameters: Arc<dyn ParameterStore>,
        secrets: Arc<dyn SecretStore>,
        validator: Validator,
        freshness: Freshness,
        time: Time,
    ) -> Self {
        Self {
            parameters,
            secrets,
            fingerprints: OnceCell::new(),
            validator,
            freshness,
            time,
            dice: Dice::new(),
            parameter_reads: AtomicU64::new(0),
            secret_reads: AtomicU64::new(0),
        }
    }

    /// A random number in `0.0..1.0`.
    pub(crate) fn random(&self) -> f64 {
        self.dice.roll()
    }

    /// Reads parts of a scope, to take the place of those that are held. What is not held is read in any case.
    /// `retries` says how often a call may be made again.
    pub(crate) async fn refresh(&self, scope: &Scope, held: Option<Reading>, reads: Reads, retries: u32) -> Outcome {
        let now = self.time.now();
        let (held, reads) = match held {
            Some(held) if !reads.any() => return Outcome::Read(held, None),
            Some(held) => (Some(held), reads),
            None => (None, Reads::ALL),
        };
        let deadline = Instant::now() + self.freshness.configuration;
        let limits = Limits { deadline, retries };
        let parameters =
            async { if reads.parameters { Some(self.read_parameters(scope, limits).await) } else { None } };
        let secret = async { if reads.secrets { Some(self.read_secret(scope, limits).await) } else { None } };
        let (mut parameters, mut secret) = tokio::join!(parameters, secret);
        if let Some(Ok(stored)) = &parameters {
            if let Some(refusal) = refusal(scope, stored.as_ref()) {
                return Outcome::Refused(refusal);
            }
            // A change set may have changed the secret along with the parameters.
            let has_moved = |held: &Reading| {
                stored.as_ref().is_none_or(|stored| {
                    stored.head.revision != held.layer.revision()
                        || *stored.head.incarnation != *held.incarnation
                        || belongs_elsewhere(stored, held.secret_version.as_ref())
                })
            };
            if secret.is_none() && held.as_ref().is_some_and(has_moved) {
                secret = Some(self.read_secret(scope, limits).await);
            }
        }
        if is_torn(parameters.as_ref(), secret.as_ref()) {
            // Read between the two steps of a change of both, or changed by hand: reading both again tells which.
            let (again, secret_again) =
                tokio::join!(self.read_parameters(scope, limits), self.read_secret(scope, limits));
            if let Ok(stored) = &again
                && let Some(refusal) = refusal(scope, stored.as_ref())
            {
                return Outcome::Refused(refusal);
            }
            (parameters, secret) = (Some(again), Some(secret_again));
        }
        let parameters = parameters.map(|read| read.map(|stored| stored.unwrap_or_else(never_written)));
        self.settle(scope, held, parameters, secret, now)
    }

    /// Decides what to serve, now that the ports have answered.
    fn settle(
        &self,
        scope: &Scope,
        held: Option<Reading>,
        parameters: Part<StoredScope>,
        secret: Part<Fetched>,
        now: Moment,
    ) -> Outcome {
        let (parameters, parameters_fault) = split(parameters);
        let (secret, secret_fault) = split(secret);
        if let Some(denied) = [&parameters_fault, &secret_fault].into_iter().flatten().find(|fault| is_denial(fault)) {
            return Outcome::Failed(denied.clone());
        }
        // What is left of a deleted tenant is nothing to a new one of the same name.
        let held =
            held.filter(|held| parameters.as_ref().is_none_or(|stored| *stored.head.incarnation == *held.incarnation));
        let fault = parameters_fault.or(secret_fault);
        match self.combine(scope, held.as_ref(), parameters, secret, now) {
            Some(Ok(reading)) => Outcome::Read(reading, fault),
            Some(Err(reasons)) => self.fall_back(held, Fault::Unusable(reasons), now),
            None => self.fall_back(held, fault.expect("a part is missing only where reading it failed"), now),
        }
    }

    /// Makes a reading of what is new and what is held. `None` if that is not enough for one.
    fn combine(
        &self,
        scope: &Scope,
        held: Option<&Reading>,
        parameters: Option<StoredScope>,
        secret: Option<Fetched>,
        now: Moment,
    ) -> Option<Result<Reading, Reasons>> {
        let catalog = self.validator.catalog();
        let times = Times { parameters: now, secrets: now, has_texts: true, is_watched: true };
        let read = |stored, secret: Option<&StoredSecret>| {
            // The key is there whenever a secret was read; without one nothing gets a fingerprint.
            let keys = self.fingerprints.get().cloned().unwrap_or_else(|| FingerprintKey::new([0; 32]));
            Reading::of_both(&self.validator, &keys, scope, stored, secret, times)
        };
        match (parameters, secret, held) {
            (Some(stored), Some(Fetched(secret)), _) => Some(read(stored, secret.as_ref())),
            (Some(stored), None, Some(held)) => {
                Some(read(stored, None).map(|reading| reading.with_secret_of(held, catalog)))
            }
            // Only the secret that was held is known to belong to the parameters that are: another version may be that of a
            // new tenant of the name.
            (None, Some(Fetched(secret)), Some(held))
                if secret.as_ref().map(|secret| &secret.version) == held.secret_version.as_ref()
                    && self.freshness.are_parameters_usable(held.times, now) =>
            {
                Some(read(never_written(), secret.as_ref()).map(|reading| held.with_secret_of(&reading, catalog)))
            }
            (None, Some(_), _) | (_, None, _) => None,
        }
    }

    fn fall_back(&self, held: Option<Reading>, fault: Fault, now: Moment) -> Outcome {
        match held.filter(|held| self.freshness.are_parameters_usable(held.times, now)) {
            Some(held) => Outcome::Read(held, Some(fault)),
            None => Outcome::Failed(fault),
        }
    }

    async fn read_parameters(&self, scope: &Scope, limits: Limits) -> Result<Option<StoredScope>, Fault> {
        let read = || {
            self.parameter_reads.fetch_add(1, Ordering::Relaxed);
            self.parameters.read(scope)
        };
        self.call(limits, read).await
    }

    async fn read_secret(&self, scope: &Scope, limits: Limits) -> Result<Fetched, Fault> {
        let keys = || async { Ok(self.call(limits, || self.secrets.keys()).await?.fingerprint.clone()) };
        self.fingerprints.get_or_try_init(keys).await?;
        let read = || {
            self.secret_reads.fetch_add(1, Ordering::Relaxed);
            self.secrets.read_secret(scope)
        };
        self.call(limits, read).await.map(Fetched)
    }

    /// Asks once which tenants were suspended, deleted or created again.
    pub(crate) async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, Fault> {
        let limits = Limits { deadline: Instant::now() + self.freshness.call, retries: 0 };
        self.call(limits, || self.parameters.revocations(after.clone())).await
    }

    async fn call<T, F>(&self, limits: Limits, attempt: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut retry = 0;
        loop {
            let limit = self.freshness.call.min(limits.deadline.saturating_duration_since(Instant::now()));
            let answered = timeout(limit, attempt()).await;
            let error = match answered.unwrap_or_else(|_| Err(StoreError::Unavailable(Unanswered(limit).into()))) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let pause = Freshness::retry_pause(retry, self.random());
            let is_too_late = Instant::now() + pause >= limits.deadline;
            if !error.is_transient() || retry >= limits.retries || is_too_late {
                return Err(Fault::of(Arc::new(error)));
            }
            sleep(pause).await;
            retry += 1;
        }
    }
}

/// How long and how often a call may be tried.
#[derive(Clone, Copy)]
struct Limits {
    deadline: Instant,
    retries: u32,
}

fn split<T>(part: Part<T>) -> (Option<T>, Option<Fault>) {
    match part {
        Some(Ok(value)) => (Some(value), None),
        Some(Err(fault)) => (None, Some(fault)),
        None => (None, None),
    }
}

fn is_denial(fault: &Fault) -> bool {
    matches!(fault, Fault::Denied(_))
}

/// Whether a tenant is refused by what is stored of it. The global scope need not exist.
fn refusal(scope: &Scope, stored: Option<&StoredScope>) -> Option<Refusal> {
    match (scope, stored.map(|stored| stored.head.status)) {
        (Scope::Global, _) | (Scope::Tenant(_), Some(TenantStatus::Active)) => None,
        (Scope::Tenant(_), Some(TenantStatus::Suspended)) => Some(Refusal::Suspended),
        (Scope::Tenant(_), None) => Some(Refusal::Unknown),
    }
}

/// Whether a version of the secret is another one than that of the revision, as far as the store tells.
fn belongs_elsewhere(stored: &StoredScope, version: Option<&SecretVersion>) -> bool {
    stored.secret_version.is_some() && stored.secret_version.as_ref() != version
}

/// Whether parameters and secret, read side by side, are of two revisions.
fn is_torn(parameters: Option<&Result<Option<StoredScope>, Fault>>, secret: Option<&Result<Fetched, Fault>>) -> bool {
    let (Some(Ok(Some(stored))), Some(Ok(Fetched(secret)))) = (parameters, secret) else { return false };
    belongs_elsewhere(stored, secret.as_ref().map(|secret| &secret.version))
}

/// A scope in which nothing was ever saved.
fn never_written() -> StoredScope {
    let head = Head::unsaved();
    StoredScope { head, items: Vec::new(), odd: Vec::new(), drift: false, secret_version: None }
}

/// Random numbers that nobody's safety hangs on: pauses, and who leaves the hot set (SplitMix64).
struct Dice(AtomicU64);

impl Dice {
    fn new() -> Self {
        Self(AtomicU64::new(RandomState::new().hash_one(0)))
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept, as many as a float has")]
    fn roll(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

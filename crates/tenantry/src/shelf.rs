//! What is kept of tenants: ready configurations for a bounded hot set, packed readings for all others that were seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenantry_core::key::Key;
use tenantry_core::scope::TenantId;

use crate::clock::Moment;
use crate::config::Config;
use crate::error::Fault;
use crate::hot::{HotSet, OfTenant};
use crate::packed::{KeyTable, Packed};
use crate::reading::Reading;
use crate::source::Refusal;

type Map<V> = HashMap<TenantId, V, foldhash::fast::RandomState>;

/// The cached configurations. Looking one up takes no lock and writes nothing that is shared but its reference count;
/// whatever changes the shelf goes through its one lock.
pub(crate) struct Shelf<S> {
    hot: HotSet<Config<S>>,
    books: Mutex<Books>,
    hot_tenants: usize,
}

/// What only those look at who did not find a ready configuration.
#[derive(Default)]
struct Books {
    /// The tenants of the hot set in no order, and the place of each.
    order: Vec<TenantId>,
    places: Map<usize>,
    /// The readings of tenants outside of the hot set.
    packed: Map<Packed>,
    keys: Arc<KeyTable>,
    refusals: Map<(Refusal, Moment)>,
    failures: Map<Failure>,
}

/// Why a tenant could not be refreshed, and when it may be tried again.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    /// How many times in a row.
    pub(crate) count: u32,
    pub(crate) until: Moment,
}

/// What is known of a tenant without asking any store.
pub(crate) struct Known {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) failure: Option<Failure>,
    /// Whether anything is cached of it.
    pub(crate) is_kept: bool,
}

/// How many tenants are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) hot: usize,
    pub(crate) packed: usize,
    pub(crate) packed_bytes: usize,
}

/// More refusals or failures than this are not remembered: whoever asks for made-up tenants gets no memory for it.
const MOST_REMEMBERED: usize = 10_000;

/// So many tenants of the hot set are looked at to find one that can go.
const CANDIDATES: u32 = 4;

impl<S> Shelf<S> {
    pub(crate) fn new<'a>(hot_tenants: usize, keys: impl IntoIterator<Item = &'a Key>) -> Self {
        let hot_tenants = hot_tenants.max(1);
        let shelf = Self { hot: HotSet::new(hot_tenants), books: Mutex::default(), hot_tenants };
        shelf.learn(keys);
        shelf
    }

    /// The configuration of a tenant, if nothing is due at `now` and it was built with this generation of the global layer.
    #[inline]
    pub(crate) fn warm(&self, tenant: &TenantId, now: Moment, generation: u64) -> Option<Arc<Config<S>>> {
        self.hot.find(tenant, |config| now.is_before(config.due) && config.generation == generation)
    }

    /// The configuration of a tenant in the hot set, however old.
    pub(crate) fn ready(&self, tenant: &TenantId) -> Option<Arc<Config<S>>> {
        self.hot.find(tenant, |_| true)
    }

    /// What is known of a tenant at `now`.
    pub(crate) fn known(&self, tenant: &TenantId, now: Moment) -> Known {
        let books = self.books();
        let refusal = books.refusals.get(tenant).filter(|(_, until)| now.is_before(*until));
        Known {
            refusal: refusal.map(|(refusal, _)| *refusal),
            failure: books.failures.get(tenant).cloned(),
            is_kept: books.packed.contains_key(tenant) || books.places.contains_key(tenant),
        }
    }

    /// The reading of a tenant, wherever it is kept.
    pub(crate) fn reading(&self, tenant: &TenantId) -> Option<Reading> {
        if let Some(config) = self.ready(tenant) {
            return Some(config.reading.clone());
        }
        let (packed, keys) = {
            let books = self.books();
            (books.packed.get(tenant)?.clone(), Arc::clone(&books.keys))
        };
        Some(packed.unpack(&keys))
    }

    /// Keeps a ready configuration, unless `is_wanted` has changed its mind under the lock. `random` tells whom it
    /// displaces when the hot set is full.
    pub(crate) fn keep(&self, config: Arc<Config<S>>, random: impl Fn() -> f64, is_wanted: impl FnOnce() -> bool) {
        let mut books = self.books();
        if !is_wanted() {
            return;
        }
        let tenant = config.tenant().clone();
        if !books.places.contains_key(&tenant) {
            if books.order.len() >= self.hot_tenants {
                self.displace_one(&mut books, random);
            }
            let place = books.order.len();
            books.order.push(tenant.clone());
            books.places.insert(tenant.clone(), place);
        }
        books.packed.remove(&tenant);
        books.refusals.remove(&tenant);
        self.hot.insert(config);
    }

    /// Moves one tenant from the hot set to the packed ones: of a few taken at random, the one that was refreshed least
    /// recently. Tenants in use are refreshed again and again, so nobody keeps books about hits.
    fn displace_one(&self, books: &mut Books, random: impl Fn() -> f64) {
        let candidates = (0..CANDIDATES).map(|_| &books.order[pick(books.order.len(), random())]);
        let read_at = |tenant: &&TenantId| self.ready(tenant).map_or(0, |config| config.times().parameters.monotonic);
        let Some(tenant) = candidates.min_by_key(read_at).cloned() else { return };
        if let Some(config) = self.ready(&tenant) {
            let packed = Packed::pack(&config.reading, &books.keys);
            books.packed.insert(tenant.clone(), packed);
        }
        self.drop_hot(books, &tenant);
    }

    fn drop_hot(&self, books: &mut Books, tenant: &TenantId) {
        self.hot.remove(tenant);
        if let Some(place) = books.places.remove(tenant) {
            books.order.swap_remove(place);
            if let Some(moved) = books.order.get(place).cloned() {
                books.places.insert(moved, place);
            }
        }
    }

    /// Drops all that is cached of a tenant; `and_then` runs under the same lock.
    pub(crate) fn drop_tenant(&self, tenant: &TenantId, and_then: impl FnOnce()) {
        let mut books = self.books();
        self.drop_hot(&mut books, tenant);
        books.packed.remove(tenant);
        books.refusals.remove(tenant);
        books.failures.remove(tenant);
        and_then();
    }

    /// Drops all that is cached of anybody; `and_then` runs under the same lock.
    pub(crate) fn drop_all(&self, and_then: impl FnOnce()) {
        let mut books = self.books();
        self.hot.clear();
        *books = Books { keys: Arc::clone(&books.keys), ..Books::default() };
        and_then();
    }

    /// Remembers that a tenant is not served.
    pub(crate) fn refuse(&self, tenant: &TenantId, refusal: Refusal, now: Moment, until: Moment) {
        let mut books = self.books();
        if books.refusals.len() >= MOST_REMEMBERED {
            books.refusals.retain(|_, (_, until)| now.is_before(*until));
        }
        if books.refusals.len() < MOST_REMEMBERED {
            books.refusals.insert(tenant.clone(), (refusal, until));
        }
    }

    /// Remembers a failure, until it is tried again, or that there is none.
    pub(crate) fn note(&self, tenant: &TenantId, failure: Option<Failure>, now: Moment) {
        let mut books = self.books();
        let Some(failure) = failure else {
            books.failures.remove(tenant);
            return;
        };
        if books.failures.len() >= MOST_REMEMBERED {
            books.failures.retain(|_, failure| now.is_before(failure.until));
        }
        if books.failures.len() < MOST_REMEMBERED {
            books.failures.insert(tenant.clone(), failure);
        }
    }

    /// Gives numbers to keys that many tenants may set.
    pub(crate) fn learn<'a>(&self, keys: impl IntoIterator<Item = &'a Key>) {
        Arc::make_mut(&mut self.books().keys).learn(keys);
    }

    pub(crate) fn sizes(&self) -> Sizes {
        let books = self.books();
        let packed_bytes = books.packed.values().map(Packed::size).sum();
        Sizes { hot: books.order.len(), packed: books.packed.len(), packed_bytes }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Nothing that holds the lock can panic half way.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the product lies in 0..count")]
#[expect(clippy::cast_precision_loss, reason = "any place will do")]
fn pick(count: usize, random: f64) -> usize {
    ((count as f64 * random) as usize).min(count.saturating_sub(1))
}

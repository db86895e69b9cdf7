//! What is asked again and again, kept ready to be sent: configurations as bytes, and whose a token is.
//!
//! Nothing kept is served unless it is known to be what the store says: by the store's stamp, which is another one after any
//! change by whomever; or, of a store that has none, for no longer than a configuration is taken to be fresh. What is kept of
//! tokens are hashes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use dashmap::DashMap;
use foldhash::quality::RandomState;
use http::HeaderValue;
use jiff::Timestamp;
use tenantry_core::scope::TenantId;
use tenantry_store::{StoreError, Stores};

use crate::access::Principal;

/// The most bytes of configurations that are kept, unless said otherwise: 256 MiB, those of some 100,000 tenants.
pub const HOT_BYTES: usize = 256 * 1024 * 1024;
/// What a kept configuration takes beside its bytes, about.
const ENTRY_BYTES: usize = 256;
/// The most callers that are kept.
const MOST_CALLERS: usize = 100_000;
/// Within how long what was revoked, suspended or erased by way of another process is gone in this one.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);
/// For how long a caller is kept: the use of a token is noted when it is looked up.
const CALLER_KEPT: Duration = Duration::from_mins(1);

/// How the store was when something was read from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    stamp: Option<u64>,
    /// How often something was changed by way of this process.
    epoch: u64,
    at: Instant,
}

/// A configuration ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) body: Bytes,
    pub(crate) tag: HeaderValue,
    seen: Seen,
}

#[derive(Clone, Debug)]
struct Known {
    caller: Arc<Principal>,
    /// Until when it is kept, at the most.
    until: Instant,
    /// When the token ends. Both clocks count: one stands still while the machine sleeps, the other is set.
    ends: Timestamp,
    seen: Seen,
}

/// What is kept; a clone shares it.
#[derive(Clone)]
pub(crate) struct Hot(Arc<Kept>);

struct Kept {
    configurations: DashMap<TenantId, Ready, RandomState>,
    bytes: AtomicUsize,
    most_bytes: usize,
    callers: papaya::HashMap<blake3::Hash, Known, RandomState>,
    fresh_for: Duration,
    look_holds: Duration,
    epoch: AtomicU64,
    /// The newest look at the store.
    looked: ArcSwapOption<Seen>,
}

/// For how long a look at the store holds for other requests of a busy server, too. What is changed by way of its API is
/// seen at once all the same.
pub(crate) const LOOK_HOLDS: Duration = Duration::from_millis(2);

impl Hot {
    /// Keeps so many bytes, and what cannot be told by a stamp for so long, but no longer than what is revoked elsewhere may
    /// still hold. A look at the store holds for so long.
    pub(crate) fn new(most_bytes: usize, fresh_for: Duration, look_holds: Duration) -> Self {
        let fresh_for = fresh_for.min(REVOKED_WITHIN);
        Self(Arc::new(Kept {
            configurations: DashMap::default(),
            bytes: AtomicUsize::new(0),
            most_bytes,
            callers: papaya::HashMap::default(),
            fresh_for,
            look_holds,
            epoch: AtomicU64::new(0),
            looked: ArcSwapOption::empty(),
        }))
    }

    /// How the store is now: to be asked before anything is read.
    pub(crate) async fn look(&self, stores: &Stores) -> Result<Seen, StoreError> {
        let (epoch, at) = (self.0.epoch.load(Ordering::SeqCst), Instant::now());
        if let Some(seen) = self.looked_lately(at) {
            return Ok(seen);
        }
        let seen = Seen { stamp: stores.stamp().await?, epoch, at };
        self.0.looked.store(Some(Arc::new(seen)));
        Ok(seen)
    }

    /// The newest look at the store, as long as it holds.
    pub(crate) fn looked_lately(&self, now: Instant) -> Option<Seen> {
        let seen = *self.0.looked.load().as_deref()?;
        let is_same = seen.epoch == self.0.epoch.load(Ordering::SeqCst);
        (is_same && now.duration_since(seen.at) < self.0.look_holds).then_some(Seen { at: now, ..seen })
    }

    /// Says that something was changed by way of this process.
    pub(crate) fn changed(&self) {
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
    }

    fn is_fresh(&self, then: Seen, now: Seen) -> bool {
        let same = then.epoch == now.epoch && then.stamp == now.stamp;
        same && (now.stamp.is_some() || now.at.duration_since(then.at) < self.0.fresh_for)
    }

    /// The configuration of a tenant, if it is kept and is what the store says.
    pub(crate) fn configuration(&self, tenant: &TenantId, now: Seen) -> Option<Ready> {
        self.named(tenant.as_str(), now).map(|(_, ready)| ready)
    }

    /// The same by a text, which may be no tenant's id.
    pub(crate) fn named(&self, text: &str, now: Seen) -> Option<(TenantId, Ready)> {
        let ready = self.0.configurations.get(text)?;
        self.is_fresh(ready.seen, now).then(|| (ready.key().clone(), ready.clone()))
    }

    /// Keeps a configuration. Where there is no room, all are let go: those that are asked for come back.
    pub(crate) fn keep_configuration(&self, tenant: &TenantId, body: &Bytes, tag: &HeaderValue, seen: Seen) {
        let size = body.len() + ENTRY_BYTES;
        let (body, tag) = together(body, tag);
        if self.0.bytes.load(Ordering::SeqCst) + size > self.0.most_bytes {
            self.0.configurations.clear();
            self.0.bytes.store(0, Ordering::SeqCst);
        }
        self.0.bytes.fetch_add(size, Ordering::SeqCst);
        if let Some(before) = self.0.configurations.insert(tenant.clone(), Ready { body, tag, seen }) {
            let before = before.body.len() + ENTRY_BYTES;
            // After a clearing in between, it was not counted any more.
            let _ =
                self.0.bytes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |all| Some(all.saturating_sub(before)));
        }
    }

    /// Whose a token is, if it is kept and still so.
    pub(crate) fn caller(&self, token: &str, now: Seen, time: Timestamp) -> Option<Arc<Principal>> {
        self.with_caller(token, now, time, Arc::clone)
    }

    /// What is to be known of whose a token is, if it is kept and still so. A count of those who have the principal would be
    /// written by every core for every request.
    pub(crate) fn with_caller<T>(
        &self,
        token: &str,
        now: Seen,
        time: Timestamp,
        tell: impl FnOnce(&Arc<Principal>) -> T,
    ) -> Option<T> {
        let callers = self.0.callers.pin();
        let known = callers.get(&blake3::hash(token.as_bytes()))?;
        let is_kept = now.at < known.until && self.is_fresh(known.seen, now);
        (is_kept && time < known.ends).then(|| tell(&known.caller))
    }

    /// Keeps whose a token is that ends then.
    pub(crate) fn keep_caller(&self, token: &str, caller: &Arc<Principal>, ends: Timestamp, seen: Seen) {
        let callers = self.0.callers.pin();
        if callers.len() >= MOST_CALLERS {
            callers.clear();
        }
        let known = Known { caller: Arc::clone(caller), until: seen.at + CALLER_KEPT, ends, seen };
        callers.insert(blake3::hash(token.as_bytes()), known);
    }
}

/// The same in one piece of memory: of a hundred thousand, each is far from whatever was read last, and one way there is
/// shorter than three.
fn together(body: &Bytes, tag: &HeaderValue) -> (Bytes, HeaderValue) {
    let whole = Bytes::from([tag.as_bytes(), body].concat());
    let tag = HeaderValue::from_maybe_shared(whole.slice(..tag.len())).expect("it was a header before");
    (whole.slice(tag.len()..), tag)
}

impl fmt::Debug for Hot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hot").field("configurations", &self.0.configurations.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stamp: Option<u64>, epoch: u64, at: Instant) -> Seen {
        Seen { stamp, epoch, at }
    }

    fn keep(hot: &Hot, id: &str, bytes: usize, seen: Seen) -> TenantId {
        let tenant = TenantId::parse(id).unwrap();
        hot.keep_configuration(&tenant, &Bytes::from(vec![0; bytes]), &HeaderValue::from_static("\"t\""), seen);
        tenant
    }

    #[test]
    fn what_is_kept_is_served_while_the_stamp_is_the_same_however_long() {
        let (hot, at) = (Hot::new(HOT_BYTES, Duration::from_secs(2), Duration::ZERO), Instant::now());
        let acme = keep(&hot, "acme", 10, seen(Some(1), 0, at));
        let later = at + Duration::from_hours(1);
        assert!(hot.configuration(&acme, seen(Some(1), 0, later)).is_some());
        assert!(hot.configuration(&acme, seen(Some(2), 0, at)).is_none(), "somebody changed something");
        assert!(hot.configuration(&acme, seen(Some(1), 1, at)).is_none(), "this process did");
    }

    #[test]
    fn of_a_store_without_a_stamp_it_is_served_while_it_is_fresh() {
        let (hot, at) = (Hot::new(HOT_BYTES, Duration::from_secs(2), Duration::ZERO), Instant::now());
        let acme = keep(&hot, "acme", 10, seen(None, 0, at));
        assert!(hot.configuration(&acme, seen(None, 0, at + Duration::from_secs(1))).is_some());
        assert!(hot.configuration(&acme, seen(None, 0, at + Duration::from_secs(2))).is_none());
        assert!(hot.configuration(&acme, seen(None, 1, at)).is_none());
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let (hot, at) = (Hot::new(10_000, Duration::from_secs(2), Duration::ZERO), Instant::now());
        for number in 0..100 {
            keep(&hot, &format!("t{number}"), 1_000, seen(Some(1), 0, at));
            let kept: usize = hot.0.configurations.iter().map(|one| one.body.len() + ENTRY_BYTES).sum();
            assert!(kept <= 10_000, "{kept}");
        }
        for _ in 0..100 {
            keep(&hot, "same", 1_000, seen(Some(1), 0, at));
        }
        assert!(hot.0.configurations.contains_key(&TenantId::parse("same").unwrap()));
    }

    #[test]
    fn a_token_that_ends_is_not_kept_beyond_its_end() {
        let (hot, at) = (Hot::new(HOT_BYTES, Duration::from_secs(2), Duration::ZERO), Instant::now());
        let scope = tenantry_core::scope::Scope::Global;
        let credential = crate::access::Credential::Token(String::new());
        let role = crate::access::Role::Operator;
        let caller = Arc::new(Principal { scope, role, actor: String::new(), credential });
        let (begin, end) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(10));
        let is_kept = |token: &str, after: Duration, time: Timestamp| {
            hot.caller(token, seen(Some(1), 0, at + after), time).is_some()
        };
        hot.keep_caller("tny_x", &caller, end, seen(Some(1), 0, at));
        assert!(is_kept("tny_x", Duration::ZERO, begin));
        assert!(!is_kept("tny_x", Duration::ZERO, end), "by one clock it has ended");
        assert!(!is_kept("tny_x", CALLER_KEPT, begin), "by the other it was kept for long enough");
        assert!(!is_kept("tny_y", Duration::ZERO, begin));
    }
}

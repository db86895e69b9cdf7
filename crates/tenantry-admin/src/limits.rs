//! How often may be asked: by a tenant's callers together, and by an address whose credentials do not hold.
//!
//! The operator is not limited: the work is the operator's own.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use tenantry::problem::Problem;
use tenantry_core::scope::TenantId;

/// A rate, and how much of it may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many requests in a second, in the long run.
    pub per_second: NonZeroU32,
    /// How many at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// So many in a second, and twice as many at once; none for 0, which is no limit.
    pub fn of(per_second: u32) -> Option<Self> {
        let per_second = NonZeroU32::new(per_second)?;
        Some(Self { per_second, burst: per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)) })
    }
}

/// The limits of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For all callers of one tenant together. Default: 200 in a second.
    pub tenant: Option<Rate>,
    /// For requests of one address whose credential does not hold. Default: 10 in a second.
    pub address: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tenant: Rate::of(200), address: Rate::of(10) }
    }
}

/// Keeps the limits; a clone shares the counts.
#[derive(Clone)]
pub(crate) struct Gate {
    tenants: Option<Arc<DefaultKeyedRateLimiter<TenantId>>>,
    addresses: Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>,
    asked: Arc<AtomicU64>,
}

/// After so many requests those who asked nothing lately are forgotten.
const FORGET_AFTER: u64 = 10_000;

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        let quota = |rate: Rate| Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self {
            tenants: limits.tenant.map(|rate| Arc::new(RateLimiter::keyed(quota(rate)))),
            addresses: limits.address.map(|rate| Arc::new(RateLimiter::keyed(quota(rate)))),
            asked: Arc::default(),
        }
    }

    /// Lets a request of a tenant's caller pass, or says when to come again.
    pub(crate) fn pass(&self, tenant: &TenantId) -> Result<(), Box<Problem>> {
        self.forget_now_and_then();
        check(self.tenants.as_deref(), tenant, "the company's requests")
    }

    /// Counts a request of an address whose credential does not hold. Where there were too many, that is said instead of what
    /// is wrong with it.
    pub(crate) fn count_failure(&self, address: IpAddr) -> Result<(), Box<Problem>> {
        self.forget_now_and_then();
        check(self.addresses.as_deref(), &address, "requests without a credential that holds")
    }

    fn forget_now_and_then(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_AFTER == FORGET_AFTER - 1 {
            self.tenants.iter().for_each(|limiter| limiter.retain_recent());
            self.addresses.iter().for_each(|limiter| limiter.retain_recent());
        }
    }
}

fn check<K: std::hash::Hash + Eq + Clone>(
    limiter: Option<&DefaultKeyedRateLimiter<K>>,
    key: &K,
    what: &str,
) -> Result<(), Box<Problem>> {
    let Some(Err(until)) = limiter.map(|limiter| limiter.check_key(key)) else { return Ok(()) };
    let wait: Duration = until.wait_time_from(DefaultClock::default().now());
    let detail = format!("too many {what} at once: slow down");
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
    Err(Box::new(problem.retry_after(wait + Duration::from_millis(999))))
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_flood_leaves_the_others_their_share() {
        let tenant = |id: &str| TenantId::parse(id).unwrap();
        let gate = Gate::new(Limits { tenant: Rate::of(5), address: None });
        let passed = (0..100).filter(|_| gate.pass(&tenant("acme")).is_ok()).count();
        assert!((10..15).contains(&passed), "{passed}");
        let refused = gate.pass(&tenant("acme")).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.code), (429, "rate_limited"));
        assert!(refused.headers.contains_key("retry-after"));
        assert!(gate.pass(&tenant("beta")).is_ok());
    }

    #[test]
    fn no_rate_is_no_limit() {
        let gate = Gate::new(Limits { tenant: Rate::of(0), address: Rate::of(0) });
        assert!((0..10_000).all(|_| gate.count_failure(IpAddr::from([127, 0, 0, 1])).is_ok()));
    }
}

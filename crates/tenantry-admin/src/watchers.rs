//! How many may watch at once: each of them looks at the store every other second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tenantry::problem::Problem;
use tenantry_core::scope::TenantId;
use tokio::sync::watch;

/// How many watchers a server has at the most.
const MOST: usize = 2_000;
/// How many of them one tenant can have.
const MOST_OF_ONE: usize = 20;

/// Those who watch; a clone shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watchers {
    counts: Arc<Mutex<HashMap<TenantId, usize>>>,
    /// Whether the server stops.
    stopping: watch::Sender<bool>,
}

impl Watchers {
    /// Takes a watcher in until what it gives is dropped, or says that there is no room.
    pub(crate) fn admit(&self, tenant: &TenantId) -> Result<Seat, Box<Problem>> {
        let mut counts = self.lock();
        let own = counts.get(tenant).copied().unwrap_or_default();
        if own >= MOST_OF_ONE || counts.values().sum::<usize>() >= MOST {
            let detail = format!("too many watch at once: a tenant can have {MOST_OF_ONE}");
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_watchers", detail);
            return Err(Box::new(problem.retry_after(Duration::from_secs(30))));
        }
        *counts.entry(tenant.clone()).or_default() += 1;
        Ok(Seat { watchers: self.clone(), tenant: tenant.clone() })
    }

    /// Says that the server stops, which ends all watching.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Ends when the server stops.
    pub(crate) async fn stopped(&self) {
        // The sender is ours, so there is one.
        let _ = self.stopping.subscribe().wait_for(|stops| *stops).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a watcher.
#[derive(Debug)]
pub(crate) struct Seat {
    watchers: Watchers,
    tenant: TenantId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.watchers.lock();
        if let Some(count) = counts.get_mut(&self.tenant) {
            *count -= 1;
        }
        counts.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_so_many_watchers_and_room_again_when_one_leaves() {
        let watchers = Watchers::default();
        let (acme, beta) = (TenantId::parse("acme").unwrap(), TenantId::parse("beta").unwrap());
        let mut seats: Vec<_> = (0..MOST_OF_ONE).map(|_| watchers.admit(&acme).unwrap()).collect();
        assert_eq!(watchers.admit(&acme).unwrap_err().status.as_u16(), 429);
        assert!(watchers.admit(&beta).is_ok());
        seats.pop();
        assert!(watchers.admit(&acme).is_ok());
        drop(seats);
        assert!(watchers.lock().is_empty());
    }
}

//! Those who watch: how many may, each of whom looks at the store every other second, and until when.

use std::time::Duration;

use http::StatusCode;
use tenantry::problem::Problem;
use tenantry_core::scope::TenantId;
use tokio::sync::watch;

use crate::seats::{Seat, Seats};

/// How many watchers a server has at the most.
const MOST: usize = 2_000;
/// How many of them one tenant can have.
const MOST_OF_ONE: usize = 20;

/// Those who watch; a clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Watchers {
    seats: Seats,
    /// Whether the server stops.
    stopping: watch::Sender<bool>,
}

impl Default for Watchers {
    fn default() -> Self {
        Self { seats: Seats::new(MOST, MOST_OF_ONE), stopping: watch::Sender::default() }
    }
}

impl Watchers {
    /// Takes a watcher in until what it gives is dropped, or says that there is no room.
    pub(crate) fn admit(&self, tenant: &TenantId) -> Result<Seat, Box<Problem>> {
        self.seats.take(tenant).ok_or_else(|| {
            let detail = format!("too many watch at once: a tenant can have {MOST_OF_ONE}");
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_watchers", detail);
            Box::new(problem.retry_after(Duration::from_secs(30)))
        })
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_with_too_many_watchers_is_told_when_to_come_again() {
        let (watchers, acme) = (Watchers::default(), TenantId::parse("acme").unwrap());
        let seats: Vec<_> = (0..MOST_OF_ONE).map(|_| watchers.admit(&acme).unwrap()).collect();
        assert_eq!(watchers.admit(&acme).unwrap_err().status.as_u16(), 429);
        drop(seats);
        assert!(watchers.admit(&acme).is_ok());
    }
}

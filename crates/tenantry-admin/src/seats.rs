//! How much of a kind one tenant, and all of them together, may have under way at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenantry_core::scope::TenantId;

/// Seats for what is under way; a clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Seats {
    counts: Arc<Mutex<HashMap<TenantId, usize>>>,
    most: usize,
    most_of_one: usize,
}

impl Seats {
    /// So many for all, and of these so many for one tenant.
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self { counts: Arc::default(), most, most_of_one }
    }

    /// A seat until it is dropped, if one is left for the tenant.
    pub(crate) fn take(&self, tenant: &TenantId) -> Option<Seat> {
        let mut counts = self.lock();
        let own = counts.get(tenant).copied().unwrap_or_default();
        if own >= self.most_of_one || counts.values().sum::<usize>() >= self.most {
            return None;
        }
        *counts.entry(tenant.clone()).or_default() += 1;
        Some(Seat { seats: self.clone(), tenant: tenant.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A seat that is taken.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    tenant: TenantId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.seats.lock();
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
    fn a_tenant_has_so_many_seats_and_room_again_when_one_is_left() {
        let seats = Seats::new(5, 3);
        let [acme, beta] = ["acme", "beta"].map(|id| TenantId::parse(id).unwrap());
        let mut taken: Vec<_> = (0..3).map(|_| seats.take(&acme).unwrap()).collect();
        assert!(seats.take(&acme).is_none());
        let others = [seats.take(&beta).unwrap(), seats.take(&beta).unwrap()];
        assert!(seats.take(&beta).is_none(), "there are no more for all");
        taken.pop();
        assert!(seats.take(&acme).is_some());
        drop((taken, others));
        assert!(seats.lock().is_empty());
    }
}

//! Which jobs a process has taken on: each once, and no more than it can do in good time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenantry_core::scope::TenantId;

use crate::job::Job;

/// How many jobs a process takes on before it says that it is busy.
pub const MOST_JOBS: usize = 256;
/// How many of these one tenant can have: a flood of one company's messages leaves room for the others.
pub const MOST_JOBS_OF_ONE: usize = 32;

/// The jobs that are under way; a clone shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashMap<TenantId, HashSet<String>>>>);

/// What came of the wish to begin a job.
#[derive(Debug)]
pub(super) enum Admission {
    /// The job is under way until this is dropped.
    Admitted(Seat),
    /// The same event of the same tenant is under way already.
    Known,
    /// There is no room.
    Full,
}

impl UnderWay {
    /// Whether there is no room for a job that is not under way yet.
    pub(super) fn is_full_for(&self, job: &Job) -> bool {
        is_full_for(job, &self.lock())
    }

    /// Takes a job on, if there is room for it.
    pub(super) fn admit(&self, job: &Job) -> Admission {
        let mut jobs = self.lock();
        if is_known(job, &jobs) {
            return Admission::Known;
        }
        if is_full_for(job, &jobs) {
            return Admission::Full;
        }
        jobs.entry(job.tenant.clone()).or_default().insert(job.event.clone());
        Admission::Admitted(Seat { under_way: self.clone(), tenant: job.tenant.clone(), event: job.event.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, HashSet<String>>> {
        // Each change is one statement: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_known(job: &Job, jobs: &HashMap<TenantId, HashSet<String>>) -> bool {
    jobs.get(&job.tenant).is_some_and(|own| own.contains(&job.event))
}

fn is_full_for(job: &Job, jobs: &HashMap<TenantId, HashSet<String>>) -> bool {
    let total: usize = jobs.values().map(HashSet::len).sum();
    let own = jobs.get(&job.tenant).map_or(0, HashSet::len);
    !is_known(job, jobs) && (total >= MOST_JOBS || own >= MOST_JOBS_OF_ONE)
}

/// The place of a job that is under way.
#[derive(Debug)]
pub(super) struct Seat {
    under_way: UnderWay,
    tenant: TenantId,
    event: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut jobs = self.under_way.lock();
        if let Some(own) = jobs.get_mut(&self.tenant) {
            own.remove(&self.event);
        }
        jobs.retain(|_, own| !own.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::job::{Email, Work};

    fn job(tenant: &str, event: usize) -> Job {
        Job {
            tenant: TenantId::parse(tenant).unwrap(),
            incarnation: None,
            event: event.to_string(),
            at: Timestamp::UNIX_EPOCH,
            work: Work::Email(Email::new("a", &[], "s", "t")),
        }
    }

    fn seats(under_way: &UnderWay, tenant: &str, count: usize) -> Vec<Seat> {
        let admitted = (0..count).map(|event| match under_way.admit(&job(tenant, event)) {
            Admission::Admitted(seat) => seat,
            other => panic!("{other:?}"),
        });
        admitted.collect()
    }

    #[test]
    fn an_event_is_under_way_once_and_can_come_again_when_it_is_over() {
        let under_way = UnderWay::default();
        let seat = under_way.admit(&job("acme", 1));
        assert!(matches!(under_way.admit(&job("acme", 1)), Admission::Known));
        assert!(matches!(under_way.admit(&job("beta", 1)), Admission::Admitted(_)), "another tenant's is another one");
        drop(seat);
        assert!(matches!(under_way.admit(&job("acme", 1)), Admission::Admitted(_)));
        assert!(under_way.lock().is_empty(), "what is over is not remembered");
    }

    #[test]
    fn a_flood_of_one_tenant_leaves_room_for_the_others() {
        let under_way = UnderWay::default();
        let seats = seats(&under_way, "acme", MOST_JOBS_OF_ONE);
        assert!(matches!(under_way.admit(&job("acme", MOST_JOBS_OF_ONE)), Admission::Full));
        assert!(under_way.is_full_for(&job("acme", MOST_JOBS_OF_ONE)) && !under_way.is_full_for(&job("acme", 0)));
        assert!(matches!(under_way.admit(&job("beta", 1)), Admission::Admitted(_)));
        drop(seats);
        assert!(matches!(under_way.admit(&job("acme", MOST_JOBS_OF_ONE)), Admission::Admitted(_)));
    }

    #[test]
    fn a_process_takes_on_no_more_than_it_can_do() {
        let under_way = UnderWay::default();
        let tenants = (0..MOST_JOBS / MOST_JOBS_OF_ONE).map(|number| format!("t{number}"));
        let seats: Vec<_> = tenants.flat_map(|tenant| seats(&under_way, &tenant, MOST_JOBS_OF_ONE)).collect();
        assert_eq!(seats.len(), MOST_JOBS);
        assert!(matches!(under_way.admit(&job("beta", 1)), Admission::Full));
    }
}

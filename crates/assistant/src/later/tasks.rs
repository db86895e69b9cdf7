//! Does jobs in this process behind the answer to their sender, who will not send them again.
//!
//! So a job is written down in the [backlog](super::Backlog) before the answer, and struck off when it is over. What a stop or
//! a crash leaves there, the next process does. The claim of its event tells it whether it was done after all.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument as _, error, info, info_span, warn};

use super::cut::{Cut, LAST_WORDS};
use super::under_way::{Admission, Seat, UnderWay};
use super::worked;
use crate::app::App;
use crate::conversations::{CLAIM_SECONDS, ConversationsError};
use crate::job::{Effort, Job, WorkError};

/// The pauses behind the first tries of a job that cannot be done for a passing reason.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30), Duration::from_mins(1)];
/// The pause behind all others, and the longest one that a provider can ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How often it is looked whether somebody else who is at a job has done it.
const GLANCE: Duration = Duration::from_secs(2);
/// For how long: by then the claim of whoever was at it has lapsed.
const LONGEST_WATCH: Duration = Duration::from_secs(CLAIM_SECONDS.unsigned_abs() + 30);
/// How old a message can be that is still tried to be answered: later than that nobody waits for an answer any more.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// How long jobs that are cut may take to give up their claims, or to write down that they were done.
const SETTLED: Duration = Duration::from_secs(1);

/// The jobs that are being done behind an answer; a clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    set: Arc<Mutex<JoinSet<()>>>,
    under_way: UnderWay,
    /// Becomes true when the process stops.
    stop: Arc<watch::Sender<bool>>,
}

impl Tasks {
    /// Takes a job on: when this answers, it is written down. One that is under way already is not begun twice.
    pub(super) async fn spawn(&self, app: &App, job: Job) -> Result<(), WorkError> {
        if self.under_way.is_full_for(&job) {
            return Err(WorkError::Busy);
        }
        // Before it is under way: otherwise the same event, sent again meanwhile, would be told that all is well, though this
        // may still fail.
        if let Some(backlog) = &app.backlog {
            backlog.keep(&job).await?;
        }
        match self.under_way.admit(&job) {
            Admission::Admitted(seat) => self.begin(app.clone(), job, seat).await,
            Admission::Known => {}
            // What was written down for nothing is done once: when it is sent again, or after the next start.
            Admission::Full => return Err(WorkError::Busy),
        }
        Ok(())
    }

    /// Begins what an earlier process has left, and tells how many jobs that are.
    pub async fn resume(&self, app: &App) -> Result<usize, ConversationsError> {
        let Some(backlog) = &app.backlog else { return Ok(0) };
        let mut begun = 0;
        for job in backlog.left().await? {
            if Timestamp::now().duration_since(job.at) > LONGEST_WAIT {
                error!(tenant = %job.tenant, event = job.event, "an event of more than a day ago got no answer");
                backlog.strike(&job).await?;
            } else if let Admission::Admitted(seat) = self.under_way.admit(&job) {
                // What finds no room stays written down for the next start.
                self.begin(app.clone(), job, seat).await;
                begun += 1;
            }
        }
        if begun > 0 {
            info!(jobs = begun, "jobs that an earlier process has left are being done");
        }
        Ok(begun)
    }

    async fn begin(&self, app: App, job: Job, seat: Seat) {
        let effort = Effort::until(Cut::told_by(&self.stop));
        let mut tasks = self.set.lock().await;
        // Those that have ended are let go, so that the set does not grow for ever.
        while tasks.try_join_next().is_some() {}
        // For traces and not for the log; no part of the request's, which is answered long before.
        let span = info_span!(target: "traces", parent: None, "assistant.job", "tenantry.scope" = %job.tenant);
        let seen_to = async move {
            let _seat = seat;
            see_to(&app, &job, effort).await;
        };
        tasks.spawn(seen_to.instrument(span));
    }

    /// Waits until no job is under way.
    pub async fn drain(&self) {
        let mut tasks = self.set.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    /// Waits for the jobs that are under way, but no longer than this; those that are not done by then are cut, and left for
    /// the next process. An answer that is on its way by then has two seconds to arrive: it is not said again.
    pub async fn stop(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.drain()).await.is_err() {
            self.stop.send_replace(true);
            if tokio::time::timeout(LAST_WORDS + SETTLED, self.drain()).await.is_err() {
                warn!("jobs that were cut still hold their claims; the next process waits until these lapse");
            }
        }
    }
}

/// Does a job, and strikes it off unless it is left to the next process.
async fn see_to(app: &App, job: &Job, effort: Effort) {
    match work_patiently(app, job, effort).await {
        Ok(()) => {}
        Err(WorkError::Cut) => return leave(app, job),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            error!(tenant = %job.tenant, event = job.event, error, "an event got no answer");
        }
    }
    if let Some(backlog) = &app.backlog
        && let Err(error) = backlog.strike(job).await
    {
        let error = &error as &dyn std::error::Error;
        warn!(tenant = %job.tenant, event = job.event, error, "a job that is over is looked at again after the next start");
    }
}

/// Nobody sends the event again, because its sender was told that all is well: so it is tried again here, as long as somebody
/// may wait for it.
async fn work_patiently(app: &App, job: &Job, mut effort: Effort) -> Result<(), WorkError> {
    let (begun, mut failures) = (Instant::now(), 0);
    loop {
        let Err(error) = worked(app, job, &mut effort).await else { return Ok(()) };
        // Whoever is at it may fail yet, or have died with his claim.
        let is_watched = matches!(error, WorkError::InProgress) && begun.elapsed() < LONGEST_WATCH;
        let pause = if is_watched { Some(GLANCE) } else { pause(&error, failures, job.at, Timestamp::now()) };
        let Some(pause) = pause else { return Err(error) };
        failures += usize::from(!is_watched);
        info!(tenant = %job.tenant, event = job.event, error = &error as &dyn std::error::Error, "trying again");
        effort.cut.unless_told(tokio::time::sleep(pause)).await.ok_or(WorkError::Cut)?;
    }
}

/// How long to wait before a job is tried again that arrived at `at` and failed so often before; none if it is given up.
fn pause(error: &WorkError, failures: usize, at: Timestamp, now: Timestamp) -> Option<Duration> {
    let is_worth_it = error.is_transient() && now.duration_since(at) <= LONGEST_WAIT;
    let pause = PAUSES.get(failures).copied().unwrap_or(LONGEST_PAUSE);
    is_worth_it.then(|| pause.max(error.retry_after().min(LONGEST_PAUSE)))
}

/// Says what becomes of a job that is cut. Its claim, if it had one, is given up by then.
fn leave(app: &App, job: &Job) {
    let (tenant, event) = (&job.tenant, &job.event);
    if app.backlog.is_some() {
        warn!(%tenant, event, "the process stops, and an event is left to the next one");
    } else {
        error!(%tenant, event, "the process stops, and an event gets no answer");
    }
}

#[cfg(test)]
mod tests {
    use tenantry_integrations::call::CallError;

    use super::*;

    fn busy(seconds: u64) -> WorkError {
        let retry_after = Some(Duration::from_secs(seconds));
        WorkError::Delivery { channel: "Slack", source: CallError::RateLimited { retry_after } }
    }

    #[test]
    fn pauses_grow_up_to_five_minutes_and_a_provider_can_ask_for_more_than_one_of_them() {
        let now = Timestamp::UNIX_EPOCH;
        let seconds = |asked, failures| pause(&busy(asked), failures, now, now).unwrap().as_secs();
        assert_eq!([0, 1, 2, 3, 4, 1000].map(|failures| seconds(0, failures)), [2, 10, 30, 60, 300, 300]);
        assert_eq!([0, 3, 4].map(|failures| seconds(45, failures)), [45, 60, 300]);
        assert_eq!(seconds(86_400, 0), 300);
    }

    #[test]
    fn a_job_is_tried_for_a_day_and_one_that_cannot_be_done_is_not_tried_again() {
        let (at, later) = (Timestamp::UNIX_EPOCH, |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours));
        assert!(pause(&busy(0), 9, at, later(24)).is_some());
        assert!(pause(&busy(0), 0, at, later(25)).is_none());
        assert!(pause(&WorkError::NotConnected("slack"), 0, at, at).is_none());
        assert!(pause(&busy(0), 0, later(25), at).is_some(), "a clock that was put back makes nothing older");
    }
}

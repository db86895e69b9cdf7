//! When a job is done: before its sender is answered, behind its back in this process, or by way of a queue.
//!
//! Slack wants an answer within three seconds, and a model may take longer. A server goes on behind the answer; a function
//! stops with it, so there the job goes to a queue that wakes the function again.

#[cfg(feature = "aws")]
mod sqs;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracing::{error, warn};

#[cfg(feature = "aws")]
pub use sqs::SqsJobs;

use crate::app::App;
use crate::job::{Job, WorkError, Worked};

/// Where jobs wait that do not wait in this process.
#[async_trait]
pub trait JobQueue: fmt::Debug + Send + Sync + 'static {
    /// Puts a job in the queue: when this answers, the job is not lost any more.
    async fn put(&self, job: &Job) -> Result<(), QueueError>;
}

/// Why a job is not in the queue.
#[derive(Debug, thiserror::Error)]
#[error("the queue of jobs takes nothing")]
pub struct QueueError {
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
    /// Whether it may work later without anything being changed.
    pub is_transient: bool,
}

/// When a job is done.
#[derive(Clone, Debug, Default)]
pub enum Later {
    /// At once: whoever sent the event waits for it.
    #[default]
    Inline,
    /// By a task of this process, which [`Tasks::drain`] waits for.
    Spawned(Tasks),
    /// By whoever reads the queue.
    Queue(Arc<dyn JobQueue>),
}

impl Later {
    /// Sees to it that a job is done, and answers as soon as its sender can be told that all is well.
    pub async fn take(&self, app: &App, job: Job) -> Result<(), WorkError> {
        match self {
            Self::Inline => worked(app, &job).await,
            Self::Spawned(tasks) => {
                tasks.spawn(app.clone(), job).await;
                Ok(())
            }
            Self::Queue(queue) => Ok(queue.put(&job).await?),
        }
    }
}

/// The jobs that are being done behind an answer.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Mutex<JoinSet<()>>>);

/// How often a job is begun that cannot be done for a passing reason, and the pauses in between.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

impl Tasks {
    async fn spawn(&self, app: App, job: Job) {
        let mut tasks = self.0.lock().await;
        // Those that have ended are let go, so that the set does not grow for ever.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { work_patiently(&app, &job).await });
    }

    /// Waits until no job is under way.
    pub async fn drain(&self) {
        let mut tasks = self.0.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}

/// The longest pause that a provider can ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Nobody sends the event again, because its sender was told that all is well: so it is tried again here.
async fn work_patiently(app: &App, job: &Job) {
    for pause in PAUSES {
        match worked(app, job).await {
            Ok(()) => return,
            Err(error) if error.is_transient() => {
                warn!(tenant = %job.tenant, event = job.event, error = &error as &dyn std::error::Error, "trying again");
                tokio::time::sleep(pause.max(error.retry_after().min(LONGEST_PAUSE))).await;
            }
            Err(error) => return give_up(job, &error),
        }
    }
    if let Err(error) = worked(app, job).await {
        give_up(job, &error);
    }
}

/// Does a job. Where somebody else is at it, that is an error that passes: it may still fail there.
async fn worked(app: &App, job: &Job) -> Result<(), WorkError> {
    match app.work(job).await? {
        Worked::Now | Worked::Before => Ok(()),
        Worked::Elsewhere => Err(WorkError::InProgress),
    }
}

fn give_up(job: &Job, error: &WorkError) {
    error!(tenant = %job.tenant, event = job.event, error = error as &dyn std::error::Error, "an event got no answer");
}

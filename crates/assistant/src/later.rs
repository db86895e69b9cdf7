//! When a job is done: before its sender is answered, behind its back in this process, or by way of a queue.
//!
//! Slack wants an answer within three seconds, and a model may take longer. A server goes on behind the answer; a function
//! stops with it, so there the job goes to a queue that wakes the function again.

mod cut;
#[cfg(feature = "aws")]
mod sqs;
mod tasks;
mod under_way;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub(crate) use cut::Cut;
#[cfg(feature = "aws")]
pub use sqs::SqsJobs;
pub use tasks::Tasks;
pub use under_way::{MOST_JOBS, MOST_JOBS_OF_ONE};

use crate::app::App;
use crate::conversations::ConversationsError;
use crate::job::{Effort, Job, WorkError, Worked};

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

/// Where the jobs are written down that this process has taken on and not done, so that the next one does them.
#[async_trait]
pub trait Backlog: fmt::Debug + Send + Sync + 'static {
    /// Writes a job down: when this answers, the job is not lost any more. One of the same tenant and event stays as it is.
    async fn keep(&self, job: &Job) -> Result<(), ConversationsError>;

    /// Strikes a job off.
    async fn strike(&self, job: &Job) -> Result<(), ConversationsError>;

    /// The jobs that are not struck off, those taken first in front.
    async fn left(&self) -> Result<Vec<Job>, ConversationsError>;
}

/// When a job is done.
#[derive(Clone, Debug, Default)]
pub enum Later {
    /// At once: whoever sent the event waits for it.
    #[default]
    Inline,
    /// By a task of this process, which [`Tasks::stop`] waits for.
    Spawned(Tasks),
    /// By whoever reads the queue.
    Queue(Arc<dyn JobQueue>),
}

impl Later {
    /// Sees to it that a job is done, and answers as soon as its sender can be told that all is well.
    pub async fn take(&self, app: &App, job: Job) -> Result<(), WorkError> {
        match self {
            Self::Inline => worked(app, &job, &mut Effort::default()).await,
            Self::Spawned(tasks) => tasks.spawn(app, job).await,
            Self::Queue(queue) => Ok(queue.put(&job).await?),
        }
    }
}

/// Does a job. Where somebody else is at it, that is an error that passes: it may still fail there.
async fn worked(app: &App, job: &Job, effort: &mut Effort) -> Result<(), WorkError> {
    match app.try_to_work(job, effort).await? {
        Worked::Now | Worked::Before => Ok(()),
        Worked::Elsewhere => Err(WorkError::InProgress),
    }
}

//! Jobs in a queue of Amazon SQS, which wakes the function that does them.

use async_trait::async_trait;
use tenantry_integrations::aws::{Aws, AwsOptions};
use tenantry_integrations::call::CallError;
use tenantry_integrations::sqs::Queue;

use super::{JobQueue, QueueError};
use crate::job::Job;

/// A queue of jobs.
#[derive(Clone, Debug)]
pub struct SqsJobs(Queue);

impl SqsJobs {
    /// The queue at this URL, reached as AWS's variables and files say.
    pub async fn open(url: &str) -> Result<Self, CallError> {
        Ok(Self(Queue::new(&Aws::open(AwsOptions::default()).await?, url)))
    }
}

#[async_trait]
impl JobQueue for SqsJobs {
    async fn put(&self, job: &Job) -> Result<(), QueueError> {
        let text = serde_json::to_string(job);
        let text = text.map_err(|error| QueueError { source: error.into(), is_transient: false })?;
        self.0
            .send(&text)
            .await
            .map_err(|error| QueueError { is_transient: error.is_transient(), source: error.into() })
    }
}

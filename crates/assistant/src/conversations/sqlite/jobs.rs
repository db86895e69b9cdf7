//! The jobs that a process has taken on and not done: they stand beside the claims of their events, in the same file.

use async_trait::async_trait;
use rusqlite::params;
use tracing::error;

use super::{ConversationsError, SqliteConversations};
use crate::job::Job;
use crate::later::Backlog;

#[async_trait]
impl Backlog for SqliteConversations {
    async fn keep(&self, job: &Job) -> Result<(), ConversationsError> {
        let (tenant, event) = (job.tenant.to_string(), job.event.clone());
        let text = serde_json::to_string(job).map_err(|error| ConversationsError::Refused(error.to_string()))?;
        self.with(move |connection| {
            let insert = "INSERT INTO jobs (tenant, event, job) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            connection.prepare_cached(insert)?.execute(params![tenant, event, text]).map(drop)
        })
        .await
    }

    async fn strike(&self, job: &Job) -> Result<(), ConversationsError> {
        let (tenant, event) = (job.tenant.to_string(), job.event.clone());
        self.with(move |connection| {
            let delete = "DELETE FROM jobs WHERE tenant = ?1 AND event = ?2";
            connection.prepare_cached(delete)?.execute(params![tenant, event]).map(drop)
        })
        .await
    }

    async fn left(&self) -> Result<Vec<Job>, ConversationsError> {
        let texts: Vec<String> = self
            .with(|connection| {
                let mut select = connection.prepare_cached("SELECT job FROM jobs ORDER BY id")?;
                select.query_map([], |row| row.get(0))?.collect()
            })
            .await?;
        Ok(texts.iter().filter_map(|text| read(text)).collect())
    }
}

/// A job as it was written down. One of a newer program is left to that.
fn read(text: &str) -> Option<Job> {
    let read = serde_json::from_str(text);
    // Its error would repeat what somebody wrote.
    read.map_err(|_| error!("a job that was written down cannot be read; it stays where it is")).ok()
}

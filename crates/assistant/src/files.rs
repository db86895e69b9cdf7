//! Attachments of messages: what they are, how a model sees them, and where they are kept.
//!
//! A file's key is `<tenant>/<conversation>/<time>-<hash>-<name>`. Conversation and name come from outside, so each
//! character that could mean something is escaped or replaced; the conversation begins with `=` or `~`, so that no part of a
//! key but the first is the id of a tenant. Whoever reads asks for a tenant's key: one of another tenant does not exist.

mod attachment;
#[cfg(feature = "aws")]
mod bucket;
mod folder;
mod key;
mod memory;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use tenantry::TenantConfig;
use tenantry_core::scope::TenantId;

pub use attachment::{Attachment, MOST_ATTACHMENTS, Misfit, mentioned, shown};
#[cfg(feature = "aws")]
pub use bucket::BucketFiles;
pub use folder::FolderFiles;
pub use memory::MemoryFiles;

use crate::settings::Settings;

/// The purpose of the bucket in which attachments are kept: `storage.s3_buckets.attachments`.
pub const PURPOSE: &str = "attachments";

/// Whose files, and which bucket they are in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilePlace {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's bucket for attachments, if it has one; stores without buckets need none.
    pub bucket: Option<String>,
}

impl FilePlace {
    /// The place of a tenant's configuration.
    pub fn of(config: &TenantConfig<Settings>) -> Self {
        let bucket = config.storage.s3_buckets.get(PURPOSE).map(|bucket| bucket.0.clone());
        Self { tenant: config.tenant().clone(), bucket }
    }
}

/// Keeps files. Every operation is about one tenant; nothing of another one can be seen through it.
#[async_trait]
pub trait Files: fmt::Debug + Send + Sync + 'static {
    /// Keeps a file of a conversation and answers its key, or none if there is nowhere to keep it. The same file at the same
    /// time has the same key.
    async fn keep(
        &self,
        place: &FilePlace,
        conversation: Option<&str>,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Option<String>, FilesError>;

    /// Reads a file by its key; none if the tenant has no such file.
    async fn read(&self, place: &FilePlace, key: &str) -> Result<Option<Vec<u8>>, FilesError>;
}

/// Why a file could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The back end gave no answer: it may work later.
    #[error("the store of files cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The back end refuses: something must be set up differently.
    #[error("the store of files refuses: {0}")]
    Refused(String),
}

/// What became of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name, as its sender gave it.
    pub name: String,
    /// Under which key it is kept, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Keeps the attachments of a message, and tells of each what became of it: an answer is worth more than a file.
pub async fn keep_all(
    files: &dyn Files,
    place: &FilePlace,
    conversation: Option<&str>,
    attachments: &[Attachment],
    now: Timestamp,
) -> Vec<Kept> {
    let mut all = Vec::new();
    for attachment in attachments {
        let (key, note) = match files.keep(place, conversation, attachment, now).await {
            Ok(Some(key)) => (Some(key), None),
            Ok(None) => (None, Some(format!("not kept: storage.s3_buckets.{PURPOSE} is not set"))),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(tenant = %place.tenant, error, "an attachment is not kept");
                (None, Some("not kept: the store of files took nothing".to_owned()))
            }
        };
        all.push(Kept { name: attachment.name.clone(), key, note });
    }
    all
}

#[cfg(test)]
mod tests;

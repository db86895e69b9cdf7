//! Keeps files in the tenant's own bucket of Amazon S3, `storage.s3_buckets.attachments`. A tenant without one keeps none.

use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_integrations::call::CallError;
use tenantry_integrations::s3::{Buckets, NewObject};

use super::key::{is_key_of, key};
use super::{Attachment, FilePlace, Files, FilesError};

/// Files in buckets; a clone shares connections.
#[derive(Clone, Debug)]
pub struct BucketFiles {
    buckets: Buckets,
}

impl BucketFiles {
    /// Files in these buckets.
    pub fn new(buckets: Buckets) -> Self {
        Self { buckets }
    }
}

#[async_trait]
impl Files for BucketFiles {
    async fn keep(
        &self,
        place: &FilePlace,
        conversation: Option<&str>,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Option<String>, FilesError> {
        let Some(bucket) = &place.bucket else { return Ok(None) };
        let key = key(&place.tenant, conversation, file, now);
        let object = NewObject { key: &key, media_type: &file.media_type, bytes: &file.bytes };
        let kept = self.buckets.put(&place.tenant, bucket, object).await;
        kept.map_err(|error| explain(bucket, error))?;
        Ok(Some(key))
    }

    async fn read(&self, place: &FilePlace, key: &str) -> Result<Option<Vec<u8>>, FilesError> {
        let Some(bucket) = place.bucket.as_ref().filter(|_| is_key_of(&place.tenant, key)) else { return Ok(None) };
        self.buckets.read(&place.tenant, bucket, key).await.map_err(|error| explain(bucket, error))
    }
}

fn explain(bucket: &str, error: CallError) -> FilesError {
    if error.is_transient() {
        return FilesError::Unavailable(error.into());
    }
    FilesError::Refused(format!("bucket {bucket}: {error}"))
}

//! Keeps files as long as the process lives: for tests, and for trying things out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::key::{is_key_of, key};
use super::{Attachment, FilePlace, Files, FilesError};

/// Files in memory.
#[derive(Default)]
pub struct MemoryFiles(Mutex<HashMap<String, Vec<u8>>>);

impl MemoryFiles {
    fn kept(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        // Each change is one statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryFiles").field(&self.kept().len()).finish()
    }
}

#[async_trait]
impl Files for MemoryFiles {
    async fn keep(
        &self,
        place: &FilePlace,
        conversation: Option<&str>,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Option<String>, FilesError> {
        let key = key(&place.tenant, conversation, file, now);
        self.kept().insert(key.clone(), file.bytes.clone());
        Ok(Some(key))
    }

    async fn read(&self, place: &FilePlace, key: &str) -> Result<Option<Vec<u8>>, FilesError> {
        Ok(self.kept().get(key).filter(|_| is_key_of(&place.tenant, key)).cloned())
    }
}

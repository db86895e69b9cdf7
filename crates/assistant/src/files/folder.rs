//! Keeps files in a folder beside the store, each tenant's in one of its own. Only the owner of the process can read them.
//!
//! Nothing here removes files: whoever runs the server decides how long they stay.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;

use super::key::{is_key_of, key};
use super::{Attachment, FilePlace, Files, FilesError};

/// Files in a folder.
#[derive(Clone, Debug)]
pub struct FolderFiles {
    folder: PathBuf,
}

impl FolderFiles {
    /// Files in this folder, which is made with the first of them.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the files of the store in this file are kept: `tenantry.db` -> `tenantry.attachments`.
    pub fn beside(store: &Path) -> PathBuf {
        store.with_extension("attachments")
    }
}

#[async_trait]
impl Files for FolderFiles {
    async fn keep(
        &self,
        place: &FilePlace,
        conversation: Option<&str>,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Option<String>, FilesError> {
        let key = key(&place.tenant, conversation, file, now);
        let (path, bytes) = (self.folder.join(&key), file.bytes.clone());
        on_a_thread_that_may_wait(move || write(&path, &bytes)).await?;
        Ok(Some(key))
    }

    async fn read(&self, place: &FilePlace, key: &str) -> Result<Option<Vec<u8>>, FilesError> {
        if !is_key_of(&place.tenant, key) {
            return Ok(None);
        }
        let path = self.folder.join(key);
        on_a_thread_that_may_wait(move || match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }
}

async fn on_a_thread_that_may_wait<T: Send + 'static>(
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FilesError> {
    let acted = tokio::task::spawn_blocking(act).await.map_err(|error| FilesError::Unavailable(error.into()))?;
    acted.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => {
            FilesError::Refused("the folder of attachments is closed to this user: mend its permissions".to_owned())
        }
        _ => FilesError::Unavailable(error.into()),
    })
}

/// Writes a file whole or not at all. One of the same key has the same content, and stays.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // There is nobody to tell if it cannot be removed.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

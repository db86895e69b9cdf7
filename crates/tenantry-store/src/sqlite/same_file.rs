//! Notices that a path leads to another file than the one that is open: whoever wrote there would write for nobody.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// The file that was opened, by what the operating system calls it.
#[derive(Debug)]
pub(super) struct SameFile {
    path: PathBuf,
    number: Option<Number>,
}

/// The device and the number of a file on it.
type Number = (u64, u64);

/// The file at the path is not the one that is open.
#[derive(Debug, thiserror::Error)]
#[error("the file at {} was {}: restart this program", .path.display(), if *.gone { "removed" } else { "replaced" })]
struct Replaced {
    path: PathBuf,
    gone: bool,
}

impl SameFile {
    /// Remembers the file at a path. To be called before the file is opened: if it is replaced in between, every check
    /// fails, which is the safe side.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), number: number(&path.metadata()?) })
    }

    /// Refuses if the path leads elsewhere by now. Asks the operating system once, which takes about a microsecond.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.path.metadata() {
            Ok(metadata) if number(&metadata) == self.number => Ok(()),
            Ok(_) => Err(self.replaced(false)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.replaced(true)),
            Err(error) => Err(StoreError::Unavailable(error.into())),
        }
    }

    fn replaced(&self, gone: bool) -> StoreError {
        StoreError::Unavailable(Replaced { path: self.path.clone(), gone }.into())
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such number")]
fn number(metadata: &Metadata) -> Option<Number> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> Option<Number> {
    None
}

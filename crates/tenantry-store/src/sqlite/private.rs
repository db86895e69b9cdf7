//! Files that only their owner may read, which appear under their name whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::random;

/// Makes a new file that only its owner may read and write.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder and those above it, for their owner alone; those that exist stay as they are.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The permissions of a file if others than its owner have any, such as `0644`.
#[cfg(unix)]
pub(super) fn open_to_others(path: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then(|| format!("{mode:04o}")))
}

/// Access is not told by such permissions here.
#[cfg(not(unix))]
pub(super) fn open_to_others(path: &Path) -> io::Result<Option<String>> {
    fs::metadata(path).map(|_| None)
}

/// A file in the making, beside the name that it will have; removed unless it is published.
pub(super) struct Draft {
    path: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// Makes an empty private file that will be called `target`.
    pub(super) fn new(target: &Path) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".new-{}", random::name()));
        let draft = Self { path: target.with_file_name(name), target: target.to_owned() };
        create(&draft.path)?;
        Ok(draft)
    }

    /// Where the file is until it is published.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, durably, unless there is a file of that name: `AlreadyExists` then.
    pub(super) fn publish(self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        // A link, because renaming would replace what another process made meanwhile.
        match fs::hard_link(&self.path, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // Some file systems have no links.
            Err(_) if !self.target.try_exists()? => fs::rename(&self.path, &self.target)?,
            Err(error) => return Err(error),
        }
        sync_folder(&self.target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may have been renamed; and there is nobody to tell if it cannot be removed.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a new name in a folder durable, where folders can be opened.
fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_file_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        Draft::new(&target).unwrap().publish().unwrap();
        fs::write(&target, "first").unwrap();
        let refused = Draft::new(&target).unwrap().publish().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&target).unwrap(), "first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_may_read_what_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/file");
        create_folder(file.parent().unwrap()).unwrap();
        create(&file).unwrap();
        assert_eq!(open_to_others(&file).unwrap(), None);
        assert_eq!(open_to_others(&folder.path().join("a")).unwrap(), None);
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        assert_eq!(open_to_others(&file).unwrap().as_deref(), Some("0640"));
    }
}

//! Tells the demo's own store from everybody else's, so that none but its own is opened or removed.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::exit::Trouble;

/// What stands in the file beside a store that the demo made.
const MARK: &str = "The store beside this file was made by `tenantry demo`, which may remove it.\n";
/// The files of a store: its own, those of its log, and its key.
const FILES: [&str; 4] = ["", "-wal", "-shm", ".key"];

/// Whether a store of the demo is there. Files that the demo did not make are refused.
pub(super) fn is_there(store: &Path) -> anyhow::Result<bool> {
    let mut found = Vec::new();
    for file in FILES.map(|suffix| beside(store, suffix)) {
        match file.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => found.push(file),
            // What a link leads to, or a folder holds, is not the demo's.
            Ok(_) => return Err(not_ours(&file).into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{} cannot be looked at", file.display())),
        }
    }
    match found.first() {
        Some(file) if !is_marked(store) => Err(not_ours(file).into()),
        Some(_) | None => Ok(found.iter().any(|file| file == store)),
    }
}

/// Remembers that the demo made a store. Another file of the mark's name is not written over.
pub(super) fn mark(store: &Path) -> anyhow::Result<()> {
    if is_marked(store) {
        return Ok(());
    }
    let marker = marker(store);
    let made = fs::OpenOptions::new().write(true).create_new(true).open(&marker);
    let written = made.and_then(|mut file| file.write_all(MARK.as_bytes()));
    written.with_context(|| format!("{} cannot be written", marker.display()))
}

fn is_marked(store: &Path) -> bool {
    fs::read_to_string(marker(store)).is_ok_and(|text| text == MARK)
}

/// Removes the files of a store that [`is_there`], and nothing beside them. The mark goes last: what is left if that
/// fails is still the demo's.
pub(super) fn remove(store: &Path) -> anyhow::Result<()> {
    for file in FILES.map(|suffix| beside(store, suffix)).into_iter().chain([marker(store)]) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", file.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn marker(store: &Path) -> PathBuf {
    beside(store, ".demo")
}

fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn not_ours(file: &Path) -> Trouble {
    Trouble::refused(format!("{} is there, and `tenantry demo` did not make it; it is untouched", file.display()))
        .help("name another folder: --dir FOLDER; or move that file away")
}

//! Copies a store while others read and write it.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::private;
use crate::error::StoreError;

/// Writes a copy of one state of the store to a new file, which appears under its name when it is whole.
pub(super) fn back_up(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let named = to.display();
    let unusable = |error: io::Error| {
        let to = &named;
        StoreError::CannotOpen(match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{to} is there already, expected a new file: name another one"),
            _ => format!("{to} cannot be written ({error}), expected a folder that this user may write to"),
        })
    };
    // A bare name has no folder in it, and the copy is drafted in its folder.
    let to = &std::path::absolute(to).map_err(unusable)?;
    if to.try_exists().map_err(unusable)? {
        return Err(unusable(io::ErrorKind::AlreadyExists.into()));
    }
    let draft = private::Draft::new(to).map_err(unusable)?;
    copy(connection, draft.path())?;
    draft.publish().map_err(unusable)
}

/// Copies all pages in one step: in WAL mode it is one read, which keeps nobody from writing.
fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut copy = Connection::open(to)?;
    let step = Backup::new(from, &mut copy)?.step(-1)?;
    if step != StepResult::Done {
        return Err(StoreError::Unavailable("the store is locked by another process".into()));
    }
    // A file of its own, without a log beside it: opening it as a store sets WAL again.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.close().map_err(|(_, error)| error.into())
}

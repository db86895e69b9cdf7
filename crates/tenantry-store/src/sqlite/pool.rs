//! Connections: a few that read, kept ready, and how each is set up.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::same_file::SameFile;
use crate::error::StoreError;

/// How long a writer waits for another process to finish its transaction.
const WRITERS_PATIENCE: Duration = Duration::from_secs(5);
/// How long a reader waits: readers block only while another process recovers the file after a crash.
const READERS_PATIENCE: Duration = Duration::from_secs(1);
/// How many idle readers are kept: reads are done inline, so there are hardly more at once than threads.
const MOST_IDLE: usize = 8;
/// After a burst of writes the log file is cut to this many bytes.
const LARGEST_IDLE_WAL: i64 = 16 * 1024 * 1024;

/// Connections that read.
pub(super) struct Readers {
    path: PathBuf,
    file: Arc<SameFile>,
    idle: Mutex<Vec<Connection>>,
    /// The one connection that is asked whether anything changed: SQLite tells that by connection.
    looking: Mutex<Option<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, file: Arc<SameFile>) -> Self {
        Self { path, file, idle: Mutex::default(), looking: Mutex::default() }
    }

    /// Reads with an idle connection, or a new one.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let answer = read(&connection);
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
        answer
    }

    /// A number that is another one after anything in the file was changed through another connection, and so after every
    /// change: this one never writes. (sqlite.org/pragma.html#pragma_data_version)
    pub(super) fn stamp(&self) -> Result<u64, StoreError> {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *looking {
            Some(connection) => connection,
            empty => empty.insert(self.open()?),
        };
        let mut statement = connection.prepare_cached("PRAGMA data_version")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Opens one more connection, and makes sure that it is to the same file as the others.
    fn open(&self) -> Result<Connection, StoreError> {
        let connection = open_reader(&self.path)?;
        self.file.check()?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(READERS_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Opens a connection that can write; nothing is written by this.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(WRITERS_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Acknowledged is durable: each commit waits for the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted is overwritten, so that an erased tenant is not left in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LARGEST_IDLE_WAL, |_| Ok(()))?;
    Ok(connection)
}

/// The write-ahead log beside a store.
pub(super) fn wal_beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Lets readers and writers work at the same time; stays with the file.
pub(super) fn use_wal(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(StoreError::CannotOpen(format!(
        "the file system gave journal mode {mode}, expected wal: keep the store on a local disk"
    )))
}

//! Opens and makes the file: recognises it before anything is touched, and refuses in one sentence.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::master_key::{DerivedKeys, MasterKey};
use super::same_file::SameFile;
use super::{pool, private, rows, schema};
use crate::error::{Source, StoreError};
use crate::random;
use crate::url::{Created, OpenOptions};

/// A file that was recognised and opened.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) file: SameFile,
    pub(super) writer: Connection,
    pub(super) id: String,
    pub(super) derived: DerivedKeys,
    pub(super) key_file: Option<PathBuf>,
}

/// Opens a store that exists.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Opened, StoreError> {
    let path = absolute(path)?;
    recognise(&path)?;
    let key = MasterKey::find(&path, options)?;
    let file = SameFile::at(&path).map_err(|error| unusable(&path, &error))?;
    let mut writer = pool::open_writer(&path).map_err(|error| explain(&path, error))?;
    // Until the file is known to be ours, closing it must not tidy it up.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let format = schema::format(&writer).map_err(|error| explain(&path, error))?;
    check_format(&path, format)?;
    let (id, check) = identity(&writer)?;
    let derived = key.derive(&id);
    // Comparing hashes takes the same time wherever they differ.
    if blake3::Hash::from_bytes(derived.check) != blake3::Hash::from_bytes(check) {
        return Err(StoreError::CannotOpen(format!(
            "found another master key than that of {}, expected the one that was made with it: give that key; the file \
             is untouched",
            path.display()
        )));
    }
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    pool::use_wal(&writer).map_err(|error| explain(&path, error))?;
    if format < schema::FORMAT {
        schema::migrate(&mut writer)?;
    }
    Ok(Opened { path, file, writer, id, derived, key_file: key.file })
}

/// Makes a store, or opens the one that is there.
pub(super) fn create(
    path: &Path,
    options: &OpenOptions,
    now: jiff::Timestamp,
) -> Result<(Opened, Created), StoreError> {
    let path = absolute(path)?;
    let existed = || Created { existed: true, ..Created::default() };
    if path.try_exists().map_err(|error| unusable(&path, &error))? {
        return Ok((open(&path, options)?, existed()));
    }
    if let Some(folder) = path.parent() {
        private::create_folder(folder).map_err(|error| cannot_be_made(&path, &error))?;
    }
    let (key, made) = MasterKey::find_or_make(&path, options)?;
    let draft = private::Draft::new(&path).map_err(|error| cannot_be_made(&path, &error))?;
    fill(draft.path(), &key, now).map_err(|error| explain(&path, error))?;
    match draft.publish() {
        Ok(()) => Ok((open(&path, options)?, Created { master_key_file: made, ..Created::default() })),
        // Another process made it in this moment; its store is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((open(&path, options)?, existed())),
        Err(error) => Err(cannot_be_made(&path, &error)),
    }
}

fn cannot_be_made(path: &Path, error: &io::Error) -> StoreError {
    StoreError::CannotOpen(format!(
        "a store cannot be made at {} ({error}), expected a file in a folder that this user may write to",
        path.display()
    ))
}

/// Makes an empty store in an empty file.
fn fill(path: &Path, key: &MasterKey, now: jiff::Timestamp) -> Result<(), StoreError> {
    let mut connection = pool::open_writer(path)?;
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    schema::migrate(&mut connection)?;
    let id = random::name();
    let check = key.derive(&id).check;
    let row = params![id, rows::nanoseconds(now)?, check];
    connection.execute("INSERT INTO store (only_row, id, created_at, key_check) VALUES (1, ?1, ?2, ?3)", row)?;
    pool::use_wal(&connection)?;
    connection.close().map_err(|(_, error)| error.into())
}

/// Makes sure that the path is one of a file: SQLite gives other names other meanings.
fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(|error| unusable(path, &error))
}

/// Refuses what is no store, without a lock, a side file or a byte written.
fn recognise(path: &Path) -> Result<(), StoreError> {
    let metadata = path.metadata().map_err(|error| unusable(path, &error))?;
    if !metadata.is_file() {
        return Err(foreign(path, "something that is not a file"));
    }
    if metadata.len() == 0 {
        return Err(foreign(path, "an empty file"));
    }
    match header(path) {
        Ok(header) if header.application_id == schema::APPLICATION_ID => {
            check_format(path, header.format)?;
            check_length(path, metadata.len(), header.page_size)
        }
        Ok(_) => Err(foreign(path, "a SQLite database of another program")),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Err(foreign(path, "a file that is no SQLite database")),
            // What is missing in the file may be in the write-ahead log beside it, which was not looked at here.
            Some(ErrorCode::DatabaseCorrupt) => Ok(()),
            Some(_) | None => Err(explain(path, error.into())),
        },
    }
}

/// What the file says of itself in its first bytes.
struct Header {
    application_id: i32,
    format: usize,
    /// In bytes.
    page_size: u64,
}

/// Reads the file's header.
///
/// Through SQLite and not as bytes: closing a file handle of our own would drop the locks that other connections of
/// this process have on the file.
fn header(path: &Path) -> rusqlite::Result<Header> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let name = bytes.iter().fold(String::new(), |name, byte| name + "%" + &random::hex(&[*byte]));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?;
    let application_id = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let page_size = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(Header { application_id, format: usize::try_from(format).unwrap_or(usize::MAX), page_size })
}

/// Refuses a file that ends within a page: SQLite would take what is missing for zeros. (It notices missing pages
/// itself.) With a write-ahead log beside it, the page is in there.
fn check_length(path: &Path, length: u64, page_size: u64) -> Result<(), StoreError> {
    let logged = pool::wal_beside(path).metadata().is_ok_and(|metadata| metadata.len() > 0);
    if logged || length.is_multiple_of(page_size) {
        return Ok(());
    }
    Err(damaged(path, None))
}

fn check_format(path: &Path, found: usize) -> Result<(), StoreError> {
    if found <= schema::FORMAT {
        return Ok(());
    }
    Err(StoreError::CannotOpen(format!(
        "found format {found} in {}, expected at most {}: a newer program made it, use that one; the file is untouched",
        path.display(),
        schema::FORMAT
    )))
}

/// Reads the store's id and the value that recognises its master key.
fn identity(connection: &Connection) -> Result<(String, [u8; 32]), StoreError> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let found = connection.query_row("SELECT id, key_check FROM store", [], read).optional()?;
    found.ok_or_else(|| StoreError::corrupt("the store's own id is missing, expected one row: restore a backup"))
}

fn foreign(path: &Path, found: &str) -> StoreError {
    StoreError::CannotOpen(format!(
        "found {found} at {}, expected a store of Tenantry: name another file, or make a new store with `tenantry \
         init`; the file is untouched",
        path.display()
    ))
}

fn unusable(path: &Path, error: &io::Error) -> StoreError {
    let path = path.display();
    StoreError::CannotOpen(match error.kind() {
        io::ErrorKind::NotFound => {
            format!("found no store at {path}, expected one: make it with `tenantry init`, or name another file")
        }
        _ => format!("found {path} unusable ({error}), expected a file in a folder that this user may write to"),
    })
}

/// Adds the file's name and the next step to an error that SQLite had at opening.
fn explain(path: &Path, error: StoreError) -> StoreError {
    let shown = path.display();
    match error {
        StoreError::Corrupt { source, .. } => damaged(path, source),
        StoreError::Unavailable(source) if is_refused(&source) => StoreError::CannotOpen(format!(
            "found {shown} closed to this user ({}), expected a file and a folder that this user may write to: mend the \
             permissions, or name another file",
            reason(&source)
        )),
        other => other,
    }
}

/// What SQLite says, without the name by which it was given the file: that is percent-encoded.
fn reason(source: &Source) -> String {
    match source.downcast_ref::<rusqlite::Error>() {
        Some(rusqlite::Error::SqliteFailure(failure, _)) => failure.to_string(),
        Some(_) | None => "SQLite cannot open it".to_owned(),
    }
}

fn damaged(path: &Path, source: Option<Source>) -> StoreError {
    let what = format!("found a damaged or cut file at {}, expected a whole store: restore a backup", path.display());
    StoreError::Corrupt { what, source }
}

fn is_refused(source: &Source) -> bool {
    let code = source.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

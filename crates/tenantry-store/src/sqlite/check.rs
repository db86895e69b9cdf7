//! Looks a store over: the file, its tables, its secrets, and who may read it.

use std::path::Path;

use rusqlite::Connection;
use tenantry_core::scope::Scope;

use super::secrets::Sealing;
use super::{pool, private, schema, scopes};
use crate::error::StoreError;
use crate::findings::{finding, troubles};
use crate::records::{Finding, Severity};

/// A write-ahead log beyond this many bytes is told: something keeps it from being folded back.
const LARGE_WAL: u64 = 64 * 1024 * 1024;

/// Where the store's files are.
pub(super) struct Places<'a> {
    pub(super) store: &'a Path,
    /// The file with the master key, if it comes from one.
    pub(super) key: Option<&'a Path>,
}

/// Looks at everything, and goes on after each trouble.
pub(super) fn check(
    connection: &Connection,
    sealing: &Sealing,
    places: &Places<'_>,
) -> Result<Vec<Finding>, StoreError> {
    // One transaction, so that everything is looked at in one state.
    let transaction = connection.unchecked_transaction()?;
    Ok(vec![
        or_trouble("integrity", integrity(&transaction))?,
        or_trouble("format", format(&transaction))?,
        or_trouble("heads", heads(&transaction))?,
        or_trouble("items", items(&transaction))?,
        or_trouble("secrets", secrets(&transaction, sealing))?,
        private_file("store file", places.store),
        master_key(places),
        wal(places.store),
    ])
}

/// What is unreadable is a finding here, and no reason to stop looking.
fn or_trouble(subject: &str, found: Result<Finding, StoreError>) -> Result<Finding, StoreError> {
    match found {
        Err(StoreError::Corrupt { what, source }) => {
            let cause = source.map(|source| format!(" ({source})")).unwrap_or_default();
            Ok(finding(Severity::Error, subject, what + &cause))
        }
        other => other,
    }
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let texts = statement.query_map([], |row| row.get(0))?;
    Ok(texts.collect::<Result<_, _>>()?)
}

fn integrity(connection: &Connection) -> Result<Finding, StoreError> {
    let mut found = texts(connection, "PRAGMA integrity_check(100)")?;
    found.retain(|line| line != "ok");
    let orphans = "SELECT 'a row of ' || \"table\" || ' belongs to no ' || \"parent\" FROM pragma_foreign_key_check";
    found.extend(texts(connection, orphans)?);
    Ok(troubles(Severity::Error, "integrity", "every page, index and reference fits", &found, "restore a backup"))
}

fn format(connection: &Connection) -> Result<Finding, StoreError> {
    let (found, expected) = (schema::format(connection)?, schema::FORMAT);
    if found == expected {
        return Ok(finding(Severity::Ok, "format", format!("format {found}")));
    }
    let message = format!("found format {found}, expected {expected}: use the program that changed it");
    Ok(finding(Severity::Error, "format", message))
}

/// Heads agree with their items, and with the log.
fn heads(connection: &Connection) -> Result<Finding, StoreError> {
    let counts = "SELECT scope || ' has ' || count || ' items, its head says ' || item_count FROM \
         (SELECT s.scope, s.item_count, count(i.key) AS count FROM scopes AS s LEFT JOIN items AS i USING (scope) \
         GROUP BY s.scope) WHERE count <> item_count";
    let revisions = "SELECT i.scope || ' ' || i.key || ' is of revision ' || i.revision || ', its scope at ' || s.revision \
         FROM items AS i JOIN scopes AS s USING (scope) WHERE i.revision > s.revision";
    let logged = "SELECT s.scope || ' is at revision ' || s.revision || ', its log at ' || coalesce(max(l.revision), 0) \
         FROM scopes AS s LEFT JOIN log AS l USING (scope) GROUP BY s.scope \
         HAVING s.revision <> coalesce(max(l.revision), 0)";
    let mut found = texts(connection, counts)?;
    found.extend(texts(connection, revisions)?);
    found.extend(texts(connection, logged)?);
    let next = "something else than Tenantry changed them; `tenantry drift --all` tells what";
    Ok(troubles(Severity::Error, "heads", "every head agrees with its items and its log", &found, next))
}

/// Every scope's name.
fn all_scopes(connection: &Connection) -> Result<Vec<Scope>, StoreError> {
    let names = texts(connection, "SELECT scope FROM scopes ORDER BY scope")?;
    let parse = |name: String| {
        Scope::parse(&name)
            .map_err(|_| StoreError::corrupt(format!("found a scope called {name:?}, expected a tenant id")))
    };
    names.into_iter().map(parse).collect()
}

/// Every item can be read.
fn items(connection: &Connection) -> Result<Finding, StoreError> {
    let mut found = Vec::new();
    for scope in all_scopes(connection)? {
        match scopes::read(connection, &scope) {
            Ok(stored) => {
                let odd = stored.into_iter().flat_map(|stored| stored.odd);
                found.extend(odd.map(|odd| format!("{scope} {:?}: {}", odd.key, odd.reason)));
            }
            Err(error) => found.push(error.to_string()),
        }
    }
    Ok(troubles(Severity::Error, "items", "every item can be read", &found, "mend or unset them"))
}

/// Every secret opens, which also shows that the master key is the right one.
fn secrets(connection: &Connection, sealing: &Sealing) -> Result<Finding, StoreError> {
    let (mut found, mut count) = (Vec::new(), 0);
    for scope in all_scopes(connection)? {
        match sealing.read(connection, &scope) {
            Ok(None) => {}
            Ok(Some(secret)) => {
                count += secret.fields.len();
                found.extend(secret.odd.into_iter().map(|odd| format!("{scope} {}: {}", odd.key, odd.reason)));
            }
            Err(error) => found.push(error.to_string()),
        }
    }
    Ok(troubles(Severity::Error, "secrets", &format!("all {count} sealed texts open"), &found, "set them again"))
}

fn private_file(subject: &str, path: &Path) -> Finding {
    let shown = path.display();
    match private::open_to_others(path) {
        Ok(None) => finding(Severity::Ok, subject, format!("{shown} is its owner's alone")),
        Ok(Some(mode)) => {
            finding(Severity::Warning, subject, format!("{shown} has permissions {mode}: run `chmod 600 {shown}`"))
        }
        Err(error) => finding(Severity::Error, subject, format!("{shown} cannot be looked at ({error})")),
    }
}

fn master_key(places: &Places<'_>) -> Finding {
    let subject = "master key";
    let Some(file) = places.key else {
        return finding(Severity::Ok, subject, "given from outside");
    };
    let found = private_file(subject, file);
    if found.severity == Severity::Ok && file.parent() == places.store.parent() {
        let message = format!(
            "{} lies beside the store, so whoever copies the folder can read every secret: move it away",
            file.display()
        );
        return finding(Severity::Warning, subject, message);
    }
    found
}

fn wal(store: &Path) -> Finding {
    let bytes = pool::wal_beside(store).metadata().map_or(0, |metadata| metadata.len());
    if bytes <= LARGE_WAL {
        return finding(Severity::Ok, "write-ahead log", format!("{bytes} bytes"));
    }
    let message =
        format!("{bytes} bytes: a reader that never ends keeps it from being folded back; restart the server");
    finding(Severity::Warning, "write-ahead log", message)
}

//! The format of the file: how it is recognised, and how an older one is brought up to date.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::StoreError;

/// Marks the file as a store of Tenantry, in the header field that SQLite keeps for this: `TNRY`.
pub(super) const APPLICATION_ID: i32 = 0x544e_5259;

/// The steps from each format to the next one; the file's `user_version` counts those that were made.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// The format that this program reads and writes.
pub(super) const FORMAT: usize = MIGRATIONS.len();

/// The format of a file; 0 if nothing was made in it yet.
pub(super) fn format(connection: &Connection) -> Result<usize, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(found)
        .map_err(|_| StoreError::corrupt(format!("the format number {found}, expected 0 to {FORMAT}")))
}

/// Makes the steps that are missing, all of them or none.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    apply(&transaction, &MIGRATIONS)?;
    Ok(transaction.commit()?)
}

fn apply(transaction: &Transaction<'_>, steps: &[&str]) -> Result<(), StoreError> {
    // Read within the transaction: another process may have made the steps while this one waited.
    let found = format(transaction)?;
    for step in steps.iter().skip(found) {
        transaction.execute_batch(step)?;
    }
    if found < steps.len() {
        transaction.pragma_update(None, "user_version", i64::try_from(steps.len()).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

/// Refuses to write to a file that a newer program has changed since it was opened.
pub(super) fn check_format(connection: &Connection) -> Result<(), StoreError> {
    match format(connection)? {
        FORMAT => Ok(()),
        found => Err(StoreError::CannotOpen(format!(
            "the store has format {found} by now, expected {FORMAT}: restart with the newer program"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply_all(connection: &mut Connection, steps: &[&str]) {
        let transaction = connection.transaction().unwrap();
        apply(&transaction, steps).unwrap();
        transaction.commit().unwrap();
    }

    #[test]
    fn each_step_is_made_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x)", "INSERT INTO a VALUES (1)"];
        apply_all(&mut connection, &steps[..1]);
        assert_eq!(format(&connection).unwrap(), 1);
        apply_all(&mut connection, &steps);
        apply_all(&mut connection, &steps);
        assert_eq!(format(&connection).unwrap(), 3);
        let rows: i64 = connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_failing_step_leaves_the_format_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        let transaction = connection.transaction().unwrap();
        assert!(apply(&transaction, &["CREATE TABLE a (x)", "CREATE NONSENSE"]).is_err());
        drop(transaction);
        assert_eq!(format(&connection).unwrap(), 0);
    }
}

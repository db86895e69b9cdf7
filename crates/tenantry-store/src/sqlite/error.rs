//! Turns SQLite's errors into those of the ports.

use rusqlite::{Error, ErrorCode};

use crate::error::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt {
                what: "the file is damaged, expected a whole store: run `tenantry doctor`, restore a backup".to_owned(),
                source: Some(error.into()),
            },
            // A statement that does not fit the tables, or a cell of another type than the format says.
            None | Some(ErrorCode::Unknown | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
                Self::Corrupt {
                    what: "the tables are not those of this format, expected a store that nobody changed by hand: run \
                           `tenantry doctor`"
                        .to_owned(),
                    source: Some(error.into()),
                }
            }
            // Full disk, I/O error, busy, locked, out of memory, read-only: a later try may work.
            Some(_) => Self::Unavailable(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn from_code(code: i32) -> StoreError {
        Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn what_may_pass_is_transient_and_damage_is_not() {
        let passing = [ffi::SQLITE_FULL, ffi::SQLITE_IOERR, ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_READONLY];
        for code in passing {
            assert!(from_code(code).is_transient(), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_ERROR, ffi::SQLITE_CONSTRAINT] {
            assert!(matches!(from_code(code), StoreError::Corrupt { .. }), "{code}");
        }
    }
}

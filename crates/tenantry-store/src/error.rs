//! What can go wrong in a store, told apart by what the caller does about it.

use jiff::Timestamp;
use tenantry_core::layer::Revision;

use crate::records::Binding;

/// Where an error came from, whatever the back end calls it.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what it was asked. What is missing is no error: reads answer `Ok(None)`.
///
/// No variant carries a stored value.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the scope since it was read; nothing was written. Read again and decide again.
    #[error("the scope is at revision {current}, not where the change expected it")]
    Conflict {
        /// Where the scope is now; 0 if it does not exist.
        current: Revision,
        /// Who made that revision.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// The scope's secret has another version than the change expected; nothing was written.
    #[error("the secret was changed meanwhile")]
    SecretConflict,
    /// The binding belongs to another tenant, which is not named; nothing was written.
    #[error("{0} is already taken")]
    Taken(Binding),
    /// The thing to change does not exist.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The tenant must be in another state for this: `delete` asks for a suspended one.
    #[error("{0}")]
    Refused(&'static str),
    /// The back end knows who asks, and says no. Not transient: cached copies must go.
    #[error("access to the store is denied")]
    Denied(#[source] Source),
    /// The back end does not answer, or asks to slow down. A later try may work.
    #[error("the store is unavailable")]
    Unavailable(#[source] Source),
    /// What is stored cannot be read: wrong key, foreign file, torn bytes. `what` names the place, never the value.
    #[error("the store holds something unreadable: {what}")]
    Corrupt {
        /// What was found where, what was expected, and the next step.
        what: String,
        /// The cause, if another library found it.
        #[source]
        source: Option<Source>,
    },
    /// The store cannot be opened as it is; nothing in it was touched.
    #[error("{0}")]
    CannotOpen(String),
    /// Something is larger than the store takes; found before anything was written.
    #[error("{what} is {size}, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// How large it is, in bytes or in items as `what` says.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
}

impl StoreError {
    /// Whether a later try of the same call may work, so that a cached answer may stand in meanwhile.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Makes an error of unreadable contents.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), source: None }
    }
}

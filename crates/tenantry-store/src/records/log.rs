//! What the log says, and which of it is asked for.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_core::change::Difference;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use crate::limits::json_length;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A scope was created.
    Create,
    /// Values were set or unset.
    Change,
    /// An old revision's values were made the newest ones.
    Restore,
    /// A tenant got another name.
    Rename,
    /// A tenant was suspended.
    Suspend,
    /// A tenant was resumed.
    Resume,
    /// A tenant was deleted.
    Delete,
    /// An outside identity was bound to a tenant, or released.
    Bind,
    /// An API token was created.
    CreateToken,
    /// An API token was revoked.
    RevokeToken,
    /// Providers were asked whether connections work, with the secrets that are set.
    Verify,
}

/// An entry for the log, before the store gives it its id and revision.
#[derive(Clone, Debug)]
pub struct NewLogEntry {
    /// The scope it is about.
    pub scope: Scope,
    /// When it happens.
    pub at: Timestamp,
    /// Who does it: a token's name, or the system's user for the command line.
    pub actor: String,
    /// What is done.
    pub action: Action,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// How the scope's leaves differ; secrets as marks. The version in an `after` mark is filled in by the store when it
    /// is the one that the same commit makes: callers leave it empty.
    pub changes: Vec<Difference>,
    /// What else there is to say: the revision that was restored, the token's id.
    pub detail: Option<String>,
}

/// One entry of the log: immutable, but for the values of a tenant that was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogEntry {
    /// The entry's own name; says nothing about other scopes' entries.
    pub id: String,
    /// The scope it is about, as [`Scope`] is displayed.
    pub scope: String,
    /// The revision that it made, if it made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// When it happened.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: Action,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the scope's leaves differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Difference>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl LogEntry {
    /// How much it says, in bytes of JSON, about.
    pub fn size(&self) -> usize {
        /// What stands in every entry.
        const FRAME: usize = 256;
        let texts = [&self.reason, &self.detail].into_iter().flatten().map(String::len).sum::<usize>();
        FRAME + texts + json_length(&self.changes)
    }
}

/// Which entries of the log to read.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Those about one scope; all of them if none.
    pub scope: Option<Scope>,
    /// Those that made a revision: a scope's history.
    pub revisions_only: bool,
}

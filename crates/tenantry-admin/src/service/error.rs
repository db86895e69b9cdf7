//! Why a use case did not do what was asked, by who acts on it.

use jiff::Timestamp;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::validate::Violation;
use tenantry_store::{Binding, StoreError};

use super::Unusable;
use super::import::ScopeFaults;

/// Why a use case did not do what was asked. Nothing was changed then, but for [`ServiceError::Interrupted`].
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// There is one of this name, and it is another than the one that is asked about.
    #[error(
        "the tenant {0} here is another one of that name: the one that this is about was deleted, or is in another store"
    )]
    AnotherTenant(TenantId),
    /// There is one already.
    #[error("there is a tenant {0} already")]
    TenantExists(TenantId),
    /// The scope must be a tenant's.
    #[error("this needs a tenant: the global scope has none")]
    NeedsTenant,
    /// The tenant must be suspended before it is deleted.
    #[error("{0} is active: suspend it before you delete it")]
    NotSuspended(TenantId),
    /// The change would make the configuration invalid.
    #[error("{}", list(.0))]
    Invalid(Vec<Violation>),
    /// The import would make configurations invalid; all of its faults are listed.
    #[error("{} of the file's scopes are not valid, so nothing was imported", .0.len())]
    InvalidImport(Vec<ScopeFaults>),
    /// An import that the store takes in parts ended between two of them.
    #[error("{done} of the {scopes} changed scopes were imported, then this went wrong")]
    Interrupted {
        /// How many scopes were written.
        done: usize,
        /// How many were to be written.
        scopes: usize,
        /// What went wrong.
        #[source]
        error: Box<ServiceError>,
    },
    /// The scope is not at the revision that the change was decided on, or others were quicker each time.
    #[error("{scope} {}", moved(*expected, *current))]
    Conflict {
        /// The scope.
        scope: Scope,
        /// The revision that was expected; none if the change was decided anew again and again.
        expected: Option<Revision>,
        /// Where it is.
        current: Revision,
        /// Who made that revision.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// Another tenant has it; which one is not said.
    #[error("{0} is already in use")]
    Taken(Binding),
    /// The history does not reach back to that revision, or not forward to it.
    #[error("there is no revision {revision} of {scope}")]
    NoSuchRevision {
        /// The scope.
        scope: Scope,
        /// The revision.
        revision: Revision,
    },
    /// What is stored cannot be used, so that what was asked for is not known.
    #[error("{0}")]
    Unusable(Unusable),
    /// There is no such prompt after merging.
    #[error("there is no prompt {key}{}", offer(.nearest))]
    NoSuchPrompt {
        /// The parameter that was looked for.
        key: Key,
        /// The nearest ones that there are.
        nearest: Vec<String>,
    },
    /// The template is there, but cannot be rendered.
    #[error("{key} cannot be rendered: {message}")]
    Render {
        /// The parameter with the template.
        key: Key,
        /// What went wrong in it.
        message: String,
    },
    /// The binding is not the tenant's.
    #[error("{binding} is not bound to {tenant}")]
    NotBound {
        /// The tenant.
        tenant: TenantId,
        /// The binding.
        binding: Binding,
    },
    /// A company has as many of something as it may have.
    #[error("there are {most} {what} already, the most that one company may have")]
    Full {
        /// Of what, in the plural.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// There is no such token.
    #[error("there is no token {0}")]
    NoSuchToken(String),
    /// The text is no role, life time or binding.
    #[error("{0}")]
    BadRequest(String),
    /// What a part of the request says is nothing that this takes.
    #[error("{message}")]
    Unfit {
        /// The name of that part.
        field: &'static str,
        /// What was expected, and what was found.
        message: String,
    },
    /// The default of an override has not moved on, or there is no such override.
    #[error("{0} is not behind its default")]
    NotBehind(Key),
    /// The default that was looked at is another one by now.
    #[error("the default of {key} has moved on again, at revision {at}: look at what it says now")]
    DefaultMoved {
        /// The parameter.
        key: Key,
        /// The revision that moved it.
        at: Revision,
    },
    /// Both changes concern the same lines, or it is no text.
    #[error("{0} cannot be merged by itself: set it to what it should be, or keep or take it")]
    NotMerged(Key),
    /// Something moved since the plan was made.
    #[error("something moved since this was planned: plan it again, and look at what it does now")]
    PlanStale {
        /// The hash of the plan that would be made now.
        current: String,
    },
    /// The change would break tenants, and it is not said that this is meant.
    #[error("{tenants} tenants would be left with a configuration that is wrong")]
    PlanBreaks {
        /// How many.
        tenants: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn moved(expected: Option<Revision>, current: Revision) -> String {
    match expected {
        Some(expected) => format!("is at revision {current}, not {expected}: read it again, and change it again"),
        None => "was changed by others again and again; nothing was written: try again".to_owned(),
    }
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn offer(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; nearest: {}", names.join(", ")) }
}

impl ServiceError {
    /// The same error behind `done` scopes that are written already.
    pub(super) fn behind(self, done: usize, scopes: usize) -> Self {
        if done == 0 { self } else { Self::Interrupted { done, scopes, error: Box::new(self) } }
    }

    /// Tells a failed write of a scope from the errors of the store that mean something to the caller.
    pub(super) fn of_commit(error: StoreError, scope: &Scope, expected: Option<Revision>) -> Self {
        match error {
            StoreError::Conflict { current, by, at } => {
                Self::Conflict { scope: scope.clone(), expected, current, by, at }
            }
            StoreError::Taken(binding) => Self::Taken(binding),
            other => Self::Store(other),
        }
    }
}

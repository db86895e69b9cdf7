//! Why a tenant's configuration cannot be had, and why it may be older than it should be.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tenantry_core::assemble::Oddity;
use tenantry_core::scope::TenantId;
use tenantry_store::StoreError;

/// When to ask again: what failed for a passing reason is tried again after a second or a few.
pub(crate) const SOON: Duration = Duration::from_secs(2);

/// Why a tenant's configuration cannot be had. Many callers may get the same one, so it can be cloned.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// The tenant is suspended.
    #[error("tenant {0} is suspended")]
    Suspended(TenantId),
    /// What is stored cannot be used, and there is no earlier configuration to serve instead.
    #[error("the configuration of tenant {tenant} cannot be used: {}", Places(reasons))]
    Invalid {
        /// The tenant.
        tenant: TenantId,
        /// What is wrong, and where. No reason shows a secret.
        reasons: Arc<[Oddity]>,
    },
    /// The store did not give what is needed, and there is nothing that may be served instead.
    #[error("the configuration of tenant {tenant} cannot be read")]
    Store {
        /// The tenant.
        tenant: TenantId,
        /// What the store said.
        #[source]
        source: Arc<StoreError>,
    },
}

impl LoadError {
    /// When it makes sense to ask again, none if asking again will not help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store { source, .. } if source.is_transient() => Some(SOON),
            Self::Store { .. } | Self::UnknownTenant(_) | Self::Suspended(_) | Self::Invalid { .. } => None,
        }
    }
}

/// Says that a configuration is older than it should be, by how much, and why.
#[derive(Clone, Debug)]
pub struct Stale {
    /// The time since the oldest part of it was known to be right.
    pub age: Duration,
    /// Why there is nothing newer.
    pub reason: StaleReason,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s old: {}", self.age.as_secs(), self.reason)
    }
}

/// Why there is nothing newer than what is served.
#[derive(Clone, Debug)]
pub enum StaleReason {
    /// The store does not answer.
    Unavailable(Arc<StoreError>),
    /// What is stored now cannot be used, so the last good configuration is served.
    Unusable(Arc<[Oddity]>),
    /// The store could not be asked whether the tenant was suspended or deleted.
    Unchecked,
    /// It was new when reading it began, and the process stood still meanwhile.
    Late,
}

impl StaleReason {
    /// The reason in a fixed word or two, for those who may use the application but not see what is stored: the whole
    /// reason, which names keys and tells what the store said, is for logs.
    pub fn in_short(&self) -> &'static str {
        match self {
            Self::Unusable(_) => "configuration invalid",
            Self::Unavailable(_) | Self::Unchecked | Self::Late => "store unavailable",
        }
    }
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(error) => error.fmt(f),
            Self::Unusable(reasons) => write!(f, "what is stored now cannot be used: {}", Places(reasons)),
            Self::Unchecked => f.write_str("the store could not be asked for suspended tenants"),
            Self::Late => f.write_str("reading it took too long"),
        }
    }
}

/// Each place with its reason.
struct Places<'a>(&'a [Oddity]);

impl fmt::Display for Places<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, oddity) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", oddity.place, oddity.reason)?;
        }
        Ok(())
    }
}

/// What kept a scope from being read anew.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The store says no: nothing cached may be served any more.
    Denied(Arc<StoreError>),
    /// The store does not answer: what is cached may be served for a while.
    Unavailable(Arc<StoreError>),
    /// What is stored cannot be used: what is cached may be served for a while.
    Unusable(Arc<[Oddity]>),
}

impl Fault {
    /// Tells what a store's error means for what is cached.
    pub(crate) fn of(error: Arc<StoreError>) -> Self {
        match &*error {
            StoreError::Denied(_) => Self::Denied(error),
            StoreError::Unavailable(_) => Self::Unavailable(error),
            StoreError::Corrupt { .. }
            | StoreError::TooLarge { .. }
            | StoreError::CannotOpen(_)
            | StoreError::Refused(_)
            | StoreError::Missing(_)
            | StoreError::Taken(_)
            | StoreError::Conflict { .. }
            | StoreError::SecretConflict => {
                Self::Unusable([Oddity { place: "the store".to_owned(), reason: error.to_string() }].into())
            }
        }
    }

    /// The fault as the reason for an old answer.
    pub(crate) fn as_reason(&self) -> StaleReason {
        match self {
            Self::Denied(error) | Self::Unavailable(error) => StaleReason::Unavailable(Arc::clone(error)),
            Self::Unusable(reasons) => StaleReason::Unusable(Arc::clone(reasons)),
        }
    }

    /// The fault as the reason for no answer.
    pub(crate) fn as_error(&self, tenant: &TenantId) -> LoadError {
        let tenant = tenant.clone();
        match self {
            Self::Denied(error) | Self::Unavailable(error) => LoadError::Store { tenant, source: Arc::clone(error) },
            Self::Unusable(reasons) => LoadError::Invalid { tenant, reasons: Arc::clone(reasons) },
        }
    }
}

/// What kept a store from answering in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} ms", .0.as_millis())]
pub(crate) struct Unanswered(pub(crate) Duration);

/// What kept a flight from landing.
#[derive(Debug, thiserror::Error)]
#[error("reading was broken off")]
pub(crate) struct BrokenOff;

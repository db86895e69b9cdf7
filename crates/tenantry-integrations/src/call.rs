//! What a call to a provider comes to when it brings no answer: one set of errors for all clients, by who can act on them.
//!
//! Clients read their provider's own shapes of refusals; the statuses that mean the same everywhere are read here.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use thiserror::Error;

use crate::egress::{EgressError, Obstacle, Rule};

/// The longest wait that a provider can ask for: more would be as good as a refusal.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Why a provider gave no answer, by what the caller can do about it. No credential is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The provider refuses this request: what is asked for, or the account, must change.
    #[error("the provider refused the request (status {status}): {reason}")]
    Rejected {
        /// The answer's status, or the code within it where the provider answers 200 with an error.
        status: u16,
        /// The provider's reason: one line, shortened, with the credentials scrubbed.
        reason: String,
    },
    /// The provider does not accept the credentials: others must be set.
    #[error("the provider does not accept the credentials")]
    Unauthorized,
    /// Too many requests: try again later.
    #[error("the provider asks to slow down")]
    RateLimited {
        /// How long to wait, if the provider says so; a day at most.
        retry_after: Option<Duration>,
    },
    /// The provider is not there, or fails by itself: try again later.
    #[error("the provider cannot be reached: {reason}")]
    Unreachable {
        /// Where it ended; credentials are scrubbed from what the provider said.
        reason: String,
    },
    /// The answer was not complete in time.
    #[error("the provider gave no complete answer within {} ms", .limit.as_millis())]
    TimedOut {
        /// The time that was given.
        limit: Duration,
    },
    /// An outbound rule refuses the endpoint: another base URL must be set.
    #[error("the endpoint is not allowed: {0}")]
    NotAllowed(Rule),
    /// The answer is larger than what is read.
    #[error("the provider's answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// The answer is not of the API that was called: is there such an API at the address?
    #[error("the provider's answer makes no sense: {reason}")]
    Malformed {
        /// What is wrong with it; nothing of the answer itself.
        reason: String,
    },
}

impl CallError {
    /// Whether the same call may work later without anything being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Rejected { .. }
            | Self::Unauthorized
            | Self::NotAllowed(_)
            | Self::TooLarge { .. }
            | Self::Malformed { .. } => false,
        }
    }

    /// Whether what was asked for may have been done although its answer is not known: to ask again could do it twice.
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Malformed { .. } | Self::TooLarge { .. } => true,
            Self::Unreachable { reason } => *reason == Obstacle::Closed.to_string(),
            Self::Rejected { .. } | Self::Unauthorized | Self::RateLimited { .. } | Self::NotAllowed(_) => false,
        }
    }
}

impl From<EgressError> for CallError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::NotAllowed(rule) => Self::NotAllowed(rule),
            // What cannot be a header cannot be a credential either.
            EgressError::Credential => Self::Unauthorized,
            EgressError::Unreachable(obstacle) => Self::Unreachable { reason: obstacle.to_string() },
            EgressError::TimedOut { limit } => Self::TimedOut { limit },
            EgressError::TooLarge { limit } => Self::TooLarge { limit },
            EgressError::Malformed { reason } => Self::Malformed { reason },
        }
    }
}

/// What an answer with a status of failure means, whoever gives it. `reason` is the provider's own, already scrubbed.
pub(crate) fn refused(status: StatusCode, headers: &HeaderMap, reason: Option<String>) -> CallError {
    if status == StatusCode::UNAUTHORIZED {
        return CallError::Unauthorized;
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return CallError::RateLimited { retry_after: retry_after(headers) };
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        let reason = reason.map_or_else(String::new, |text| format!(": {text}"));
        return CallError::Unreachable { reason: format!("it answered with status {}{reason}", status.as_u16()) };
    }
    rejected(status, reason)
}

/// A refusal of this very request.
pub(crate) fn rejected(status: StatusCode, reason: Option<String>) -> CallError {
    let reason = reason.unwrap_or_else(|| "it gave no reason".to_owned());
    CallError::Rejected { status: status.as_u16(), reason }
}

/// An answer that is not of the API that was called; `reason` repeats nothing of it.
pub(crate) fn malformed(reason: &str) -> CallError {
    CallError::Malformed { reason: reason.to_owned() }
}

/// Reads `Retry-After` in seconds. As a date, which no provider of ours sends, it counts as absent.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

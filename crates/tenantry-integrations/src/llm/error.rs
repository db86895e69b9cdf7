//! Why a model gave no answer.

use std::time::Duration;

use thiserror::Error;

use crate::egress::{EgressError, Rule};

/// Why a model gave no answer, by what the caller can do about it. No key is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LlmError {
    /// The provider refuses this request: model, message or account must change.
    #[error("the provider refused the request (status {status}): {reason}")]
    Rejected {
        /// The answer's status, or the code within it where the provider answers 200 with an error.
        status: u16,
        /// The provider's reason: one line, shortened, with the key scrubbed.
        reason: String,
    },
    /// The provider does not accept the key: another one must be set.
    #[error("the provider does not accept the API key")]
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
        /// Where it ended; the key is scrubbed from what the provider said.
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
    /// The answer is not one of chat completion: is there such an API at the base URL?
    #[error("the provider's answer makes no sense: {reason}")]
    Malformed {
        /// What is wrong with it; nothing of the answer itself.
        reason: String,
    },
}

impl From<EgressError> for LlmError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::NotAllowed(rule) => Self::NotAllowed(rule),
            // What cannot be a header cannot be a key either.
            EgressError::Credential => Self::Unauthorized,
            EgressError::Unreachable(obstacle) => Self::Unreachable { reason: obstacle.to_string() },
            EgressError::TimedOut { limit } => Self::TimedOut { limit },
            EgressError::TooLarge { limit } => Self::TooLarge { limit },
            EgressError::Malformed { reason } => Self::Malformed { reason },
        }
    }
}

//! What a provider says of a connection, asked with a request that only reads.

use serde::Serialize;

use crate::call::CallError;

/// As whom a connection is known to its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account, user or system, as the provider names it. No credential is in it.
    pub whom: String,
    /// What else is worth knowing, a sentence each: a model that the provider does not list, credit that runs out.
    pub notes: Vec<String>,
}

impl Identity {
    /// An account with nothing to note.
    pub fn new(whom: impl Into<String>) -> Self {
        Self { whom: whom.into(), notes: Vec::new() }
    }

    /// Adds something worth knowing.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// The four answers of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is set, so nothing was asked.
    NotConfigured,
    /// The provider knows the credentials.
    Verified {
        /// As whom.
        whom: String,
        /// What else is worth knowing, a sentence each.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// The provider, or a rule of ours, refuses: something must be set differently.
    Rejected {
        /// The provider's reason, with credentials scrubbed.
        reason: String,
    },
    /// The provider gave no answer that tells: try again later.
    Unreachable {
        /// Where it ended.
        reason: String,
    },
}

impl From<Result<Identity, CallError>> for Verdict {
    fn from(outcome: Result<Identity, CallError>) -> Self {
        match outcome {
            Ok(Identity { whom, notes }) => Self::Verified { whom, notes },
            Err(error) => error.into(),
        }
    }
}

impl From<CallError> for Verdict {
    fn from(error: CallError) -> Self {
        let reason = error.to_string();
        match error {
            CallError::Rejected { reason, .. } => Self::Rejected { reason },
            // What answers with something else is not the provider: the address must change.
            CallError::Unauthorized
            | CallError::NotAllowed(_)
            | CallError::TooLarge { .. }
            | CallError::Malformed { .. } => Self::Rejected { reason },
            CallError::RateLimited { .. } | CallError::Unreachable { .. } | CallError::TimedOut { .. } => {
                Self::Unreachable { reason }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn verdict(error: CallError) -> serde_json::Value {
        serde_json::to_value(Verdict::from(error)).unwrap()["verdict"].clone()
    }

    #[test]
    fn a_failure_is_rejected_where_something_must_be_set_and_unreachable_where_waiting_helps() {
        assert_eq!(verdict(CallError::Unauthorized), "rejected");
        assert_eq!(verdict(CallError::Rejected { status: 403, reason: "no".to_owned() }), "rejected");
        assert_eq!(verdict(CallError::Malformed { reason: "it is not JSON".to_owned() }), "rejected");
        assert_eq!(verdict(CallError::RateLimited { retry_after: None }), "unreachable");
        assert_eq!(verdict(CallError::Unreachable { reason: "no connection".to_owned() }), "unreachable");
        assert_eq!(verdict(CallError::TimedOut { limit: Duration::from_secs(1) }), "unreachable");
    }

    #[test]
    fn a_verified_connection_says_as_whom() {
        let verdict = Verdict::from(Ok(Identity::new("assistant@acme.example").with_note("the model is not listed")));
        let expected = json!({
            "verdict": "verified", "whom": "assistant@acme.example", "notes": ["the model is not listed"],
        });
        assert_eq!(serde_json::to_value(verdict).unwrap(), expected);
    }
}

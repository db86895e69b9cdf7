//! Bounds that the operator sets for everybody.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits
///
/// Bounds that the operator of the service sets for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-set-by" = "operator"))]
pub struct Limits {
    /// Longest message
    ///
    /// The most characters that a message may have.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_message_chars: u32,

    /// Turns remembered
    ///
    /// How many earlier turns of a conversation are sent to the model. A message that belongs to no conversation, such as
    /// an HTTP request that names none, has none.
    #[schemars(range(min = 0, max = 100))]
    pub history_turns: u32,

    /// Time for a model's answer
    ///
    /// In milliseconds, for the whole exchange with the provider.
    #[schemars(range(min = 1000, max = 120_000))]
    pub request_timeout_ms: u32,

    /// Tokens a month
    ///
    /// What one company may spend in a calendar month (UTC). A message that comes when it is used up is not sent to any
    /// model; people are told so. Not set: there is no such bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub monthly_tokens: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message_chars: 8000, history_turns: 10, request_timeout_ms: 30_000, monthly_tokens: None }
    }
}

//! Why a message gets no answer, before any model is asked.

use tenantry_core::key::Key;
use tenantry_core::scope::TenantId;
use thiserror::Error;

/// Why a message gets no answer, before any model is asked. Each says the next step.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There is nothing to answer.
    #[error("the text is blank: write a message")]
    TextBlank,
    /// The message has more characters than the operator allows.
    #[error("the text has {length} characters, the limit is {limit} (limits.max_message_chars)")]
    TextTooLong {
        /// Characters of the message.
        length: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// There is no such route. What was asked for is not repeated: it can be anything.
    #[error("there is no such intent; enabled are: {}", list(enabled))]
    IntentUnknown {
        /// The routes that can be asked for.
        enabled: Vec<String>,
    },
    /// The route exists, but is not in use.
    #[error(
        "the intent {intent} is not enabled; enabled are: {}. To enable it, set routing.routes.{intent}.enabled to true",
        list(enabled)
    )]
    IntentDisabled {
        /// What was asked for.
        intent: String,
        /// The routes that can be asked for.
        enabled: Vec<String>,
    },
    /// Messages that fit no route have nowhere to go.
    #[error(
        "routing.fallback names the route {intent}, which is not enabled: set routing.routes.{intent}.enabled to true, \
         or name another route"
    )]
    FallbackDisabled {
        /// The route.
        intent: String,
    },
    /// A parameter names something that does not exist.
    #[error("{from} -> {to} does not exist: add it, or name another one")]
    BrokenLink {
        /// The parameter.
        from: String,
        /// What it names.
        to: String,
    },
    /// The prompt is no template.
    #[error("{prompt}: {issue}")]
    PromptInvalid {
        /// The prompt's key.
        prompt: Key,
        /// What is wrong, with line and column.
        issue: String,
    },
    /// The prompt cannot be filled in.
    #[error("{prompt}: {error}")]
    PromptFailed {
        /// The prompt's key.
        prompt: Key,
        /// What happened, with its line.
        error: String,
    },
    /// The connection of the model's provider is not set.
    #[error("{parameter} is not set for {tenant}: set it with `tenantry -t {tenant} set {parameter} -`")]
    NotConnected {
        /// The parameter that is missing.
        parameter: Key,
        /// For whom.
        tenant: TenantId,
    },
}

impl Refusal {
    pub(super) fn broken(from: &str, table: &str, name: &str) -> Self {
        Self::BrokenLink { from: from.to_owned(), to: format!("{table}.{name}") }
    }

    /// The stable code of the answer that a sender gets.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TextBlank => "text_blank",
            Self::TextTooLong { .. } => "text_too_long",
            Self::IntentUnknown { .. } => "intent_unknown",
            Self::IntentDisabled { .. } => "intent_disabled",
            Self::FallbackDisabled { .. } | Self::BrokenLink { .. } => "broken_link",
            Self::PromptInvalid { .. } | Self::PromptFailed { .. } => "template_invalid",
            Self::NotConnected { .. } => "connection_missing",
        }
    }

    /// The field of the message that is refused; none if the configuration is at fault.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::TextBlank | Self::TextTooLong { .. } => Some("text"),
            Self::IntentUnknown { .. } | Self::IntentDisabled { .. } => Some("intent"),
            Self::FallbackDisabled { .. }
            | Self::BrokenLink { .. }
            | Self::PromptInvalid { .. }
            | Self::PromptFailed { .. }
            | Self::NotConnected { .. } => None,
        }
    }
}

fn list(enabled: &[String]) -> String {
    if enabled.is_empty() { "none".to_owned() } else { enabled.join(", ") }
}

//! What is found wrong in configurations, as the API tells it.

use schemars::JsonSchema;
use serde::Serialize;
use tenantry_core::validate::Violation;

/// One thing that is wrong with a configuration, or lacking in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Finding {
    /// The parameter's key, or what was given for one.
    pub(crate) key: String,
    /// The stable name of the rule.
    pub(crate) code: String,
    /// What is wrong, in a sentence.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Finding {
    /// A finding without a hint.
    pub(crate) fn told(key: &str, code: &str, message: String) -> Self {
        Self { key: key.to_owned(), code: code.to_owned(), message, hint: None }
    }
}

impl From<&Violation> for Finding {
    fn from(violation: &Violation) -> Self {
        Self {
            key: violation.key.clone(),
            code: violation.code.code().to_owned(),
            message: violation.message.clone(),
            hint: violation.hint.clone(),
        }
    }
}

//! The instructions that models get: templates, each under a name.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Prompts by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Prompts(pub BTreeMap<String, Prompt>);

/// Prompt
///
/// A template in the Jinja language. It may use:
/// `persona.name`, `persona.description`, `persona.communication_style`, `persona.language`;
/// `company.name`, `company.description`, `company.website`, `company.timezone`, `company.facts` (a table of texts);
/// `user.name` (empty if the channel does not know it); `channel` (`http`, `slack`, …);
/// `now` (weekday, date, time and time zone at the company);
/// `intents` (a list of the enabled routes, each with `name` and `description`).
/// A block that the prompt below marks as locked must be kept word for word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(
    inline,
    extend(
        "minLength" = 1,
        "maxLength" = 65_536,
        "x-template" = [
            "persona.name", "persona.description", "persona.communication_style", "persona.language",
            "company.name", "company.description", "company.website", "company.timezone", "company.facts",
            "user.name", "channel", "now", "intents"
        ]
    )
)]
pub struct Prompt(pub String);

/// The name of the prompt that asks a model for a message's intent.
pub const ROUTER_PROMPT: &str = "intent_router";

/// The name of the prompt that summarises e-mail, and of its task.
pub const EMAIL_PROMPT: &str = "email_summary";

/// The built-in prompts by name.
///
/// Prompts whose answers state facts lock their rules of honesty, and the router its form of answer: a company that
/// rewrites them keeps these. Small talk and writing are the company's own to shape.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("chitchat", include_str!("../../prompts/chitchat.jinja")),
    (EMAIL_PROMPT, include_str!("../../prompts/email_summary.jinja")),
    ("erp_lookup", include_str!("../../prompts/erp_lookup.jinja")),
    (ROUTER_PROMPT, include_str!("../../prompts/intent_router.jinja")),
    ("question_answering", include_str!("../../prompts/question_answering.jinja")),
    ("scheduling", include_str!("../../prompts/scheduling.jinja")),
    ("writing", include_str!("../../prompts/writing.jinja")),
];

impl Default for Prompts {
    fn default() -> Self {
        Self(BUILT_IN.into_iter().map(|(name, text)| (name.to_owned(), Prompt(text.trim_end().to_owned()))).collect())
    }
}

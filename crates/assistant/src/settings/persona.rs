//! Who the assistant is and how it talks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Persona
///
/// Who the assistant is and how it talks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Persona {
    /// Name
    ///
    /// What the assistant is called.
    #[schemars(length(min = 1, max = 80), extend("x-examples" = ["Ada", "Frau Brösel"]))]
    pub name: String,

    /// Description
    ///
    /// Who the assistant is, as the middle of a sentence: "I am Ada, … of Acme".
    #[schemars(length(min = 1, max = 500), extend("x-examples" = ["the assistant at the counter"]))]
    pub description: String,

    /// Communication style
    ///
    /// How the assistant talks, in a sentence or two: formal or familiar, long or short, with or without humour.
    #[schemars(
        length(min = 1, max = 1000),
        extend("x-examples" = ["Warm and familiar, short sentences, no English words."])
    )]
    pub communication_style: String,

    /// Language
    ///
    /// The language for messages that do not show theirs: a tag such as `en`, `de` or `es-MX` (BCP 47).
    #[schemars(
        length(max = 35),
        extend("pattern" = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "x-examples" = ["en", "de", "es-MX"])
    )]
    pub language: String,
}

impl Default for Persona {
    fn default() -> Self {
        Self {
            name: "Ada".to_owned(),
            description: "the assistant".to_owned(),
            communication_style: "Friendly, plain and to the point; no jargon, no exclamation marks.".to_owned(),
            language: "en".to_owned(),
        }
    }
}

//! For whom the assistant works, and what it may take for true.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Company
///
/// For whom the assistant works, and what it may take for true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Company {
    /// Name
    ///
    /// The company's name, as customers know it.
    #[schemars(length(min = 1, max = 120), extend("x-examples" = ["Bäckerei Sonnkorn"]))]
    pub name: String,

    /// Description
    ///
    /// What the company does, for whom and where, in a few sentences. Empty if there is nothing to say.
    #[schemars(
        length(max = 4000),
        extend("x-examples" = ["Nine bakeries in and around Freiburg, with their own mill."])
    )]
    pub description: String,

    /// Website
    ///
    /// The address that the assistant may name to people. It is never called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 300),
        extend("pattern" = r"^https?://[^\s/]+(/\S*)?$", "x-examples" = ["https://www.acme.example"])
    )]
    pub website: Option<String>,

    /// Time zone
    ///
    /// Where the company's clocks are: a name of the IANA data base. It decides what "today" means.
    #[schemars(
        length(max = 64),
        extend(
            "format" = "iana-time-zone",
            "x-examples" = ["Europe/Berlin", "America/Mexico_City", "UTC"]
        )
    )]
    pub timezone: String,

    /// Facts
    ///
    /// What the assistant may take for true: opening hours, address, delivery times. Each fact has a name and a short
    /// text; prompts list them.
    pub facts: BTreeMap<String, Fact>,
}

impl Default for Company {
    fn default() -> Self {
        Self {
            name: "our company".to_owned(),
            description: String::new(),
            website: None,
            timezone: "UTC".to_owned(),
            facts: BTreeMap::new(),
        }
    }
}

/// Fact
///
/// One thing that is true about the company, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("minLength" = 1, "maxLength" = 2000, "x-examples" = ["Monday to Friday, 6:30 to 18:00"]))]
pub struct Fact(pub String);

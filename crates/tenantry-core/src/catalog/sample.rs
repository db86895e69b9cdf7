//! The settings of a small application, for the tests of catalog and validation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::secret::SecretText;

/// Everything that the sample application can be told.
#[derive(JsonSchema, Deserialize)]
#[expect(dead_code, reason = "the catalog alone is tested, which reads the types")]
pub(crate) struct Settings {
    #[serde(default)]
    persona: Persona,
    odoo: Option<Odoo>,
    google: Option<Google>,
    openai: Option<OpenAi>,
    /// Prompts
    ///
    /// What the assistant is told.
    #[serde(default = "built_in_prompts")]
    #[schemars(extend("x-template" = ["persona.name", "company.facts"]))]
    prompts: BTreeMap<String, String>,
    #[serde(default)]
    ai: Ai,
    #[serde(default)]
    routing: Routing,
    #[serde(default)]
    storage: Storage,
    #[schemars(extend("x-set-by" = "operator"))]
    #[serde(default)]
    limits: Limits,
}

/// Who speaks
#[derive(JsonSchema, Deserialize, Serialize)]
struct Persona {
    /// Name
    ///
    /// As users see it.
    #[schemars(length(min = 1, max = 40), extend("x-examples" = ["Ada"]))]
    name: String,
    /// Language, as BCP 47 has it
    #[schemars(pattern("^[a-z]{2}(-[A-Z]{2})?$"))]
    language: Option<String>,
    style: Style,
}

impl Default for Persona {
    fn default() -> Self {
        Self { name: "Ada".to_owned(), language: None, style: Style::Friendly }
    }
}

#[derive(JsonSchema, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Style {
    Formal,
    /// Like a colleague.
    Friendly,
}

/// Odoo
#[derive(JsonSchema, Deserialize)]
#[schemars(extend("x-connection" = true))]
#[expect(dead_code, reason = "see Settings")]
struct Odoo {
    /// Address
    #[schemars(url, extend("x-egress" = true))]
    url: String,
    /// Database
    db: String,
    /// Password or API key
    password: SecretText,
}

/// Google Calendar
#[derive(JsonSchema, Deserialize)]
#[schemars(extend("x-connection" = true))]
#[expect(dead_code, reason = "see Settings")]
struct Google {
    api_key: SecretText,
    #[schemars(extend("x-secret-field" = "calendar_id"))]
    calendar_id: String,
}

/// OpenAI
#[derive(JsonSchema, Deserialize)]
#[schemars(extend("x-connection" = true))]
#[expect(dead_code, reason = "see Settings")]
struct OpenAi {
    #[schemars(pattern("^sk-"), extend("x-examples" = ["sk-…"]))]
    api_key: SecretText,
    #[serde(default = "public_endpoint")]
    #[schemars(url, extend("x-egress" = true))]
    base_url: String,
}

/// Models
#[derive(JsonSchema, Deserialize, Serialize, Default)]
#[serde(default)]
struct Ai {
    default: Model,
    /// Tasks
    tasks: BTreeMap<String, Model>,
}

/// A model
#[derive(JsonSchema, Deserialize, Serialize, Default)]
#[serde(default)]
struct Model {
    #[schemars(extend("x-requires" = { "openai": ["openai"] }))]
    provider: Option<Provider>,
    #[schemars(range(min = 0, max = 2))]
    temperature: Option<f64>,
    max_output_tokens: Option<u32>,
}

#[derive(JsonSchema, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Provider {
    OpenAi,
    Local,
}

/// Routing
#[derive(JsonSchema, Deserialize, Serialize, Default)]
#[serde(default)]
struct Routing {
    /// What an unknown intent gets
    #[schemars(extend("x-refers-to" = "routing.routes"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
    /// Routes
    routes: BTreeMap<String, Route>,
}

/// A route
#[derive(JsonSchema, Deserialize, Serialize)]
#[schemars(extend("x-enabled-by" = "enabled"))]
struct Route {
    #[schemars(extend("x-refers-to" = "prompts"))]
    prompt: String,
    #[schemars(extend("x-refers-to" = "ai.tasks"))]
    task: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-requires" = { "find_partner": ["google", "odoo"] }))]
    tools: Vec<Tool>,
    #[serde(default = "yes")]
    enabled: bool,
}

#[derive(JsonSchema, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Tool {
    FindPartner,
    Calculate,
}

/// Storage
#[derive(JsonSchema, Deserialize, Serialize, Default)]
#[serde(default)]
struct Storage {
    /// Buckets
    #[schemars(extend("x-unique" = "bucket"))]
    s3_buckets: BTreeMap<String, String>,
}

/// Limits
#[derive(JsonSchema, Deserialize, Serialize, Default)]
#[serde(default)]
struct Limits {
    /// Longest message, in characters
    max_message_chars: Option<u64>,
    monthly_tokens: Option<i64>,
}

fn built_in_prompts() -> BTreeMap<String, String> {
    let chitchat = "{# locked: safety #}Never lie.{# end locked #} You are {{ persona.name }}.";
    [("chitchat".to_owned(), chitchat.to_owned())].into()
}

fn public_endpoint() -> String {
    "https://api.openai.com/v1".to_owned()
}

fn yes() -> bool {
    true
}

/// The catalog of the sample application.
pub(crate) fn catalog() -> Catalog {
    Catalog::of::<Settings>().expect("the sample is a catalog")
}

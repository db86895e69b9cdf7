//! Which model answers, and how it is tuned.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_integrations::llm::Provider;

/// Models
///
/// Which model answers, and how it is tuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ai {
    /// For every task
    ///
    /// What holds wherever a task does not say otherwise.
    pub default: ModelDefaults,

    /// By task
    ///
    /// What is different for one kind of work. A task inherits what it does not set.
    pub tasks: BTreeMap<String, Task>,
}

/// The name of the task that finds out what a message is about.
pub const ROUTING_TASK: &str = "routing";

impl Default for Ai {
    fn default() -> Self {
        // No task names a model: it would be wrong as soon as a company takes another provider.
        let task = |temperature, max_output_tokens| Task {
            temperature: Some(temperature),
            max_output_tokens: Some(max_output_tokens),
            ..Task::default()
        };
        let tasks = [
            ("chitchat", task(0.8, 300)),
            ("email_summary", task(0.2, 400)),
            ("erp_lookup", task(0.0, 800)),
            ("question_answering", task(0.2, 800)),
            (ROUTING_TASK, task(0.0, 200)),
            ("scheduling", task(0.1, 600)),
            ("writing", task(0.7, 2000)),
        ];
        Self {
            default: ModelDefaults::default(),
            tasks: tasks.into_iter().map(|(name, task)| (name.to_owned(), task)).collect(),
        }
    }
}

/// For every task
///
/// What holds wherever a task does not say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ModelDefaults {
    /// Provider
    ///
    /// Who runs the model. The connection of the same name must be set.
    #[schemars(extend("x-requires" = {"openai": ["openai"], "openrouter": ["openrouter"], "cerebras": ["cerebras"]}))]
    pub provider: Provider,

    /// Model
    ///
    /// The model as the provider names it. Change it together with the provider.
    pub model: ModelId,

    /// Temperature
    ///
    /// How freely the model words its answer: 0 is sober, 1 is lively, beyond that it rambles. Models that think before
    /// they answer accept 1 alone.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,

    /// Top p
    ///
    /// Another way to bound how freely the model words its answer: the share of likely words that it chooses from.
    /// Change this or the temperature, not both. Not set: the provider decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub top_p: Option<f64>,

    /// Longest answer
    ///
    /// The most tokens that an answer may have; a token is about four letters.
    #[schemars(range(min = 1, max = 128_000))]
    pub max_output_tokens: u32,
}

impl Default for ModelDefaults {
    fn default() -> Self {
        Self {
            provider: Provider::OpenAi,
            model: ModelId("gpt-4.1-mini".to_owned()),
            temperature: 0.4,
            top_p: None,
            max_output_tokens: 800,
        }
    }
}

/// Task
///
/// What is different for one kind of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Task {
    /// Provider
    ///
    /// Who runs the model for this task. Change it together with the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-requires" = {"openai": ["openai"], "openrouter": ["openrouter"], "cerebras": ["cerebras"]}))]
    pub provider: Option<Provider>,

    /// Model
    ///
    /// The model for this task, as the provider names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,

    /// Temperature
    ///
    /// How freely the model words its answer in this task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f64>,

    /// Top p
    ///
    /// The share of likely words that the model chooses from in this task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub top_p: Option<f64>,

    /// Longest answer
    ///
    /// The most tokens that an answer of this task may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 128_000))]
    pub max_output_tokens: Option<u32>,
}

/// Model
///
/// A model, as its provider names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(
    inline,
    extend(
        "minLength" = 1,
        "maxLength" = 200,
        "pattern" = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
        "x-examples" = ["gpt-4.1-mini", "anthropic/claude-sonnet-4.5", "gpt-oss-120b"]
    )
)]
pub struct ModelId(pub String);

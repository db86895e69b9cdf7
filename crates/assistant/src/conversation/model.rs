//! Chooses model and tuning: a task's own values over those of `ai.default`.

use serde::Serialize;
use tenantry_core::key::Key;
use tenantry_integrations::llm::Provider;

use super::refusal::Refusal;
use crate::settings::{Ai, Task};

/// A value in effect, and the parameter that it is read from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chosen<T> {
    /// The value.
    pub value: T,
    /// The parameter: [`tenantry_core::resolve::Resolved::explain`] tells where it came from.
    pub key: Key,
}

/// Which model answers, and how it is tuned.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelChoice {
    /// Who runs the model.
    pub provider: Chosen<Provider>,
    /// The model, as the provider names it.
    pub model: Chosen<String>,
    /// Sampling temperature, 0 to 2.
    pub temperature: Chosen<f64>,
    /// Share of the probability mass that is sampled from; none if nobody sets it.
    pub top_p: Option<Chosen<f64>>,
    /// The most tokens that the answer may have.
    pub max_output_tokens: Chosen<u32>,
}

impl ModelChoice {
    /// Chooses for a task; `asked_by` is the parameter that names it, for the error.
    pub fn for_task(ai: &Ai, name: &str, asked_by: &str) -> Result<Self, Refusal> {
        let task = ai.tasks.get(name).ok_or_else(|| Refusal::broken(asked_by, "ai.tasks", name))?;
        Self::new(ai, task, &Place { task: name }).map_err(|_| Refusal::broken(asked_by, "ai.tasks", name))
    }

    fn new(ai: &Ai, task: &Task, place: &Place<'_>) -> Result<Self, tenantry_core::key::KeyError> {
        let default = &ai.default;
        Ok(Self {
            provider: place.pick("provider", task.provider, default.provider)?,
            model: place.pick("model", task.model.as_ref().map(|id| id.0.clone()), default.model.0.clone())?,
            temperature: place.pick("temperature", task.temperature, default.temperature)?,
            top_p: match task.top_p.or(default.top_p) {
                Some(top_p) => Some(place.pick("top_p", task.top_p, top_p)?),
                None => None,
            },
            max_output_tokens: place.pick("max_output_tokens", task.max_output_tokens, default.max_output_tokens)?,
        })
    }
}

/// Where a task's values stand.
struct Place<'a> {
    task: &'a str,
}

impl Place<'_> {
    fn pick<T>(&self, field: &str, own: Option<T>, default: T) -> Result<Chosen<T>, tenantry_core::key::KeyError> {
        Ok(match own {
            Some(value) => Chosen { value, key: Key::parse(&format!("ai.tasks.{}.{field}", self.task))? },
            None => Chosen { value: default, key: Key::parse(&format!("ai.default.{field}"))? },
        })
    }
}

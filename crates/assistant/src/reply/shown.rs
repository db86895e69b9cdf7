//! What an answer tells of how it was made: the route, the configuration, and where each choice came from.

use serde::Serialize;
use tenantry::{RevisionVector, Stale, TenantConfig};
use tenantry_core::key::Key;
use tenantry_core::layer::{Revision, Tier};
use tenantry_core::resolve::{Explanation, Resolved};
use tenantry_core::scope::TenantId;
use tenantry_core::value::Value;

use crate::conversation::{ChosenBy, Draft, Routed, WhyFallback};
use crate::settings::{Settings, Tool};

/// The route that was taken.
#[derive(Clone, Debug, Serialize)]
pub struct RouteShown {
    /// Who chose it.
    pub chosen_by: ChosenBy,
    /// Why it is the fallback, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<WhyFallback>,
    /// The prompt's parameter.
    pub prompt: Key,
    /// The task whose model is asked.
    pub task: String,
    /// What the route may look up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
}

impl RouteShown {
    pub(super) fn new(routed: &Routed, draft: Draft) -> Self {
        let &Routed { chosen_by, because, .. } = routed;
        Self { chosen_by, because, prompt: draft.prompt.key, task: draft.task, tools: draft.tools }
    }
}

/// The configuration that made an answer.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigurationShown {
    /// Whose it is.
    pub tenant: TenantId,
    /// The revisions of which it is made.
    pub revisions: RevisionVector,
    /// That it is older than it should be, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<StaleShown>,
}

/// That a configuration is older than it should be.
#[derive(Clone, Debug, Serialize)]
pub struct StaleShown {
    /// Seconds since it was read.
    pub age_seconds: u64,
    /// Why it could not be read again, in a fixed word or two: the rest is for the operator's logs.
    pub reason: &'static str,
}

impl ConfigurationShown {
    pub(super) fn of(config: &TenantConfig<Settings>) -> Self {
        let stale = |stale: &Stale| StaleShown { age_seconds: stale.age.as_secs(), reason: stale.reason.in_short() };
        Self {
            tenant: config.tenant().clone(),
            revisions: config.revisions().clone(),
            stale: config.stale().map(stale),
        }
    }
}

/// Where prompt, provider, model and tuning came from.
#[derive(Clone, Debug, Serialize)]
pub struct Why {
    /// The prompt; its text is in the request.
    pub prompt: Reason,
    /// The provider.
    pub provider: Reason,
    /// The model.
    pub model: Reason,
    /// The temperature.
    pub temperature: Reason,
    /// The share of likely words, if anybody sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<Reason>,
    /// The longest answer.
    pub max_output_tokens: Reason,
}

/// Where one value came from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The parameter.
    pub key: Key,
    /// The tier that sets it.
    pub tier: Tier,
    /// The revision of that tier.
    pub revision: Revision,
    /// The value, unless it is a long text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// What it hides, the highest tier first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hides: Vec<HiddenShown>,
}

/// A value that is not seen because of another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HiddenShown {
    /// The tier that sets it.
    pub tier: Tier,
    /// The value, unless it is a long text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

impl Why {
    pub(super) fn of(resolved: &Resolved, draft: &Draft) -> Self {
        let reason = |key: &Key| Reason::of(resolved, key, true);
        let choice = &draft.choice;
        Self {
            prompt: Reason::of(resolved, &draft.prompt.key, false),
            provider: reason(&choice.provider.key),
            model: reason(&choice.model.key),
            temperature: reason(&choice.temperature.key),
            top_p: choice.top_p.as_ref().map(|top_p| reason(&top_p.key)),
            max_output_tokens: reason(&choice.max_output_tokens.key),
        }
    }
}

impl Reason {
    fn of(resolved: &Resolved, key: &Key, with_value: bool) -> Self {
        match resolved.explain(key).first() {
            Some(explanation) => Self::from_explanation(explanation, with_value),
            // What no tier sets is the struct's own default.
            None => Self { key: key.clone(), tier: Tier::Default, revision: Revision(0), value: None, hides: vec![] },
        }
    }

    fn from_explanation(explanation: &Explanation<'_>, with_value: bool) -> Self {
        let leaf = &explanation.leaf;
        let shown = |value: Option<&Value>| value.filter(|_| with_value).cloned();
        let hides = explanation
            .hidden
            .iter()
            .map(|hidden| HiddenShown { tier: hidden.origin.tier, value: shown(hidden.entry.value()) });
        Self {
            key: leaf.key.clone(),
            tier: leaf.origin.tier,
            revision: leaf.origin.revision,
            value: shown(leaf.entry.value()),
            hides: hides.collect(),
        }
    }
}

//! Overrides whose default has moved on, and defaults that most tenants override.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::value::Value;

use super::overrides::{ChangedShown, answer};
use crate::answer::Answer;
use crate::asked::conditions::tag;
use crate::asked::{Asked, Json, Nothing};
use crate::error::Refused;
use crate::service::{Behind, Merged, Seen, Settle};

/// What is to be looked at among a tenant's overrides.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Review")]
pub(crate) struct ReviewShown {
    /// Those whose default has moved on.
    behind: Vec<BehindShown>,
    /// Those that say what the default says.
    redundant: Vec<Key>,
}

/// An override whose default has moved on since it was written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Behind")]
pub(crate) struct BehindShown {
    /// The parameter.
    key: Key,
    /// What the tenant sets.
    own: Value,
    /// What the default was when that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Value>,
    /// What the default is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    /// The revision of the defaults at which it was written.
    written_at: Revision,
    /// The revision of the defaults that moved it.
    moved_at: Revision,
    /// For texts of several lines: both changes together.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<String>,
    /// Whether both changes concern the same lines, which stand between marks in `merged`.
    conflict: bool,
}

impl From<Behind> for BehindShown {
    fn from(behind: Behind) -> Self {
        let (merged, conflict) = match behind.merged {
            Some(Merged::Clean(text)) => (Some(text), false),
            Some(Merged::Conflict(text)) => (Some(text), true),
            None => (None, false),
        };
        Self {
            key: behind.key,
            own: behind.own,
            base: behind.base,
            default: behind.default,
            written_at: behind.written_at,
            moved_at: behind.moved_at,
            merged,
            conflict,
        }
    }
}

/// What becomes of an override that is behind.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SettleAction {
    /// It stays as it is, and is behind no more.
    Keep,
    /// It is unset: the tenant gets the default.
    Take,
    /// It becomes what both changes make together.
    Merge,
}

impl From<SettleAction> for Settle {
    fn from(action: SettleAction) -> Self {
        match action {
            SettleAction::Keep => Self::Keep,
            SettleAction::Take => Self::Take,
            SettleAction::Merge => Self::Merge,
        }
    }
}

/// What to do with an override that is behind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToSettle {
    /// Keep it, take the default, or merge both.
    action: SettleAction,
    /// The `moved_at` that was looked at: if the default has moved on since then, it is refused (412).
    #[serde(default)]
    moved_at: Option<Revision>,
}

/// The defaults that most tenants override.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OverriddenDefaults")]
pub(crate) struct OverriddenShown {
    /// How many tenants there are.
    tenants: u64,
    /// Those that at least half of them override, those that most override first.
    items: Vec<OverriddenDefault>,
}

/// A default that many tenants override.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OverriddenDefault {
    /// The parameter.
    key: Key,
    /// The default.
    default: Value,
    /// How many tenants override it.
    tenants: u64,
    /// What most of these set.
    commonest: Value,
    /// How many set that.
    commonest_tenants: u64,
}

/// Lists what is to be looked at.
pub(crate) async fn review(asked: Asked<Nothing>) -> Result<Answer<ReviewShown>, Refused> {
    let review = asked.api.service.review(asked.tenant()?).await?;
    let behind = review.behind.into_iter().map(BehindShown::from).collect();
    let shown = ReviewShown { behind, redundant: review.redundant };
    Ok(Answer::new(shown).tagged(&tag(&asked.scope, asked.head.as_ref())))
}

/// Settles an override that is behind.
pub(crate) async fn settle(asked: Asked<Nothing, Json<ToSettle>>) -> Result<Answer<ChangedShown>, Refused> {
    let (key, action) = (asked.key()?, asked.body.0.action.into());
    let expected = Seen { own: asked.expected().await?, default: asked.body.0.moved_at };
    let service = &asked.api.service;
    answer(&asked, service.settle_behind(asked.tenant()?, &key, action, expected, &asked.context()).await?).await
}

/// Lists the defaults that most tenants override.
pub(crate) async fn overridden(asked: Asked<Nothing>) -> Result<Answer<OverriddenShown>, Refused> {
    let (tenants, found) = asked.api.service.overridden().await?;
    let shown = |one: crate::service::Overridden| OverriddenDefault {
        key: one.key,
        default: one.default,
        tenants: one.tenants,
        commonest: one.commonest.0,
        commonest_tenants: one.commonest.1,
    };
    Ok(Answer::new(OverriddenShown { tenants, items: found.into_iter().map(shown).collect() }))
}

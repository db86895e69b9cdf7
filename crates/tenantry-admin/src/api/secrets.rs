//! Secrets: set, unset and listed by fingerprint. There is no way to read one back.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use tenantry::problem::Problem;
use tenantry_core::change::ChangeSet;
use tenantry_core::key::Key;
use tenantry_core::secret::SecretText;

use super::overrides::{ChangedShown, answer};
use crate::answer::Answer;
use crate::asked::conditions::tag;
use crate::asked::{Asked, Json, Nothing};
use crate::error::{Refused, pointer};

/// The secrets that a scope sets.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Secrets {
    /// In the order of their keys.
    items: Vec<SecretShown>,
}

/// That a secret is set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Secret")]
pub(crate) struct SecretShown {
    /// The parameter.
    key: Key,
    /// The store's name for the version in which it has this value.
    version: String,
    /// Tells this value from others of the same parameter.
    fingerprint: tenantry_core::secret::Fingerprint,
    /// When it was set, as far as the log reaches.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    set_at: Option<jiff::Timestamp>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    set_by: Option<String>,
    /// For how many days it has been the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
}

/// A secret's new text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecret {
    /// The text. It is stored sealed, and never shown again.
    #[serde(deserialize_with = "any_text")]
    value: SecretText,
}

/// A blank text is refused by the use case, which knows what the parameter expects.
fn any_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
    String::deserialize(deserializer).map(SecretText::new)
}

/// Lists the secrets that are set.
pub(crate) async fn list(asked: Asked<Nothing>) -> Result<Answer<Secrets>, Refused> {
    let set = asked.api.service.secrets_set(&asked.scope).await?;
    let shown = |secret: crate::service::SecretSet| SecretShown {
        age_days: secret.set_at.map(|at| asked.at().duration_since(at).as_hours() / 24),
        key: secret.key,
        version: secret.mark.version,
        fingerprint: secret.mark.fingerprint,
        set_at: secret.set_at,
        set_by: secret.set_by,
    };
    let tag = match &asked.head {
        Some(head) => tag(&asked.scope, Some(head)),
        None => tag(&asked.scope, asked.api.service.head(&asked.scope).await?.as_ref()),
    };
    Ok(Answer::new(Secrets { items: set.into_iter().map(shown).collect() }).tagged(&tag))
}

/// Sets a secret.
pub(crate) async fn set(asked: Asked<Nothing, Json<NewSecret>>) -> Result<Answer<ChangedShown>, Refused> {
    let key = asked.key()?;
    let changes = ChangeSet::default().set_secret(key.clone(), asked.body.0.value.clone());
    change(&asked, changes).await.map_err(|refused| refused.map(|problem| at_value(problem, &key)))
}

/// Unsets a secret: what the tier below sets is used again.
pub(crate) async fn unset(asked: Asked<Nothing>) -> Result<Answer<ChangedShown>, Refused> {
    let changes = ChangeSet::default().unset_secret(asked.key()?);
    change(&asked, changes).await
}

/// What is wrong with the secret stands in the body under another name than its parameter's.
fn at_value(mut problem: Problem, key: &Key) -> Problem {
    let place = pointer(key.as_str());
    problem
        .errors
        .iter_mut()
        .filter(|error| error.pointer == place)
        .for_each(|error| "/value".clone_into(&mut error.pointer));
    problem
}

async fn change<Q, B>(asked: &Asked<Q, B>, changes: ChangeSet) -> Result<Answer<ChangedShown>, Refused> {
    let expected = asked.expected().await?;
    answer(asked, asked.api.service.change(&asked.scope, &changes, expected, &asked.context()).await?).await
}

//! What a scope itself sets: shown, and changed by a merge patch.

use schemars::JsonSchema;
use serde::Serialize;
use tenantry_core::change::Difference;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;

use crate::access::Permission;
use crate::answer::Answer;
use crate::asked::conditions::{tag, tag_at};
use crate::asked::{Asked, Nothing, Patch};
use crate::error::Refused;
use crate::service::Changed;

/// What a scope itself sets, but for its secrets.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Overrides")]
pub(crate) struct OverridesShown {
    /// The scope's newest revision.
    revision: Revision,
    /// The values, as nested tables.
    values: Document,
    /// What is known of each stored value.
    notes: Vec<Note>,
    /// Whether something else is stored than the last change left: it was changed by hand.
    drift: bool,
}

/// What is known of a stored value.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Note {
    /// The parameter.
    key: Key,
    /// The revision that wrote it.
    revision: Revision,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    updated_at: jiff::Timestamp,
    /// By whom.
    updated_by: String,
    /// The revision of the tier below when it was written.
    default_revision: Revision,
}

/// What a change made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Changed")]
pub(crate) struct ChangedShown {
    /// The scope's newest revision: the one before if nothing differs.
    revision: Revision,
    /// How the scope's values differ; none if all was so already.
    changes: Vec<Difference>,
}

impl From<Changed> for ChangedShown {
    fn from(changed: Changed) -> Self {
        Self { revision: changed.revision, changes: changed.differences }
    }
}

/// Shows what a scope sets.
pub(crate) async fn show(asked: Asked<Nothing>) -> Result<Answer<OverridesShown>, Refused> {
    let overrides = asked.api.service.overrides(&asked.scope).await?;
    let note = |(key, meta): (Key, tenantry_store::ItemMeta)| Note {
        key,
        revision: meta.revision,
        updated_at: meta.updated_at,
        updated_by: meta.updated_by,
        default_revision: meta.default_revision,
    };
    let tag = tag(&asked.scope, overrides.head.as_ref());
    Ok(Answer::new(OverridesShown {
        revision: overrides.head.map_or(Revision(0), |head| head.revision),
        values: overrides.values,
        notes: overrides.notes.into_iter().map(note).collect(),
        drift: overrides.drift,
    })
    .tagged(&tag))
}

/// Changes what a scope sets.
pub(crate) async fn change(asked: Asked<Nothing, Patch>) -> Result<Answer<ChangedShown>, Refused> {
    let service = &asked.api.service;
    let wanted = asked.body.change(service.catalog())?;
    // Whoever decides where a connection leads decides where its secret goes.
    if wanted.changes().keys().any(|key| service.touches_secrets(key)) {
        asked.also_needs(Permission::WriteSecrets)?;
    }
    let expected = asked.expected().await?;
    let changed = service.change(&asked.scope, wanted.changes(), expected, &asked.context()).await;
    answer(&asked, changed.map_err(|error| wanted.refused(error))?).await
}

/// What a change made, with the tag for the next one.
pub(super) async fn answer<Q, B>(asked: &Asked<Q, B>, changed: Changed) -> Result<Answer<ChangedShown>, Refused> {
    let head = match &asked.head {
        Some(head) => Some(head.clone()),
        None => asked.api.service.head(&asked.scope).await?,
    };
    let tag = tag_at(&asked.scope, head.as_ref(), changed.revision);
    Ok(Answer::new(changed.into()).tagged(&tag))
}

//! Revisions: the history of a scope, what differs between two of them, and making an old one the newest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_core::change::Difference;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_store::{LogEntry, Page};

use super::overrides::{ChangedShown, answer};
use crate::answer::Answer;
use crate::asked::{Asked, Nothing, PageQuery, query};
use crate::error::Refused;

/// A part of a history.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LogPage {
    /// The entries, newest first. A page may be short and not be the last one.
    items: Vec<LogEntry>,
    /// The cursor of the next page; none on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl LogPage {
    pub(super) fn new(page: Page<LogEntry>, shown: impl FnOnce(tenantry_store::Cursor) -> String) -> Self {
        Self { items: page.items, next: page.next.map(shown) }
    }
}

/// With which other revision to compare.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffQuery {
    /// The other revision; the one before if it is left out. 0 is before anything was set.
    #[serde(default, deserialize_with = "query::revision")]
    #[schemars(!default)]
    since: Option<u64>,
}

/// How two revisions differ.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Diff {
    /// The revision that is compared with.
    since: Revision,
    /// The revision that is looked at.
    revision: Revision,
    /// How the values differ, in the order of the keys.
    changes: Vec<Difference>,
}

/// What a restore made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Restored")]
pub(crate) struct RestoredShown {
    #[serde(flatten)]
    changed: ChangedShown,
    /// Secrets that were other ones at that revision. They stay as they are: old ones are not kept.
    secrets_left: Vec<Key>,
}

/// Lists the revisions of a scope.
pub(crate) async fn list(asked: Asked<PageQuery>) -> Result<Answer<LogPage>, Refused> {
    let request = asked.query.request(&asked.scope, "revisions")?;
    let _seat = asked.seat()?;
    let page = asked.api.service.history(&asked.scope, &request).await?;
    Ok(Answer::new(LogPage::new(page, |cursor| query::shown(&cursor, &asked.scope, "revisions"))))
}

/// Shows one revision.
pub(crate) async fn show(asked: Asked<Nothing>) -> Result<Answer<LogEntry>, Refused> {
    Ok(Answer::new(asked.api.service.revision(&asked.scope, asked.revision()?).await?))
}

/// Compares two revisions.
pub(crate) async fn diff(asked: Asked<DiffQuery>) -> Result<Answer<Diff>, Refused> {
    let revision = asked.revision()?;
    let _seat = asked.seat()?;
    let since = Revision(asked.query.since.unwrap_or(revision.0.saturating_sub(1)));
    let changes = asked.api.service.between(&asked.scope, since, revision).await?;
    Ok(Answer::new(Diff { since, revision, changes }))
}

/// Makes the values of an old revision the newest ones.
pub(crate) async fn restore(asked: Asked<Nothing>) -> Result<Answer<RestoredShown>, Refused> {
    let (revision, expected) = (asked.revision()?, asked.expected().await?);
    let _seat = asked.seat()?;
    let service = &asked.api.service;
    let restored = service.restore(&asked.scope, revision, expected, &asked.context()).await?;
    let secrets_left = restored.secrets_left;
    let answer = answer(&asked, restored.changed).await?;
    Ok(answer.map(|changed| RestoredShown { changed, secrets_left }))
}

//! The history of a scope, and making an old revision's values the newest ones.

use std::collections::BTreeMap;

use tenantry_core::change::{ChangeSet, Difference, rewind};
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_store::{Action, LogEntry, LogQuery, Page, PageRequest, StoreError};

use super::decide::{Decision, MissingConnections, decide};
use super::patience::Patience;
use super::{Changed, Context, ScopeState, Service, ServiceError};

/// What a restore made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The new revision and how it differs from the one before.
    pub changed: Changed,
    /// Secrets and credentials that were other ones at the old revision. They stay as they are: old texts are not kept.
    pub secrets_left: Vec<Key>,
}

impl Service {
    /// Reads the history of a scope, newest revision first.
    pub async fn history(&self, scope: &Scope, page: &PageRequest) -> Result<Page<LogEntry>, ServiceError> {
        self.must_exist(scope).await?;
        let query = LogQuery { scope: Some(scope.clone()), revisions_only: true };
        Ok(self.stores.log(&query, page).await?)
    }

    /// Reads the log entry that made a revision.
    pub async fn revision(&self, scope: &Scope, revision: Revision) -> Result<LogEntry, ServiceError> {
        let found = self.stores.revision(scope, revision).await?;
        found.ok_or_else(|| ServiceError::NoSuchRevision { scope: scope.clone(), revision })
    }

    /// Makes the plain values of an old revision the newest ones, as a new revision. Secrets stay as they are. With
    /// `expected`, only if the scope is at that revision.
    ///
    /// The old values are checked like any change: by today's catalog, and with today's values of the tier below.
    pub async fn restore(
        &self,
        scope: &Scope,
        revision: Revision,
        expected: Option<Revision>,
        context: &Context,
    ) -> Result<Restored, ServiceError> {
        let mut patience = Patience::new();
        loop {
            match self.try_restore(scope, revision, expected, context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(restored) => return Ok(restored),
            }
        }
    }

    async fn try_restore(
        &self,
        scope: &Scope,
        revision: Revision,
        expected: Option<Revision>,
        context: &Context,
    ) -> Result<Restored, ServiceError> {
        let states = self.states(scope).await?;
        let state = states.looked_at();
        state.must_be_at(expected)?;
        let since = self.differences_since(state, revision).await?;
        let before = plain_document(state);
        let after = rewind(&before, since.values().filter(|difference| !self.is_secret_field(&difference.key)));
        let back = changes_between(&before, &after);
        let secrets_left = since.into_keys().filter(|key| self.is_secret_field(key)).collect();
        let from = state.revision();
        let unchanged = Changed { revision: from, differences: Vec::new() };
        let changed = match decide(self, &states, &back, MissingConnections::Refused, context)? {
            Decision::NothingToDo => unchanged,
            Decision::Commit { mut commit, differences, .. } => {
                commit.entry.action = Action::Restore;
                commit.entry.detail = Some(format!("restored revision {revision}"));
                let committed = self.stores.commit(*commit).await;
                let committed = committed.map_err(|error| ServiceError::of_commit(error, scope, expected))?;
                Changed { revision: committed.revision, differences }
            }
        };
        Ok(Restored { changed, secrets_left })
    }

    /// How the leaves of a scope differ between two of its revisions, in the order of the keys: from the older to the newer
    /// one, or back. Revision 0 is before anything was set.
    pub async fn between(&self, scope: &Scope, from: Revision, to: Revision) -> Result<Vec<Difference>, ServiceError> {
        let (older, newer) = (from.min(to), from.max(to));
        self.revision(scope, newer).await?;
        let net = self.net(scope, older, newer).await?;
        let differs = net.into_values().filter(|difference| difference.before != difference.after);
        let turned = |Difference { key, before, after }| {
            if from <= to {
                Difference { key, before, after }
            } else {
                Difference { key, before: after, after: before }
            }
        };
        Ok(differs.map(turned).collect())
    }

    async fn must_exist(&self, scope: &Scope) -> Result<(), ServiceError> {
        match scope {
            Scope::Global => Ok(()),
            Scope::Tenant(tenant) => self.tenant(tenant).await.map(drop),
        }
    }

    /// How the scope's leaves changed since a revision.
    async fn differences_since(&self, state: &ScopeState, to: Revision) -> Result<Net, ServiceError> {
        let missing = || ServiceError::NoSuchRevision { scope: state.scope.clone(), revision: to };
        if to > state.revision() || to == Revision(0) {
            return Err(missing());
        }
        // Until a tenant of the same name was deleted; what is older is no part of this one.
        self.stores.revision(&state.scope, to).await?.filter(|e| e.action != Action::Delete).ok_or_else(missing)?;
        self.net(&state.scope, to, state.revision()).await
    }

    /// How the leaves of a scope differ between two of its revisions, the older one of which it had.
    async fn net(&self, scope: &Scope, older: Revision, newer: Revision) -> Result<Net, ServiceError> {
        let mut net = Net::new();
        let query = LogQuery { scope: Some(scope.clone()), revisions_only: true };
        let mut request = PageRequest::first(PageRequest::LARGEST);
        // From the newest to the oldest: what was before all of it, and what is after all of it.
        loop {
            let page = self.stores.log(&query, &request).await?;
            for entry in page.items {
                match entry.revision {
                    Some(revision) if revision <= older => return Ok(net),
                    Some(revision) if revision > newer => continue,
                    Some(_) | None => {}
                }
                if entry.action == Action::Delete {
                    return Err(ServiceError::NoSuchRevision { scope: scope.clone(), revision: older });
                }
                for change in entry.changes {
                    match net.get_mut(&change.key) {
                        Some(known) => known.before = change.before,
                        None => drop(net.insert(change.key.clone(), change)),
                    }
                }
            }
            match page.next {
                Some(cursor) => request = request.behind(cursor),
                None if older == Revision(0) => return Ok(net),
                None => return Err(StoreError::corrupt(format!("the log of {scope} has a gap")).into()),
            }
        }
    }

    fn is_secret_field(&self, key: &Key) -> bool {
        self.catalog.secret_field(key).is_some()
    }
}

/// How leaves differ over several changes: a history may say of the same leaf as often as it was changed.
type Net = BTreeMap<Key, Difference>;

/// The stored parameters of a scope that the catalog knows and that may be shown.
fn plain_document(state: &ScopeState) -> Document {
    let stored: Vec<&Key> = state.items.iter().map(|item| &item.key).collect();
    let is_item = |key: &Key| stored.iter().any(|item| key.is_within(item));
    let plain = state.entries().iter().filter_map(|(key, entry)| match entry {
        Entry::Value(value) if is_item(key) => Some((key.clone(), value.clone())),
        Entry::Value(_) | Entry::Secret(_) => None,
    });
    Document::from_items(plain).0
}

/// The change that makes one document of another.
fn changes_between(before: &Document, after: &Document) -> ChangeSet {
    let mut changes = ChangeSet::default();
    for (key, _) in before.leaves().iter().filter(|(key, _)| after.leaf(key).is_none()) {
        changes.values.insert(key.clone(), None);
    }
    for (key, value) in after.leaves().iter().filter(|(key, value)| before.leaf(key) != Some(value)) {
        changes.values.insert(key.clone(), Some(value.clone()));
    }
    changes
}

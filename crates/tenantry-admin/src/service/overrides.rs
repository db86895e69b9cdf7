//! What a scope itself sets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tenantry_core::catalog::Sensitivity;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::Entry;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretMark;
use tenantry_store::{Head, ItemMeta, LogQuery, PageRequest};

use super::{ScopeState, Service, ServiceError};

/// What a scope itself sets, but for its secrets.
#[derive(Clone, Debug)]
pub struct Overrides {
    /// What is known of the scope as a whole; none for a global scope in which nothing was set yet.
    pub head: Option<Head>,
    /// The values that may be shown, those of connections among them.
    pub values: Document,
    /// What managed writes noted of them.
    pub notes: BTreeMap<Key, ItemMeta>,
    /// Whether something else is stored than the last managed write left.
    pub drift: bool,
}

/// A secret that a scope sets: that it is set, never its text.
#[derive(Clone, Debug)]
pub struct SecretSet {
    /// The parameter.
    pub key: Key,
    /// Its version and fingerprint.
    pub mark: SecretMark,
    /// When it was set, as far as the log reaches.
    pub set_at: Option<Timestamp>,
    /// By whom.
    pub set_by: Option<String>,
}

/// How far back the log is read for when a secret was set, in pages.
const LOG_PAGES: usize = 10;

impl Service {
    /// What is known of a scope as a whole; none for a global scope in which nothing was set yet.
    pub async fn head(&self, scope: &Scope) -> Result<Option<Head>, ServiceError> {
        match scope {
            Scope::Global => Ok(self.stores.read(scope).await?.map(|stored| stored.head)),
            Scope::Tenant(tenant) => self.tenant(tenant).await.map(Some),
        }
    }

    /// What a scope itself sets.
    pub async fn overrides(&self, scope: &Scope) -> Result<Overrides, ServiceError> {
        let state = self.scope(scope).await?;
        let values = state.entries().iter().filter_map(|(key, entry)| Some((key.clone(), entry.value()?.clone())));
        let values = Document::from_items(values).0;
        let notes = state.items.iter().filter_map(|item| Some((item.key.clone(), item.meta.clone()?))).collect();
        Ok(Overrides { head: state.head, values, notes, drift: state.drift })
    }

    /// The secrets that a scope itself sets, in the order of their keys.
    pub async fn secrets_set(&self, scope: &Scope) -> Result<Vec<SecretSet>, ServiceError> {
        let state = self.scope(scope).await?;
        let mut set = marks(&state);
        let query = LogQuery { scope: Some(scope.clone()), revisions_only: true };
        let mut request = PageRequest::first(PageRequest::LARGEST);
        for _ in 0..LOG_PAGES {
            if set.iter().all(|secret| secret.set_at.is_some()) {
                break;
            }
            let page = self.stores.log(&query, &request).await?;
            for entry in &page.items {
                let is_set = |key: &Key| {
                    entry
                        .changes
                        .iter()
                        .any(|change| change.key == *key && matches!(change.after, Some(Entry::Secret(_))))
                };
                for secret in set.iter_mut().filter(|secret| secret.set_at.is_none() && is_set(&secret.key)) {
                    (secret.set_at, secret.set_by) = (Some(entry.at), Some(entry.actor.clone()));
                }
            }
            match page.next {
                Some(cursor) => request = request.behind(cursor),
                None => break,
            }
        }
        Ok(set)
    }

    /// Whether a change at a key decides where a secret goes, or what it is: whoever may not set secrets must not.
    pub fn touches_secrets(&self, key: &Key) -> bool {
        let connections = self.catalog.connections();
        let in_connection =
            connections.of(key).is_some() || connections.iter().any(|connection| connection.section.is_within(key));
        let below = format!("{key}.");
        let is_kept_apart = |sensitivity: Sensitivity| sensitivity != Sensitivity::Plain;
        in_connection
            || self.catalog.parameter(key).is_some_and(|parameter| is_kept_apart(parameter.sensitivity))
            || self.catalog.parameters().any(|parameter| {
                is_kept_apart(parameter.sensitivity) && parameter.pattern.to_string().starts_with(&below)
            })
    }
}

fn marks(state: &ScopeState) -> Vec<SecretSet> {
    let mark = |(key, entry): &(Key, Entry)| match entry {
        Entry::Secret(mark) => Some(SecretSet { key: key.clone(), mark: mark.clone(), set_at: None, set_by: None }),
        Entry::Value(_) => None,
    };
    state.entries().iter().filter_map(mark).collect()
}

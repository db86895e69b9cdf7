//! Overrides whose default has moved on since they were written, and overrides that say what the default says.
//!
//! Each override knows the revision of the defaults at which it was written. What the default was then is read from the log,
//! so that a person can compare base, new default and own value, and keep, take, or merge.

use std::collections::BTreeMap;

use tenantry_core::change::{ChangeSet, Difference};
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::resolve::resolve;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::value::Value;
use tenantry_store::{
    Action, Commit, Expected, HeadChange, Item, ItemChange, LogEntry, LogQuery, OutlineRequest, PageRequest, Wanted,
};

use super::{Changed, Context, Service, ServiceError, States};

/// What is to be looked at among a tenant's overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Those whose default has moved on, in the order of their keys.
    pub behind: Vec<Behind>,
    /// Those that say what the default says.
    pub redundant: Vec<Key>,
}

/// An override whose default has moved on since it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The parameter.
    pub key: Key,
    /// What the tenant sets.
    pub own: Value,
    /// What the default was when that was written; none if there was none.
    pub base: Option<Value>,
    /// What the default is now; none if there is none.
    pub default: Option<Value>,
    /// The revision of the defaults at which it was written.
    pub written_at: Revision,
    /// The revision of the defaults that moved it.
    pub moved_at: Revision,
    /// For texts of several lines: both changes together.
    pub merged: Option<Merged>,
}

/// Two changes of one text, put together line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// They concern different lines.
    Clean(String),
    /// They concern the same lines, which stand in it between marks.
    Conflict(String),
}

/// What was looked at before an override was settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The revision of the tenant's own scope, if it must still be that.
    pub own: Option<Revision>,
    /// The revision at which the default had moved on, if it must still be that.
    pub default: Option<Revision>,
}

/// What becomes of an override that is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// It stays as it is, and is behind no more.
    Keep,
    /// It is unset: the tenant gets the default.
    Take,
    /// It becomes what both changes make together.
    Merge,
}

/// A default that many tenants override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overridden {
    /// The parameter.
    pub key: Key,
    /// The default.
    pub default: Value,
    /// How many tenants override it.
    pub tenants: u64,
    /// What most of these set, and how many do.
    pub commonest: (Value, u64),
}

/// Of how many different values of one parameter it is counted how often they are set.
const MOST_VALUES: usize = 100;

impl Service {
    /// The overrides of a tenant that are to be looked at.
    pub async fn review(&self, tenant: &TenantId) -> Result<Review, ServiceError> {
        let states = self.states(&Scope::Tenant(tenant.clone())).await?;
        self.review_of(&states).await
    }

    async fn review_of(&self, states: &States) -> Result<Review, ServiceError> {
        let below = self.defaults_of(states);
        let own = &states.looked_at().items;
        let redundant = own.iter().filter(|item| below.get(&item.key) == Some(&item.value));
        let redundant: Vec<_> = redundant.map(|item| item.key.clone()).collect();
        let oldest = own.iter().filter_map(|item| Some(item.meta.as_ref()?.default_revision)).min();
        let log = match oldest {
            Some(oldest) if oldest < states.global.revision() => self.defaults_since(oldest).await?,
            Some(_) | None => Vec::new(),
        };
        let behind = own.iter().filter(|item| !redundant.contains(&item.key));
        let behind = behind.filter_map(|item| self.behind(item, &log, below.get(&item.key))).collect();
        Ok(Review { behind, redundant })
    }

    /// What each parameter is without the tenant's own values.
    fn defaults_of(&self, states: &States) -> BTreeMap<Key, Value> {
        let global = std::sync::Arc::new(states.global.assembled.layer.clone());
        let below = resolve(vec![self.catalog.defaults().clone(), global], self.catalog.connections());
        below.iter().filter_map(|leaf| Some((leaf.key.clone(), leaf.entry.value()?.clone()))).collect()
    }

    /// The entries of the log that changed defaults behind a revision, the oldest first.
    async fn defaults_since(&self, oldest: Revision) -> Result<Vec<LogEntry>, ServiceError> {
        let query = LogQuery { scope: Some(Scope::Global), revisions_only: true };
        let mut request = PageRequest::first(PageRequest::LARGEST);
        let mut found = Vec::new();
        loop {
            let page = self.stores.log(&query, &request).await?;
            let is_newer = |entry: &LogEntry| entry.revision.is_some_and(|revision| revision > oldest);
            let is_over = !page.items.iter().all(is_newer);
            found.extend(page.items.into_iter().filter(is_newer));
            match page.next {
                Some(cursor) if !is_over => request = request.behind(cursor),
                Some(_) | None => break,
            }
        }
        found.reverse();
        Ok(found)
    }

    fn behind(&self, item: &Item, log: &[LogEntry], default: Option<&Value>) -> Option<Behind> {
        let written_at = item.meta.as_ref()?.default_revision;
        let since = log.iter().filter(|entry| entry.revision.is_some_and(|revision| revision > written_at));
        let moves: Vec<(Revision, &Difference)> = since
            .flat_map(|entry| entry.changes.iter().map(move |change| (entry.revision.unwrap_or_default(), change)))
            .filter(|(_, change)| change.key == item.key)
            .collect();
        let ((_, first), (moved_at, _)) = (moves.first()?, moves.last()?);
        let built_in = || self.catalog.defaults().entry(&item.key).and_then(Entry::value).cloned();
        let base = first.before.as_ref().and_then(Entry::value).cloned().or_else(built_in);
        if base.as_ref() == default {
            return None;
        }
        let texts = (base.as_ref().and_then(Value::as_str), item.value.as_str(), default.and_then(Value::as_str));
        let merged = match texts {
            (Some(base), Some(own), Some(default)) => merge(base, own, default),
            _ => None,
        };
        let (key, own, default) = (item.key.clone(), item.value.clone(), default.cloned());
        Some(Behind { key, own, base, default, written_at, moved_at: *moved_at, merged })
    }

    /// Settles an override that is behind. With `expected`, only if the tenant's scope is at that revision.
    pub async fn settle_behind(
        &self,
        tenant: &TenantId,
        key: &Key,
        settle: Settle,
        seen: Seen,
        context: &Context,
    ) -> Result<Changed, ServiceError> {
        let scope = Scope::Tenant(tenant.clone());
        let states = self.states(&scope).await?;
        states.looked_at().must_be_at(seen.own)?;
        let at = states.looked_at().revision();
        let behind = self.review_of(&states).await?.behind.into_iter().find(|behind| behind.key == *key);
        let behind = behind.ok_or_else(|| ServiceError::NotBehind(key.clone()))?;
        if seen.default.is_some_and(|seen| seen != behind.moved_at) {
            return Err(ServiceError::DefaultMoved { key: key.clone(), at: behind.moved_at });
        }
        let merged = match (settle, behind.merged) {
            (Settle::Take, _) => {
                return self.change(&scope, &ChangeSet::default().unset(key.clone()), Some(at), context).await;
            }
            (Settle::Keep, _) => None,
            (Settle::Merge, Some(Merged::Clean(text))) => {
                Some(Value::from(text.as_str())).filter(|text| *text != behind.own)
            }
            (Settle::Merge, Some(Merged::Conflict(_)) | None) => {
                return Err(ServiceError::NotMerged(key.clone()));
            }
        };
        match merged {
            Some(text) => self.change(&scope, &ChangeSet::default().set(key.clone(), text), Some(at), context).await,
            None => self.keep(&states, key, behind.own, context).await,
        }
    }

    /// Writes an override anew as it is: from now on it is beside the newest default.
    async fn keep(&self, states: &States, key: &Key, own: Value, context: &Context) -> Result<Changed, ServiceError> {
        let (state, default_revision) = (states.looked_at(), states.global.revision());
        let mut entry = context.entry(&state.scope, Action::Change)?;
        entry.detail = Some(format!("kept {key} beside the default of revision {default_revision}"));
        let commit = Commit {
            scope: state.scope.clone(),
            expected: Expected::At(state.revision()),
            head: HeadChange::Keep,
            items: vec![ItemChange { key: key.clone(), value: Some(own) }],
            secret: None,
            claims: Vec::new(),
            default_revision,
            entry,
        };
        let committed = self.stores.commit(commit).await;
        let committed =
            committed.map_err(|error| ServiceError::of_commit(error, &state.scope, Some(state.revision())))?;
        Ok(Changed { revision: committed.revision, differences: Vec::new() })
    }

    /// The defaults that at least half of all tenants override, those that most override first; and how many tenants there
    /// are.
    pub async fn overridden(&self) -> Result<(u64, Vec<Overridden>), ServiceError> {
        let below = self.defaults_of(&self.states(&Scope::Global).await?);
        let mut counts: BTreeMap<Key, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
        let mut tenants = 0;
        let mut request = OutlineRequest { page: PageRequest::first(PageRequest::LARGEST), wanted: Wanted::all() };
        loop {
            let page = self.stores.outlines(&request).await?;
            tenants += page.items.len() as u64;
            for item in page.items.into_iter().flat_map(|outline| outline.items) {
                let (count, values) = counts.entry(item.key).or_default();
                *count += 1;
                let value = item.value.to_json();
                if values.len() < MOST_VALUES || values.contains_key(&value) {
                    *values.entry(value).or_default() += 1;
                }
            }
            match page.next {
                Some(cursor) => request.page = request.page.behind(cursor),
                None => break,
            }
        }
        let many = counts.into_iter().filter(|(_, (count, _))| 2 * count >= tenants);
        let mut found: Vec<_> = many
            .filter_map(|(key, (count, values))| {
                let default = below.get(&key)?.clone();
                let (value, times) = values.into_iter().max_by_key(|(_, times)| *times)?;
                Some(Overridden { key, default, tenants: count, commonest: (Value::from_json(&value).ok()?, times) })
            })
            .collect();
        found.sort_by(|left, right| right.tenants.cmp(&left.tenants).then_with(|| left.key.cmp(&right.key)));
        Ok((tenants, found))
    }
}

/// Puts the tenant's and the operator's changes of a text together; none if there are no lines to tell apart.
fn merge(base: &str, own: &str, default: &str) -> Option<Merged> {
    if ![base, own, default].iter().any(|text| text.contains('\n')) {
        return None;
    }
    // Each line has an end, or marks would stand behind the last one.
    let [base, own, default] = [base, own, default].map(|text| format!("{text}\n"));
    let without_end = |text: String| text.strip_suffix('\n').map_or_else(|| text.clone(), str::to_owned);
    let merged = diffy::merge(&base, &own, &default);
    Some(merged.map_or_else(|text| Merged::Conflict(without_end(text)), |text| Merged::Clean(without_end(text))))
}

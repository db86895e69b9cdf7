//! Settles what was changed by hand: adopts it, or puts back what was there, as a new revision either way.

use std::collections::BTreeSet;

use tenantry_core::change::{ChangeSet, Difference};
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_core::usable::Fault;
use tenantry_store::{
    Action, ClaimChange, Commit, Expected, HeadChange, Item, ItemChange, SecretVersion, SecretWrite, limits,
};

use super::{Drift, HandChange, HandChangeKind};
use crate::service::decide::{Decision, MissingConnections, decide, name_version, reserved};
use crate::service::patience::Patience;
use crate::service::{Context, ScopeState, Service, ServiceError, States, Unusable};

/// What adopting made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// The newest revision.
    pub revision: Revision,
    /// What was changed by hand and is in the log now.
    pub differences: Vec<Difference>,
}

/// What putting back made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutBack {
    /// The newest revision.
    pub revision: Revision,
    /// How the scope's leaves differ from what the hand left.
    pub differences: Vec<Difference>,
    /// Secrets that were changed or removed by hand: their old texts are not kept, so they must be set again.
    pub secrets_left: Vec<Key>,
}

/// What one revision settles; more than fits into one change set takes several.
struct Step {
    revision: Revision,
    differences: Vec<Difference>,
}

impl Service {
    /// Makes what was changed by hand a part of the history, as a new revision in which no value changes. What cannot be
    /// used is refused: it is mended by setting or restoring it.
    pub async fn adopt(&self, scope: &Scope, context: &Context) -> Result<Adopted, ServiceError> {
        let (mut patience, mut adopted, mut is_first) = (Patience::new(), Adopted::default(), true);
        loop {
            let (states, drift) = self.drifted(scope).await?;
            adopted.revision = drift.revision;
            match self.adopt_some(&states, &drift, is_first, context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(None) => return Ok(adopted),
                Ok(Some(step)) => {
                    adopted.revision = step.revision;
                    adopted.differences.extend(step.differences);
                    is_first = false;
                }
            }
        }
    }

    /// Puts back what was there before it was changed by hand, as a new revision. Secrets cannot be put back.
    pub async fn put_back(&self, scope: &Scope, context: &Context) -> Result<PutBack, ServiceError> {
        let (mut patience, mut back, mut open) = (Patience::new(), PutBack::default(), usize::MAX);
        loop {
            let (states, drift) = self.drifted(scope).await?;
            (back.revision, back.secrets_left) = (drift.revision, secrets_left(&drift));
            let still_open = drift.changes.len() - back.secrets_left.len();
            if drift.changes.is_empty() {
                // Items may lack their note although their values are the right ones.
                back.revision = self.adopt(scope, context).await?.revision;
                return Ok(back);
            }
            if still_open == 0 || still_open >= open {
                return Ok(back);
            }
            match self.put_some_back(&states, &drift, context).await {
                Err(error) => patience.wait_after(error).await?,
                Ok(None) => return Ok(back),
                Ok(Some(step)) => {
                    open = still_open;
                    back.differences.extend(step.differences);
                }
            }
        }
    }

    /// Adopts as much as one change set takes; none if there is nothing left.
    async fn adopt_some(
        &self,
        states: &States,
        drift: &Drift,
        is_first: bool,
        context: &Context,
    ) -> Result<Option<Step>, ServiceError> {
        let state = states.looked_at();
        self.check_adoptable(state, drift)?;
        let all: Vec<_> = drift.changes.iter().map(HandChange::difference).collect();
        let mut items = unmanaged(state, &all);
        let claims = self.claims(&all)?;
        let postponed = items.split_off(items.len().min(limits::MOST_CHANGES.saturating_sub(claims.len())));
        let is_postponed = |difference: &Difference| postponed.iter().any(|item| difference.key.is_within(&item.key));
        let differences: Vec<_> = all.into_iter().filter(|difference| !is_postponed(difference)).collect();
        let labelled_alone = is_first && drift.labelled && drift.oddities.is_empty();
        if items.is_empty() && differences.is_empty() && !labelled_alone {
            return Ok(None);
        }
        let commit = self.adoption(states, &items, claims, differences.clone(), context)?;
        let committed = self.stores.commit(commit).await;
        let committed = committed.map_err(|error| ServiceError::of_commit(error, &drift.scope, None))?;
        Ok(Some(Step { revision: committed.revision, differences }))
    }

    /// Refuses what a managed write would refuse.
    fn check_adoptable(&self, state: &ScopeState, drift: &Drift) -> Result<(), ServiceError> {
        let unusable = drift.changes.iter().filter(|change| change.kind == HandChangeKind::Unusable);
        let faults: Vec<_> = unusable
            .map(|change| Fault { key: change.key.clone(), reason: change.reason.clone().unwrap_or_default() })
            .map(|fault| (state.scope.clone(), fault))
            .collect();
        if !faults.is_empty() {
            return Err(ServiceError::Unusable(Unusable(faults)));
        }
        let mut violations = Vec::new();
        for change in &drift.changes {
            match &change.found {
                Some(Entry::Value(value)) => violations.extend(self.validator.check_value(&change.key, value)),
                Some(Entry::Secret(_)) => {
                    let text = state.assembled.secret(&change.key);
                    violations.extend(text.iter().flat_map(|text| self.validator.check_secret(&change.key, text)));
                }
                None => {}
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(violations)) }
    }

    /// What must be taken and given up of names that no two tenants may share.
    fn claims(&self, differences: &[Difference]) -> Result<Vec<ClaimChange>, ServiceError> {
        type Side = fn(&Difference) -> Option<(Key, Entry)>;
        let side = |side: Side| differences.iter().filter_map(side).collect::<Vec<_>>();
        let before = side(|difference| Some((difference.key.clone(), difference.before.clone()?)));
        let after = side(|difference| Some((difference.key.clone(), difference.after.clone()?)));
        let (old, _) = reserved(self, &before);
        let (new, faults) = reserved(self, &after);
        if !faults.is_empty() {
            return Err(ServiceError::Invalid(faults));
        }
        let taken = new.keys().filter(|binding| !old.contains_key(*binding)).cloned().map(ClaimChange::Take);
        let released = old.keys().filter(|binding| !new.contains_key(*binding)).cloned().map(ClaimChange::Release);
        Ok(taken.chain(released).collect())
    }

    /// The commit that notes what is there already.
    fn adoption(
        &self,
        states: &States,
        items: &[&Item],
        claims: Vec<ClaimChange>,
        mut differences: Vec<Difference>,
        context: &Context,
    ) -> Result<Commit, ServiceError> {
        let state = states.looked_at();
        let moved = differences.iter().any(|difference| self.catalog.secret_field(&difference.key).is_some());
        // Written anew without a change, the secret gets a version that a managed write made.
        let secret = (moved && state.secret.is_some() || state.secret_moved).then(|| SecretWrite {
            expected: state.secret.as_ref().map(|secret| secret.version.clone()),
            fields: [].into(),
        });
        name_version(&mut differences, &SecretVersion(String::new()));
        let mut entry = context.entry(&state.scope, Action::Change)?;
        (entry.changes, entry.detail) = (differences, Some("adopted what was changed by hand".to_owned()));
        let rewritten = |item: &&Item| ItemChange { key: item.key.clone(), value: Some(item.value.clone()) };
        Ok(Commit {
            scope: state.scope.clone(),
            expected: Expected::At(state.revision()),
            head: HeadChange::Keep,
            items: items.iter().map(rewritten).collect(),
            secret,
            claims,
            default_revision: if state.scope.tenant().is_some() { states.global.revision() } else { Revision(0) },
            entry,
        })
    }

    /// Puts back as much as one change set takes; none if all is so already.
    async fn put_some_back(
        &self,
        states: &States,
        drift: &Drift,
        context: &Context,
    ) -> Result<Option<Step>, ServiceError> {
        let mut changes = ChangeSet::default();
        for change in drift.changes.iter().filter(|change| !is_secret_gone(change)).take(limits::MOST_CHANGES / 2) {
            match &change.expected {
                Some(Entry::Value(value)) => drop(changes.values.insert(change.key.clone(), Some(value.clone()))),
                None if self.catalog.secret_field(&change.key).is_some() => {
                    drop(changes.secrets.insert(change.key.clone(), None));
                }
                None | Some(Entry::Secret(_)) => drop(changes.values.insert(change.key.clone(), None)),
            }
        }
        match decide(self, states, &changes, MissingConnections::Refused, context)? {
            Decision::NothingToDo => Ok(None),
            Decision::Commit { mut commit, differences, .. } => {
                commit.entry.action = Action::Restore;
                commit.entry.detail = Some("put back what was changed by hand".to_owned());
                let committed = self.stores.commit(*commit).await;
                let committed = committed.map_err(|error| ServiceError::of_commit(error, &drift.scope, None))?;
                Ok(Some(Step { revision: committed.revision, differences }))
            }
        }
    }
}

/// The items that say something served and lack a note that fits: those written by hand, and those that were changed.
fn unmanaged<'a>(state: &'a ScopeState, differences: &[Difference]) -> Vec<&'a Item> {
    let changed: BTreeSet<&Key> = differences.iter().map(|difference| &difference.key).collect();
    let is_served = |item: &Item| state.entries().iter().any(|(key, _)| key.is_within(&item.key));
    let is_changed = |item: &Item| changed.iter().any(|key| key.is_within(&item.key));
    state.items.iter().filter(|item| is_changed(item) || item.meta.is_none() && is_served(item)).collect()
}

/// Whether it is a secret whose old text is needed.
fn is_secret_gone(change: &HandChange) -> bool {
    matches!(change.expected, Some(Entry::Secret(_)))
}

fn secrets_left(drift: &Drift) -> Vec<Key> {
    drift.changes.iter().filter(|change| is_secret_gone(change)).map(|change| change.key.clone()).collect()
}

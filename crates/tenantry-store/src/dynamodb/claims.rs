//! What becomes of bindings when some commits are made: pure, before anything is written.

use std::collections::BTreeMap;

use tenantry_core::scope::{Scope, TenantId};

use crate::batch::BatchError;
use crate::error::StoreError;
use crate::records::{Binding, ClaimChange, Commit};

/// The most bindings of one tenant: its head holds them all.
const MOST_BINDINGS: usize = 1_000;

/// How a binding changes hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Whose it is, if it is one of those whose commits are made; otherwise it must be free.
    pub(super) before: Option<TenantId>,
    /// Whose it will be.
    pub(super) after: Option<TenantId>,
    /// Which of the commits wants it.
    pub(super) by: usize,
}

/// The bindings that change hands, and what each scope has then.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) changes: BTreeMap<Binding, Change>,
    /// In the order of the commits.
    pub(super) bindings: Vec<Vec<Binding>>,
}

/// Settles the claims of commits: all that they release is free before any of them takes. `held` is what each scope has.
pub(super) fn settle(commits: &[Commit], held: &[Vec<Binding>]) -> Result<Settled, BatchError> {
    let mut changes: BTreeMap<Binding, Change> = BTreeMap::new();
    for (by, (commit, held)) in commits.iter().zip(held).enumerate() {
        for binding in commit.claims.iter().filter_map(ClaimChange::released).filter(|binding| held.contains(binding)) {
            let before = commit.scope.tenant().cloned();
            changes.insert(binding.clone(), Change { before, after: None, by });
        }
    }
    let owner = |binding: &Binding| {
        let at = held.iter().position(|held| held.contains(binding))?;
        commits[at].scope.tenant().cloned()
    };
    for (by, commit) in commits.iter().enumerate() {
        let Scope::Tenant(tenant) = &commit.scope else { continue };
        for binding in commit.claims.iter().filter_map(ClaimChange::taken) {
            let change = changes.entry(binding.clone()).or_insert_with(|| {
                let before = owner(binding);
                Change { after: before.clone(), before, by }
            });
            if change.after.as_ref().is_some_and(|owner| owner != tenant) {
                return Err(BatchError::of(&commit.scope)(StoreError::Taken(binding.clone())));
            }
            *change = Change { before: change.before.take(), after: Some(tenant.clone()), by };
        }
    }
    changes.retain(|_, change| change.before != change.after);
    let bindings = commits.iter().zip(held).map(|(commit, held)| after(&commit.scope, held, &changes));
    Ok(Settled { bindings: bindings.collect::<Result<_, _>>()?, changes })
}

/// What a scope has when the bindings have changed hands.
fn after(scope: &Scope, held: &[Binding], changes: &BTreeMap<Binding, Change>) -> Result<Vec<Binding>, BatchError> {
    let lost = |binding: &&Binding| !changes.contains_key(*binding);
    let gained = changes.iter().filter(|(_, change)| change.after.as_ref() == scope.tenant() && change.after.is_some());
    let mut bindings: Vec<_> = held.iter().filter(lost).chain(gained.map(|(binding, _)| binding)).cloned().collect();
    bindings.sort();
    if bindings.len() > MOST_BINDINGS {
        let what = "the number of bindings of one tenant".to_owned();
        let error = StoreError::TooLarge { what, size: bindings.len(), limit: MOST_BINDINGS };
        return Err(BatchError::of(scope)(error));
    }
    Ok(bindings)
}

//! Decides what a commit makes of a scope, before any store writes it: pure, and the same for every store.

use std::collections::BTreeSet;
use std::fmt::Display;

use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;

use crate::error::StoreError;
use crate::records::{
    Commit, Expected, Head, HeadChange, ItemMeta, LogEntry, NewLogEntry, ScopeCopy, SecretVersion, TenantStatus,
};

/// What the next head of a scope is, or why there is none.
///
/// `last` is the newest revision of a tenant of the same name that was erased, 0 if there was none: revisions go on
/// behind it, so that none is ever given twice. `incarnation` is taken for a new scope.
pub(crate) fn next_head(
    commit: &Commit,
    found: Option<&Head>,
    last: Revision,
    incarnation: &str,
) -> Result<Head, StoreError> {
    check_sense(commit)?;
    let (head, display_name) = match (commit.expected, found, &commit.head) {
        (Expected::Absent, None, HeadChange::Create { display_name }) => {
            return Ok(first_head(commit, display_name, last, incarnation));
        }
        (Expected::At(revision), Some(head), change) if head.revision == revision => match change {
            HeadChange::Rename(name) => (head, name.clone()),
            HeadChange::Keep | HeadChange::Status(_) | HeadChange::Create { .. } => (head, head.display_name.clone()),
        },
        (Expected::Absent | Expected::At(_), found, _) => return Err(conflict(found)),
    };
    let status = match commit.head {
        HeadChange::Status(status) => status,
        HeadChange::Keep | HeadChange::Rename(_) | HeadChange::Create { .. } => head.status,
    };
    Ok(Head {
        revision: head.revision.next(),
        status,
        display_name,
        updated_at: commit.entry.at,
        updated_by: commit.entry.actor.clone(),
        ..head.clone()
    })
}

/// Refuses several commits together of which two are about one scope: which of them comes first?
pub(crate) fn check_scopes(commits: &[Commit]) -> Result<(), StoreError> {
    let mut scopes = BTreeSet::new();
    if commits.iter().all(|commit| scopes.insert(&commit.scope)) {
        return Ok(());
    }
    Err(StoreError::Refused("commits that belong together name each scope once"))
}

/// Refuses what makes no sense, whatever is stored.
fn check_sense(commit: &Commit) -> Result<(), StoreError> {
    let creates = matches!(commit.head, HeadChange::Create { .. });
    if creates != (commit.expected == Expected::Absent) {
        return Err(StoreError::Refused("a scope is created where there is none, and changed where there is one"));
    }
    if commit.entry.scope != commit.scope {
        return Err(StoreError::Refused("the log entry is about another scope than the commit"));
    }
    let tenants_alone =
        matches!(commit.head, HeadChange::Rename(_) | HeadChange::Status(_)) || !commit.claims.is_empty();
    if commit.scope == Scope::Global && tenants_alone {
        return Err(StoreError::Refused("the global scope has no name, status or bindings"));
    }
    Ok(())
}

fn first_head(commit: &Commit, display_name: &str, last: Revision, incarnation: &str) -> Head {
    Head {
        revision: last.next(),
        status: TenantStatus::Active,
        display_name: display_name.to_owned(),
        incarnation: incarnation.to_owned(),
        created_at: commit.entry.at,
        updated_at: commit.entry.at,
        updated_by: commit.entry.actor.clone(),
    }
}

/// The refusal of a change that was decided on something else than what is there.
pub(crate) fn conflict(found: Option<&Head>) -> StoreError {
    StoreError::Conflict {
        current: found.map(|head| head.revision).unwrap_or_default(),
        by: found.map(|head| head.updated_by.clone()),
        at: found.map(|head| head.updated_at),
    }
}

/// Decides whether a scope may be erased.
pub(crate) fn check_erasable(found: Option<&Head>, expected: Revision) -> Result<(), StoreError> {
    let Some(head) = found else { return Err(StoreError::Missing("tenant")) };
    if head.revision != expected {
        return Err(conflict(found));
    }
    match head.status {
        TenantStatus::Suspended => Ok(()),
        TenantStatus::Active => Err(StoreError::Refused("only a suspended tenant can be deleted: suspend it first")),
    }
}

/// Decides whether a copied scope may be taken over; `last` as for [`next_head`].
pub(crate) fn check_copy(copy: &ScopeCopy, found: Option<&Head>, last: Revision) -> Result<(), StoreError> {
    if found.is_some() {
        return Err(conflict(found));
    }
    let name = copy.scope.to_string();
    if copy.log.iter().any(|entry| entry.scope != name) {
        return Err(StoreError::Refused("the log of the copy is about another scope"));
    }
    if copy.scope == Scope::Global && !copy.bindings.is_empty() {
        return Err(StoreError::Refused("the global scope has no bindings"));
    }
    let revisions: Vec<_> = copy.log.iter().filter_map(|entry| entry.revision).collect();
    if !revisions.is_sorted_by(|one, next| one < next) || revisions.last() > Some(&copy.head.revision) {
        return Err(StoreError::Refused("the history of the copy is out of order: its store should be looked over"));
    }
    if last > Revision(0) && *revisions.first().unwrap_or(&copy.head.revision) <= last {
        return Err(StoreError::Refused(
            "a deleted tenant of this name had revisions of the same numbers here, and none is given twice: \
             export it and import it instead",
        ));
    }
    Ok(())
}

/// The newest numbered version of the secret that a copy's history names; 0 if it names none. Versions go on behind it, so
/// that none is ever given twice.
pub(crate) fn named_secret_version(copy: &ScopeCopy) -> u64 {
    let differences = copy.log.iter().flat_map(|entry| &entry.changes);
    let entries = differences.flat_map(|difference| [&difference.before, &difference.after]).flatten();
    let version = |entry: &Entry| match entry {
        // No store of ours counts further; whatever is larger was written by a hand.
        Entry::Secret(mark) => mark.version.parse::<u32>().ok().map(u64::from),
        Entry::Value(_) => None,
    };
    entries.filter_map(version).max().unwrap_or_default()
}

/// A copied entry under the id that it has here.
pub(crate) fn copied_entry(entry: LogEntry, place: impl Display) -> LogEntry {
    LogEntry { id: entry_id(&entry.scope, place), ..entry }
}

fn entry_id(scope: &str, place: impl Display) -> String {
    format!("{scope}:{place}")
}

/// Whether caches elsewhere must drop the scope: it was suspended, resumed, or created again after an erasure.
pub(crate) fn is_revoked_by(change: &HeadChange, last: Revision) -> bool {
    match change {
        HeadChange::Status(_) => true,
        HeadChange::Create { .. } => last > Revision(0),
        HeadChange::Keep | HeadChange::Rename(_) => false,
    }
}

/// What is noted with the items that a commit writes.
pub(crate) fn meta_of(commit: &Commit, head: &Head) -> ItemMeta {
    ItemMeta {
        revision: head.revision,
        updated_at: head.updated_at,
        updated_by: head.updated_by.clone(),
        default_revision: commit.default_revision,
    }
}

/// The log entry of what is done in a scope. `place` is where it stands among the scope's entries, in the store's own
/// words; it must tell nothing of other scopes. Marks that were left without a version get the one that the same commit
/// made.
pub(crate) fn log_entry(
    entry: NewLogEntry,
    place: impl Display,
    revision: Option<Revision>,
    secret: Option<&SecretVersion>,
) -> LogEntry {
    let mut changes = entry.changes;
    for difference in &mut changes {
        if let (Some(Entry::Secret(mark)), Some(version)) = (&mut difference.after, secret)
            && mark.version.is_empty()
        {
            mark.version.clone_from(&version.0);
        }
    }
    LogEntry {
        id: entry_id(&entry.scope.to_string(), place),
        scope: entry.scope.to_string(),
        revision,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        reason: entry.reason,
        changes,
        detail: entry.detail,
    }
}

/// Takes from an entry of an erased tenant what could still tell of it: that something was done, by whom and when, stays.
pub(crate) fn blank(entry: &mut LogEntry) {
    entry.changes.clear();
    entry.reason = None;
    entry.detail = None;
}

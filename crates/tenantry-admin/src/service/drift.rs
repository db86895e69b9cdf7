//! What was changed by hand since the last managed write: what is stored, beside what the log says should be.

mod settle;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tenantry_core::assemble::Oddity;
use tenantry_core::change::{Difference, diff};
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_core::validate::ViolationCode;
use tenantry_store::{LogEntry, LogQuery, PageRequest, StoreError};

use super::{ScopeState, Service, ServiceError, States};

pub use settle::{Adopted, PutBack};

/// How a scope differs from what the last managed write left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The scope.
    pub scope: Scope,
    /// Its newest revision.
    pub revision: Revision,
    /// What differs, in the order of the keys.
    pub changes: Vec<HandChange>,
    /// What is stored, belongs to no parameter or cannot be read, and so is not served.
    pub oddities: Vec<Oddity>,
    /// Whether the store itself tells that something else than a managed write was here: it may show in nothing else,
    /// as where a value was written by hand that was there already.
    pub labelled: bool,
}

/// A parameter that was changed by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandChange {
    /// The parameter.
    pub key: Key,
    /// What was done.
    pub kind: HandChangeKind,
    /// What the last managed write left there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Entry>,
    /// What is stored there. It is not shown where it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Entry>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The last managed write of this parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_write: Option<LastWrite>,
}

/// What a hand did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HandChangeKind {
    /// It was not set.
    Added,
    /// It had another value.
    Changed,
    /// It was set.
    Removed,
    /// What is stored there now cannot be used, or must not be shown.
    Unusable,
}

/// A managed write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastWrite {
    /// The revision that it made.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
}

impl Drift {
    /// Whether all is as the last managed write left it.
    pub fn is_none(&self) -> bool {
        self.changes.is_empty() && !self.labelled
    }
}

impl HandChange {
    /// The change as a difference: from what was expected to what was found.
    fn difference(&self) -> Difference {
        Difference { key: self.key.clone(), before: self.expected.clone(), after: self.found.clone() }
    }
}

/// What the log says of each parameter that was ever set: what it should be, and who wrote it last.
type Expected = BTreeMap<Key, (Option<Entry>, LastWrite)>;

impl Service {
    /// Finds what was changed by hand in a scope, its secret included: a secret differs by its fingerprint.
    pub async fn drift(&self, scope: &Scope) -> Result<Drift, ServiceError> {
        Ok(self.drifted(scope).await?.1)
    }

    /// How often a scope is read that others change meanwhile.
    const TRIES: usize = 5;

    /// The drift of a scope, with the states on which it was found.
    async fn drifted(&self, scope: &Scope) -> Result<(States, Drift), ServiceError> {
        let mut tries = 0;
        loop {
            let states = self.states(scope).await?;
            let state = states.looked_at();
            let history = self.whole_history(scope).await?;
            let logged = history.first().and_then(|entry| entry.revision).unwrap_or_default();
            if logged == state.revision() {
                let drift = compare(self, state, &expected(history));
                return Ok((states, drift));
            }
            tries += 1;
            if tries == Self::TRIES {
                let (at, scope) = (state.revision(), &state.scope);
                let what = format!("{scope} is at revision {at}, its log at {logged}");
                return Err(StoreError::corrupt(what).into());
            }
        }
    }

    /// All entries that made a revision, newest first.
    async fn whole_history(&self, scope: &Scope) -> Result<Vec<LogEntry>, ServiceError> {
        let query = LogQuery { scope: Some(scope.clone()), revisions_only: true };
        let mut request = PageRequest::first(PageRequest::LARGEST);
        let mut entries = Vec::new();
        loop {
            let page = self.stores.log(&query, &request).await?;
            entries.extend(page.items);
            match page.next {
                Some(cursor) => request = request.behind(cursor),
                None => return Ok(entries),
            }
        }
    }
}

/// What a history comes to: for each parameter the newest entry that changed it.
fn expected(newest_first: Vec<LogEntry>) -> Expected {
    let mut expected = Expected::new();
    for LogEntry { revision, at, actor, changes, .. } in newest_first {
        for Difference { key, after, .. } in changes {
            let write = || LastWrite { revision: revision.unwrap_or_default(), at, actor: actor.clone() };
            expected.entry(key).or_insert_with(|| (after, write()));
        }
    }
    expected
}

fn compare(service: &Service, state: &ScopeState, expected: &Expected) -> Drift {
    // What is no parameter any more is not served, whoever wrote it: it stands among the oddities if it is still stored.
    let known = |key: &Key| service.catalog().parameter(key).is_some();
    let should_be = expected.iter().filter(|(key, _)| known(key));
    let should_be = should_be.filter_map(|(key, (entry, _))| Some((key.clone(), entry.clone()?)));
    let differences = diff(&should_be.collect::<Vec<_>>(), state.entries());
    let unusable: BTreeMap<Key, String> =
        state.faults(&service.validator).into_iter().map(|fault| (fault.key, fault.reason)).collect();
    let changes: Vec<_> = differences
        .into_iter()
        .map(|difference| {
            let reason = unusable.get(&difference.key).cloned().or_else(|| secretlike(service, &difference));
            let last_write = expected.get(&difference.key).map(|(_, write)| write.clone());
            hand_change(difference, reason, last_write)
        })
        .collect();
    let told = |oddity: &Oddity| changes.iter().any(|change| stands_at(service, oddity, &change.key));
    let oddities = state.oddities().filter(|oddity| !told(oddity)).cloned().collect();
    let (scope, revision) = (state.scope.clone(), state.revision());
    Drift { scope, revision, changes, oddities, labelled: state.drift }
}

fn hand_change(difference: Difference, reason: Option<String>, last_write: Option<LastWrite>) -> HandChange {
    let Difference { key, before: expected, after } = difference;
    let kind = match (&reason, &expected, &after) {
        (Some(_), _, _) => HandChangeKind::Unusable,
        (None, None, _) => HandChangeKind::Added,
        (None, Some(_), Some(_)) => HandChangeKind::Changed,
        (None, Some(_), None) => HandChangeKind::Removed,
    };
    let found = if reason.is_some() { None } else { after };
    HandChange { key, kind, expected, found, reason, last_write }
}

/// Why a value must not be shown: what looks like a secret may well be one, in the wrong place.
fn secretlike(service: &Service, difference: &Difference) -> Option<String> {
    let value = difference.after.as_ref()?.value()?;
    let violations = service.validator.check_value(&difference.key, value);
    let looks = violations.iter().any(|violation| violation.code == ViolationCode::LooksLikeSecret);
    looks.then(|| "looks like a secret, so it is not shown: it would be kept where it can be read".to_owned())
}

/// Whether an oddity stands where a parameter is stored: under its key, or in its field of the secret.
fn stands_at(service: &Service, oddity: &Oddity, key: &Key) -> bool {
    oddity.place == key.as_str() || service.catalog().secret_field(key) == Some(oddity.place.as_str())
}

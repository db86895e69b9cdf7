//! Decides what a change does to a scope: the pure middle between reading and writing.

use std::collections::{BTreeMap, BTreeSet};

use tenantry_core::catalog::Sensitivity;
use tenantry_core::change::{ChangeSet, Difference, diff};
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::secret::SecretText;
use tenantry_core::validate::{Violation, ViolationCode, introduced};
use tenantry_core::value::Value;
use tenantry_store::limits::MOST_CHANGES;
use tenantry_store::{
    Action, Binding, BindingKind, ClaimChange, Commit, Expected, HeadChange, Item, ItemChange, SecretVersion,
    SecretWrite, StoreError, StoredSecret,
};

use super::{Context, ScopeState, Service, ServiceError, States};

/// What a change comes to.
pub(super) enum Decision {
    /// All is as it is asked for.
    NothingToDo,
    /// There is something to write.
    Commit {
        /// What to write.
        commit: Box<Commit>,
        /// How the scope's leaves will differ.
        differences: Vec<Difference>,
        /// The state that the write makes, but for its revision.
        after: Box<ScopeState>,
    },
}

impl Decision {
    /// How many of the scope's leaves will differ.
    pub(super) fn differences(&self) -> usize {
        match self {
            Self::NothingToDo => 0,
            Self::Commit { differences, .. } => differences.len(),
        }
    }
}

/// What becomes of a change that needs a connection which is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingConnections {
    /// It is refused.
    Refused,
    /// It is accepted, and told to be incomplete: a file of values often comes before the secrets that go with them.
    Accepted,
}

/// Decides on a change of the scope that is looked at.
pub(super) fn decide(
    service: &Service,
    states: &States,
    changes: &ChangeSet,
    missing: MissingConnections,
    context: &Context,
) -> Result<Decision, ServiceError> {
    let state = states.looked_at();
    let (sorted, mut violations) = sort(service, state, changes);
    let after = changed(service, state, &sorted);
    let accepted = |violation: &Violation| {
        missing == MissingConnections::Accepted && violation.code == ViolationCode::ConnectionMissing
    };
    for violation in new_violations(service, states, &after, &sorted) {
        // What is wrong with a value itself is told once, however it shows after the merge.
        if !accepted(&violation) && violations.iter().all(|known| known.key != violation.key) {
            violations.push(violation);
        }
    }
    if !violations.is_empty() {
        violations.sort_by(|left, right| left.key.cmp(&right.key));
        return Err(ServiceError::Invalid(violations));
    }
    let mut differences = diff(state.entries(), after.entries());
    // The version that the commit makes is not known yet: the store fills it in.
    name_version(&mut differences, &SecretVersion(String::new()));
    if differences.is_empty() && (state.head.is_some() || state.scope.tenant().is_none()) {
        return Ok(Decision::NothingToDo);
    }
    let items = item_changes(&state.items, &after.items);
    let claims = claims(service, state, &after)?;
    check_size(items.len() + claims.len())?;
    let (expected, head, action) = match &state.head {
        Some(head) => (Expected::At(head.revision), HeadChange::Keep, Action::Change),
        None => (Expected::Absent, HeadChange::Create { display_name: state.display_name.clone() }, Action::Create),
    };
    let mut entry = context.entry(&state.scope, action);
    entry.changes.clone_from(&differences);
    let commit = Commit {
        scope: state.scope.clone(),
        expected,
        head,
        items,
        secret: secret_write(service, state, &sorted),
        claims,
        default_revision: if state.scope.tenant().is_some() { states.global.revision() } else { Revision(0) },
        entry,
    };
    Ok(Decision::Commit { commit: Box::new(commit), differences, after: Box::new(after) })
}

/// Gives the secrets that a change sets the version that the change makes.
pub(super) fn name_version(differences: &mut [Difference], version: &SecretVersion) {
    for difference in differences {
        if let Some(Entry::Secret(mark)) = &mut difference.after {
            mark.version.clone_from(&version.0);
        }
    }
}

/// Sorts what is asked for into parameters and fields of the secret, and splits tables into what is stored.
///
/// Fields of connections that may be shown are accepted among the values; secrets are not. What is wrong with a value by
/// itself is told beside.
fn sort(service: &Service, state: &ScopeState, changes: &ChangeSet) -> (ChangeSet, Vec<Violation>) {
    let catalog = service.catalog();
    let mut sorted = ChangeSet { values: BTreeMap::new(), secrets: changes.secrets.clone() };
    let mut violations = Vec::new();
    for (key, value) in &changes.values {
        let Some(value) = value else {
            let fields = state.entries().iter().filter(|(field, _)| catalog.secret_field(field).is_some());
            let unset = fields.filter(|(field, _)| field.is_within(key)).map(|(field, _)| (field.clone(), None));
            sorted.secrets.extend(unset);
            sorted.values.insert(key.clone(), None);
            continue;
        };
        for (leaf, value) in catalog.leaves(key, value.clone()) {
            match (catalog.parameter(&leaf).map(|parameter| parameter.sensitivity), &value) {
                (Some(Sensitivity::Credential), Value::String(text)) => {
                    sorted.secrets.insert(leaf, Some(SecretText::new(text.clone())));
                }
                _ => violations.extend(service.validator.check_value(&leaf, &value)),
            }
        }
        if catalog.connections().of(key).is_none() {
            sorted.values.insert(key.clone(), Some(value.clone()));
        }
    }
    for (key, text) in &sorted.secrets {
        violations.extend(text.iter().flat_map(|text| service.validator.check_secret(key, text)));
    }
    (sorted, violations)
}

/// The state that the change makes.
fn changed(service: &Service, state: &ScopeState, changes: &ChangeSet) -> ScopeState {
    let stored = state.items.iter().map(|item| (item.key.clone(), item.value.clone()));
    let document = changes.apply(&Document::from_items(stored).0);
    let items = document.into_leaves().into_iter().map(|(key, value)| Item { key, value, meta: None }).collect();
    let secret = changed_secret(service, state, changes);
    let after = ScopeState::assemble(service, &state.scope, state.head.clone(), items, secret, &[]);
    ScopeState { display_name: state.display_name.clone(), ..after }
}

/// The secret that the change makes. Its version is not known before it is written, so it keeps the old one's name.
fn changed_secret(service: &Service, state: &ScopeState, changes: &ChangeSet) -> Option<StoredSecret> {
    let fields = secret_fields(service, changes);
    let mut secret = match &state.secret {
        Some(secret) => secret.clone(),
        None if fields.is_empty() => return None,
        None => StoredSecret { version: SecretVersion(String::new()), fields: BTreeMap::new(), odd: Vec::new() },
    };
    for (field, text) in fields {
        match text {
            Some(text) => drop(secret.fields.insert(field, text)),
            None => drop(secret.fields.remove(&field)),
        }
    }
    Some(secret)
}

/// The changes of the secret by the names of its fields.
fn secret_fields(service: &Service, changes: &ChangeSet) -> BTreeMap<String, Option<SecretText>> {
    let field = |key: &Key| service.catalog().secret_field(key).map(str::to_owned);
    changes.secrets.iter().filter_map(|(key, text)| Some((field(key)?, text.clone()))).collect()
}

fn secret_write(service: &Service, state: &ScopeState, changes: &ChangeSet) -> Option<SecretWrite> {
    let fields = secret_fields(service, changes);
    let expected = state.secret.as_ref().map(|secret| secret.version.clone());
    (!fields.is_empty()).then_some(SecretWrite { expected, fields })
}

/// The violations that the change brings with it.
fn new_violations(service: &Service, states: &States, after: &ScopeState, changes: &ChangeSet) -> Vec<Violation> {
    let check = |states: &States| service.validator.check(&states.resolve(service.catalog()));
    let written: BTreeSet<Key> = after
        .entries()
        .iter()
        .map(|(key, _)| key)
        .filter(|key| changes.keys().any(|c| key.is_within(c)))
        .cloned()
        .collect();
    introduced(service.catalog(), &check(states), check(&states.with(after.clone())), &written)
}

/// The items to write and to remove so that the stored ones say what the state after the change says. Items that another
/// program wrote as subtrees become one item per leaf.
fn item_changes(before: &[Item], after: &[Item]) -> Vec<ItemChange> {
    let before: BTreeMap<&Key, &Value> = before.iter().map(|item| (&item.key, &item.value)).collect();
    let kept: BTreeSet<&Key> = after.iter().map(|item| &item.key).collect();
    let removed = before.keys().filter(|key| !kept.contains(*key));
    let removed = removed.map(|key| ItemChange { key: (*key).clone(), value: None });
    let written = after.iter().filter(|item| before.get(&item.key) != Some(&&item.value));
    let written = written.map(|item| ItemChange { key: item.key.clone(), value: Some(item.value.clone()) });
    removed.chain(written).collect()
}

/// Refuses what no store takes in one go before anything else of an import is written.
fn check_size(size: usize) -> Result<(), ServiceError> {
    if size > MOST_CHANGES {
        let what = "the number of items in one change set".to_owned();
        return Err(StoreError::TooLarge { what, size, limit: MOST_CHANGES }.into());
    }
    Ok(())
}

/// What the scope takes and gives up of the names that no two tenants may share.
fn claims(service: &Service, before: &ScopeState, after: &ScopeState) -> Result<Vec<ClaimChange>, ServiceError> {
    let (before, after) = (reserved(service, before.entries())?, reserved(service, after.entries())?);
    let taken = after.difference(&before).cloned().map(ClaimChange::Take);
    let released = before.difference(&after).cloned().map(ClaimChange::Release);
    Ok(taken.chain(released).collect())
}

/// The names that a state reserves: the values of the parameters that must differ from tenant to tenant.
fn reserved(service: &Service, entries: &[(Key, Entry)]) -> Result<BTreeSet<Binding>, ServiceError> {
    let mut reserved = BTreeSet::new();
    for (key, entry) in entries {
        let namespace = service.catalog().parameter(key).and_then(|parameter| parameter.unique.as_deref());
        let Some((namespace, text)) = namespace.zip(entry.value().and_then(Value::as_str)) else { continue };
        let kind = BindingKind::ALL.into_iter().find(|kind| kind.name() == namespace);
        let kind =
            kind.ok_or_else(|| ServiceError::BadRequest(format!("{key}: there are no bindings {namespace:?}")))?;
        let binding = Binding::new(kind, text).map_err(|error| ServiceError::BadRequest(format!("{key}: {error}")))?;
        reserved.insert(binding);
    }
    Ok(reserved)
}

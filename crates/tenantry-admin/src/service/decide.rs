//! Decides what a change does to a scope: the pure middle between reading and writing.

use std::collections::{BTreeMap, BTreeSet};

use tenantry_core::catalog::Sensitivity;
use tenantry_core::change::{ChangeSet, Difference, diff};
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::secret::SecretText;
use tenantry_core::validate::{Violation, ViolationCode, introduced, masked};
use tenantry_core::value::Value;
use tenantry_store::{
    Action, Binding, BindingKind, ClaimChange, Commit, Expected, HeadChange, Item, ItemChange, NewLogEntry,
    SecretVersion, SecretWrite, StoreError, StoredSecret, limits,
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
        /// The names that no two tenants may share and that the scope has then, each with its parameter.
        reserved: BTreeMap<Binding, Key>,
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

    /// The limits of every store that the write passes.
    pub(super) fn limits_passed(&self) -> Vec<StoreError> {
        let Self::Commit { commit, after, .. } = self else { return Vec::new() };
        let secret = after.secret.as_ref().map_or(Ok(()), |secret| limits::check_secret(&secret.fields));
        let checked = [limits::check_commit(commit), limits::check_items(after.items.len()), secret];
        checked.into_iter().filter_map(Result::err).collect()
    }
}

/// What becomes of a change that needs a connection which is not set, or a value for a prompt to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingConnections {
    /// It is refused.
    Refused,
    /// It is accepted, and told to be incomplete: a file of values often comes before the secrets that go with them.
    Accepted,
}

/// A decision, and what is wrong with it: nothing must be written then.
pub(super) struct Drafted {
    pub(super) decision: Decision,
    pub(super) violations: Vec<Violation>,
}

/// Decides on a change of the scope that is looked at, or refuses it with all that is wrong with it.
pub(super) fn decide(
    service: &Service,
    states: &States,
    changes: &ChangeSet,
    missing: MissingConnections,
    context: &Context,
) -> Result<Decision, ServiceError> {
    let Drafted { decision, violations } = draft(service, states, changes, missing, context);
    if !violations.is_empty() {
        return Err(ServiceError::Invalid(violations));
    }
    match decision.limits_passed().pop() {
        Some(passed) => Err(passed.into()),
        None => Ok(decision),
    }
}

/// Decides on a change of the scope that is looked at, whatever is wrong with it.
pub(super) fn draft(
    service: &Service,
    states: &States,
    changes: &ChangeSet,
    missing: MissingConnections,
    context: &Context,
) -> Drafted {
    let state = states.looked_at();
    let (sorted, mut violations) = sort(service, state, changes);
    let after = changed(service, state, &sorted);
    let (reserved, claims, misnamed) = claims(service, state, &after);
    let accepted = |violation: &Violation| {
        missing == MissingConnections::Accepted
            && matches!(violation.code, ViolationCode::ConnectionMissing | ViolationCode::VariableUnset)
    };
    // One template may read several variables without a value.
    let is_told = |violation: &Violation, known: &Violation| {
        known.key == violation.key
            && !(known.code == ViolationCode::VariableUnset && violation.code == ViolationCode::VariableUnset)
    };
    for violation in new_violations(service, states, &after, &sorted).into_iter().chain(misnamed) {
        // What is wrong with a value itself is told once, however it shows after the merge.
        if !accepted(&violation) && !violations.iter().any(|known| is_told(&violation, known)) {
            violations.push(violation);
        }
    }
    violations.extend(context.violation());
    violations.sort_by(|left, right| left.key.cmp(&right.key));
    let mut differences = diff(state.entries(), after.entries());
    // The version that the commit makes is not known yet: the store fills it in.
    name_version(&mut differences, &SecretVersion(String::new()));
    let is_new_tenant = state.head.is_none() && state.scope.tenant().is_some();
    let leftovers = leftovers_removed(service, state, &after);
    if differences.is_empty() && leftovers.is_empty() && !state.is_renamed() && !is_new_tenant {
        return Drafted { decision: Decision::NothingToDo, violations };
    }
    let (expected, head, mut entry) = head_change(state, &differences, context);
    if !leftovers.is_empty() {
        entry.detail.get_or_insert_with(|| removed(&leftovers));
    }
    let commit = Commit {
        scope: state.scope.clone(),
        expected,
        head,
        items: item_changes(&state.items, &after.items),
        secret: secret_write(service, state, &sorted),
        claims,
        default_revision: if state.scope.tenant().is_some() { states.global.revision() } else { Revision(0) },
        entry,
    };
    let (commit, after) = (Box::new(commit), Box::new(after));
    Drafted { decision: Decision::Commit { commit, differences, after, reserved }, violations }
}

/// The stored items that the change removes and that the catalog does not know. They are no part of the configuration, so
/// they are not among its differences, and no restored revision has them.
fn leftovers_removed<'a>(service: &Service, before: &'a ScopeState, after: &ScopeState) -> Vec<&'a Key> {
    let is_kept = |key: &Key| after.items.iter().any(|item| item.key.is_within(key));
    let unknown = before.items.iter().map(|item| &item.key);
    unknown.filter(|key| service.validator.check_key(key).is_some() && !is_kept(key)).collect()
}

/// The most characters that the log says of leftovers.
const LONGEST_DETAIL: usize = 1000;

fn removed(leftovers: &[&Key]) -> String {
    let keys: Vec<_> = leftovers.iter().map(|key| masked(key.as_str())).collect();
    let detail = format!("removed what the catalog does not know: {}", keys.join(", "));
    detail.chars().take(LONGEST_DETAIL).collect()
}

/// What becomes of the scope as a whole, on what that is decided, and what the log says of it.
fn head_change(
    state: &ScopeState,
    differences: &[Difference],
    context: &Context,
) -> (Expected, HeadChange, NewLogEntry) {
    let name = || state.display_name.clone();
    let (expected, head, action) = match &state.head {
        None => (Expected::Absent, HeadChange::Create { display_name: name() }, Action::Create),
        Some(head) if !state.is_renamed() => (Expected::At(head.revision), HeadChange::Keep, Action::Change),
        Some(head) if differences.is_empty() => {
            (Expected::At(head.revision), HeadChange::Rename(name()), Action::Rename)
        }
        Some(head) => (Expected::At(head.revision), HeadChange::Rename(name()), Action::Change),
    };
    let mut entry = context.unchecked_entry(&state.scope, action);
    entry.changes = differences.to_vec();
    entry.detail = (state.is_renamed() && action == Action::Change).then(|| format!("renamed to {}", name()));
    (expected, head, entry)
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
        // Whatever is set replaces all that was stored at and below its key.
        sorted.values.insert(key.clone(), None);
        let Some(value) = value else {
            violations.extend(service.validator.check_key(key).filter(|_| !is_stored(state, key)));
            let fields = state.entries().iter().filter(|(field, _)| catalog.secret_field(field).is_some());
            for (field, _) in fields.filter(|(field, _)| field.is_within(key)) {
                sorted.secrets.entry(field.clone()).or_insert(None);
            }
            continue;
        };
        for (leaf, value) in catalog.leaves(key, value.clone()) {
            match (catalog.parameter(&leaf).map(|parameter| parameter.sensitivity), &value) {
                (Some(Sensitivity::Credential), Value::String(text)) => {
                    sorted.secrets.insert(leaf.clone(), Some(SecretText::new(text.clone())));
                }
                _ => violations.extend(service.validator.check_value(&leaf, &value)),
            }
            // Leaf by leaf: what belongs to the secret is never stored in clear beside it.
            if catalog.secret_field(&leaf).is_none() {
                sorted.values.insert(leaf, Some(value));
            }
        }
    }
    for (key, text) in &sorted.secrets {
        match text {
            Some(text) => violations.extend(service.validator.check_secret(key, text)),
            None => violations.extend(service.validator.check_secret_key(key)),
        }
    }
    (sorted, violations)
}

/// Whether anything is stored at a key, which an older catalog may have known.
fn is_stored(state: &ScopeState, key: &Key) -> bool {
    let is_within = |stored: &Key| stored.is_within(key);
    state.entries().iter().any(|(stored, _)| is_within(stored))
        || state.items.iter().any(|item| is_within(&item.key))
        || state.unreadable.iter().any(|odd| Key::parse(&odd.place).is_ok_and(|place| is_within(&place)))
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

/// The names that the scope reserves after a change, what it takes and gives up for that, and what cannot be a name.
fn claims(
    service: &Service,
    before: &ScopeState,
    after: &ScopeState,
) -> (BTreeMap<Binding, Key>, Vec<ClaimChange>, Vec<Violation>) {
    let (old, old_faults) = reserved(service, before.entries());
    let (new, mut faults) = reserved(service, after.entries());
    // What was stored so already is not this change's doing.
    faults.retain(|fault| !old_faults.contains(fault));
    let taken = new.keys().filter(|binding| !old.contains_key(*binding)).cloned().map(ClaimChange::Take);
    let released = old.keys().filter(|binding| !new.contains_key(*binding)).cloned().map(ClaimChange::Release);
    let claims = taken.chain(released).collect();
    (new, claims, faults)
}

/// The names that a state reserves, each with its parameter: the values that must differ from tenant to tenant.
pub(super) fn reserved(service: &Service, entries: &[(Key, Entry)]) -> (BTreeMap<Binding, Key>, Vec<Violation>) {
    let (mut reserved, mut faults) = (BTreeMap::new(), Vec::new());
    for (key, entry) in entries {
        let namespace = service.catalog().parameter(key).and_then(|parameter| parameter.unique.as_deref());
        let Some((namespace, text)) = namespace.zip(entry.value().and_then(Value::as_str)) else { continue };
        match binding(namespace, text) {
            Ok(binding) => drop(reserved.insert(binding, key.clone())),
            Err(message) => faults.push(Violation::new(key, ViolationCode::Pattern, message)),
        }
    }
    (reserved, faults)
}

fn binding(namespace: &str, text: &str) -> Result<Binding, String> {
    let kind = BindingKind::ALL.into_iter().find(|kind| kind.name() == namespace);
    let kind = kind.ok_or_else(|| format!("there are no bindings {namespace:?}"))?;
    Binding::new(kind, text).map_err(|error| error.to_string())
}

//! Creating a tenant with the values of another one, such as one that was set up as a template.

use tenantry_core::change::{ChangeSet, Difference};
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::value::Value;
use tenantry_store::{
    Action, Commit, Head, Item, ItemMeta, LogEntry, LogQuery, PageRequest, ScopeCopy, StoreError, TenantStatus, limits,
};

use super::decide::{Decision, Drafted, MissingConnections, draft};
use super::tenants::check_name;
use super::{Context, ScopeState, Service, ServiceError, States};

impl Service {
    /// Creates a tenant with the plain values of another one. Secrets, the fields of connections, and names that must be
    /// each tenant's own stay with the other one, and so do its bindings and tokens.
    ///
    /// It comes into being with all of them, or not at all. Of more values than one change set takes, its history has
    /// several revisions.
    pub async fn create_tenant_like(
        &self,
        tenant: &TenantId,
        display_name: &str,
        template: &TenantId,
        context: &Context,
    ) -> Result<Revision, ServiceError> {
        let name = check_name(display_name)?;
        let like = self.scope(&Scope::Tenant(template.clone())).await?;
        let changes = self.copied(&like);
        let own = ScopeState::unborn(self, tenant, name);
        let states = States { global: self.scope(&Scope::Global).await?, own: Some(own) };
        let Drafted { decision, violations } = draft(self, &states, &changes, MissingConnections::Accepted, context);
        if !violations.is_empty() {
            return Err(ServiceError::Invalid(violations));
        }
        let mut commit = match decision {
            Decision::Commit { commit, .. } => *commit,
            Decision::NothingToDo => return self.create_tenant(tenant, display_name, context).await,
        };
        // The company is to read this, and not to learn of another one; whose values they are is told in the operator's log.
        commit.entry.detail = Some("with the values of another tenant".to_owned());
        let mut told = context.entry(&Scope::Global, Action::Create)?;
        told.detail = Some(format!("created {tenant} with the values of {template}"));
        let created = match Parts::of(&commit) {
            Parts::One => self.stores.commit(commit).await.map(|committed| committed.revision),
            Parts::Several(parts) => self.create_whole(tenant, name, &commit, parts).await,
        };
        let created = created.map_err(|error| match error {
            StoreError::Conflict { .. } => ServiceError::TenantExists(tenant.clone()),
            error => ServiceError::of_commit(error, &tenant.clone().into(), None),
        })?;
        // What it tells of is done, whether it is told or not.
        if let Err(error) = self.stores.record(told).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the operator's log lacks an entry");
        }
        Ok(created)
    }

    /// What a tenant sets that another one may set as well.
    fn copied(&self, state: &ScopeState) -> ChangeSet {
        let is_common = |key| {
            self.catalog.parameter(key).is_some_and(|parameter| {
                !parameter.is_in_secret() && parameter.connection.is_none() && parameter.unique.is_none()
            })
        };
        let plain = state.entries().iter().filter(|(key, _)| is_common(key));
        plain.fold(ChangeSet::default(), |changes, (key, entry)| match entry {
            Entry::Value(value) => changes.set(key.clone(), value.clone()),
            Entry::Secret(_) => changes,
        })
    }

    /// Creates a tenant with a history of several revisions, none of which is seen before the last one.
    async fn create_whole(
        &self,
        tenant: &TenantId,
        name: &str,
        commit: &Commit,
        parts: Vec<Vec<Part>>,
    ) -> Result<Revision, StoreError> {
        let erased = self.newest_logged(&commit.scope).await?;
        let newborn = Newborn { tenant, name, incarnation: random_name(), behind: erased };
        let copy = newborn.with(commit, parts);
        let revision = copy.head.revision;
        self.stores.take_over(copy).await.map(|()| revision)
    }

    /// The newest revision that the log knows of a scope: of a tenant that is not there, that of an erased one of its name.
    async fn newest_logged(&self, scope: &Scope) -> Result<Revision, StoreError> {
        let query = LogQuery { scope: Some(scope.clone()), revisions_only: true };
        let page = self.stores.log(&query, &PageRequest::first(1)).await?;
        Ok(page.items.first().and_then(|entry| entry.revision).unwrap_or(Revision(0)))
    }
}

/// An item to write, and what the log says of it.
type Part = (Key, Value, Vec<Difference>);

/// What a new tenant's values make: one change set, or as many as it takes.
enum Parts {
    One,
    Several(Vec<Vec<Part>>),
}

/// The most bytes of differences in one entry of the log, as JSON: an item of DynamoDB holds 400 KB of all that it says.
const LARGEST_ENTRY: usize = 256 * 1024;

impl Parts {
    fn of(commit: &Commit) -> Self {
        let differences = &commit.entry.changes;
        let size = |differences: &[Difference]| serde_json::to_vec(differences).expect("differences are JSON").len();
        if limits::check_commit(commit).is_ok() && size(differences) <= LARGEST_ENTRY {
            return Self::One;
        }
        let (mut parts, mut room) = (vec![Vec::new()], LARGEST_ENTRY);
        for item in &commit.items {
            let Some(value) = &item.value else { continue };
            let own = differences.iter().filter(|difference| difference.key.is_within(&item.key));
            let own: Vec<_> = own.cloned().collect();
            let bytes = size(&own);
            if parts.last().is_some_and(|part| part.len() >= limits::MOST_CHANGES) || bytes > room {
                parts.push(Vec::new());
                room = LARGEST_ENTRY;
            }
            room = room.saturating_sub(bytes);
            parts.last_mut().expect("there is one to begin with").push((item.key.clone(), value.clone(), own));
        }
        Self::Several(parts)
    }
}

/// A tenant that is about to be created.
struct Newborn<'a> {
    tenant: &'a TenantId,
    name: &'a str,
    incarnation: String,
    /// The newest revision of an erased tenant of the same name; 0 if there was none.
    behind: Revision,
}

impl Newborn<'_> {
    /// All of it: each part is a revision.
    fn with(&self, commit: &Commit, parts: Vec<Vec<Part>>) -> ScopeCopy {
        let entry = &commit.entry;
        let (count, mut revision) = (parts.len(), self.behind);
        let (mut items, mut log) = (Vec::new(), Vec::new());
        for (number, part) in (1..).zip(parts) {
            revision = revision.next();
            let meta = ItemMeta {
                revision,
                updated_at: entry.at,
                updated_by: entry.actor.clone(),
                default_revision: commit.default_revision,
            };
            let mut changes = Vec::new();
            for (key, value, difference) in part {
                items.push(Item { key, value, meta: Some(meta.clone()) });
                changes.extend(difference);
            }
            log.push(LogEntry {
                id: String::new(),
                scope: commit.scope.to_string(),
                revision: Some(revision),
                at: entry.at,
                actor: entry.actor.clone(),
                action: if number == 1 { Action::Create } else { Action::Change },
                reason: entry.reason.clone(),
                changes,
                detail: entry.detail.as_ref().map(|detail| format!("{detail}, part {number} of {count}")),
            });
        }
        let head = Head {
            revision,
            status: TenantStatus::Active,
            display_name: self.name.to_owned(),
            incarnation: self.incarnation.clone(),
            created_at: entry.at,
            updated_at: entry.at,
            updated_by: entry.actor.clone(),
        };
        let scope = Scope::Tenant(self.tenant.clone());
        ScopeCopy { scope, head, items, secret: None, bindings: Vec::new(), log }
    }
}

/// A name that no tenant had before.
fn random_name() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system always has random bytes");
    format!("{:032x}", u128::from_le_bytes(bytes))
}

//! What a store in memory holds, and every change of it: decided in full first, then made.

use std::collections::BTreeMap;
use std::ops::Bound;

use jiff::Timestamp;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretText;
use tenantry_core::value::Value;

use crate::batch::BatchError;
use crate::error::StoreError;
use crate::records::{
    Binding, ClaimChange, Commit, Committed, Head, Item, ItemChange, ItemMeta, LogEntry, LogQuery, NewLogEntry, Page,
    PageRequest, RevocationCursor, Revocations, ScopeCopy, SecretVersion, SecretWrite, StoredScope, StoredSecret,
    TenantSummary, TokenRecord, TokenUse,
};
use crate::{cursor, decide, limits};

/// All that a store in memory holds.
#[derive(Default)]
pub(super) struct State {
    scopes: BTreeMap<Scope, Kept>,
    tombs: BTreeMap<Scope, Tomb>,
    bindings: BTreeMap<Binding, TenantId>,
    /// In the order of creation.
    tokens: Vec<TokenRecord>,
    /// In the order of commits.
    log: Vec<LogEntry>,
    /// Where in the log a scope's entries are: its `n`th one at `n - 1`.
    log_of: BTreeMap<Scope, Vec<usize>>,
    revoked: Vec<TenantId>,
}

/// What is kept of one scope.
#[derive(Clone)]
struct Kept {
    head: Head,
    items: BTreeMap<Key, (Value, Option<ItemMeta>)>,
    secret: Option<KeptSecret>,
}

#[derive(Clone, Default)]
struct KeptSecret {
    version: u64,
    fields: BTreeMap<String, SecretText>,
}

/// What stays of an erased tenant, so that nothing of the next one by its name can be taken for its own.
#[derive(Clone, Copy, Default)]
struct Tomb {
    revision: Revision,
    secret_version: u64,
    /// How many log entries the scope had when it was erased.
    entries: usize,
}

impl State {
    pub(super) fn read(&self, scope: &Scope) -> Option<StoredScope> {
        let kept = self.scopes.get(scope)?;
        let item = |(key, (value, meta)): (&Key, &(Value, Option<ItemMeta>))| Item {
            key: key.clone(),
            value: value.clone(),
            meta: meta.clone(),
        };
        let items = kept.items.iter().map(item).collect();
        Some(StoredScope { head: kept.head.clone(), items, odd: Vec::new(), drift: false, secret_version: None })
    }

    /// Makes all of the commits, or none. Each comes with the name that its scope gets if it is created.
    pub(super) fn commit_all(&mut self, commits: Vec<(Commit, String)>) -> Result<Vec<Committed>, BatchError> {
        let (commits, incarnations): (Vec<_>, Vec<_>) = commits.into_iter().unzip();
        decide::check_scopes(&commits)?;
        let mut heads = Vec::with_capacity(commits.len());
        for (commit, incarnation) in commits.iter().zip(&incarnations) {
            heads.push(self.next_head(commit, incarnation).map_err(BatchError::of(&commit.scope))?);
        }
        self.check_claims(&commits)?;
        let mut decided = Vec::with_capacity(commits.len());
        for (commit, head) in commits.iter().zip(heads) {
            decided.push(self.next(commit, head).map_err(BatchError::of(&commit.scope))?);
        }
        self.claim(&commits);
        Ok(commits.into_iter().zip(decided).map(|(commit, next)| self.make(commit, next)).collect())
    }

    pub(super) fn take_over(&mut self, copy: ScopeCopy) -> Result<(), StoreError> {
        limits::check_copy(&copy)?;
        let tomb = self.tomb(&copy.scope);
        decide::check_copy(&copy, self.scopes.get(&copy.scope).map(|kept| &kept.head), tomb.revision)?;
        if let Some(taken) = copy.bindings.iter().find(|binding| self.bindings.contains_key(binding)) {
            return Err(StoreError::Taken(taken.clone()));
        }
        let named = decide::named_secret_version(&copy);
        let items = copy.items.into_iter().map(|item| (item.key, (item.value, item.meta))).collect();
        let last = tomb.secret_version.max(named);
        let secret = copy.secret.map(|fields| KeptSecret { version: last + 1, fields });
        self.scopes.insert(copy.scope.clone(), Kept { head: copy.head, items, secret });
        for entry in copy.log {
            self.enter(&copy.scope, |number| decide::copied_entry(entry, number));
        }
        if let Scope::Tenant(tenant) = copy.scope {
            self.bindings.extend(copy.bindings.into_iter().map(|binding| (binding, tenant.clone())));
            if tomb.revision > Revision(0) {
                self.revoked.push(tenant);
            }
        }
        Ok(())
    }

    pub(super) fn take_over_tokens(&mut self, tokens: Vec<TokenRecord>) -> Result<(), StoreError> {
        let known = |scope: &Scope| *scope == Scope::Global || self.scopes.contains_key(scope);
        if !tokens.iter().all(|token| known(&token.scope)) {
            return Err(StoreError::Missing("tenant"));
        }
        for token in tokens {
            if self.token(&token.id).is_none() {
                self.tokens.push(token);
            }
        }
        Ok(())
    }

    fn tomb(&self, scope: &Scope) -> Tomb {
        self.tombs.get(scope).copied().unwrap_or_default()
    }

    fn next_head(&self, commit: &Commit, incarnation: &str) -> Result<Head, StoreError> {
        limits::check_commit(commit)?;
        let found = self.scopes.get(&commit.scope).map(|kept| &kept.head);
        decide::next_head(commit, found, self.tomb(&commit.scope).revision, incarnation)
    }

    /// What a commit makes of its scope.
    fn next(&self, commit: &Commit, head: Head) -> Result<(Kept, Option<SecretVersion>), StoreError> {
        let mut next = match self.scopes.get(&commit.scope) {
            Some(kept) => Kept { head, ..kept.clone() },
            None => Kept { head, items: BTreeMap::new(), secret: None },
        };
        let meta = decide::meta_of(commit, &next.head);
        next.write_items(&commit.items, &meta);
        limits::check_items(next.items.len())?;
        let last = self.tomb(&commit.scope).secret_version;
        let secret_version = commit.secret.as_ref().map(|write| next.write_secret(write, last)).transpose()?;
        Ok((next, secret_version))
    }

    /// Makes what was decided.
    fn make(&mut self, commit: Commit, (next, secret_version): (Kept, Option<SecretVersion>)) -> Committed {
        let revision = next.head.revision;
        let revoked = decide::is_revoked_by(&commit.head, self.tomb(&commit.scope).revision);
        self.scopes.insert(commit.scope.clone(), next);
        if let (true, Scope::Tenant(tenant)) = (revoked, commit.scope) {
            self.revoked.push(tenant);
        }
        self.record(commit.entry, Some(revision), secret_version.as_ref());
        Committed { revision, secret_version }
    }

    /// Refuses what takes a binding that another tenant has when all that is released is free.
    fn check_claims(&self, commits: &[Commit]) -> Result<(), BatchError> {
        let mut owners: BTreeMap<&Binding, Option<&TenantId>> = BTreeMap::new();
        for (tenant, binding) in claims(commits, ClaimChange::released) {
            if self.bindings.get(binding) == Some(tenant) {
                owners.insert(binding, None);
            }
        }
        for (tenant, binding) in claims(commits, ClaimChange::taken) {
            let owner = owners.entry(binding).or_insert_with(|| self.bindings.get(binding));
            if owner.replace(tenant).is_some_and(|owner| owner != tenant) {
                let error = StoreError::Taken(binding.clone());
                return Err(BatchError { scope: Some(Scope::Tenant(tenant.clone())), error });
            }
        }
        Ok(())
    }

    fn claim(&mut self, commits: &[Commit]) {
        for (tenant, binding) in claims(commits, ClaimChange::released) {
            if self.bindings.get(binding) == Some(tenant) {
                self.bindings.remove(binding);
            }
        }
        for (tenant, binding) in claims(commits, ClaimChange::taken) {
            self.bindings.insert(binding.clone(), tenant.clone());
        }
    }

    pub(super) fn erase(
        &mut self,
        tenant: &TenantId,
        expected: Revision,
        entry: NewLogEntry,
    ) -> Result<(), StoreError> {
        let scope = Scope::Tenant(tenant.clone());
        decide::check_erasable(self.scopes.get(&scope).map(|kept| &kept.head), expected)?;
        self.bindings.retain(|_, owner| owner != tenant);
        self.tokens.retain(|token| token.scope != scope);
        for at in self.log_of.get(&scope).into_iter().flatten() {
            decide::blank(&mut self.log[*at]);
        }
        self.record(entry, None, None);
        let secret = self.scopes.remove(&scope).and_then(|kept| kept.secret).unwrap_or_default();
        let entries = self.log_of.get(&scope).map_or(0, Vec::len);
        let before = self.tombs.get(&scope).map_or(0, |tomb| tomb.secret_version);
        let tomb = Tomb { revision: expected, secret_version: secret.version.max(before), entries };
        self.tombs.insert(scope, tomb);
        self.revoked.push(tenant.clone());
        Ok(())
    }

    pub(super) fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        let after = cursor::place(cursor::TENANTS, page)?.map_or(Scope::Global, Scope::Tenant);
        let behind = self.scopes.range((Bound::Excluded(after), Bound::Unbounded));
        let read = behind.filter_map(|(scope, kept)| match scope {
            Scope::Tenant(tenant) => Some((tenant, summary(tenant, &kept.head))),
            Scope::Global => None,
        });
        Ok(cursor::cut(cursor::TENANTS, page, read.take(cursor::limit(page) + 1).collect()))
    }

    pub(super) fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        let listing = cursor::log_listing(query);
        let end = cursor::place::<usize>(&listing, page)?.unwrap_or(usize::MAX);
        let (numbered, begin): (Box<dyn Iterator<Item = (usize, &LogEntry)>>, usize) = match &query.scope {
            None => (Box::new(self.log.iter().enumerate().rev().map(|(index, entry)| (index + 1, entry))), 0),
            Some(scope) => (Box::new(self.entries_of(scope)), self.first_of(scope)),
        };
        let read = numbered
            .skip_while(|(number, _)| *number >= end)
            .take_while(|(number, _)| *number > begin)
            .filter(|(_, entry)| entry.revision.is_some() || !query.revisions_only)
            .map(|(number, entry)| Ok((number, entry.clone(), entry.size())));
        cursor::fit(&listing, page, read)
    }

    pub(super) fn revision(&self, scope: &Scope, revision: Revision) -> Option<LogEntry> {
        let first = self.first_of(scope);
        let mut entries = self.entries_of(scope).take_while(|(number, _)| *number > first);
        entries.find(|(_, entry)| entry.revision == Some(revision)).map(|(_, entry)| entry.clone())
    }

    /// A scope's entries with their numbers, newest first.
    fn entries_of(&self, scope: &Scope) -> impl Iterator<Item = (usize, &LogEntry)> {
        let places = self.log_of.get(scope).map(Vec::as_slice).unwrap_or_default();
        places.iter().enumerate().rev().map(|(index, at)| (index + 1, &self.log[*at]))
    }

    /// The number behind which a scope's own entries begin: a new tenant does not see those of an erased one.
    fn first_of(&self, scope: &Scope) -> usize {
        if self.scopes.contains_key(scope) { self.tombs.get(scope).map_or(0, |tomb| tomb.entries) } else { 0 }
    }

    pub(super) fn record(&mut self, entry: NewLogEntry, revision: Option<Revision>, secret: Option<&SecretVersion>) {
        let scope = entry.scope.clone();
        self.enter(&scope, |number| decide::log_entry(entry, number, revision, secret));
    }

    /// Adds to the log what is made of a scope's next number.
    fn enter(&mut self, scope: &Scope, entry: impl FnOnce(u64) -> LogEntry) {
        let places = self.log_of.entry(scope.clone()).or_default();
        places.push(self.log.len());
        self.log.push(entry(places.len() as u64));
    }

    pub(super) fn bound(&self, binding: &Binding) -> Option<TenantId> {
        self.bindings.get(binding).cloned()
    }

    pub(super) fn bindings(&self, tenant: &TenantId) -> Vec<Binding> {
        self.bindings.iter().filter(|(_, owner)| *owner == tenant).map(|(binding, _)| binding.clone()).collect()
    }

    pub(super) fn create_token(&mut self, token: TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
        if matches!(token.scope, Scope::Tenant(_)) && !self.scopes.contains_key(&token.scope) {
            return Err(StoreError::Missing("tenant"));
        }
        if self.token(&token.id).is_some() {
            return Err(StoreError::Refused("there is a token with this id already"));
        }
        self.tokens.push(token);
        self.record(entry, None, None);
        Ok(())
    }

    pub(super) fn token(&self, id: &str) -> Option<TokenRecord> {
        self.tokens.iter().find(|token| token.id == id).cloned()
    }

    pub(super) fn tokens(&self, scope: Option<&Scope>) -> Vec<TokenRecord> {
        self.tokens.iter().rev().filter(|token| scope.is_none_or(|scope| token.scope == *scope)).cloned().collect()
    }

    pub(super) fn revoke_token(&mut self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError> {
        let token = self.tokens.iter_mut().find(|token| token.id == id).ok_or(StoreError::Missing("token"))?;
        if token.revoked_at.is_none() {
            token.revoked_at = Some(at);
            self.record(entry, None, None);
        }
        Ok(())
    }

    pub(super) fn touch_tokens(&mut self, uses: &[TokenUse]) {
        for TokenUse { id, at } in uses {
            if let Some(token) = self.tokens.iter_mut().find(|token| token.id == *id) {
                token.last_used_at = Some(*at);
            }
        }
    }

    pub(super) fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        let newest = RevocationCursor(self.revoked.len().to_string());
        let Some(RevocationCursor(text)) = after else {
            return Ok(Revocations { cursor: newest, tenants: Vec::new() });
        };
        let since = text.parse().ok().and_then(|at: usize| self.revoked.get(at..));
        let since = since.ok_or(StoreError::Refused("the cursor is not from this store: begin again without it"))?;
        Ok(Revocations { cursor: newest, tenants: since.to_vec() })
    }

    pub(super) fn read_secret(&self, scope: &Scope) -> Option<StoredSecret> {
        let secret = self.scopes.get(scope)?.secret.as_ref()?;
        let version = SecretVersion(secret.version.to_string());
        Some(StoredSecret { version, fields: secret.fields.clone(), odd: Vec::new() })
    }

    pub(super) fn write_secret(&mut self, scope: &Scope, write: &SecretWrite) -> Result<SecretVersion, StoreError> {
        limits::check_secret_write(write)?;
        let last = self.tombs.get(scope).map_or(0, |tomb| tomb.secret_version);
        self.scopes.get_mut(scope).ok_or(StoreError::Missing("scope"))?.write_secret(write, last)
    }
}

impl Kept {
    fn write_items(&mut self, changes: &[ItemChange], meta: &ItemMeta) {
        for ItemChange { key, value } in changes {
            match value {
                Some(value) => drop(self.items.insert(key.clone(), (value.clone(), Some(meta.clone())))),
                None => drop(self.items.remove(key)),
            }
        }
    }

    /// Changes the secret; `last` is the newest version of an erased tenant's, so that none is given twice.
    fn write_secret(&mut self, write: &SecretWrite, last: u64) -> Result<SecretVersion, StoreError> {
        let found = self.secret.as_ref().map(|secret| SecretVersion(secret.version.to_string()));
        if found != write.expected {
            return Err(StoreError::SecretConflict);
        }
        let mut next = self.secret.clone().unwrap_or(KeptSecret { version: last, fields: BTreeMap::new() });
        for (name, text) in &write.fields {
            match text {
                Some(text) => drop(next.fields.insert(name.clone(), text.clone())),
                None => drop(next.fields.remove(name)),
            }
        }
        limits::check_secret(&next.fields)?;
        next.version += 1;
        let version = SecretVersion(next.version.to_string());
        self.secret = Some(next);
        Ok(version)
    }
}

/// The claims of some commits that are of one kind.
fn claims(
    commits: &[Commit],
    kind: fn(&ClaimChange) -> Option<&Binding>,
) -> impl Iterator<Item = (&TenantId, &Binding)> {
    let of_tenants = commits.iter().filter_map(|commit| Some((commit.scope.tenant()?, &commit.claims)));
    of_tenants.flat_map(move |(tenant, claims)| claims.iter().filter_map(kind).map(move |binding| (tenant, binding)))
}

fn summary(tenant: &TenantId, head: &Head) -> TenantSummary {
    TenantSummary {
        tenant_id: tenant.clone(),
        display_name: head.display_name.clone(),
        status: head.status,
        revision: head.revision,
        created_at: head.created_at,
        updated_at: head.updated_at,
    }
}

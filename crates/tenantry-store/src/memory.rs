//! A store in this process's memory, gone with it: for tests and trials. It keeps every promise but durability.

mod state;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::FingerprintKey;

use crate::batch::BatchError;
use crate::error::StoreError;
use crate::ports::{ParameterStore, SecretStore, Store};
use crate::random;
use crate::records::{
    Binding, Commit, Committed, Finding, LogEntry, LogQuery, NewLogEntry, Page, PageRequest, RevocationCursor,
    Revocations, ScopeCopy, SecretVersion, SecretWrite, Severity, StoreKeys, StoredScope, StoredSecret, TenantSummary,
    TokenKey, TokenRecord, TokenUse,
};
use state::State;

/// A store in memory. Each has keys of its own.
pub struct MemoryStore {
    state: Mutex<State>,
    /// How often the state was locked to be changed.
    changes: AtomicU64,
    keys: StoreKeys,
}

impl MemoryStore {
    /// Makes an empty store with random keys.
    pub fn new() -> Self {
        let keys =
            StoreKeys { fingerprint: FingerprintKey::new(random::bytes()), token: TokenKey::new(random::bytes()) };
        Self { state: Mutex::default(), changes: AtomicU64::new(0), keys }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is decided in full before the first part of it is made, so a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryStore {
    /// The state, to be changed.
    fn changing(&self) -> MutexGuard<'_, State> {
        let state = self.state();
        self.changes.fetch_add(1, Ordering::SeqCst);
        state
    }
}

/// What the only one of several commits made.
fn only(committed: Vec<Committed>) -> Committed {
    committed.into_iter().next().expect("each commit is answered")
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ParameterStore for MemoryStore {
    async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
        Ok(self.state().read(scope))
    }

    async fn commit_parameters(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.commit_all(vec![commit]).await.map(only).map_err(|refused| refused.error)
    }

    async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        self.state().tenants(page)
    }

    async fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        self.state().log(query, page)
    }

    async fn revision(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError> {
        Ok(self.state().revision(scope, revision))
    }

    async fn record(&self, entry: NewLogEntry) -> Result<(), StoreError> {
        self.changing().record(entry, None, None);
        Ok(())
    }

    async fn bound(&self, binding: &Binding) -> Result<Option<TenantId>, StoreError> {
        Ok(self.state().bound(binding))
    }

    async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, StoreError> {
        Ok(self.state().bindings(tenant))
    }

    async fn create_token(&self, token: TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
        self.changing().create_token(token, entry)
    }

    async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError> {
        Ok(self.state().token(id))
    }

    async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
        Ok(self.state().tokens(scope))
    }

    async fn revoke_token(&self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError> {
        self.changing().revoke_token(id, at, entry)
    }

    async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        self.changing().touch_tokens(uses);
        Ok(())
    }

    async fn stamp(&self) -> Result<Option<u64>, StoreError> {
        Ok(Some(self.changes.load(Ordering::SeqCst)))
    }

    async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        self.state().revocations(after)
    }
}

#[async_trait]
impl SecretStore for MemoryStore {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        Ok(self.state().read_secret(scope))
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        self.changing().write_secret(scope, &write)
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        Ok(self.keys.clone())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.commit_parameters(commit).await
    }

    async fn commit_all(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, BatchError> {
        let named = commits.into_iter().map(|commit| (commit, random::name())).collect();
        self.changing().commit_all(named)
    }

    async fn erase(&self, tenant: &TenantId, expected: Revision, entry: NewLogEntry) -> Result<(), StoreError> {
        self.changing().erase(tenant, expected, entry)
    }

    async fn take_over(&self, copy: ScopeCopy) -> Result<(), StoreError> {
        self.changing().take_over(copy)
    }

    async fn take_over_tokens(&self, tokens: Vec<TokenRecord>) -> Result<(), StoreError> {
        self.changing().take_over_tokens(tokens)
    }

    async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        let message = "in memory: everything is lost when this process ends".to_owned();
        Ok(vec![Finding { severity: Severity::Ok, subject: "durability".to_owned(), message }])
    }

    async fn back_up(&self, _to: &Path) -> Result<(), StoreError> {
        Err(StoreError::Refused("a store in memory cannot be backed up: export it instead"))
    }

    fn describe(&self) -> String {
        "memory:".to_owned()
    }
}

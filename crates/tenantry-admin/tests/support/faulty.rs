//! A store that fails where it is told to, between those who use it and another store.

use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{
    BatchError, Binding, Commit, Committed, Finding, LogEntry, LogQuery, NewLogEntry, Page, PageRequest,
    ParameterStore, RevocationCursor, Revocations, ScopeCopy, SecretStore, SecretVersion, SecretWrite, Store,
    StoreError, StoreKeys, StoredScope, StoredSecret, Stores, TenantSummary, TokenRecord, TokenUse,
};

/// What goes wrong when a scope is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not written, and the answer says so.
    Lost,
    /// It is written, and the answer is lost.
    AnswerLost,
    /// Something else is written than what was handed over.
    Falsified,
}

/// A store that fails when a certain scope is taken over.
pub(crate) struct Faulty {
    inner: Stores,
    fault: Mutex<Option<(Scope, Fault)>>,
}

impl Faulty {
    /// Fails once.
    pub(crate) fn once(inner: Stores, scope: Scope, fault: Fault) -> Self {
        Self { inner, fault: Mutex::new(Some((scope, fault))) }
    }

    fn fault(&self, scope: &Scope) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap();
        fault.take_if(|(of, _)| of == scope).map(|(_, fault)| fault)
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

#[async_trait]
impl Store for Faulty {
    async fn take_over(&self, mut copy: ScopeCopy) -> Result<(), StoreError> {
        match self.fault(&copy.scope) {
            None => self.inner.take_over(copy).await,
            Some(Fault::Lost) => Err(unavailable()),
            Some(Fault::AnswerLost) => {
                self.inner.take_over(copy).await?;
                Err(unavailable())
            }
            Some(Fault::Falsified) => {
                copy.items.pop();
                self.inner.take_over(copy).await
            }
        }
    }

    async fn take_over_tokens(&self, tokens: Vec<TokenRecord>) -> Result<(), StoreError> {
        self.inner.take_over_tokens(tokens).await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.inner.commit(commit).await
    }

    async fn commit_all(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, BatchError> {
        self.inner.commit_all(commits).await
    }

    async fn erase(&self, tenant: &TenantId, expected: Revision, entry: NewLogEntry) -> Result<(), StoreError> {
        self.inner.erase(tenant, expected, entry).await
    }

    async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        self.inner.check().await
    }

    async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        self.inner.back_up(to).await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[async_trait]
impl ParameterStore for Faulty {
    async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
        self.inner.read(scope).await
    }

    async fn commit_parameters(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.inner.commit_parameters(commit).await
    }

    async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        self.inner.tenants(page).await
    }

    async fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        self.inner.log(query, page).await
    }

    async fn revision(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError> {
        self.inner.revision(scope, revision).await
    }

    async fn record(&self, entry: NewLogEntry) -> Result<(), StoreError> {
        self.inner.record(entry).await
    }

    async fn bound(&self, binding: &Binding) -> Result<Option<TenantId>, StoreError> {
        self.inner.bound(binding).await
    }

    async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, StoreError> {
        self.inner.bindings(tenant).await
    }

    async fn create_token(&self, token: TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
        self.inner.create_token(token, entry).await
    }

    async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError> {
        self.inner.token(id).await
    }

    async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
        self.inner.tokens(scope).await
    }

    async fn revoke_token(&self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError> {
        self.inner.revoke_token(id, at, entry).await
    }

    async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        self.inner.touch_tokens(uses).await
    }

    async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        self.inner.revocations(after).await
    }
}

#[async_trait]
impl SecretStore for Faulty {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        self.inner.read_secret(scope).await
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        self.inner.write_secret(scope, write).await
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        self.inner.keys().await
    }
}

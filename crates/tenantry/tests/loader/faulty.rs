//! A store that does as it is told: fails, hangs, takes its time, or answers something odd.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretText;
use tenantry_store::{
    Binding, Commit, Committed, LogEntry, LogQuery, NewLogEntry, OddItem, Page, PageRequest, ParameterStore,
    RevocationCursor, Revocations, SecretStore, SecretVersion, SecretWrite, StoreError, StoreKeys, StoredScope,
    StoredSecret, Stores, TenantSummary, TokenRecord, TokenUse,
};

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Port {
    Parameters,
    Secrets,
    Revocations,
    Tokens,
}

impl Port {
    pub(crate) const ALL: [Self; 4] = [Self::Parameters, Self::Secrets, Self::Revocations, Self::Tokens];
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Refused,
    Denied,
    Corrupt,
    /// It never answers.
    Hangs,
    /// It answers after a while.
    Slow(Duration),
}

/// A store with faults in front of it.
pub(crate) struct Faulty {
    inner: Stores,
    orders: Mutex<Orders>,
}

#[derive(Default)]
struct Orders {
    faults: HashMap<(Port, Option<Scope>), Fault>,
    odd_items: HashMap<Scope, OddItem>,
    blank_fields: HashMap<Scope, String>,
    calls: HashMap<(Port, Option<Scope>), usize>,
}

impl Faulty {
    pub(crate) fn new(inner: Stores) -> Self {
        Self { inner, orders: Mutex::default() }
    }

    /// From now on the port fails, for one scope or for all.
    pub(crate) fn fail(&self, port: Port, scope: Option<&Scope>, fault: Fault) {
        self.orders().faults.insert((port, scope.cloned()), fault);
    }

    /// From now on every port fails.
    pub(crate) fn fail_all(&self, fault: Fault) {
        for port in Port::ALL {
            self.fail(port, None, fault);
        }
    }

    /// From now on nothing fails.
    pub(crate) fn mend(&self) {
        self.orders().faults.clear();
    }

    /// From now on a scope holds something that is no item.
    pub(crate) fn put_odd_item(&self, scope: &Scope, key: &str) {
        let odd = OddItem { key: key.to_owned(), reason: "is no value".to_owned() };
        self.orders().odd_items.insert(scope.clone(), odd);
    }

    /// From now on a field of a scope's secret is blank, as a program other than ours may have written it.
    pub(crate) fn blank_field(&self, scope: &Scope, field: &str) {
        self.orders().blank_fields.insert(scope.clone(), field.to_owned());
    }

    /// How often a port was called for a scope.
    pub(crate) fn calls(&self, port: Port, scope: &Scope) -> usize {
        self.orders().calls.get(&(port, Some(scope.clone()))).copied().unwrap_or(0)
    }

    /// How often revocations were asked for.
    pub(crate) fn revocation_checks(&self) -> usize {
        self.orders().calls.get(&(Port::Revocations, None)).copied().unwrap_or(0)
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap()
    }

    /// Counts the call, and fails if it is told to.
    async fn call(&self, port: Port, scope: Option<&Scope>) -> Result<(), StoreError> {
        let fault = {
            let mut orders = self.orders();
            *orders.calls.entry((port, scope.cloned())).or_default() += 1;
            let of_scope = orders.faults.get(&(port, scope.cloned())).copied();
            of_scope.or_else(|| orders.faults.get(&(port, None)).copied())
        };
        match fault {
            None => Ok(()),
            Some(Fault::Refused) => {
                Err(StoreError::Unavailable(io::Error::from(io::ErrorKind::ConnectionRefused).into()))
            }
            Some(Fault::Denied) => Err(StoreError::Denied(io::Error::from(io::ErrorKind::PermissionDenied).into())),
            Some(Fault::Corrupt) => Err(StoreError::corrupt("a row that is cut off")),
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Slow(pause)) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl ParameterStore for Faulty {
    async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
        self.call(Port::Parameters, Some(scope)).await?;
        let mut stored = self.inner.read(scope).await?;
        if let (Some(stored), Some(odd)) = (&mut stored, self.orders().odd_items.get(scope)) {
            stored.odd.push(odd.clone());
        }
        Ok(stored)
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
        self.call(Port::Tokens, None).await?;
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
        self.call(Port::Revocations, None).await?;
        self.inner.revocations(after).await
    }
}

#[async_trait]
impl SecretStore for Faulty {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        self.call(Port::Secrets, Some(scope)).await?;
        let mut secret = self.inner.read_secret(scope).await?;
        if let (Some(secret), Some(field)) = (&mut secret, self.orders().blank_fields.get(scope)) {
            secret.fields.insert(field.clone(), SecretText::new("\u{a0}".to_owned()));
        }
        Ok(secret)
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        self.inner.write_secret(scope, write).await
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        self.inner.keys().await
    }
}

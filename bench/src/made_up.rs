//! A store that makes its tenants up when they are read, so that a million of them take no memory of their own.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::FingerprintKey;
use tenantry_store::{
    Binding, Commit, Committed, Head, Item, ItemMeta, LogEntry, LogQuery, NewLogEntry, Page, PageRequest,
    ParameterStore, RevocationCursor, Revocations, SecretStore, SecretVersion, SecretWrite, StoreError, StoreKeys,
    StoredScope, StoredSecret, TenantStatus, TenantSummary, TokenKey, TokenRecord, TokenUse,
};

use crate::workload;

/// The tenants of the workload, as a store would have them. It can be read, and nothing else.
pub struct MadeUp;

impl MadeUp {
    /// Both ports.
    pub fn ports() -> (Arc<dyn ParameterStore>, Arc<dyn SecretStore>) {
        (Arc::new(Self), Arc::new(Self))
    }
}

const READ_ONLY: StoreError = StoreError::Refused("made-up tenants cannot be changed");

fn scope(display_name: String, items: Vec<Item>) -> StoredScope {
    let head = Head {
        revision: Revision(1),
        status: TenantStatus::Active,
        display_name,
        incarnation: "8f14e45f".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        updated_by: "operator".to_owned(),
    };
    StoredScope { head, items, odd: Vec::new(), drift: false, secret_version: None }
}

fn items(number: usize) -> Vec<Item> {
    let meta = ItemMeta {
        revision: Revision(1),
        updated_at: Timestamp::UNIX_EPOCH,
        updated_by: "operator".to_owned(),
        default_revision: Revision(0),
    };
    workload::overrides(number).map(|(key, value)| Item { key, value, meta: Some(meta.clone()) }).collect()
}

#[async_trait]
impl ParameterStore for MadeUp {
    async fn read(&self, of: &Scope) -> Result<Option<StoredScope>, StoreError> {
        Ok(match of {
            Scope::Global => Some(scope(String::new(), Vec::new())),
            Scope::Tenant(tenant) => workload::number_of(tenant).map(|n| scope(format!("Company {n}"), items(n))),
        })
    }

    async fn revocations(&self, _after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        Ok(Revocations { cursor: RevocationCursor("0".to_owned()), tenants: Vec::new() })
    }

    async fn commit_parameters(&self, _: Commit) -> Result<Committed, StoreError> {
        Err(READ_ONLY)
    }

    async fn tenants(&self, _: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        Err(READ_ONLY)
    }

    async fn log(&self, _: &LogQuery, _: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        Err(READ_ONLY)
    }

    async fn revision(&self, _: &Scope, _: Revision) -> Result<Option<LogEntry>, StoreError> {
        Err(READ_ONLY)
    }

    async fn record(&self, _: NewLogEntry) -> Result<(), StoreError> {
        Err(READ_ONLY)
    }

    async fn bound(&self, _: &Binding) -> Result<Option<TenantId>, StoreError> {
        Err(READ_ONLY)
    }

    async fn bindings(&self, _: &TenantId) -> Result<Vec<Binding>, StoreError> {
        Err(READ_ONLY)
    }

    async fn create_token(&self, _: TokenRecord, _: NewLogEntry) -> Result<(), StoreError> {
        Err(READ_ONLY)
    }

    async fn token(&self, _: &str) -> Result<Option<TokenRecord>, StoreError> {
        Err(READ_ONLY)
    }

    async fn tokens(&self, _: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
        Err(READ_ONLY)
    }

    async fn revoke_token(&self, _: &str, _: Timestamp, _: NewLogEntry) -> Result<(), StoreError> {
        Err(READ_ONLY)
    }

    async fn touch_tokens(&self, _: &[TokenUse]) -> Result<(), StoreError> {
        Err(READ_ONLY)
    }
}

#[async_trait]
impl SecretStore for MadeUp {
    async fn read_secret(&self, _: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        Ok(None)
    }

    async fn write_secret(&self, _: &Scope, _: SecretWrite) -> Result<SecretVersion, StoreError> {
        Err(READ_ONLY)
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        Ok(StoreKeys { fingerprint: FingerprintKey::new([7; 32]), token: TokenKey::new([8; 32]) })
    }
}

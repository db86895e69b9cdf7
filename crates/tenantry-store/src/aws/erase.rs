//! Erases a tenant from both services. Every step can be made again.

use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

use super::AwsStore;
use crate::dynamodb::Erasure;
use crate::error::StoreError;
use crate::records::NewLogEntry;

/// How often a tenant that others write to is read again.
const MOST_TRIES: usize = 8;

/// Erases a suspended tenant. One whose erasure was interrupted is erased to the end, whatever is expected of it.
pub(super) async fn erase(
    store: &AwsStore,
    tenant: &TenantId,
    expected: Revision,
    entry: NewLogEntry,
) -> Result<(), StoreError> {
    if store.dynamodb.erasure(tenant).await? != Erasure::Begun {
        begin(store, tenant, expected, entry).await?;
    }
    finish(store, tenant).await
}

async fn begin(store: &AwsStore, tenant: &TenantId, expected: Revision, entry: NewLogEntry) -> Result<(), StoreError> {
    for _ in 0..MOST_TRIES {
        if store.dynamodb.begin_erasure(tenant, expected, entry.clone()).await? {
            return Ok(());
        }
    }
    Err(busy())
}

/// Erases what is left of a deleted tenant.
pub(super) async fn finish(store: &AwsStore, tenant: &TenantId) -> Result<(), StoreError> {
    let scope = Scope::Tenant(tenant.clone());
    for _ in 0..MOST_TRIES {
        // The version is read before it is asked whose it is: a new tenant of the name comes only behind the tombstone.
        let found = store.secrets.in_force(&scope).await?;
        if store.dynamodb.erasure(tenant).await? != Erasure::Begun {
            return Ok(());
        }
        if let Some(intent) = store.dynamodb.intent(&scope).await? {
            store.dynamodb.end_intent(&intent).await?;
        }
        let is_deleted = match found {
            Some(found) => store.secrets.delete_at(&scope, &found).await?,
            None => true,
        };
        if is_deleted {
            return erase_rows(store, tenant, &scope).await;
        }
    }
    Err(busy())
}

async fn erase_rows(store: &AwsStore, tenant: &TenantId, scope: &Scope) -> Result<(), StoreError> {
    match store.dynamodb.erasure(tenant).await? {
        Erasure::Begun => store.dynamodb.erase_rows(tenant).await,
        // Somebody else finished it, and what was deleted just now may be a new tenant's.
        Erasure::Alive => store.secrets.take_back(scope).await,
        Erasure::Done => Ok(()),
    }
}

fn busy() -> StoreError {
    StoreError::Unavailable("others write to the same tenant all the time".into())
}

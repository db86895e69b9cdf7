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
    Err(StoreError::Unavailable("others write to the same tenant all the time".into()))
}

/// Erases what is left of a deleted tenant.
pub(super) async fn finish(store: &AwsStore, tenant: &TenantId) -> Result<(), StoreError> {
    // Somebody else may have finished it, and a new tenant of the name may be there.
    if store.dynamodb.erasure(tenant).await? != Erasure::Begun {
        return Ok(());
    }
    let scope = Scope::Tenant(tenant.clone());
    if let Some(intent) = store.dynamodb.intent(&scope).await? {
        store.dynamodb.end_intent(&intent).await?;
    }
    store.secrets.delete(&scope).await?;
    store.dynamodb.erase_rows(tenant).await
}

//! Takes over a scope into both services. Every step can be made again.

use super::AwsStore;
use crate::error::StoreError;
use crate::records::ScopeCopy;

/// Takes over a scope: nothing of it can be seen before the last step.
pub(super) async fn take_over(store: &AwsStore, copy: ScopeCopy) -> Result<(), StoreError> {
    let (scope, secret) = (copy.scope.clone(), copy.secret.clone());
    let incoming = store.dynamodb.begin_copy(copy).await?;
    store.dynamodb.write_copy(&incoming).await?;
    let version = if let Some(fields) = secret {
        Some(store.secrets.replace(&scope, fields).await?)
    } else {
        if incoming.again {
            // What the attempt before brought must not stay.
            store.secrets.delete(&scope).await?;
        }
        None
    };
    store.dynamodb.finish_copy(&incoming, version).await
}

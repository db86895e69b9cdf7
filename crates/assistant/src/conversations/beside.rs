//! Opens the conversations that belong to a store: beside its file, or in tables beside its tables.

use std::sync::Arc;

use tenantry_store::StoreUrl;

use super::{Conversations, ConversationsError, MemoryConversations};

/// Opens the conversations of the store at this URL. Those of a store in one file are in a file beside it; those of a store on
/// AWS are in `<prefix>Conversations`, under the store's prefix for tenants without one of their own.
pub async fn beside(url: &StoreUrl) -> Result<Arc<dyn Conversations>, ConversationsError> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(MemoryConversations::default())),
        #[cfg(feature = "sqlite")]
        StoreUrl::Sqlite(path) => {
            let path = super::SqliteConversations::beside(path);
            Ok(Arc::new(super::SqliteConversations::open(&path)?))
        }
        #[cfg(feature = "aws")]
        StoreUrl::Aws(url) => {
            use tenantry_integrations::aws::{Aws, AwsOptions};
            use tenantry_integrations::dynamodb::Tables;

            let options = AwsOptions { tenant_role: url.tenant_role().map(str::to_owned), ..AwsOptions::default() };
            let aws = Aws::open(options).await.map_err(|error| ConversationsError::Refused(error.to_string()))?;
            Ok(Arc::new(super::TableConversations::new(Tables::new(aws), url.table_prefix())))
        }
        // A store may be built with more than the assistant is.
        #[cfg(not(all(feature = "aws", feature = "sqlite")))]
        #[allow(unreachable_patterns, reason = "it depends on what the store is built with")]
        _ => {
            Err(ConversationsError::Refused("this program was built without conversations for such a store".to_owned()))
        }
    }
}

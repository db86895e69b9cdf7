//! Opens what the assistant keeps, where its store is: in files beside the store's, or in tables and buckets on AWS.

use std::sync::Arc;

use tenantry_store::StoreUrl;

use super::App;
use crate::conversations::{ConversationsError, MemoryConversations};
use crate::files::MemoryFiles;

impl App {
    /// Keeps conversations and attachments where the store at this URL is. Beside a store in one file stand a file and a folder;
    /// on AWS it is `<prefix>Conversations`, under the store's prefix for tenants without one of their own, and the tenants'
    /// buckets.
    #[cfg_attr(
        not(feature = "aws"),
        expect(clippy::unused_async, reason = "on AWS credentials and region are looked for")
    )]
    pub async fn keep_beside(&mut self, url: &StoreUrl) -> Result<(), ConversationsError> {
        match url {
            StoreUrl::Memory => {
                self.conversations = Arc::new(MemoryConversations::default());
                self.backlog = None;
                self.files = Arc::new(MemoryFiles::default());
            }
            #[cfg(feature = "sqlite")]
            StoreUrl::Sqlite(path) => {
                use crate::conversations::SqliteConversations;
                use crate::files::FolderFiles;

                let conversations = Arc::new(SqliteConversations::open(&SqliteConversations::beside(path))?);
                self.backlog = Some(conversations.clone());
                self.conversations = conversations;
                self.files = Arc::new(FolderFiles::new(FolderFiles::beside(path)));
            }
            #[cfg(feature = "aws")]
            StoreUrl::Aws(url) => {
                use tenantry_integrations::aws::{Aws, AwsOptions};
                use tenantry_integrations::dynamodb::Tables;
                use tenantry_integrations::s3::Buckets;

                use crate::conversations::TableConversations;
                use crate::files::BucketFiles;

                let options = AwsOptions { tenant_role: url.tenant_role().map(str::to_owned), ..AwsOptions::default() };
                let aws = Aws::open(options).await.map_err(|error| ConversationsError::Refused(error.to_string()))?;
                self.backlog = None;
                self.conversations = Arc::new(TableConversations::new(Tables::new(aws.clone()), url.table_prefix()));
                self.files = Arc::new(BucketFiles::new(Buckets::new(aws)));
            }
            // A store may be built with more than the assistant is.
            #[cfg(not(all(feature = "aws", feature = "sqlite")))]
            #[allow(unreachable_patterns, reason = "it depends on what the store is built with")]
            _ => {
                let told = "this program was built without conversations for such a store".to_owned();
                return Err(ConversationsError::Refused(told));
            }
        }
        Ok(())
    }
}

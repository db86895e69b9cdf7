//! The tables of conversations in Amazon DynamoDB, `<prefix>Conversations`: making, verifying, and their rows.
//!
//! | attribute | what |
//! |---|---|
//! | `conversation_key` | partition key; begins with the tenant's id and `#`, so that even a shared table cannot mix two tenants |
//! | `item_key` | sort key; of turns, their time |
//! | `expires_at` | when DynamoDB may remove the row, in seconds since 1970 |
//!
//! Of a tenant comes the prefix alone. Endpoint, region and credentials are the platform's.

mod row;
mod rows;
mod table;

pub use self::row::{Row, RowKey};
pub use self::rows::Rows;

use tenantry_core::scope::TenantId;

use crate::aws::Aws;
use crate::call::CallError;

/// What stands behind the prefix in the name of the table.
pub const CONVERSATIONS: &str = "Conversations";

/// The tables of conversations; a clone shares connections and sessions.
#[derive(Clone, Debug)]
pub struct Tables {
    aws: Aws,
}

impl Tables {
    /// The tables of the account that is asked.
    pub fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// The rows of the table under a prefix, as a tenant may touch them.
    pub async fn rows(&self, tenant: &TenantId, prefix: &str) -> Result<Rows, CallError> {
        let client = self.aws.of(tenant).await?.dynamodb;
        Ok(Rows::new(client, table_name(prefix), format!("{tenant}#"), self.aws.attempt()))
    }
}

/// The name of the table under a prefix.
pub fn table_name(prefix: &str) -> String {
    format!("{prefix}{CONVERSATIONS}")
}

#[cfg(test)]
mod tests;

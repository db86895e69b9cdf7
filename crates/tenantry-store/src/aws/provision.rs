//! Makes the tables, and recognises a store that is there. Everything can be done again.

use tracing::info;

use super::Services;
use super::keys::MasterKey;
use crate::dynamodb::Identity;
use crate::error::StoreError;
use crate::random;
use crate::url::Created;

/// The format that this program reads and writes.
const FORMAT: u64 = 1;

impl Services {
    /// Makes what is missing of the tables.
    pub(super) async fn provision(&self) -> Result<Created, StoreError> {
        let mut created = Created { existed: true, ..Created::default() };
        for table in self.dynamodb.tables() {
            if self.dynamodb.create_table(&table).await? {
                info!(table = table.name, "the table is being made");
                created.made.push(format!("table {}", table.name));
                created.existed = false;
            }
        }
        for table in self.dynamodb.tables() {
            self.dynamodb.wait_for(&table).await?;
            created.lacking.extend(self.dynamodb.protect(&table).await?);
        }
        Ok(created)
    }

    /// Notes whose store it is, unless that stands there already, and takes its id.
    pub(super) async fn found(&self, key: &MasterKey) -> Result<String, StoreError> {
        let id = random::name();
        let environment = self.dynamodb.names.environment.to_string();
        let identity = Identity { format: FORMAT, environment, key_check: key.check(&id), id };
        self.dynamodb.identify(&identity).await?;
        let found = self.recognise(self.dynamodb.identity().await?)?;
        self.check_key(key, &found)?;
        Ok(found.id)
    }

    /// Refuses a store of another format or environment.
    pub(super) fn recognise(&self, found: Option<Identity>) -> Result<Identity, StoreError> {
        let names = &self.dynamodb.names;
        let refused = |told: String| Err(StoreError::CannotOpen(told));
        let Some(found) = found else {
            return refused(format!(
                "found no store in the table {}, expected the record that `tenantry init` makes: run it with this --store",
                names.configuration
            ));
        };
        if found.format != FORMAT {
            return refused(format!(
                "found format {} in the table {}, expected {FORMAT}: use the newer program",
                found.format, names.configuration
            ));
        }
        if found.environment != names.environment.as_str() {
            return refused(format!(
                "found the environment {} in the table {}, expected {}: name that one, or use another table_prefix",
                found.environment, names.configuration, names.environment
            ));
        }
        Ok(found)
    }

    /// Refuses a master key that is not the one of the store.
    pub(super) fn check_key(&self, key: &MasterKey, store: &Identity) -> Result<(), StoreError> {
        if store.key_check == key.check(&store.id) {
            return Ok(());
        }
        Err(StoreError::CannotOpen(format!(
            "found another master key than that of the store in {}, expected the one that it was made with",
            self.dynamodb.names.configuration
        )))
    }
}

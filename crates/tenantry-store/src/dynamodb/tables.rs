//! The tables themselves, and the record of whose store they hold.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, ContinuousBackupsStatus, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, Projection, ProjectionType, ScalarAttributeType,
    TableDescription, TableStatus, Tag,
};

use super::row::{self, CONFIG_KEY, Cells, TENANT_ID};
use super::{BY_TIME, DynamoDb, LOG, LOGGED_AT};
use crate::aws::failure::{Service, failed};
use crate::error::StoreError;

/// The partition of the store's own record.
pub(crate) const STORE: &str = "#store";
/// Its sort key.
const FORMAT: &str = "#format";
/// How long a table may take to be made, in looks a second apart.
const MOST_LOOKS: u32 = 120;
/// The pause between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Whose store the tables hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) format: u64,
    pub(crate) environment: String,
    pub(crate) id: String,
    pub(crate) key_check: String,
}

/// A table that the store needs.
#[derive(Clone, Debug)]
pub(crate) struct TableShape {
    pub(crate) name: String,
    /// Whether it has the index by time.
    indexed: bool,
}

/// What a table is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Protection {
    pub(crate) deletion: bool,
    /// None where the engine does not tell.
    pub(crate) recovery: Option<bool>,
}

impl DynamoDb {
    /// The tables of the store.
    pub(crate) fn tables(&self) -> [TableShape; 2] {
        let shape = |name: &str, indexed| TableShape { name: name.to_owned(), indexed };
        [shape(&self.names.configuration, false), shape(&self.names.log, true)]
    }

    /// Makes a table on demand, protected against deletion, unless it is there; tells whether it did.
    pub(crate) async fn create_table(&self, table: &TableShape) -> Result<bool, StoreError> {
        if self.describe(table).await?.is_some() {
            return Ok(false);
        }
        let create = self
            .client
            .create_table()
            .table_name(&table.name)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true)
            .set_key_schema(Some(keys(TENANT_ID, CONFIG_KEY)?))
            .set_attribute_definitions(Some(attributes(table.indexed)?))
            .set_global_secondary_indexes(if table.indexed { Some(vec![by_time()?]) } else { None })
            .tags(Tag::builder().key("managed-by").value("tenantry").build().map_err(misbuilt)?);
        match create.send().await {
            Ok(_) => Ok(true),
            // Somebody else makes it at this moment.
            Err(error) if error.code() == Some("ResourceInUseException") => Ok(false),
            Err(error) => Err(failed(Service::DynamoDb, &error)),
        }
    }

    /// What is known of a table; none if there is none.
    async fn describe(&self, table: &TableShape) -> Result<Option<TableDescription>, StoreError> {
        match self.client.describe_table().table_name(&table.name).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(failed(Service::DynamoDb, &error)),
        }
    }

    /// Waits until a table can be used, and refuses one of another shape.
    pub(crate) async fn wait_for(&self, table: &TableShape) -> Result<(), StoreError> {
        for _ in 0..MOST_LOOKS {
            if let Some(found) = self.describe(table).await?
                && found.table_status == Some(TableStatus::Active)
            {
                return check_shape(table, &found);
            }
            tokio::time::sleep(LOOK).await;
        }
        let told =
            format!("the table {} is not ready after {MOST_LOOKS} seconds: run `tenantry init` again", table.name);
        Err(StoreError::Unavailable(told.into()))
    }

    /// Turns point-in-time recovery on; answers what the engine did not do.
    pub(crate) async fn protect(&self, table: &TableShape) -> Result<Option<String>, StoreError> {
        let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let update = self.client.update_continuous_backups().table_name(&table.name);
        let update = update.point_in_time_recovery_specification(on.map_err(misbuilt)?);
        let Err(error) = update.send().await else { return Ok(None) };
        match error.code() {
            Some("UnknownOperationException" | "ContinuousBackupsUnavailableException") => Ok(Some(format!(
                "the engine has no point-in-time recovery for the table {}: back it up another way",
                table.name
            ))),
            _ => Err(failed(Service::DynamoDb, &error)),
        }
    }

    /// How a table is protected; none if there is no such table.
    pub(crate) async fn protection(&self, table: &TableShape) -> Result<Option<Protection>, StoreError> {
        let Some(found) = self.describe(table).await? else { return Ok(None) };
        check_shape(table, &found)?;
        let answer = self.client.describe_continuous_backups().table_name(&table.name).send().await;
        let recovery = answer.ok().and_then(|answer| answer.continuous_backups_description).map(|described| {
            described.continuous_backups_status == ContinuousBackupsStatus::Enabled
                && described.point_in_time_recovery_description.is_some_and(|recovery| {
                    recovery.point_in_time_recovery_status == Some(PointInTimeRecoveryStatus::Enabled)
                })
        });
        Ok(Some(Protection { deletion: found.deletion_protection_enabled.unwrap_or(false), recovery }))
    }

    /// Notes whose store it is, unless that stands there already.
    pub(crate) async fn identify(&self, identity: &Identity) -> Result<(), StoreError> {
        let mut row = row::key(STORE, FORMAT);
        row.insert("format".to_owned(), row::number(identity.format));
        row.insert("environment".to_owned(), row::text(&identity.environment));
        row.insert("id".to_owned(), row::text(&identity.id));
        row.insert("key_check".to_owned(), row::text(&identity.key_check));
        self.configuration().put_new(row).await.map(drop)
    }

    /// Whose store it is; none if nobody noted it.
    pub(crate) async fn identity(&self) -> Result<Option<Identity>, StoreError> {
        let Some(row) = self.configuration().get(STORE, FORMAT).await? else { return Ok(None) };
        let cells = Cells::new(&row, "the record of the store");
        Ok(Some(Identity {
            format: cells.number("format")?,
            environment: cells.text("environment")?.to_owned(),
            id: cells.text("id")?.to_owned(),
            key_check: cells.text("key_check")?.to_owned(),
        }))
    }
}

fn check_shape(table: &TableShape, found: &TableDescription) -> Result<(), StoreError> {
    let expected = keys(TENANT_ID, CONFIG_KEY)?;
    let indexed = found.global_secondary_indexes().iter().any(|index| index.index_name() == Some(BY_TIME));
    if found.key_schema() == expected && (indexed || !table.indexed) {
        return Ok(());
    }
    let index = if table.indexed { " and the index by_time" } else { "" };
    Err(StoreError::CannotOpen(format!(
        "found the table {} with other keys, expected {TENANT_ID} and {CONFIG_KEY}{index}: use another table_prefix",
        table.name
    )))
}

fn keys(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, StoreError> {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![key(partition, KeyType::Hash).map_err(misbuilt)?, key(sort, KeyType::Range).map_err(misbuilt)?])
}

fn attributes(indexed: bool) -> Result<Vec<AttributeDefinition>, StoreError> {
    let names: &[&str] = if indexed { &[TENANT_ID, CONFIG_KEY, LOG, LOGGED_AT] } else { &[TENANT_ID, CONFIG_KEY] };
    let text = |name: &&str| {
        AttributeDefinition::builder().attribute_name(*name).attribute_type(ScalarAttributeType::S).build()
    };
    names.iter().map(text).collect::<Result<_, _>>().map_err(misbuilt)
}

fn by_time() -> Result<GlobalSecondaryIndex, StoreError> {
    GlobalSecondaryIndex::builder()
        .index_name(BY_TIME)
        .set_key_schema(Some(keys(LOG, LOGGED_AT)?))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(misbuilt)
}

fn misbuilt(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Corrupt { what: "a call that lacks a part".to_owned(), source: Some(error.into()) }
}

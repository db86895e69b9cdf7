//! The table itself: making it, and verifying that it is the one that is expected.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription, TableStatus,
    Tag, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::row::{EXPIRES_AT, PARTITION, SORT};
use super::{Tables, table_name};
use crate::aws::{code, failed};
use crate::call::{CallError, malformed};
use crate::verify::Identity;

/// How long a table may take to be made, in looks a second apart.
const MOST_LOOKS: u32 = 120;
/// The pause between two looks.
const LOOK: Duration = Duration::from_secs(1);

impl Tables {
    /// Asks for the table under a prefix: is it there, active, and keyed as expected?
    pub async fn verify(&self, prefix: &str) -> Result<Identity, CallError> {
        let name = table_name(prefix);
        let Some(table) = self.describe(&name).await? else {
            let reason = format!("there is no table {name}: make it with `tenantry storage init`");
            return Err(CallError::Rejected { status: 400, reason });
        };
        check_shape(&name, &table)?;
        if table.table_status != Some(TableStatus::Active) {
            let status = table.table_status.map_or_else(|| "not known".to_owned(), |status| status.to_string());
            return Err(CallError::Unreachable { reason: format!("the table {name} is not active: it is {status}") });
        }
        let identity = Identity::new(format!("table {name} in {}", self.aws.region()));
        if self.expires(&name).await? {
            return Ok(identity);
        }
        let note = format!("rows stay forever: `tenantry storage init` turns the time to live by {EXPIRES_AT} on");
        Ok(identity.with_note(note))
    }

    /// Makes the table under a prefix, on demand, protected against deletion and with a time to live; what is there already
    /// stays as it is. Answers whether it made one.
    pub async fn create(&self, prefix: &str) -> Result<bool, CallError> {
        let name = table_name(prefix);
        let made = match self.describe(&name).await? {
            Some(_) => false,
            None => self.make(&name).await?,
        };
        self.wait_for(&name).await?;
        if !self.expires(&name).await? {
            self.let_expire(&name).await?;
        }
        Ok(made)
    }

    async fn make(&self, name: &str) -> Result<bool, CallError> {
        let tag = Tag::builder().key("managed-by").value("tenantry").build().map_err(misbuilt)?;
        let create = self
            .aws
            .own()
            .dynamodb
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true)
            .set_key_schema(Some(keys()?))
            .set_attribute_definitions(Some(attributes()?))
            .tags(tag);
        match create.send().await {
            Ok(_) => Ok(true),
            // Somebody else makes it at this moment.
            Err(error) if code(&error) == "ResourceInUseException" => Ok(false),
            Err(error) => Err(failed(&error, self.aws.attempt())),
        }
    }

    async fn wait_for(&self, name: &str) -> Result<(), CallError> {
        for _ in 0..MOST_LOOKS {
            if let Some(found) = self.describe(name).await?
                && found.table_status == Some(TableStatus::Active)
            {
                return check_shape(name, &found);
            }
            tokio::time::sleep(LOOK).await;
        }
        let reason = format!("the table {name} is not ready after {MOST_LOOKS} seconds: run it again");
        Err(CallError::Unreachable { reason })
    }

    async fn describe(&self, name: &str) -> Result<Option<TableDescription>, CallError> {
        match self.aws.own().dynamodb.describe_table().table_name(name).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(failed(&error, self.aws.attempt())),
        }
    }

    async fn expires(&self, name: &str) -> Result<bool, CallError> {
        let asked = self.aws.own().dynamodb.describe_time_to_live().table_name(name).send().await;
        let answer = asked.map_err(|error| failed(&error, self.aws.attempt()))?;
        Ok(answer.time_to_live_description.is_some_and(|found| {
            let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
            found.attribute_name() == Some(EXPIRES_AT) && found.time_to_live_status.is_some_and(|it| on.contains(&it))
        }))
    }

    async fn let_expire(&self, name: &str) -> Result<(), CallError> {
        let on = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES_AT).build();
        let update = self.aws.own().dynamodb.update_time_to_live().table_name(name);
        let update = update.time_to_live_specification(on.map_err(misbuilt)?);
        update.send().await.map(drop).map_err(|error| failed(&error, self.aws.attempt()))
    }
}

fn check_shape(name: &str, found: &TableDescription) -> Result<(), CallError> {
    if found.key_schema() == keys()? {
        return Ok(());
    }
    let keys: Vec<_> = found.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
    let reason = format!(
        "the table {name} is keyed by {}, expected {PARTITION} and {SORT}: use another prefix",
        keys.join(" and ")
    );
    Err(CallError::Rejected { status: 400, reason })
}

fn keys() -> Result<Vec<KeySchemaElement>, CallError> {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![key(PARTITION, KeyType::Hash).map_err(misbuilt)?, key(SORT, KeyType::Range).map_err(misbuilt)?])
}

fn attributes() -> Result<Vec<AttributeDefinition>, CallError> {
    let text =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
    Ok(vec![text(PARTITION).map_err(misbuilt)?, text(SORT).map_err(misbuilt)?])
}

fn misbuilt(_: aws_sdk_dynamodb::error::BuildError) -> CallError {
    malformed("a call lacks a part")
}

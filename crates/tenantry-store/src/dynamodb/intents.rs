//! Intents: which secret is about to be changed together with parameters, so that an interrupted change is found.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use jiff::Timestamp;
use tenantry_core::scope::Scope;

use super::partition_of;
use super::row::{self, Cells, Row};
use super::table::{Range, Table};
use crate::aws::failure::{Service, failed};
use crate::error::StoreError;
use crate::records::SecretVersion;

/// The partition of intents: one a scope, so that two changes of one secret do not meet.
pub(crate) const INTENTS: &str = "#intents";

/// A change of parameters and secret that is under way, or was interrupted.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// The scope whose secret is changed.
    pub(crate) scope: Scope,
    /// The version that the secret is about to get.
    pub(crate) version: SecretVersion,
    /// The version that it was decided on; none if there was no secret.
    pub(crate) base: Option<SecretVersion>,
    /// When it began, by its writer's clock.
    pub(crate) at: Timestamp,
    /// Who does it.
    pub(crate) actor: String,
}

impl Intent {
    fn to_row(&self) -> Row {
        let mut row = row::key(INTENTS, partition_of(&self.scope));
        row.insert("version".to_owned(), row::text(&self.version.0));
        if let Some(base) = &self.base {
            row.insert("base".to_owned(), row::text(&base.0));
        }
        row.insert("at".to_owned(), row::moment(self.at));
        row.insert("actor".to_owned(), row::text(&self.actor));
        row
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let cells = Cells::new(row, "an intent");
        Ok(Self {
            scope: cells.scope(row::CONFIG_KEY)?,
            version: SecretVersion(cells.text("version")?.to_owned()),
            base: cells.optional_text("base")?.map(|text| SecretVersion(text.to_owned())),
            at: cells.moment("at")?,
            actor: cells.text("actor")?.to_owned(),
        })
    }
}

impl Table<'_> {
    /// Notes an intent, unless there is one of this scope; tells whether it did.
    pub(super) async fn begin_intent(&self, intent: &Intent) -> Result<bool, StoreError> {
        self.put_new(intent.to_row()).await
    }

    /// The intent of a scope.
    pub(super) async fn intent(&self, scope: &Scope) -> Result<Option<Intent>, StoreError> {
        self.get(INTENTS, partition_of(scope)).await?.as_ref().map(Intent::read).transpose()
    }

    /// All intents.
    pub(super) async fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        self.query(INTENTS, &Range::default()).await?.iter().map(Intent::read).collect()
    }

    /// Removes an intent, unless another one took its place.
    pub(super) async fn end_intent(&self, intent: &Intent) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(self.name)
            .set_key(Some(row::key(INTENTS, partition_of(&intent.scope))))
            .condition_expression("#v = :v")
            .expression_attribute_names("#v", "version")
            .expression_attribute_values(":v", row::text(&intent.version.0))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(Service::DynamoDb, &error)),
        }
    }
}

//! Reads and writes rows of one tenant.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::row::{Attributes, EXPIRES_AT, PARTITION, Row, RowKey, SORT, key, number};
use crate::aws::{code, failed};
use crate::call::CallError;

/// The rows of one tenant in one table.
#[derive(Clone, Debug)]
pub struct Rows {
    client: Client,
    table: String,
    /// What all its partitions begin with: the tenant's id and `#`.
    owner: String,
    limit: Duration,
}

impl Rows {
    pub(super) fn new(client: Client, table: String, owner: String, limit: Duration) -> Self {
        Self { client, table, owner, limit }
    }

    /// Writes a row; one of the same key is replaced.
    pub async fn put(&self, row: Row) -> Result<(), CallError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row.attributes(&self.owner)));
        put.send().await.map(drop).map_err(|error| failed(&error, self.limit))
    }

    /// Writes a row unless there is one whose number `field` is greater than `than`: that one is answered then.
    pub async fn put_unless_later(&self, row: Row, field: &str, than: i64) -> Result<Option<Row>, CallError> {
        // The one that stood in the way may be gone when it is read, and then another try is due.
        for _ in 0..3 {
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(row.clone().attributes(&self.owner)))
                .condition_expression("attribute_not_exists(#key) OR #field <= :than")
                .expression_attribute_names("#key", PARTITION)
                .expression_attribute_names("#field", field)
                .expression_attribute_values(":than", number(than));
            match put.send().await {
                Ok(_) => return Ok(None),
                Err(error) if code(&error) == CONDITION_FAILED => {}
                Err(error) => return Err(failed(&error, self.limit)),
            }
            if let Some(found) = self.get(&row.key).await? {
                return Ok(Some(found));
            }
        }
        Err(CallError::Unreachable { reason: "a row changed while it was written".to_owned() })
    }

    /// Reads a row as it is now.
    pub async fn get(&self, at: &RowKey) -> Result<Option<Row>, CallError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(&self.owner, at)));
        let answer = get.consistent_read(true).send().await.map_err(|error| failed(&error, self.limit))?;
        answer.item.map(|found| Row::of(&self.owner, found)).transpose()
    }

    /// Reads the last rows of a partition behind a place, the last one first.
    pub async fn last(&self, partition: &str, behind: &str, count: u32) -> Result<Vec<Row>, CallError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (mut rows, mut next) = (Vec::new(), None);
        while rows.len() < count {
            let page = self.page(partition, behind, count - rows.len(), next).await?;
            for found in page.items.unwrap_or_default() {
                rows.push(Row::of(&self.owner, found)?);
            }
            next = page.last_evaluated_key;
            if next.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    async fn page(
        &self,
        partition: &str,
        behind: &str,
        most: usize,
        next: Option<Attributes>,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput, CallError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#key = :key AND #sort > :behind")
            .expression_attribute_names("#key", PARTITION)
            .expression_attribute_names("#sort", SORT)
            .expression_attribute_values(":key", AttributeValue::S(format!("{}{partition}", self.owner)))
            .expression_attribute_values(":behind", AttributeValue::S(behind.to_owned()))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .set_exclusive_start_key(next);
        query.send().await.map_err(|error| failed(&error, self.limit))
    }

    /// Adds to a number of a row, which begins at 0, and answers what it is then. Two at once are both added.
    pub async fn add(&self, at: &RowKey, field: &str, more: i64, expires_at: i64) -> Result<i64, CallError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(&self.owner, at)))
            .update_expression("SET #expires = :expires ADD #field :more")
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":expires", number(expires_at))
            .expression_attribute_values(":more", number(more))
            .return_values(ReturnValue::AllNew);
        let answer = update.send().await.map_err(|error| failed(&error, self.limit))?;
        let row = Row::of(&self.owner, answer.attributes.unwrap_or_default())?;
        Ok(row.numbers.get(field).copied().unwrap_or(more))
    }

    /// Removes a row unless its text `field` is `kept`. One that is not there is no error.
    pub async fn remove_unless(&self, at: &RowKey, field: &str, kept: &str) -> Result<(), CallError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(&self.owner, at)))
            .condition_expression("attribute_not_exists(#key) OR #field <> :kept")
            .expression_attribute_names("#key", PARTITION)
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":kept", AttributeValue::S(kept.to_owned()));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == CONDITION_FAILED => Ok(()),
            Err(error) => Err(failed(&error, self.limit)),
        }
    }
}

/// The condition of a write does not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

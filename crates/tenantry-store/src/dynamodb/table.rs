//! The calls of DynamoDB that the store makes: every page is read, or the call fails as a whole.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};

use super::row::{self, CONFIG_KEY, CONFIG_VALUE, Row, TENANT_ID};
use crate::aws::failure::{Service, failed};
use crate::error::StoreError;

/// The most rows that one BatchGetItem answers.
const BATCH: usize = 100;
/// The most rows that one BatchWriteItem writes.
const WRITE_BATCH: usize = 25;
/// How often what a BatchGetItem left out is asked for again.
const ROUNDS: usize = 8;

/// A table of which every partition is read by its keys.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
}

/// Which rows of a partition to read.
#[derive(Clone, Debug, Default)]
pub(super) struct Range<'a> {
    /// From this sort key on.
    pub(super) from: Option<&'a str>,
    /// Behind this one, in the direction of reading; it must be within the range.
    pub(super) behind: Option<String>,
    /// From the largest sort key down.
    pub(super) descending: bool,
    /// Only rows that have this attribute.
    pub(super) having: Option<&'a str>,
    /// At the most so many; all if none.
    pub(super) limit: Option<usize>,
    /// Only until those before the last one have so many bytes; all if none.
    pub(super) bytes: Option<usize>,
}

impl Range<'_> {
    fn is_enough(&self, rows: &[Row]) -> bool {
        let has_bytes = |enough: usize| {
            let before_last = &rows[..rows.len().saturating_sub(1)];
            before_last.iter().map(row::size).sum::<usize>() >= enough
        };
        self.limit.is_some_and(|limit| rows.len() >= limit) || self.bytes.is_some_and(has_bytes)
    }
}

impl Table<'_> {
    /// Reads rows of a partition in the order of their sort keys, all pages of them, as they are by now.
    pub(super) async fn query(&self, partition: &str, range: &Range<'_>) -> Result<Vec<Row>, StoreError> {
        let mut rows: Vec<Row> = Vec::new();
        let mut start = range.behind.as_ref().map(|behind| row::key(partition, behind));
        loop {
            let mut query = self
                .client
                .query()
                .table_name(self.name)
                .consistent_read(true)
                .scan_index_forward(!range.descending)
                .set_exclusive_start_key(start)
                .expression_attribute_names("#p", TENANT_ID)
                .expression_attribute_values(":p", row::text(partition));
            query = match range.from {
                None => query.key_condition_expression("#p = :p"),
                Some(from) => query
                    .key_condition_expression("#p = :p AND #s >= :from")
                    .expression_attribute_names("#s", CONFIG_KEY)
                    .expression_attribute_values(":from", row::text(from)),
            };
            if let Some(having) = range.having {
                query = query.filter_expression("attribute_exists(#h)").expression_attribute_names("#h", having);
            }
            let left = range.limit.map(|limit| limit.saturating_sub(rows.len()));
            query = query.set_limit(left.and_then(|left| i32::try_from(left).ok()));
            let page = query.send().await.map_err(|error| failed(Service::DynamoDb, &error))?;
            rows.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || range.is_enough(&rows) {
                return Ok(rows);
            }
        }
    }

    /// Reads one row as it is by now.
    pub(super) async fn get(&self, partition: &str, sort: &str) -> Result<Option<Row>, StoreError> {
        let get = self.client.get_item().table_name(self.name).consistent_read(true);
        let answer = get.set_key(Some(row::key(partition, sort))).send().await;
        Ok(answer.map_err(|error| failed(Service::DynamoDb, &error))?.item)
    }

    /// Reads rows by their keys, as they are by now; those that are not there are left out. In no order.
    pub(super) async fn get_all(&self, keys: Vec<Row>) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH) {
            self.get_chunk(chunk.to_vec(), &mut rows).await?;
        }
        Ok(rows)
    }

    async fn get_chunk(&self, mut keys: Vec<Row>, rows: &mut Vec<Row>) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys)).build();
            let wanted = wanted.map_err(|error| StoreError::Unavailable(error.into()))?;
            let answer = self.client.batch_get_item().request_items(self.name, wanted).send().await;
            let answer = answer.map_err(|error| failed(Service::DynamoDb, &error))?;
            rows.extend(answer.responses.into_iter().flat_map(HashMap::into_values).flatten());
            keys =
                answer.unprocessed_keys.into_iter().flat_map(HashMap::into_values).flat_map(|left| left.keys).collect();
            if keys.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("DynamoDB answers parts of a batch only: it is asked for too much".into()))
    }

    /// Writes a row without looking at what is there.
    pub(super) async fn put(&self, item: Row) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(self.name).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| failed(Service::DynamoDb, &error))
    }

    /// Writes rows without looking at what is there, and removes others; in no order, and not as a whole.
    pub(super) async fn write_all(&self, puts: Vec<Row>, deletes: Vec<Row>) -> Result<(), StoreError> {
        let put =
            |row| Ok(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(row)).build()?).build());
        let delete = |key| {
            Ok(WriteRequest::builder().delete_request(DeleteRequest::builder().set_key(Some(key)).build()?).build())
        };
        let deletes = deletes.into_iter().map(delete);
        let writes: Result<Vec<_>, BuildError> = puts.into_iter().map(put).chain(deletes).collect();
        let writes = writes.map_err(|error| StoreError::Unavailable(error.into()))?;
        for chunk in writes.chunks(WRITE_BATCH) {
            self.write_chunk(chunk.to_vec()).await?;
        }
        Ok(())
    }

    async fn write_chunk(&self, mut writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let answer = self.client.batch_write_item().request_items(self.name, writes).send().await;
            let answer = answer.map_err(|error| failed(Service::DynamoDb, &error))?;
            writes = answer.unprocessed_items.into_iter().flat_map(HashMap::into_values).flatten().collect();
            if writes.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("DynamoDB takes parts of a batch only: it is asked for too much".into()))
    }

    /// Writes a row unless there is one with its key; tells whether it did.
    pub(super) async fn put_new(&self, item: Row) -> Result<bool, StoreError> {
        let put = self.client.put_item().table_name(self.name).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(#p)").expression_attribute_names("#p", TENANT_ID);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(failed(Service::DynamoDb, &error)),
        }
    }

    /// Removes a row, if there is one.
    pub(super) async fn delete(&self, partition: &str, sort: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(self.name).set_key(Some(row::key(partition, sort)));
        delete.send().await.map(drop).map_err(|error| failed(Service::DynamoDb, &error))
    }

    /// Writes a row of a partition unless its value is another one's; tells whether it did.
    pub(super) async fn claim(&self, item: Row, value: &str) -> Result<bool, StoreError> {
        let put = self.client.put_item().table_name(self.name).set_item(Some(item));
        let put = put
            .condition_expression("attribute_not_exists(#p) OR #v = :v")
            .expression_attribute_names("#p", TENANT_ID)
            .expression_attribute_names("#v", CONFIG_VALUE)
            .expression_attribute_values(":v", row::text(value));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(failed(Service::DynamoDb, &error)),
        }
    }

    /// Changes a row that fulfils a condition; tells whether it does.
    pub(super) async fn update(&self, partition: &str, sort: &str, update: Update<'_>) -> Result<bool, StoreError> {
        let call = self.client.update_item().table_name(self.name).set_key(Some(row::key(partition, sort)));
        let call = call.update_expression(update.expression);
        let call = call.set_condition_expression(update.condition.map(str::to_owned));
        let call = call.set_expression_attribute_names(update.names()).set_expression_attribute_values(update.values());
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(Service::DynamoDb, &error)),
        }
    }
}

/// A change of one row, in DynamoDB's words.
pub(super) struct Update<'a> {
    pub(super) expression: &'a str,
    pub(super) condition: Option<&'a str>,
    pub(super) names: &'a [(&'a str, &'a str)],
    pub(super) values: Vec<(&'a str, AttributeValue)>,
}

impl Update<'_> {
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names: HashMap<_, _> =
            self.names.iter().map(|(name, stands_for)| ((*name).to_owned(), (*stands_for).to_owned())).collect();
        Some(names).filter(|names| !names.is_empty())
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        let values: HashMap<_, _> =
            self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Some(values).filter(|values| !values.is_empty())
    }
}

//! Writes that are made together or not at all, and why they were not.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};

use super::row::{self, Row};
use super::table;
use super::value;
use crate::aws::failure::{Service, failed};
use crate::error::StoreError;

/// The most writes of one transaction.
pub(crate) const MOST_WRITES: usize = 100;
/// The largest item, in bytes.
const LARGEST_ITEM: usize = 400 * 1024;
/// The largest transaction, in bytes; some room is left for what is not counted here.
const LARGEST_TRANSACTION: usize = 4 * 1024 * 1024 - 64 * 1024;

/// A condition on the row that is written, in DynamoDB's words.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    expression: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    /// Whatever is there.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// There is no such row.
    pub(super) fn absent() -> Self {
        Self { expression: Some("attribute_not_exists(#p)".to_owned()), ..Self::default() }.naming("#p", row::TENANT_ID)
    }

    /// An attribute of the row has this value.
    pub(super) fn is(name: &str, value: AttributeValue) -> Self {
        let condition = Self { expression: Some("#a = :a".to_owned()), ..Self::default() }.naming("#a", name);
        Self { values: HashMap::from([(":a".to_owned(), value)]), ..condition }
    }

    /// An attribute of the row has this value, or there is no row.
    pub(super) fn is_or_absent(name: &str, value: AttributeValue) -> Self {
        let condition = Self::is(name, value).naming("#p", row::TENANT_ID);
        Self { expression: Some("attribute_not_exists(#p) OR #a = :a".to_owned()), ..condition }
    }

    /// The row is the head of a scope that is there.
    pub(super) fn is_living() -> Self {
        let expression = Some("#a IN (:active, :suspended)".to_owned());
        let status = |status: &str| (format!(":{status}"), row::text(status));
        let values = HashMap::from([status("active"), status("suspended")]);
        Self { expression, values, ..Self::default() }.naming("#a", "status")
    }

    fn naming(mut self, placeholder: &str, name: &str) -> Self {
        self.names.insert(placeholder.to_owned(), name.to_owned());
        self
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        Some(self.names.clone()).filter(|names| !names.is_empty())
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        Some(self.values.clone()).filter(|values| !values.is_empty())
    }
}

/// A transaction in the making. Each write has a mark, by which the one whose condition failed is told.
pub(super) struct Transaction<M> {
    writes: Vec<(M, TransactWriteItem)>,
    bytes: usize,
}

/// Why a transaction was not made.
#[derive(Debug)]
pub(super) enum Aborted<M> {
    /// The condition of the write with this mark did not hold; of several, the first one.
    Condition(M),
    /// Others write to the same rows at the same time.
    Contention,
    /// The call failed. Unless the error says what is wrong, it is open whether the transaction was made.
    Failed(StoreError),
}

impl<M> From<StoreError> for Aborted<M> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl<M: Clone> Transaction<M> {
    pub(super) fn new() -> Self {
        Self { writes: Vec::new(), bytes: 0 }
    }

    /// Writes a row.
    pub(super) fn put(&mut self, mark: M, table: &str, row: Row, condition: &Condition) -> Result<(), StoreError> {
        let bytes = value::size_of_members(&row);
        if bytes > LARGEST_ITEM {
            return Err(StoreError::TooLarge { what: told_of(&row), size: bytes, limit: LARGEST_ITEM });
        }
        self.bytes += bytes;
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(row))
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .build();
        self.add(mark, TransactWriteItem::builder().put(put.map_err(misbuilt)?).build());
        Ok(())
    }

    /// Removes a row.
    pub(super) fn delete(&mut self, mark: M, table: &str, key: Row, condition: &Condition) -> Result<(), StoreError> {
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key))
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .build();
        self.add(mark, TransactWriteItem::builder().delete(delete.map_err(misbuilt)?).build());
        Ok(())
    }

    /// Changes a row.
    pub(super) fn update(
        &mut self,
        mark: M,
        table: &str,
        key: Row,
        update: &table::Update<'_>,
    ) -> Result<(), StoreError> {
        self.bytes += update.values.iter().map(|(_, value)| value::size(value)).sum::<usize>();
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(update.expression)
            .set_condition_expression(update.condition.map(str::to_owned))
            .set_expression_attribute_names(update.names())
            .set_expression_attribute_values(update.values())
            .build();
        self.add(mark, TransactWriteItem::builder().update(update.map_err(misbuilt)?).build());
        Ok(())
    }

    /// Looks at a row that is not written.
    pub(super) fn check(&mut self, mark: M, table: &str, key: Row, condition: &Condition) -> Result<(), StoreError> {
        let check = ConditionCheck::builder()
            .table_name(table)
            .set_key(Some(key))
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .build();
        self.add(mark, TransactWriteItem::builder().condition_check(check.map_err(misbuilt)?).build());
        Ok(())
    }

    fn add(&mut self, mark: M, write: TransactWriteItem) {
        self.writes.push((mark, write));
    }

    /// Makes all of it, or nothing. A call that is sent again because its answer was lost is made once.
    pub(super) async fn send(self, client: &Client) -> Result<(), Aborted<M>> {
        too_large("the number of writes in one transaction", self.writes.len(), MOST_WRITES)?;
        too_large("the change set", self.bytes, LARGEST_TRANSACTION)?;
        let (marks, writes): (Vec<M>, Vec<TransactWriteItem>) = self.writes.into_iter().unzip();
        let answer = client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = answer else { return Ok(()) };
        if let Some(cancelled) = error.as_service_error().and_then(cancellation) {
            return Err(aborted(&marks, cancelled));
        }
        Err(Aborted::Failed(failed(Service::DynamoDb, &error)))
    }
}

fn cancellation(
    error: &aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError,
) -> Option<&[CancellationReason]> {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException;
    match error {
        TransactionCanceledException(cancelled) => Some(cancelled.cancellation_reasons()),
        _ => None,
    }
}

fn aborted<M: Clone>(marks: &[M], reasons: &[CancellationReason]) -> Aborted<M> {
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or_default());
    if let Some(at) = codes().position(|code| code == "ConditionalCheckFailed") {
        return marks.get(at).map_or(Aborted::Contention, |mark| Aborted::Condition(mark.clone()));
    }
    if codes().any(|code| code == "TransactionConflict") {
        return Aborted::Contention;
    }
    let code = codes().find(|code| !matches!(*code, "" | "None")).unwrap_or("no reason");
    let told = format!("DynamoDB cancelled the transaction: {code}");
    Aborted::Failed(match code {
        "ItemCollectionSizeLimitExceeded" | "ValidationError" => StoreError::corrupt(told),
        _ => StoreError::Unavailable(told.into()),
    })
}

fn too_large(what: &str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        return Err(StoreError::TooLarge { what: what.to_owned(), size, limit });
    }
    Ok(())
}

/// What a row that is too large is called.
fn told_of(row: &Row) -> String {
    let text = |name: &str| row.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    format!("the item {} of {}", text(row::CONFIG_KEY), text(row::TENANT_ID))
}

fn misbuilt(error: BuildError) -> StoreError {
    StoreError::Corrupt { what: "a call that lacks a part".to_owned(), source: Some(error.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    #[test]
    fn the_first_condition_that_failed_is_told() {
        let reasons = ["None", "TransactionConflict", "ConditionalCheckFailed", "ConditionalCheckFailed"].map(reason);
        assert!(matches!(aborted(&['a', 'b', 'c', 'd'], &reasons), Aborted::Condition('c')));
    }

    #[test]
    fn writers_that_meet_are_no_failure_of_the_store() {
        assert!(matches!(aborted(&['a', 'b'], &["None", "TransactionConflict"].map(reason)), Aborted::Contention));
    }

    #[test]
    fn throttling_passes_and_an_invalid_write_does_not() {
        let failed = |code| match aborted(&['a'], &[reason(code)]) {
            Aborted::Failed(error) => error.is_transient(),
            other => panic!("{other:?}"),
        };
        assert!(failed("ThrottlingError"));
        assert!(failed("ProvisionedThroughputExceeded"));
        assert!(!failed("ValidationError"));
    }

    #[test]
    fn an_item_that_dynamodb_does_not_keep_is_refused_before_any_call() {
        let mut row = row::key("acme", "a");
        row.insert("changes".to_owned(), row::text("x".repeat(LARGEST_ITEM)));
        let refused = Transaction::new().put('a', "t", row, &Condition::none()).unwrap_err();
        assert!(matches!(refused, StoreError::TooLarge { limit: LARGEST_ITEM, .. }), "{refused:?}");
    }
}

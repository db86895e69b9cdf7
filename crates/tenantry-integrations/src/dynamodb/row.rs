//! A row of the table: texts and numbers under a key.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::call::{CallError, malformed};

/// The partition key.
pub(super) const PARTITION: &str = "conversation_key";
/// The sort key.
pub(super) const SORT: &str = "item_key";
/// When DynamoDB may remove the row, in seconds since 1970.
pub(super) const EXPIRES_AT: &str = "expires_at";

/// A row as DynamoDB has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowKey {
    /// The partition, behind the tenant's id: `conversation#…`.
    pub partition: String,
    /// The place within the partition.
    pub sort: String,
}

/// A row: texts and numbers by the names of their attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub key: RowKey,
    /// Its texts.
    pub texts: BTreeMap<String, String>,
    /// Its numbers.
    pub numbers: BTreeMap<String, i64>,
    /// When it may be removed, in seconds since 1970.
    pub expires_at: i64,
}

impl Row {
    /// An empty row.
    pub fn new(key: RowKey, expires_at: i64) -> Self {
        Self { key, texts: BTreeMap::new(), numbers: BTreeMap::new(), expires_at }
    }

    /// With one more text.
    #[must_use]
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.texts.insert(name.to_owned(), value.into());
        self
    }

    /// With one more number.
    #[must_use]
    pub fn number(mut self, name: &str, value: i64) -> Self {
        self.numbers.insert(name.to_owned(), value);
        self
    }

    pub(super) fn attributes(self, owner: &str) -> Attributes {
        let mut attributes = key(owner, &self.key);
        attributes.insert(EXPIRES_AT.to_owned(), number(self.expires_at));
        attributes.extend(self.texts.into_iter().map(|(name, value)| (name, AttributeValue::S(value))));
        attributes.extend(self.numbers.into_iter().map(|(name, value)| (name, number(value))));
        attributes
    }

    /// Reads a row that must be the owner's. Attributes that are neither text nor number are passed over.
    pub(super) fn of(owner: &str, mut attributes: Attributes) -> Result<Self, CallError> {
        let mut part = |name: &str| match attributes.remove(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(malformed("a row has no key")),
        };
        let (partition, sort) = (part(PARTITION)?, part(SORT)?);
        let Some(partition) = partition.strip_prefix(owner) else {
            return Err(malformed("a row of another tenant came back"));
        };
        let mut row = Self::new(RowKey { partition: partition.to_owned(), sort }, 0);
        for (name, value) in attributes {
            match value {
                AttributeValue::S(text) => {
                    row.texts.insert(name, text);
                }
                AttributeValue::N(digits) => {
                    // Larger than any that is counted here is as good as the largest.
                    row.numbers.insert(name, digits.parse().unwrap_or(i64::MAX));
                }
                _ => {}
            }
        }
        row.expires_at = row.numbers.remove(EXPIRES_AT).unwrap_or(i64::MAX);
        Ok(row)
    }
}

pub(super) fn key(owner: &str, key: &RowKey) -> Attributes {
    let partition = AttributeValue::S(format!("{owner}{}", key.partition));
    HashMap::from([(PARTITION.to_owned(), partition), (SORT.to_owned(), AttributeValue::S(key.sort.clone()))])
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let key = RowKey { partition: "conversation#1".to_owned(), sort: "a".to_owned() };
        Row::new(key, 7).text("said", "hi").number("count", 3)
    }

    #[test]
    fn a_row_reads_back_what_it_wrote() {
        assert_eq!(Row::of("acme#", row().attributes("acme#")).unwrap(), row());
    }

    #[test]
    fn another_tenants_row_is_refused() {
        for other in ["beta#", "acme-corp#", "acm#"] {
            assert!(matches!(Row::of("acme#", row().attributes(other)), Err(CallError::Malformed { .. })), "{other}");
        }
    }

    #[test]
    fn odd_attributes_are_passed_over_and_a_row_without_a_key_is_refused() {
        let mut attributes = row().attributes("acme#");
        attributes.insert("odd".to_owned(), AttributeValue::Bool(true));
        assert_eq!(Row::of("acme#", attributes.clone()).unwrap(), row());
        attributes.insert(SORT.to_owned(), number(1));
        assert!(Row::of("acme#", attributes).is_err());
    }
}

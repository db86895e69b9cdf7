//! Reads rows without trusting them, and makes them: whatever the attributes hold, an answer or a named error.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use tenantry_core::scope::{Scope, TenantId};

use crate::error::StoreError;

/// A row as DynamoDB gives and takes it.
pub(super) type Row = HashMap<String, AttributeValue>;

/// The partition key of both tables.
pub(crate) const TENANT_ID: &str = "tenant_id";
/// The sort key of both tables.
pub(crate) const CONFIG_KEY: &str = "config_key";
/// The value of an item, in the configuration table.
pub(super) const CONFIG_VALUE: &str = "config_value";

/// The primary key of a row.
pub(super) fn key(partition: &str, sort: &str) -> Row {
    Row::from([(TENANT_ID.to_owned(), text(partition)), (CONFIG_KEY.to_owned(), text(sort))])
}

/// How many bytes a row's texts have.
pub(super) fn size(row: &Row) -> usize {
    row.values().filter_map(|value| value.as_s().ok()).map(String::len).sum()
}

/// A text as an attribute.
pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number as an attribute.
pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A moment as an attribute: RFC 3339 in UTC.
pub(super) fn moment(at: Timestamp) -> AttributeValue {
    AttributeValue::S(at.to_string())
}

/// The attributes of a row, read by name.
pub(super) struct Cells<'a> {
    row: &'a Row,
    /// What the row is, for errors: `the head of acme`.
    what: &'a str,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a Row, what: &'a str) -> Self {
        Self { row, what }
    }

    /// The error of an attribute that holds something else.
    pub(super) fn odd(&self, name: &str, expected: &str) -> StoreError {
        StoreError::corrupt(format!(
            "{}: attribute {name} is missing or holds something else, expected {expected}: run `tenantry doctor`",
            self.what
        ))
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        self.optional_text(name)?.ok_or_else(|| self.odd(name, "a text"))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, StoreError> {
        match self.row.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(self.odd(name, "a text")),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, StoreError> {
        self.optional_number(name)?.ok_or_else(|| self.odd(name, "a number from 0"))
    }

    pub(super) fn optional_number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        match self.row.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(text)) => text.parse().map(Some).map_err(|_| self.odd(name, "a number from 0")),
            Some(_) => Err(self.odd(name, "a number from 0")),
        }
    }

    pub(super) fn moment(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.optional_moment(name)?.ok_or_else(|| self.odd(name, "a time"))
    }

    pub(super) fn optional_moment(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let text = self.optional_text(name)?;
        text.map(|text| text.parse().map_err(|_| self.odd(name, "a time"))).transpose()
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        match self.row.get(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
            _ => Err(self.odd(name, "bytes")),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'a str>, StoreError> {
        let odd = || self.odd(name, "a list of texts");
        match self.row.get(name) {
            None => Ok(Vec::new()),
            Some(AttributeValue::L(values)) => {
                values.iter().map(|value| value.as_s().map(String::as_str).map_err(|_| odd())).collect()
            }
            Some(_) => Err(odd()),
        }
    }

    pub(super) fn scope(&self, name: &str) -> Result<Scope, StoreError> {
        Scope::parse(self.text(name)?).map_err(|_| self.odd(name, "a scope"))
    }

    pub(super) fn tenant(&self, name: &str) -> Result<TenantId, StoreError> {
        TenantId::parse(self.text(name)?).map_err(|_| self.odd(name, "a tenant id"))
    }

    /// The sort key.
    pub(super) fn sort(&self) -> Result<&'a str, StoreError> {
        self.text(CONFIG_KEY)
    }
}

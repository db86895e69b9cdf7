//! What both ERP systems tell of, in the same words: partners, open invoices, stock.

use serde::Serialize;
use serde_json::{Number, Value};

/// The most records that are asked for: a model has no use for more.
pub const MOST_RECORDS: u32 = 20;

/// A customer or supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partner {
    /// The name.
    pub name: String,
    /// The e-mail address, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The telephone number, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The city, or what else says where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

/// An invoice that is not paid, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenInvoice {
    /// Its number.
    pub number: String,
    /// Who is to pay it.
    pub partner: String,
    /// What is still to be paid, with the digits of the system.
    pub open_amount: Number,
    /// The currency, such as `EUR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// When it is due: a date such as `2026-11-30`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
}

/// How much there is of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StockLevel {
    /// The item's name or code.
    pub item: String,
    /// Where it lies, if the system tells it by place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<String>,
    /// How much there is, with the digits of the system.
    pub quantity: Number,
    /// What it is counted in, such as `kg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A text that says something. Odoo writes `false` where there is none.
pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The name of a record that another one refers to: Odoo gives `[7, "Acme"]`.
pub(crate) fn referred(value: &Value) -> Option<String> {
    text(&value[1]).or_else(|| text(value))
}

/// A number, with its digits.
pub(crate) fn number(value: &Value) -> Option<Number> {
    value.as_number().cloned()
}

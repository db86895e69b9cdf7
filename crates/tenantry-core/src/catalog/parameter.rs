//! What can be configured: one parameter, and the sections in which parameters stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::pattern::KeyPattern;
use crate::catalog::shape::Shape;
use crate::key::Key;
use crate::value::Value;

/// How much of a value may be seen, and where it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Kept with the other parameters.
    #[default]
    Plain,
    /// Kept in the tenant's secret; it may be shown.
    Credential,
    /// Kept in the tenant's secret and never shown again.
    Secret,
}

impl fmt::Display for Sensitivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Credential => "credential",
            Self::Secret => "secret",
        })
    }
}

/// Who may set a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SetBy {
    /// The operator for every tenant, and each tenant for itself.
    #[default]
    Tenant,
    /// The operator alone, for every tenant.
    Operator,
}

impl fmt::Display for SetBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tenant => "tenant",
            Self::Operator => "operator",
        })
    }
}

/// Something that can be configured. Declared once, as a documented field of the application's settings.
#[derive(Debug, Serialize)]
pub struct Parameter {
    /// Its key, or those of all entries of a map.
    pub pattern: KeyPattern,
    /// What it is, in one line.
    pub title: String,
    /// The rest of its documentation; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The JSON Schema of its values: constraints alone, without references.
    pub schema: serde_json::Value,
    /// The built-in value; for the entries of a map, the value of an entry that leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// How much of it may be seen.
    pub sensitivity: Sensitivity,
    /// Who may set it.
    pub set_by: SetBy,
    /// The section of the connection that it is a field of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Key>,
    /// Of a template: the variables that it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<BTreeSet<String>>,
    /// Its field in the tenant's secret, if it is kept there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_field: Option<String>,
    /// Values that show what is meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Value>,
    /// The namespace in which no two tenants may have the same value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<String>,
    /// The table of which the value (or each item of a list) names an entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<Key>,
    /// For a value (or an item of a list): the connections of which any one must be set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requires: BTreeMap<String, Vec<Key>>,
    /// Whether it is a URL to which the outbound rules apply.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub egress: bool,
    /// Tells whether a value is allowed by `schema`.
    #[serde(skip)]
    pub(crate) shape: Shape,
}

impl Parameter {
    /// Whether it is kept in the tenant's secret, and not with the other parameters.
    pub fn is_in_secret(&self) -> bool {
        self.sensitivity != Sensitivity::Plain
    }

    /// What its values are, in words: `a number between 0 and 2`.
    pub fn expectation(&self) -> String {
        crate::catalog::words::expectation(&self.schema)
    }
}

/// A table of the catalog: a section with fields of its own, or a map whose entries are alike.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// Its key, with `*` where it lies within a map.
    pub pattern: KeyPattern,
    /// What it is, in one line.
    pub title: String,
    /// The rest of its documentation; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether its entries are named by whoever sets them.
    pub map: bool,
    /// Whether it is a connection.
    pub connection: bool,
    /// The field that says whether an entry is in use; the links of one that is not are not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_by: Option<String>,
}

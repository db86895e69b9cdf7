//! The catalog: all that can be configured.

use schemars::JsonSchema;
use serde::Serialize;
use tenantry_core::catalog::{Parameter, Section};
use tenantry_core::value::Value;

use crate::answer::{Answer, Media, Raw};
use crate::asked::{Asked, Nothing};
use crate::error::Refused;
use http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue};

/// The catalog as a JSON Schema.
pub(crate) struct SchemaDocument;

impl Media for SchemaDocument {
    const MEDIA: &'static str = "application/schema+json";
    type Part = AnyObject;
}

/// Any table.
pub(crate) struct AnyObject;

impl JsonSchema for AnyObject {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyObject".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object" })
    }
}

/// All parameters, in the order of their keys.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Catalog")]
pub(crate) struct CatalogShown {
    /// The application's name for its settings.
    title: String,
    /// The parameters.
    parameters: Vec<ParameterShown>,
    /// The sections and maps in which they stand.
    sections: Vec<SectionShown>,
}

/// Something that can be configured.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Parameter")]
pub(crate) struct ParameterShown {
    /// Its key, with `*` for the name of an entry of a map.
    key: String,
    /// What it is, in one line.
    title: String,
    /// The rest of its documentation.
    description: String,
    /// What its values are, in words.
    expectation: String,
    /// The JSON Schema of its values.
    schema: serde_json::Value,
    /// The built-in value.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    /// How much of it may be seen.
    sensitivity: tenantry_core::catalog::Sensitivity,
    /// Who may set it.
    set_by: tenantry_core::catalog::SetBy,
    /// The section of the connection that it is a field of.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// Of a template: the variables that it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Vec<String>>,
    /// Its field in the tenant's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_field: Option<String>,
    /// Values that show what is meant.
    examples: Vec<Value>,
}

/// A table of the catalog.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Section")]
pub(crate) struct SectionShown {
    /// Its key, with `*` where it lies within a map.
    key: String,
    /// What it is, in one line.
    title: String,
    /// The rest of its documentation.
    description: String,
    /// Whether its entries are named by whoever sets them.
    map: bool,
    /// Whether it is a connection, which is taken whole from one tier.
    connection: bool,
}

impl From<&Parameter> for ParameterShown {
    fn from(parameter: &Parameter) -> Self {
        Self {
            key: parameter.pattern.to_string(),
            title: parameter.title.clone(),
            description: parameter.description.clone(),
            expectation: parameter.expectation(),
            schema: parameter.schema.clone(),
            default: parameter.default.clone(),
            sensitivity: parameter.sensitivity,
            set_by: parameter.set_by,
            connection: parameter.connection.as_ref().map(ToString::to_string),
            template: parameter.template.as_ref().map(|variables| variables.iter().cloned().collect()),
            secret_field: parameter.secret_field.clone(),
            examples: parameter.examples.clone(),
        }
    }
}

impl From<&Section> for SectionShown {
    fn from(section: &Section) -> Self {
        Self {
            key: section.pattern.to_string(),
            title: section.title.clone(),
            description: section.description.clone(),
            map: section.map,
            connection: section.connection,
        }
    }
}

/// Lists the parameters.
pub(crate) async fn show(asked: Asked<Nothing>) -> Result<Answer<CatalogShown>, Refused> {
    let catalog = asked.api.service.catalog();
    Ok(Answer::new(CatalogShown {
        title: catalog.title().to_owned(),
        parameters: catalog.parameters().map(ParameterShown::from).collect(),
        sections: catalog.sections().map(SectionShown::from).collect(),
    }))
}

/// Shows one parameter.
pub(crate) async fn parameter(asked: Asked<Nothing>) -> Result<Answer<ParameterShown>, Refused> {
    let key = asked.key()?;
    let found = asked.api.service.catalog().parameter(&key).map(ParameterShown::from);
    found.map(Answer::new).ok_or_else(|| tenantry::problem::Problem::not_found().into())
}

/// Gives the catalog as a JSON Schema.
pub(crate) async fn schema(asked: Asked<Nothing>) -> Result<Raw<SchemaDocument>, Refused> {
    let body = serde_json::to_vec(asked.api.service.catalog().schema()).expect("a schema is JSON");
    let tag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..32]);
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes are a header");
    let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("private, no-cache")), (ETAG, tag)]);
    Ok(Raw::new(headers, body))
}

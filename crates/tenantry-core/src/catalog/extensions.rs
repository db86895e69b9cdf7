//! What a declaration says beyond JSON Schema: the `x-…` keywords.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::catalog::error::{CatalogError, CatalogFault};
use crate::catalog::inline::Node;
use crate::catalog::parameter::{Sensitivity, SetBy};
use crate::catalog::pattern::KeyPattern;
use crate::key::Key;
use crate::value::Value;

/// Every extension.
const NAMES: [&str; 11] = [
    "x-sensitivity",
    "x-set-by",
    "x-connection",
    "x-template",
    "x-secret-field",
    "x-examples",
    "x-unique",
    "x-refers-to",
    "x-requires",
    "x-egress",
    "x-enabled-by",
];
/// Those that say something of a value, and so nothing of a section.
const OF_VALUES: [&str; 6] = ["x-template", "x-secret-field", "x-unique", "x-refers-to", "x-requires", "x-egress"];
/// Those that say something of a section, and so nothing of a value.
const OF_SECTIONS: [&str; 2] = ["x-connection", "x-enabled-by"];

/// The extensions of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    pub(super) sensitivity: Option<Sensitivity>,
    pub(super) set_by: Option<SetBy>,
    pub(super) connection: bool,
    pub(super) template: Option<BTreeSet<String>>,
    pub(super) secret_field: Option<String>,
    pub(super) examples: Vec<Value>,
    pub(super) unique: Option<String>,
    pub(super) refers_to: Option<Key>,
    pub(super) requires: BTreeMap<String, Vec<Key>>,
    pub(super) egress: bool,
    pub(super) enabled_by: Option<String>,
}

impl Extensions {
    pub(super) fn read(node: &Node, place: &KeyPattern) -> Result<Self, CatalogError> {
        refuse_misspelt(node, place)?;
        let reader = Reader { node, place };
        Ok(Self {
            sensitivity: sensitivity(&reader)?,
            set_by: reader.parse("x-set-by", "`tenant` or `operator`", |json| match json.as_str()? {
                "tenant" => Some(SetBy::Tenant),
                "operator" => Some(SetBy::Operator),
                _ => None,
            })?,
            connection: reader.parse("x-connection", "true or false", Json::as_bool)?.unwrap_or(false),
            template: reader.parse("x-template", "a list of variables", |json| texts(json).map(BTreeSet::from_iter))?,
            secret_field: reader.parse("x-secret-field", "the name of a field", field_name)?,
            examples: examples(&reader)?,
            unique: reader.parse("x-unique", "the name of a namespace", text)?,
            refers_to: reader.parse("x-refers-to", "the key of a table", |json| Key::parse(json.as_str()?).ok())?,
            requires: reader
                .parse("x-requires", "a table from values to lists of connections", requires)?
                .unwrap_or_default(),
            egress: reader.parse("x-egress", "true or false", Json::as_bool)?.unwrap_or(false),
            enabled_by: reader.parse("x-enabled-by", "the name of a field", text)?,
        })
    }

    /// The extensions of a map's entry: its own, and where it says nothing those of the map.
    pub(super) fn within_map(self, map: &Self) -> Self {
        Self {
            template: self.template.or_else(|| map.template.clone()),
            unique: self.unique.or_else(|| map.unique.clone()),
            refers_to: self.refers_to.or_else(|| map.refers_to.clone()),
            requires: if self.requires.is_empty() { map.requires.clone() } else { self.requires },
            egress: self.egress || map.egress,
            ..self
        }
    }
}

/// Refuses extensions of values on a section.
pub(super) fn refuse_on_section(node: &Node, place: &KeyPattern) -> Result<(), CatalogError> {
    refuse(&OF_VALUES, node, place)
}

/// Refuses extensions of sections on a value, and all of them on parts of a value.
pub(super) fn refuse_on_value(node: &Node, place: &KeyPattern) -> Result<(), CatalogError> {
    refuse(&OF_SECTIONS, node, place)?;
    node.iter()
        .filter(|(name, _)| !name.starts_with("x-") && *name != "default" && *name != "examples")
        .try_for_each(|(_, part)| refuse_in_part(part, place))
}

fn refuse_in_part(part: &Json, place: &KeyPattern) -> Result<(), CatalogError> {
    match part {
        Json::Object(members) => {
            refuse(&NAMES, members, place)?;
            members.values().try_for_each(|part| refuse_in_part(part, place))
        }
        Json::Array(items) => items.iter().try_for_each(|part| refuse_in_part(part, place)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Ok(()),
    }
}

fn refuse(names: &[&'static str], node: &Node, place: &KeyPattern) -> Result<(), CatalogError> {
    match names.iter().find(|name| node.contains_key(**name)) {
        Some(name) => Err(CatalogError::at(place, CatalogFault::ExtensionPlace(name))),
        None => Ok(()),
    }
}

/// A misspelt `x-sensitivity` would make a secret plain, so a name that is nearly one of ours is refused. Others belong
/// to other programs.
fn refuse_misspelt(node: &Node, place: &KeyPattern) -> Result<(), CatalogError> {
    let strange = node.keys().filter(|name| name.starts_with("x-") && !NAMES.contains(&name.as_str()));
    for found in strange {
        if let Some(meant) = NAMES.into_iter().find(|name| strsim::osa_distance(name, found) <= 2) {
            return Err(CatalogError::at(place, CatalogFault::UnknownExtension { found: found.clone(), meant }));
        }
    }
    Ok(())
}

struct Reader<'a> {
    node: &'a Node,
    place: &'a KeyPattern,
}

impl Reader<'_> {
    fn parse<T>(
        &self,
        name: &str,
        expected: &'static str,
        read: impl Fn(&Json) -> Option<T>,
    ) -> Result<Option<T>, CatalogError> {
        let Some(json) = self.node.get(name) else { return Ok(None) };
        let fault = || CatalogError::at(self.place, CatalogFault::Extension { name: name.to_owned(), expected });
        read(json).map(Some).ok_or_else(fault)
    }

    fn is(&self, name: &str, value: impl Into<Json>) -> bool {
        self.node.get(name) == Some(&value.into())
    }
}

/// What is declared, or what JSON Schema's own words for secrets say.
fn sensitivity(reader: &Reader<'_>) -> Result<Option<Sensitivity>, CatalogError> {
    let declared =
        reader.parse("x-sensitivity", "`plain`, `credential` or `secret`", |json| match json.as_str()? {
            "plain" => Some(Sensitivity::Plain),
            "credential" => Some(Sensitivity::Credential),
            "secret" => Some(Sensitivity::Secret),
            _ => None,
        })?;
    let is_secret = reader.is("writeOnly", true) || reader.is("format", "password");
    Ok(declared.or(is_secret.then_some(Sensitivity::Secret)))
}

fn examples(reader: &Reader<'_>) -> Result<Vec<Value>, CatalogError> {
    let read = |json: &Json| json.as_array()?.iter().map(|example| Value::try_from(example).ok()).collect();
    let ours = reader.parse("x-examples", "a list of values", read)?;
    let standard: Option<Vec<Value>> = reader.parse("examples", "a list of values", read)?;
    Ok(ours.or(standard).unwrap_or_default())
}

fn text(json: &Json) -> Option<String> {
    json.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A field of the tenant's secret is spelt like a segment of a key.
fn field_name(json: &Json) -> Option<String> {
    text(json).filter(|name| crate::key::is_segment(name))
}

fn texts(json: &Json) -> Option<Vec<String>> {
    json.as_array()?.iter().map(text).collect()
}

fn requires(json: &Json) -> Option<BTreeMap<String, Vec<Key>>> {
    let keys = |json: &Json| texts(json)?.iter().map(|key| Key::parse(key).ok()).collect::<Option<Vec<Key>>>();
    json.as_object()?.iter().map(|(value, connections)| Some((value.clone(), keys(connections)?))).collect()
}

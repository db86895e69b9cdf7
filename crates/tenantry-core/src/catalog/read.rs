//! Walks a schema and makes its parameters, sections, connections and built-in values.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::catalog::docs::{Docs, title_from_name};
use crate::catalog::error::{CatalogError, CatalogFault};
use crate::catalog::extensions::{Extensions, refuse_on_section, refuse_on_value};
use crate::catalog::inline::Node;
use crate::catalog::parameter::{Parameter, Section, Sensitivity, SetBy};
use crate::catalog::pattern::{ANY, KeyPattern};
use crate::catalog::shape::Shape;
use crate::catalog::tree::Tree;
use crate::json::DEEPEST;
use crate::key::{Key, is_segment};
use crate::resolve::Connection;
use crate::value::Value;

/// All that a schema declares.
#[derive(Default)]
pub(super) struct Declarations {
    pub(super) parameters: Vec<Parameter>,
    pub(super) sections: Vec<Section>,
    pub(super) connections: Vec<Connection>,
    pub(super) defaults: BTreeMap<Key, Value>,
}

/// Reads an inlined schema into its declarations and the tree by which they are found.
pub(super) fn read(root: &Node) -> Result<(Declarations, Tree), CatalogError> {
    let mut declarations = Declarations::default();
    let context = Context::default();
    let tree = match kind(root, &KeyPattern::root())? {
        Kind::Section(fields) => declarations.section(root, fields, &KeyPattern::root(), &context)?,
        Kind::Map(_) | Kind::Value => return Err(CatalogError::at(&KeyPattern::root(), CatalogFault::NoSection)),
    };
    Ok((declarations, tree))
}

/// What the tables around a node say of it.
#[derive(Clone, Default)]
struct Context {
    sensitivity: Sensitivity,
    set_by: SetBy,
    connection: Option<Key>,
    /// Of the map whose entry the node is: what its entries inherit.
    map: Option<(Extensions, Docs)>,
}

impl Context {
    /// The context of what lies in a table.
    fn within(&self, extensions: &Extensions) -> Self {
        Self {
            sensitivity: extensions.sensitivity.unwrap_or(self.sensitivity),
            set_by: extensions.set_by.unwrap_or(self.set_by),
            connection: self.connection.clone(),
            map: None,
        }
    }

    /// A field's own word, or else that of the tables around it; a connection's fields are credentials at least.
    fn sensitivity_of(&self, extensions: &Extensions) -> Sensitivity {
        let least = if self.connection.is_some() { Sensitivity::Credential } else { Sensitivity::Plain };
        extensions.sensitivity.unwrap_or(self.sensitivity.max(least))
    }
}

/// The three kinds of nodes.
enum Kind<'a> {
    Section(&'a Node),
    Map(&'a Node),
    Value,
}

fn kind<'a>(node: &'a Node, place: &KeyPattern) -> Result<Kind<'a>, CatalogError> {
    let fields = node.get("properties").and_then(Json::as_object).filter(|fields| !fields.is_empty());
    let entry = node.get("additionalProperties").and_then(Json::as_object);
    let fault = |fault| Err(CatalogError::at(place, fault));
    match (fields, entry) {
        (Some(_), Some(_)) => fault(CatalogFault::SectionAndMap),
        (Some(fields), None) => Ok(Kind::Section(fields)),
        (None, Some(_)) if node.contains_key("propertyNames") => {
            fault(CatalogFault::Keyword("propertyNames".to_owned()))
        }
        (None, Some(entry)) => Ok(Kind::Map(entry)),
        (None, None) => match table_in(node) {
            TableIn::Only => fault(CatalogFault::UndescribedTable),
            TableIn::Some => fault(CatalogFault::TableOrValue),
            TableIn::Unknown => fault(CatalogFault::NoType),
            TableIn::None => Ok(Kind::Value),
        },
    }
}

/// Whether values of a schema may be tables.
#[derive(PartialEq)]
enum TableIn {
    None,
    Some,
    Only,
    Unknown,
}

fn table_in(node: &Node) -> TableIn {
    match node.get("type") {
        Some(Json::String(name)) if name == "object" => return TableIn::Only,
        Some(Json::Array(names)) if names.contains(&Json::from("object")) => return TableIn::Some,
        Some(_) => return TableIn::None,
        None => {}
    }
    if let Some(Json::Array(values)) = node.get("enum") {
        return if values.iter().any(Json::is_object) { TableIn::Some } else { TableIn::None };
    }
    if let Some(value) = node.get("const") {
        return if value.is_object() { TableIn::Some } else { TableIn::None };
    }
    let alternatives = ["oneOf", "anyOf"].into_iter().find_map(|keyword| node.get(keyword)?.as_array());
    let Some(alternatives) = alternatives else { return TableIn::Unknown };
    let is_value = |json: &Json| json.as_object().is_some_and(|node| table_in(node) == TableIn::None);
    if alternatives.iter().all(is_value) { TableIn::None } else { TableIn::Some }
}

impl Declarations {
    fn node(&mut self, node: &Node, place: &KeyPattern, context: &Context) -> Result<Tree, CatalogError> {
        if place.segments().count() > DEEPEST {
            return Err(CatalogError::at(place, CatalogFault::TooDeep(DEEPEST)));
        }
        match kind(node, place)? {
            Kind::Section(fields) => self.section(node, fields, place, context),
            Kind::Map(entry) => self.map(node, entry, place, context),
            Kind::Value => self.value(node, place, context),
        }
    }

    fn section(
        &mut self,
        node: &Node,
        fields: &Node,
        place: &KeyPattern,
        context: &Context,
    ) -> Result<Tree, CatalogError> {
        refuse_on_section(node, place)?;
        let extensions = Extensions::read(node, place)?;
        let mut inner = context.within(&extensions);
        if extensions.connection {
            inner.connection = Some(connection_key(place, context)?);
        }
        let at = self.declare(node, place, &extensions, false);
        let mut children = BTreeMap::new();
        // By name, so that parameters and sections come in the order of their keys.
        for (name, field) in fields.iter().collect::<BTreeMap<_, _>>() {
            if !is_segment(name) {
                return Err(CatalogError::at(place, CatalogFault::Name(name.clone())));
            }
            let field = field.as_object().expect("every property is inlined to an object");
            children.insert(name.clone(), self.node(field, &place.child(name), &inner)?);
        }
        if let (Some(section), true) = (inner.connection, extensions.connection) {
            let required = self.required(&section, node);
            self.connections.push(Connection { section, required });
        }
        let tree = Tree::Section { at, children };
        self.table_default(node, place, &tree)?;
        Ok(tree)
    }

    fn map(&mut self, node: &Node, entry: &Node, place: &KeyPattern, context: &Context) -> Result<Tree, CatalogError> {
        let extensions = Extensions::read(node, place)?;
        if extensions.connection {
            return Err(CatalogError::at(place, CatalogFault::ConnectionPlace));
        }
        let is_of_values = matches!(kind(entry, &place.child(ANY))?, Kind::Value);
        if !is_of_values {
            refuse_on_section(node, place)?;
        }
        let at = self.declare(node, place, &extensions, true);
        let mut inner = context.within(&extensions);
        inner.map = Some((extensions, Docs::of(node)));
        let entry = self.node(entry, &place.child(ANY), &inner)?;
        let tree = Tree::Map { at, entry: Box::new(entry) };
        self.table_default(node, place, &tree)?;
        Ok(tree)
    }

    fn value(&mut self, node: &Node, place: &KeyPattern, context: &Context) -> Result<Tree, CatalogError> {
        refuse_on_value(node, place)?;
        let mut extensions = Extensions::read(node, place)?;
        let mut docs = Docs::of(node);
        if let Some((map, map_docs)) = &context.map {
            extensions = extensions.within_map(map);
            docs = docs.or(map_docs);
        }
        let parameter = parameter(node, place, extensions, docs, context)?;
        if let (Some(key), Some(default)) = (place.key(), &parameter.default) {
            self.defaults.insert(key, default.clone());
        }
        self.parameters.push(parameter);
        Ok(Tree::Parameter(self.parameters.len() - 1))
    }

    /// Notes a table, and gives its place in the list.
    fn declare(&mut self, node: &Node, place: &KeyPattern, extensions: &Extensions, map: bool) -> usize {
        let Docs { title, description } = Docs::of(node);
        self.sections.push(Section {
            pattern: place.clone(),
            title: title.unwrap_or_else(|| title_from_name(place)),
            description,
            map,
            connection: extensions.connection,
            enabled_by: extensions.enabled_by.clone(),
        });
        self.sections.len() - 1
    }

    /// The fields that a connection cannot do without: those that the schema requires and that have no default; where
    /// it requires none, its secrets.
    fn required(&self, section: &Key, node: &Node) -> Vec<Key> {
        let listed = node.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let named: Vec<Key> = listed.filter_map(|name| section.child(name).ok()).collect();
        let required = if named.is_empty() { self.secrets_of(section) } else { named };
        required.into_iter().filter(|key| !self.defaults.contains_key(key)).collect()
    }

    fn secrets_of(&self, section: &Key) -> Vec<Key> {
        let secrets = self.parameters.iter().filter(|parameter| parameter.sensitivity == Sensitivity::Secret);
        secrets
            .filter(|parameter| parameter.connection.as_ref() == Some(section))
            .filter_map(|p| p.pattern.key())
            .collect()
    }

    /// Takes over what a table's own default says; it goes before the defaults of its fields.
    fn table_default(&mut self, node: &Node, place: &KeyPattern, tree: &Tree) -> Result<(), CatalogError> {
        let fault = |text: String| CatalogError::at(place, CatalogFault::Default(text));
        let Some(default) = node.get("default").and_then(without_null) else { return Ok(()) };
        if place.as_str().is_empty() || place.has_wildcard() {
            // What an entry of a map has when it leaves fields out is said by the application's own type.
            return Ok(());
        }
        let key = place.key().ok_or_else(|| CatalogError::at(place, CatalogFault::LongKey))?;
        let default = Value::try_from(&default).map_err(|error| fault(error.to_string()))?;
        if matches!(tree, Tree::Map { .. }) || !matches!(default, Value::Table(_)) {
            self.defaults.retain(|other, _| !other.is_below(&key));
        }
        for (key, value) in tree.leaves(&key, default) {
            if tree_parameter(tree, place, &key).is_none() {
                return Err(fault(format!("it sets {key}, which is no parameter")));
            }
            self.defaults.insert(key, value);
        }
        Ok(())
    }
}

fn tree_parameter(tree: &Tree, place: &KeyPattern, key: &Key) -> Option<usize> {
    tree.find(key.segments().skip(place.segments().count()))?.parameter()
}

fn connection_key(place: &KeyPattern, context: &Context) -> Result<Key, CatalogError> {
    let key = place.key().filter(|_| context.connection.is_none());
    key.ok_or_else(|| CatalogError::at(place, CatalogFault::ConnectionPlace))
}

fn parameter(
    node: &Node,
    place: &KeyPattern,
    extensions: Extensions,
    docs: Docs,
    context: &Context,
) -> Result<Parameter, CatalogError> {
    let schema = constraints(node);
    let fault = |fault| CatalogError::at(place, fault);
    let shape = Shape::compile(&schema).map_err(|text| fault(CatalogFault::Schema(text)))?;
    let default = node.get("default").and_then(without_null);
    let default = default.map(|json| Value::try_from(&json)).transpose();
    let sensitivity = context.sensitivity_of(&extensions);
    if sensitivity == Sensitivity::Plain && extensions.secret_field.is_some() {
        return Err(fault(CatalogFault::ExtensionPlace("x-secret-field")));
    }
    let secret_field = place.key().filter(|_| sensitivity != Sensitivity::Plain);
    Ok(Parameter {
        pattern: place.clone(),
        title: docs.title.unwrap_or_else(|| title_from_name(place)),
        description: docs.description,
        schema,
        default: default.map_err(|error| fault(CatalogFault::Default(error.to_string())))?,
        sensitivity,
        set_by: extensions.set_by.unwrap_or(context.set_by),
        connection: context.connection.clone(),
        template: extensions.template,
        secret_field: secret_field.map(|key| extensions.secret_field.unwrap_or_else(|| key.flat())),
        examples: extensions.examples,
        unique: extensions.unique,
        refers_to: extensions.refers_to,
        requires: extensions.requires,
        egress: extensions.egress,
        shape,
    })
}

/// A schema without what the parameter says in other words, and with the limits that its format implies.
fn constraints(node: &Node) -> Json {
    let said = ["title", "description", "default", "examples", "writeOnly"];
    let mut schema: Node = node
        .iter()
        .filter(|(name, _)| !name.starts_with("x-") && !said.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let limits: Option<(i64, i64)> = match node.get("format").and_then(Json::as_str) {
        Some("int32") => Some((i32::MIN.into(), i32::MAX.into())),
        Some("uint32") => Some((0, u32::MAX.into())),
        _ => None,
    };
    if let Some((least, most)) = limits {
        schema.entry("minimum").or_insert_with(|| least.into());
        schema.entry("maximum").or_insert_with(|| most.into());
    }
    Json::Object(schema)
}

/// A default without its nulls, which say that there is none.
fn without_null(default: &Json) -> Option<Json> {
    match default {
        Json::Null => None,
        Json::Object(members) => {
            let kept = |(name, value): (&String, &Json)| Some((name.clone(), without_null(value)?));
            Some(Json::Object(members.iter().filter_map(kept).collect()))
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Some(default.clone()),
    }
}

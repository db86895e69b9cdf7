//! Follows the references of a schema, and takes `null` out of it, so that the rest reads one plain tree.

use serde_json::{Map, Value as Json};

use crate::catalog::error::{CatalogError, CatalogFault};
use crate::catalog::pattern::{ANY, KeyPattern};
use crate::json::DEEPEST;

/// The parts that a schema may have with its references followed: a hundred times those of a large catalog.
const MOST_PARTS: usize = 50_000;
/// Keywords that describe, and so are replaced rather than added to where a reference has them, too.
const ANNOTATIONS: [&str; 7] = ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"];
/// Keywords that are of no use once references are followed.
const SCAFFOLD: [&str; 7] = ["$ref", "$schema", "$id", "$defs", "definitions", "$comment", "$anchor"];
/// Keywords whose value is one schema.
const ONE_SCHEMA: [&str; 7] = ["items", "contains", "not", "if", "then", "else", "propertyNames"];
/// Keywords whose value is a list of schemas.
const MANY_SCHEMAS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// A schema without references, and without `null` where `null` only says that a value may be absent.
pub(super) type Node = Map<String, Json>;

/// Inlines a whole schema document.
pub(super) fn inline(root: &Json) -> Result<Node, CatalogError> {
    Inliner { root, parts: 0, trail: vec!["#".to_owned()] }.node(root, &KeyPattern::root(), 0)
}

struct Inliner<'a> {
    root: &'a Json,
    /// How many parts were made already.
    parts: usize,
    /// The references that are being followed.
    trail: Vec<String>,
}

impl Inliner<'_> {
    fn node(&mut self, schema: &Json, place: &KeyPattern, depth: usize) -> Result<Node, CatalogError> {
        self.count(place, depth)?;
        let Json::Object(members) = schema else {
            return match schema {
                Json::Bool(true) => Ok(Node::new()),
                _ => Err(CatalogError::at(place, CatalogFault::Schema("expected an object".to_owned()))),
            };
        };
        let mut own = self.members(members, place, depth)?;
        if let Some(reference) = members.get("$ref") {
            let target = self.follow(reference, place, depth)?;
            own = overlay(target, own);
        }
        Ok(without_null(own))
    }

    fn count(&mut self, place: &KeyPattern, depth: usize) -> Result<(), CatalogError> {
        self.parts += 1;
        if depth > 2 * DEEPEST {
            return Err(CatalogError::at(place, CatalogFault::TooDeep(DEEPEST)));
        }
        if self.parts > MOST_PARTS {
            return Err(CatalogError::at(place, CatalogFault::TooLarge(MOST_PARTS)));
        }
        Ok(())
    }

    /// The members of a schema with their schemas inlined, the reference itself left out.
    fn members(&mut self, members: &Node, place: &KeyPattern, depth: usize) -> Result<Node, CatalogError> {
        let mut own = Node::new();
        for (name, value) in members {
            if SCAFFOLD.contains(&name.as_str()) {
                continue;
            }
            own.insert(name.clone(), self.member(name, value, place, depth + 1)?);
        }
        Ok(own)
    }

    fn member(&mut self, name: &str, value: &Json, place: &KeyPattern, depth: usize) -> Result<Json, CatalogError> {
        match (name, value) {
            ("properties", Json::Object(properties)) => {
                let read = |(name, schema): (&String, &Json)| {
                    Ok((name.clone(), self.node(schema, &place.child(name), depth)?.into()))
                };
                properties.iter().map(read).collect::<Result<Node, _>>().map(Json::Object)
            }
            ("additionalProperties", Json::Object(_)) => self.node(value, &place.child(ANY), depth).map(Json::Object),
            (_, Json::Object(_)) if ONE_SCHEMA.contains(&name) => self.node(value, place, depth).map(Json::Object),
            (_, Json::Array(schemas)) if MANY_SCHEMAS.contains(&name) => {
                schemas.iter().map(|schema| self.node(schema, place, depth).map(Json::Object)).collect()
            }
            ("patternProperties" | "$dynamicRef" | "$recursiveRef" | "dependentSchemas", _) => {
                Err(CatalogError::at(place, CatalogFault::Keyword(name.to_owned())))
            }
            (_, _) => Ok(value.clone()),
        }
    }

    fn follow(&mut self, reference: &Json, place: &KeyPattern, depth: usize) -> Result<Node, CatalogError> {
        let fault = |fault| CatalogError::at(place, fault);
        let name = reference.as_str().unwrap_or_default().to_owned();
        if !name.starts_with('#') {
            return Err(fault(CatalogFault::RemoteReference(name)));
        }
        if self.trail.contains(&name) {
            return Err(fault(CatalogFault::Recursion(name)));
        }
        let Some(target) = self.root.pointer(&name[1..]) else {
            return Err(fault(CatalogFault::UnknownReference(name)));
        };
        self.trail.push(name);
        let node = self.node(target, place, depth + 1)?;
        self.trail.pop();
        Ok(node)
    }
}

/// Lays what stands beside a reference over what it refers to.
fn overlay(mut target: Node, own: Node) -> Node {
    if own.contains_key("title") || own.contains_key("description") {
        // Title and description belong together: a type's title with a field's description would mislead.
        target.remove("title");
        target.remove("description");
    }
    for (name, value) in own {
        let is_constraint = !name.starts_with("x-") && !ANNOTATIONS.contains(&name.as_str());
        match target.get_mut(&name) {
            Some(other) if is_constraint && *other != value => both(&mut target, name, value),
            Some(other) => *other = value,
            None => drop(target.insert(name, value)),
        }
    }
    target
}

/// Adds a constraint beside one of the same keyword: both hold.
fn both(target: &mut Node, name: String, value: Json) {
    let added = Json::Object(Node::from_iter([(name, value)]));
    match target.get_mut("allOf") {
        Some(Json::Array(members)) => members.push(added),
        _ => drop(target.insert("allOf".to_owned(), Json::Array(vec![added]))),
    }
}

/// Takes out the alternatives that only say "or null", and unwraps what has a single alternative left.
fn without_null(mut node: Node) -> Node {
    strip_null(&mut node, "type", &Json::from("null"));
    strip_null(&mut node, "enum", &Json::Null);
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let Some(Json::Array(members)) = node.get_mut(keyword) else { continue };
        members.retain(|member| {
            member.get("type") != Some(&Json::from("null")) && member.get("const") != Some(&Json::Null)
        });
        if members.len() != 1 {
            continue;
        }
        if let Some(Json::Object(only)) = members.pop() {
            node.remove(keyword);
            node = overlay(only, node);
        }
    }
    node
}

/// Removes a null from a list of alternatives, and the list about a single one.
fn strip_null(node: &mut Node, keyword: &str, null: &Json) {
    let Some(Json::Array(alternatives)) = node.get_mut(keyword) else { return };
    if alternatives.len() > 1 {
        alternatives.retain(|alternative| alternative != null);
    }
    if keyword == "type"
        && let [only] = alternatives.as_slice()
    {
        node[keyword] = only.clone();
    }
}

//! Checks what values of the merged configuration say of each other: the graph of routes, prompts, tasks, connections.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::violation::{Violation, ViolationCode};
use crate::catalog::{Catalog, Parameter, nearest};
use crate::key::{Key, is_segment};
use crate::layer::Tier;
use crate::resolve::{Connection, ConnectionStatus, Effective, Resolved};
use crate::value::Value;

/// Checks every link, and every connection.
pub(super) fn check(catalog: &Catalog, resolved: &Resolved) -> Vec<Violation> {
    let graph = Graph::new(catalog, resolved);
    let mut violations = graph.incomplete_connections();
    for leaf in resolved.iter() {
        let Some(parameter) = catalog.parameter(leaf.key) else { continue };
        let has_links = parameter.refers_to.is_some() || !parameter.requires.is_empty();
        if has_links && graph.is_in_use(leaf.key) {
            violations.extend(graph.broken_links(parameter, leaf));
        }
    }
    violations
}

struct Graph<'a> {
    catalog: &'a Catalog,
    resolved: &'a Resolved,
    connections: BTreeMap<&'a Key, ConnectionStatus>,
}

impl<'a> Graph<'a> {
    fn new(catalog: &'a Catalog, resolved: &'a Resolved) -> Self {
        let connections = catalog.connections().iter();
        let connections = connections.map(|one| (&one.section, resolved.connection(one))).collect();
        Self { catalog, resolved, connections }
    }

    /// Whether no section around a key is switched off.
    fn is_in_use(&self, key: &Key) -> bool {
        !std::iter::successors(key.parent(), Key::parent).any(|section| self.is_switched_off(&section))
    }

    fn is_switched_off(&self, section: &Key) -> bool {
        let switch = self.catalog.section(section).and_then(|section| section.enabled_by.as_ref());
        let Some(switch) = switch.and_then(|name| section.child(name).ok()) else { return false };
        let value = match self.resolved.leaf(&switch) {
            Some(leaf) => leaf.entry.value(),
            None => self.catalog.parameter(&switch).and_then(|parameter| parameter.default.as_ref()),
        };
        value == Some(&Value::Bool(false))
    }

    fn broken_links(&self, parameter: &Parameter, leaf: Effective<'_>) -> Vec<Violation> {
        let names = leaf.entry.value().map(names).unwrap_or_default();
        let missing_entries =
            names.iter().filter_map(|name| self.missing_entry(parameter.refers_to.as_ref()?, leaf, name));
        let missing_connections = names.iter().filter_map(|name| self.missing_connection(parameter, leaf, name));
        missing_entries.chain(missing_connections).map(|violation| violation.in_tier(leaf.origin.tier)).collect()
    }

    /// Tells of a name that is no entry of the table, or one that is switched off.
    fn missing_entry(&self, table: &Key, leaf: Effective<'_>, name: &str) -> Option<Violation> {
        let entry = table.child(name).ok().filter(|_| is_segment(name));
        if let Some(entry) = entry.filter(|entry| self.resolved.within(entry).len() > 0) {
            let message = format!("{} -> {entry} is switched off", leaf.key);
            return self.is_switched_off(&entry).then(|| {
                let hint = "name one that is switched on, or switch it on";
                Violation::new(leaf.key, ViolationCode::BrokenLink, message).with_hint(hint)
            });
        }
        let entries = self.entries(table);
        let end = if entries.is_empty() { format!("; {table} has no entries") } else { String::new() };
        let message = format!("{} -> {table}.{name} does not exist{end}", leaf.key);
        let nearest = nearest(&format!("{table}.{name}"), entries);
        Some(Violation::new(leaf.key, ViolationCode::BrokenLink, message).with_nearest(nearest))
    }

    /// The keys of a table's entries.
    fn entries(&self, table: &Key) -> Vec<String> {
        let depth = table.segments().count();
        let mut entries: Vec<String> = self
            .resolved
            .within(table)
            .filter_map(|leaf| Some(format!("{table}.{}", leaf.key.segments().nth(depth)?)))
            .collect();
        entries.dedup();
        entries
    }

    /// Tells of a value that needs a connection, when none of those that would do is set.
    fn missing_connection(&self, parameter: &Parameter, leaf: Effective<'_>, name: &str) -> Option<Violation> {
        let sections = parameter.requires.get(name).filter(|sections| !sections.is_empty())?;
        if sections.iter().any(|section| matches!(self.connections.get(section), Some(ConnectionStatus::Set(_)))) {
            return None;
        }
        let message = match sections.as_slice() {
            [only] => format!("{} -> the connection {only} is not set, and {name:?} needs it", leaf.key),
            _ => format!("{} -> {name:?} needs one of {}, and none is set", leaf.key, list(sections)),
        };
        let fields = sections.iter().map(|section| list(&self.fields_to_set(section)));
        let hint = format!("set {}", fields.collect::<Vec<_>>().join("; or "));
        Some(Violation::new(leaf.key, ViolationCode::ConnectionMissing, message).with_hint(hint))
    }

    fn fields_to_set(&self, section: &Key) -> Vec<Key> {
        match (self.connections.get(section), self.catalog.connections().section(section)) {
            (Some(ConnectionStatus::Incomplete { missing, .. }), _) => missing.clone(),
            (_, Some(connection)) => connection.required.clone(),
            (_, None) => Vec::new(),
        }
    }

    fn incomplete_connections(&self) -> Vec<Violation> {
        self.catalog.connections().iter().filter_map(|connection| self.incomplete(connection)).collect()
    }

    fn incomplete(&self, connection: &Connection) -> Option<Violation> {
        let Some(ConnectionStatus::Incomplete { tier, missing }) = self.connections.get(&connection.section) else {
            return None;
        };
        let unused = self.tier_below_with(*tier, missing);
        let verb = if missing.len() == 1 { "is" } else { "are" };
        let mut message = format!("the connection is set in part: {} {verb} not set", list(missing));
        let mut hint = format!("set {}", list(missing));
        if let Some(below) = unused {
            let _ = write!(message, ", and the {below} tier's is not used beside the {tier}'s own fields");
            "set your own key when you set your own endpoint".clone_into(&mut hint);
        }
        let code = ViolationCode::ConnectionIncomplete { missing: missing.clone(), inherited: unused.is_some() };
        Some(Violation::new(&connection.section, code, message).in_tier(*tier).with_hint(hint))
    }

    /// A tier below another, built-in values aside, that sets one of the fields.
    fn tier_below_with(&self, tier: Tier, fields: &[Key]) -> Option<Tier> {
        let below = self.resolved.layers().iter().filter(|layer| layer.tier() < tier && layer.tier() != Tier::Default);
        below.rev().find(|layer| fields.iter().any(|field| layer.entry(field).is_some())).map(|layer| layer.tier())
    }
}

/// The names that a value holds: itself, or the items of a list. A switch holds one only while it is on.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::Bool(true) => vec!["true"],
        Value::String(name) => vec![name],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Bool(false) | Value::Number(_) | Value::Table(_) => Vec::new(),
    }
}

fn list(keys: &[Key]) -> String {
    keys.iter().map(Key::as_str).collect::<Vec<_>>().join(", ")
}

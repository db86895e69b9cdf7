//! Checks what declarations say of each other, once all of them are known.

use serde_json::Value as Json;

use crate::catalog::error::{CatalogError, CatalogFault};
use crate::catalog::parameter::{Parameter, Section, Sensitivity};
use crate::catalog::read::Declarations;
use crate::catalog::tree::Tree;
use crate::key::Key;
use crate::value::Value;

/// Checks all declarations, and gives each parameter the built-in value that its section says.
pub(super) fn declarations(all: &mut Declarations, tree: &Tree) -> Result<(), CatalogError> {
    for parameter in &mut all.parameters {
        if let Some(key) = parameter.pattern.key() {
            parameter.default = all.defaults.get(&key).cloned();
        }
        let result = secrecy(parameter).and_then(|()| own_default(parameter)).and_then(|()| texts_only(parameter));
        result.map_err(|fault| CatalogError::at(&parameter.pattern, fault))?;
    }
    for parameter in &all.parameters {
        targets(parameter, tree, all).map_err(|fault| CatalogError::at(&parameter.pattern, fault))?;
    }
    for section in &all.sections {
        switch(section, tree, all).map_err(|fault| CatalogError::at(&section.pattern, fault))?;
    }
    all.defaults.iter().try_for_each(|(key, value)| built_in(key, value, tree, all))
}

fn is_text(parameter: &Parameter) -> bool {
    let choices = || crate::catalog::words::choices(&parameter.schema);
    parameter.schema["type"] == "string" || choices().is_some_and(|values| values.iter().all(Json::is_string))
}

/// The tenant's secret is a flat table of texts.
fn secrecy(parameter: &Parameter) -> Result<(), CatalogFault> {
    if !parameter.is_in_secret() {
        return Ok(());
    }
    if parameter.pattern.has_wildcard() {
        return Err(CatalogFault::SecretInMap);
    }
    if !is_text(parameter) {
        return Err(CatalogFault::SecretType);
    }
    Ok(())
}

fn own_default(parameter: &Parameter) -> Result<(), CatalogFault> {
    match (&parameter.default, parameter.sensitivity, &parameter.unique) {
        (Some(_), Sensitivity::Secret, _) => Err(CatalogFault::SecretDefault),
        (Some(_), _, Some(_)) => Err(CatalogFault::UniqueDefault),
        (Some(default), _, _) => fits(parameter, default),
        (None, _, _) => Ok(()),
    }
}

fn fits(parameter: &Parameter, default: &Value) -> Result<(), CatalogFault> {
    if parameter.shape.faults(&parameter.schema, &default.into()).is_empty() {
        return Ok(());
    }
    Err(CatalogFault::Default(format!("expected {}, found {default:?}", parameter.expectation())))
}

fn texts_only(parameter: &Parameter) -> Result<(), CatalogFault> {
    let for_texts = [
        ("x-template", parameter.template.is_some()),
        ("x-unique", parameter.unique.is_some()),
        ("x-egress", parameter.egress),
    ];
    match for_texts.into_iter().find(|(_, is_said)| *is_said && !is_text(parameter)) {
        Some((name, _)) => Err(CatalogFault::ExtensionPlace(name)),
        None => Ok(()),
    }
}

/// What links name must be there: a table, or connections.
fn targets(parameter: &Parameter, tree: &Tree, all: &Declarations) -> Result<(), CatalogFault> {
    if let Some(table) = &parameter.refers_to
        && tree.find(table.segments()).and_then(Tree::section).is_none()
    {
        let target = table.to_string();
        return Err(CatalogFault::Target { name: "x-refers-to", target, expected: "table" });
    }
    let is_connection = |key: &&Key| all.connections.iter().any(|connection| connection.section == **key);
    if let Some(key) = parameter.requires.values().flatten().find(|key| !is_connection(key)) {
        let target = key.to_string();
        return Err(CatalogFault::Target { name: "x-requires", target, expected: "connection" });
    }
    required_values(parameter)
}

/// What needs a connection must be a value that the parameter can have.
fn required_values(parameter: &Parameter) -> Result<(), CatalogFault> {
    let schema = parameter.schema.get("items").unwrap_or(&parameter.schema);
    let Some(allowed) = crate::catalog::words::choices(schema) else { return Ok(()) };
    match parameter.requires.keys().find(|value| !allowed.contains(&Json::from(value.as_str()))) {
        Some(value) => {
            Err(CatalogFault::Target { name: "x-requires", target: value.clone(), expected: "allowed value" })
        }
        None => Ok(()),
    }
}

/// A section's switch must be a field of it that is true or false.
fn switch(section: &Section, tree: &Tree, all: &Declarations) -> Result<(), CatalogFault> {
    let Some(name) = &section.enabled_by else { return Ok(()) };
    let pattern = section.pattern.child(name);
    let field = tree.find(pattern.segments()).and_then(Tree::parameter).map(|at| &all.parameters[at]);
    if field.is_some_and(|field| field.schema["type"] == "boolean") {
        return Ok(());
    }
    Err(CatalogFault::Target { name: "x-enabled-by", target: name.clone(), expected: "true-or-false field" })
}

/// Built-in entries of maps must be as any entry must be.
fn built_in(key: &Key, value: &Value, tree: &Tree, all: &Declarations) -> Result<(), CatalogError> {
    let parameter = tree.find(key.segments()).and_then(Tree::parameter).map(|at| &all.parameters[at]);
    let parameter = parameter.expect("defaults are split along the tree");
    let fault = |fault| CatalogError { place: key.to_string(), fault };
    if parameter.unique.is_some() {
        return Err(fault(CatalogFault::UniqueDefault));
    }
    fits(parameter, value).map_err(fault)
}

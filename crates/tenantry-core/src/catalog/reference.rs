//! Writes the parameter reference: a Markdown page with a table for each section.

use std::fmt::Write as _;

use crate::catalog::{Catalog, KeyPattern, Parameter, Section, Sensitivity, SetBy};
use crate::layer::Entry;
use crate::value::Value;

/// Values longer than this, or of several lines, stand below the table.
const LONGEST_IN_TABLE: usize = 48;

impl Catalog {
    /// The parameter reference as Markdown (with tables, as on GitHub).
    pub fn to_markdown(&self) -> String {
        let root = &self.sections[0];
        let mut page = format!("# {}: parameter reference\n", root.title);
        if !root.description.is_empty() {
            let _ = write!(page, "\n{}\n", root.description);
        }
        for section in &self.sections {
            self.write_section(&mut page, section);
        }
        page
    }

    fn write_section(&self, page: &mut String, section: &Section) {
        let direct: Vec<&Parameter> =
            self.parameters.iter().filter(|p| p.pattern.parent().as_ref() == Some(&section.pattern)).collect();
        if section.pattern.as_str().is_empty() && direct.is_empty() {
            return;
        }
        write_heading(page, section);
        if direct.is_empty() {
            return;
        }
        page.push_str("\n| key | what it is | value | default | kept |\n|---|---|---|---|---|\n");
        for parameter in &direct {
            write_row(page, parameter);
        }
        for parameter in direct {
            write_details(page, parameter, &section.description);
        }
        if section.map {
            self.write_entries(page, &section.pattern);
        }
    }

    /// The built-in entries of a map of values.
    fn write_entries(&self, page: &mut String, pattern: &KeyPattern) {
        let Some(key) = pattern.key() else { return };
        for (key, entry) in self.defaults.within(&key) {
            if let Entry::Value(value) = entry {
                let _ = write!(page, "\nBuilt-in `{key}`:\n\n{}\n", block(value));
            }
        }
    }
}

fn write_heading(page: &mut String, section: &Section) {
    if section.pattern.as_str().is_empty() {
        return;
    }
    let level = "#".repeat((section.pattern.segments().count() + 1).min(6));
    let _ = write!(page, "\n{level} {} (`{}`)\n", section.title, section.pattern.shown());
    if !section.description.is_empty() {
        let _ = write!(page, "\n{}\n", section.description);
    }
    if section.connection {
        page.push_str("\nA connection: its endpoint and credentials are always taken together from one tier.\n");
    }
}

fn write_row(page: &mut String, parameter: &Parameter) {
    let operator = if parameter.set_by == SetBy::Operator { "; set by the operator alone" } else { "" };
    let kept = match (&parameter.secret_field, parameter.sensitivity) {
        (Some(field), Sensitivity::Secret) => format!("secret `{field}`, never shown"),
        (Some(field), _) => format!("secret `{field}`"),
        (None, _) => "table".to_owned(),
    };
    let default = parameter.default.as_ref().map(in_table).unwrap_or_default();
    let cells = [&parameter.title, &parameter.expectation(), &default, &format!("{kept}{operator}")].map(|c| cell(c));
    let _ = writeln!(page, "| `{}` | {} |", parameter.pattern.shown(), cells.join(" | "));
}

/// What has no room in the table. An entry of a map that is documented by the map says nothing twice.
fn write_details(page: &mut String, parameter: &Parameter, above: &str) {
    let mut said = Vec::new();
    if !parameter.description.is_empty() && parameter.description != above {
        said.push(parameter.description.clone());
    }
    if let Some(variables) = &parameter.template {
        let names: Vec<_> = variables.iter().map(|name| format!("`{name}`")).collect();
        said.push(format!("A template, with the variables {}.", names.join(", ")));
    }
    if let Some(table) = &parameter.refers_to {
        said.push(format!("Names an entry of `{table}`."));
    }
    if parameter.unique.is_some() {
        said.push("No two tenants may have the same value, so it cannot be set for all of them.".to_owned());
    }
    if !parameter.examples.is_empty() {
        let examples: Vec<_> = parameter.examples.iter().map(|example| format!("`{}`", example.to_json())).collect();
        said.push(format!("For example: {}.", examples.join(", ")));
    }
    let long_default = parameter.default.as_ref().filter(|value| is_long(value));
    if let Some(default) = long_default {
        said.push(format!("Default:\n\n{}", block(default)));
    }
    if !said.is_empty() {
        let _ = write!(page, "\n**`{}`** {}\n", parameter.pattern.shown(), said.join("\n\n"));
    }
}

fn is_long(value: &Value) -> bool {
    let json = value.to_json();
    json.len() > LONGEST_IN_TABLE || value.as_str().is_some_and(|text| text.contains(['\n', '`']))
}

fn in_table(value: &Value) -> String {
    match value.as_str() {
        _ if is_long(value) => "see below".to_owned(),
        Some("") => "empty".to_owned(),
        Some(_) | None => format!("`{}`", value.to_json()),
    }
}

/// A fenced block, with a fence longer than any in the text.
fn block(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}\n{}\n{fence}", text.trim_end())
}

/// A text that does not end a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

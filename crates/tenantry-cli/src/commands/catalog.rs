//! `tenantry catalog`: what can be configured.

use clap::Args;
use serde::Serialize;
use tenantry_core::catalog::{Catalog as Parameters, Parameter, Sensitivity, SetBy};
use tenantry_core::key::Key;

use crate::cli::Global;
use crate::exit::Trouble;
use crate::output::{Format, Output, Tone, print};
use crate::session;
use crate::shown;

/// List the parameters, or tell all about one
#[derive(Debug, Args)]
#[command(after_help = "\
No store is needed.

Examples:
  tenantry catalog
  tenantry catalog ai.default                      (a section)
  tenantry catalog persona.name                    (all about one parameter)
  tenantry catalog --output json-schema > settings.schema.json
  tenantry catalog --output markdown > parameters.md")]
pub(crate) struct Catalog {
    /// A parameter, or a section; all of them if left out
    key: Option<String>,
}

/// A parameter as programs read it.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    parameter: &'a Parameter,
    expects: String,
}

impl Catalog {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let catalog = session::catalog(global)?;
        let output = Output::new(global.output);
        let whole = match output.format() {
            Format::JsonSchema => Some(serde_json::to_string_pretty(catalog.schema())?),
            Format::Markdown => Some(catalog.to_markdown()),
            Format::Table | Format::Json | Format::Yaml => None,
        };
        match (whole, self.key) {
            (Some(whole), None) => print(&whole),
            (Some(_), Some(_)) => Err(Trouble::usage("this form is of the whole catalog: leave out the key").into()),
            (None, None) => show(&output, &catalog.parameters().collect::<Vec<_>>()),
            (None, Some(spelling)) => show_at(&output, &catalog, &session::key(&catalog, &spelling)?),
        }
    }
}

fn show_at(output: &Output, catalog: &Parameters, key: &Key) -> anyhow::Result<()> {
    if let Some(parameter) = catalog.parameter(key) {
        let described = Described { parameter, expects: parameter.expectation() };
        output.show(&described, |output| describe(&described, output))
    } else {
        let below = |parameter: &&Parameter| is_below(parameter.pattern.segments(), key);
        show(output, &catalog.parameters().filter(below).collect::<Vec<_>>())
    }
}

/// Whether a pattern lies below a key, with any name for its `*`.
fn is_below<'a>(pattern: impl Iterator<Item = &'a str>, key: &Key) -> bool {
    let mut pattern = pattern;
    key.segments().all(|segment| pattern.next().is_some_and(|part| part == "*" || part == segment))
}

fn show(output: &Output, parameters: &[&Parameter]) -> anyhow::Result<()> {
    let described = parameters.iter().map(|parameter| Described { parameter, expects: parameter.expectation() });
    let described: Vec<_> = described.collect();
    output.show(&described, |output| table(parameters, output))
}

fn table(parameters: &[&Parameter], output: &Output) -> String {
    let paint = output.paint();
    let rows = parameters.iter().map(|parameter| {
        let sensitivity = match parameter.sensitivity {
            Sensitivity::Plain => String::new(),
            other => paint.tone(Tone::Warn, &other.to_string()),
        };
        let operator = if parameter.set_by == SetBy::Operator { "operator" } else { "" };
        let default = parameter.default.as_ref().map(shown::value).unwrap_or_default();
        vec![
            paint.tone(Tone::Strong, &parameter.pattern.to_string()),
            parameter.title.clone(),
            paint.tone(Tone::Dim, &default),
            sensitivity,
            operator.to_owned(),
        ]
    });
    output.table(&["KEY", "WHAT IT IS", "DEFAULT", "KEPT AS", "SET BY"], &rows.collect::<Vec<_>>())
}

fn describe(described: &Described<'_>, output: &Output) -> String {
    let (parameter, paint) = (described.parameter, output.paint());
    let mut lines = vec![format!("{}  {}", paint.tone(Tone::Strong, &parameter.pattern.to_string()), parameter.title)];
    lines.extend((!parameter.description.is_empty()).then(|| format!("\n{}", parameter.description)));
    lines.push(String::new());
    let kept = match &parameter.secret_field {
        Some(field) => format!("in the tenant's secret, as the {} {field}", parameter.sensitivity),
        None => "with the plain parameters".to_owned(),
    };
    let set_by = match parameter.set_by {
        SetBy::Tenant => "the operator for every tenant, and each tenant for itself",
        SetBy::Operator => "the operator alone, with --global",
    };
    let examples: Vec<_> = parameter.examples.iter().map(shown::value).collect();
    let variables = parameter.template.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    let facts = [
        ("takes", described.expects.clone()),
        ("default", parameter.default.as_ref().map(shown::whole_value).unwrap_or_default()),
        ("kept", kept),
        ("set by", set_by.to_owned()),
        ("variables", variables),
        (
            "connection",
            parameter.connection.as_ref().map(|key| format!("{key}, taken whole from one tier")).unwrap_or_default(),
        ),
        ("refers to", parameter.refers_to.as_ref().map(|key| format!("an entry of {key}")).unwrap_or_default()),
        ("examples", examples.join(", ")),
    ];
    let facts = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    lines.extend(facts.map(|(name, fact)| format!("{name:<12}{}", fact.replace('\n', "\n            "))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_below_a_map_finds_the_parameters_of_its_entries() {
        let key = |text| Key::parse(text).unwrap();
        assert!(is_below("ai.tasks.*.model".split('.'), &key("ai.tasks.chitchat")));
        assert!(is_below("ai.tasks.*.model".split('.'), &key("ai")));
        assert!(!is_below("ai.default.model".split('.'), &key("ai.tasks")));
    }
}

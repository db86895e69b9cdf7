//! Renders a template once with made-up values, so that one which nobody could ever render is not stored.

use std::collections::BTreeMap;

use super::issue::{IssueCode, TemplateIssue};
use super::lint::TemplateRules;
use super::{Context, RenderErrorKind, Template, TemplateLimits};
use crate::value::Value;

/// What a variable holds in a trial.
const SAMPLE: &str = "sample";

/// Tells of a template without other faults that takes too many steps or writes too much, whatever the values are.
///
/// `reads` are the dotted names that it reads. What a variable holds is not known, so all are tried as texts, and then
/// as tables. Other failures prove nothing: the right values might do.
pub(super) fn check(source: &str, rules: &TemplateRules, reads: &[(String, usize)]) -> Option<TemplateIssue> {
    let template = Template::compile(source, &TemplateLimits::default()).ok()?;
    let table = Value::Table(BTreeMap::from([(SAMPLE.to_owned(), SAMPLE.into())]));
    [SAMPLE.into(), table].iter().find_map(|value| {
        let error = template.render(&context(rules, reads, value)).err()?;
        let code = match error.kind {
            RenderErrorKind::Endless => IssueCode::Endless,
            RenderErrorKind::TooLarge => IssueCode::TooLarge,
            RenderErrorKind::Undefined | RenderErrorKind::Other => return None,
        };
        Some(TemplateIssue { line: error.line, column: error.column, message: error.message, code })
    })
}

/// Each variable with a value, and what the template reads below it.
fn context(rules: &TemplateRules, reads: &[(String, usize)], value: &Value) -> Context {
    let context = rules.variables.iter().fold(Context::new(), |context, name| context.with(name, value.clone()));
    let below = reads.iter().map(|(name, _)| name).filter(|name| !rules.variables.contains(*name));
    below.fold(context, |context, name| context.with(name, SAMPLE))
}

//! What templates promise; each file tests one idea.

mod hostile;
mod laws;
mod linting;
mod needs;
mod spans;

use std::collections::BTreeMap;

use super::*;
use crate::value::Value;

fn context() -> Context {
    let facts = [("hours", "9 to 5"), ("city", "Delft")];
    let facts = facts.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
    let topics = ["billing", "orders"].map(Value::from).to_vec();
    Context::new()
        .with("persona.name", "Ada")
        .with("persona.age", 36)
        .with("company.name", "Acme <&>")
        .with("company.facts", Value::Table(facts.collect::<BTreeMap<_, _>>()))
        .with("company.topics", Value::Array(topics))
        .with("user.vip", true)
}

fn compile(source: &str) -> Template {
    Template::compile(source, &TemplateLimits::default()).unwrap_or_else(|issues| panic!("{source}: {issues:?}"))
}

fn render(source: &str) -> Result<String, RenderError> {
    compile(source).render(&context())
}

fn refusals(source: &str) -> Vec<(usize, usize, IssueCode)> {
    let issues = Template::compile(source, &TemplateLimits::default()).err().unwrap_or_default();
    issues.iter().map(|issue| (issue.line, issue.column, issue.code)).collect()
}

fn rules() -> TemplateRules {
    TemplateRules::new(["persona.name", "company.name", "company.facts", "user.name", "channel", "now"])
}

#[test]
fn renders_variables_filters_loops_and_conditions() {
    let source = "{% if user.vip %}Dear{% endif %} {{ persona.name|upper }}, {{ company.name }} knows \
                  {% for topic in company.topics %}{{ topic }}{% if not loop.last %} and {% endif %}{% endfor %}.";
    assert_eq!(render(source).unwrap(), "Dear ADA, Acme <&> knows billing and orders.");
    assert_eq!(render("{{ persona.age + 1 }} {{ company.topics|join(', ') }}").unwrap(), "37 billing, orders");
    assert_eq!(render("{{ company.nothing|default('none') }}").unwrap(), "none");
}

#[test]
fn macros_and_sets_work() {
    let source = "{% macro hi(who) %}Hi {{ who }}!{% endmacro %}{% set me = persona.name ~ '.' %}{{ hi(me) }}";
    assert_eq!(render(source).unwrap(), "Hi Ada.!");
}

#[test]
fn values_are_data_and_never_templates() {
    let context = Context::new().with("persona.name", "{{ 7*7 }}{% include 'x' %}<b>");
    let text = compile("I am {{ persona.name }}").render(&context).unwrap();
    assert_eq!(text, "I am {{ 7*7 }}{% include 'x' %}<b>");
}

#[test]
fn a_name_without_a_value_is_an_error_with_its_place() {
    let err = render("Hello\n  {{ persona.nmae }}").unwrap_err();
    assert_eq!((err.line, err.column, err.kind), (2, 6, RenderErrorKind::Undefined));
    assert_eq!(err.to_string(), "line 2, column 6: `persona.nmae` has no value");
}

#[test]
fn all_issues_come_at_once() {
    let source = "{{ a b }}\n{% include 'x' %}\nü {{ persona.name|uper }}{% nonsense %}\n{{ [persona] }}{{ f(1) }}";
    let found = refusals(source);
    let expected = [
        (1, 6, IssueCode::Syntax),
        (2, 1, IssueCode::Forbidden),
        (3, 19, IssueCode::Syntax),
        (3, 29, IssueCode::Syntax),
        (4, 4, IssueCode::Forbidden),
        (4, 19, IssueCode::Syntax),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_open_block_is_named_where_it_begins() {
    let issues = Template::compile("Hi\n{% if user.vip %}there", &TemplateLimits::default()).unwrap_err();
    assert_eq!(issues[0].to_string(), "line 2, column 1: `{% if %}` is never closed");
    assert_eq!(refusals("Hi {{ persona.name"), [(1, 15, IssueCode::Syntax)]);
    assert_eq!(refusals("Hi {# never closed").len(), 1);
}

#[test]
fn templates_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    shared(&compile("Hi"));
}

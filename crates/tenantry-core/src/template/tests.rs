//! What templates promise: limits, provenance, and refusals with a place.

use std::collections::BTreeMap;

use proptest::prelude::*;

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

fn failure(source: &str) -> RenderErrorKind {
    render(source).unwrap_err().kind
}

fn rules() -> TemplateRules {
    TemplateRules::new(["persona.name", "company.name", "company.facts", "user.name", "channel", "now"])
}

fn linted(source: &str, base: Option<&str>) -> Vec<(usize, usize, IssueCode)> {
    lint(source, &rules(), base).iter().map(|issue| (issue.line, issue.column, issue.code)).collect()
}

/// Runs on the smallest stack that a thread of the server may have, so that deep recursion aborts the test.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(test).unwrap().join().unwrap();
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
fn other_templates_cannot_be_reached() {
    for source in [
        "{% include 'a' %}",
        "{% import 'a' as b %}",
        "{% from 'a' import b %}",
        "{% extends 'a' %}",
        "{% block a %}{% endblock %}",
        "{% autoescape true %}{% endautoescape %}",
    ] {
        assert_eq!(refusals(source), [(1, 1, IssueCode::Forbidden)], "{source}");
    }
}

#[test]
fn a_macro_that_calls_itself_is_refused() {
    let direct = "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}";
    assert_eq!(refusals(direct), [(1, 20, IssueCode::Forbidden)]);
    let indirect = "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}";
    assert_eq!(refusals(indirect).len(), 2);
    let nested = "{% macro f() %}{% macro g() %}{{ f() }}{% endmacro %}{{ g() }}{% endmacro %}";
    assert_eq!(refusals(nested).len(), 2);
    assert!(refusals("{% macro f() %}1{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ g() }}").is_empty());
}

#[test]
fn a_recursive_loop_ends() {
    let deep = (0..20).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]));
    let source = "{% for x in tree recursive %}{{ loop(x) }}{{ loop(x) }}{% endfor %}";
    let outcome = compile(source).render(&Context::new().with("tree", deep));
    assert_eq!(outcome.unwrap_err().kind, RenderErrorKind::Endless);
}

#[test]
fn long_loops_run_out_of_fuel() {
    let nested = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    assert_eq!(failure(nested), RenderErrorKind::Endless);
    assert_eq!(
        failure("{{ range(100000)|join('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }}"),
        RenderErrorKind::Endless
    );
}

#[test]
fn huge_texts_are_never_made() {
    for source in [
        "{{ ('a' * 99999999)|length }}",
        "{{ ('a' * 30000)|replace('a', 'b' * 30000)|length }}",
        "{{ ('a' * 30000)|indent(999999999) }}",
        "{{ '%999999999d'|format(1) }}",
        "{{ range(30000)|join('b' * 30000)|length }}",
    ] {
        assert_eq!(failure(source), RenderErrorKind::Endless, "{source}");
    }
    assert_eq!(failure("{{ 10 ** 9999999999 }}"), RenderErrorKind::Other);
}

#[test]
fn output_stops_at_its_limit() {
    assert_eq!(render("{{ 'a' * 65536 }}").unwrap().len(), 65_536);
    let err = render("\n{{ 'a' * 65537 }}").unwrap_err();
    assert_eq!((err.line, err.kind), (2, RenderErrorKind::TooLarge));
    let limits = TemplateLimits { output_bytes: 3, ..TemplateLimits::default() };
    assert!(Template::compile("four", &limits).unwrap().render(&Context::new()).is_err());
}

#[test]
fn a_source_over_its_limit_is_refused() {
    assert!(refusals(&"a".repeat(64 * 1024)).is_empty());
    assert_eq!(refusals(&"a".repeat(64 * 1024 + 1)), [(1, 1, IssueCode::TooLarge)]);
    assert_eq!(lint(&"a".repeat(64 * 1024 + 1), &rules(), None).len(), 1);
}

#[test]
fn lists_cannot_grow_out_of_lists() {
    for source in [
        "{% set x = [persona] %}{% set x = [x, x] %}",
        "{% set x = [[1]] %}",
        "{% set x = {'a': persona} %}",
        "{% set x = persona, persona %}",
        "{% set x = company.topics + company.topics %}",
        "{% set x = company.topics * 1000 %}",
        "{% set x = range(9)|map('default', company) %}",
        "{% set x = range(9)|map(attribute='zz', default=company) %}",
        "{% set x = range(9)|map(persona.name) %}",
        "{% set x = range(*company.topics) %}",
        "{% set x = company.items() %}",
        "{% set persona.name = 1 %}",
    ] {
        assert!(!refusals(source).is_empty(), "{source}");
        assert!(refusals(source).iter().all(|(_, _, code)| *code == IssueCode::Forbidden), "{source}");
    }
    for source in [
        "{{ dict(a=company) }}",
        "{{ namespace() }}",
        "{{ debug() }}",
        "{{ company.topics|batch(2) }}",
        "{{ company.topics|groupby(0) }}",
        "{{ company.topics|zip(company.topics) }}",
        "{{ company|pprint }}",
    ] {
        assert_eq!(refusals(source).iter().map(|issue| issue.2).collect::<Vec<_>>(), [IssueCode::Syntax], "{source}");
    }
    assert_eq!(render("{% for d in ['Mon', persona.name|string, 2 + 1] %}{{ d }} {% endfor %}").unwrap(), "Mon Ada 3 ");
    assert_eq!(render("{{ 'billing' in company.topics and 'x' not in ['y'] }}").unwrap(), "True");
}

#[test]
fn deep_or_long_expressions_do_not_overflow_the_stack() {
    on_a_small_stack(|| {
        for (unit, n) in [("(", 20_000), ("[", 20_000), ("{", 20_000), ("not ", 15_000), ("- ", 30_000)] {
            assert!(!refusals(&format!("{{{{ {}1 }}}}", unit.repeat(n))).is_empty(), "{unit}");
        }
        for unit in ["+1", ".a", "[0]", "|string", " if 1 else 1", "~'a'", "(1)"] {
            let huge = format!("{{{{ a{} }}}}", unit.repeat(60_000 / unit.len()));
            assert_eq!(refusals(&huge)[0].2, IssueCode::TooLarge, "{unit}");
        }
        let elifs = format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(5_000));
        assert_eq!(refusals(&elifs)[0].2, IssueCode::TooLarge);
        let blocks = format!("{}{}", "{% if 1 %}".repeat(3_000), "{% endif %}".repeat(3_000));
        assert_eq!(refusals(&blocks)[0].2, IssueCode::TooLarge);
        let targets = format!("{{% set {}a{} = 1 %}}", "(".repeat(20_000), ")".repeat(20_000));
        assert_eq!(refusals(&targets)[0].2, IssueCode::TooLarge);
    });
}

#[test]
fn what_is_just_within_the_limits_fits_a_small_stack() {
    on_a_small_stack(|| {
        let nested = |inner: &str| format!("{}{inner}{}", "{% if 1 %}".repeat(31), "{% endif %}".repeat(31));
        for (unit, n) in [("+1", 199), ("~'a'", 199), ("|string", 199), (".a", 199), (" if 1 else 1", 99)] {
            let source = nested(&format!("{{{{ 1{} }}}}", unit.repeat(n)));
            assert_eq!(refusals(&source), [], "{unit}");
            assert!(compile(&source).render(&context()).is_ok() || unit == ".a", "{unit}");
        }
        for unit in ["not ", "- "] {
            assert!(render(&nested(&format!("{{{{ {}1 }}}}", unit.repeat(399)))).is_ok(), "{unit}");
        }
        let targets = format!("{{% set {}a{} = 1 %}}", "(".repeat(197), ")".repeat(197));
        assert_eq!(refusals(&nested(&targets)), []);
        assert_eq!(render(&nested(&format!("{{{{ {}1{} }}}}", "(".repeat(40), ")".repeat(40)))).unwrap(), "1");
    });
}

#[test]
fn unknown_variables_are_refused_with_the_nearest_name() {
    let issues = lint("Hi\n {{ persona.nmae }} {{ zzz }}", &rules(), None);
    assert_eq!((issues[0].line, issues[0].column, issues[0].code), (2, 5, IssueCode::UnknownVariable));
    assert_eq!(
        issues[0].message,
        "unknown variable `persona.nmae`: did you mean `persona.name`? \
         (allowed: channel, company.facts, company.name, now, persona.name, user.name)"
    );
    assert!(issues[1].message.starts_with("unknown variable `zzz` (allowed: "));
}

#[test]
fn a_group_is_refused_with_its_parts() {
    let issues = lint("{{ company }}", &rules(), None);
    assert_eq!(issues[0].message, "`company` is a group: name one of its parts (company.facts, company.name)");
    assert_eq!(linted("{{ company['secrets'] }}{{ persona.name }}", None), [(1, 4, IssueCode::UnknownVariable)]);
}

#[test]
fn everything_below_an_allowed_name_is_allowed() {
    assert_eq!(linted("{{ company.facts.hours }}{{ company.facts['city'] }}{{ company.facts[channel] }}", None), []);
    assert_eq!(linted("{{ company.facts_of_life }}", None), [(1, 4, IssueCode::UnknownVariable)]);
}

#[test]
fn names_of_the_template_itself_are_allowed() {
    let source = "{% set greeting = 'Hi' %}{{ greeting }}{% for name, fact in company.facts|items %}{{ loop.index }}\
                  {{ name }}{{ fact }}{% else %}{{ greeting }}{% endfor %}{% with a = 1 %}{{ a }}{% endwith %}\
                  {% macro m(p, q=now) %}{{ p }}{{ q }}{% endmacro %}{{ m(channel) }}{% set b %}x{% endset %}{{ b }}";
    assert_eq!(linted(source, None), []);
    assert_eq!(linted("{% for x in [1] %}{% endfor %}{{ x }}{{ loop.index }}", None).len(), 2);
    assert_eq!(linted("{% with a = 1 %}{% endwith %}{{ a }}", None).len(), 1);
}

#[test]
fn a_variable_of_the_prompt_cannot_be_replaced() {
    assert_eq!(linted("{% set persona = 1 %}", None), [(1, 8, IssueCode::Forbidden)]);
    assert_eq!(linted("{% for channel in [1] %}{% endfor %}", None), [(1, 8, IssueCode::Forbidden)]);
}

const BASE: &str =
    "You are {{ persona.name }}.\n{# locked: safety #}\nNever give  advice on {{ company.name }}.\n{# end locked #}\n";

#[test]
fn an_override_keeps_locked_blocks_verbatim() {
    let blocks = locked_blocks(BASE);
    assert_eq!((blocks[0].name.as_str(), blocks[0].line, blocks[0].column), ("safety", 2, 1));
    let kept = format!("Another prompt.\n{}", blocks[0].text);
    assert_eq!(linted(&kept, Some(BASE)), []);

    assert_eq!(linted("Hello", Some(BASE)), [(1, 1, IssueCode::MissingLockedBlock)]);
    let changed = kept.replace("give  advice", "give advice");
    assert_eq!(linted(&changed, Some(BASE)), [(2, 1, IssueCode::MissingLockedBlock)]);
    assert!(lint(&changed, &rules(), Some(BASE))[0].message.contains("`safety` is changed"));
}

#[test]
fn a_locked_block_must_be_written_to_the_output() {
    let text = &locked_blocks(BASE)[0].text;
    for source in [
        format!("{{% if false %}}{text}{{% endif %}}"),
        format!("{{% set x %}}{text}{{% endset %}}"),
        format!("{{% set x|replace(a='b') %}}{text}{{% endset %}}"),
        format!("{{% macro x() %}}{text}{{% endmacro %}}"),
        format!("{{% raw %}}{text}{{% endraw %}}"),
        format!("{{% if true %}}{{% elif true %}}{text}{{% endif %}}"),
        format!("{{{{ \"{text}\" }}}}"),
    ] {
        let codes: Vec<_> = linted(&source, Some(BASE)).into_iter().map(|issue| issue.2).collect();
        assert_eq!(codes, [IssueCode::MissingLockedBlock], "{source}");
    }
    assert_eq!(linted(&format!("{{% set x = 1 %}}{{% raw -%}} {{{{ {{% endraw %}}{text}"), Some(BASE)), []);
}

#[test]
fn locked_marks_come_in_pairs() {
    assert_eq!(linted("{# locked: a #}", None), [(1, 1, IssueCode::Syntax)]);
    assert_eq!(linted("x {# end locked #}", None), [(1, 3, IssueCode::Syntax)]);
    assert_eq!(linted("{# locked: a #}{# locked: b #}{# end locked #}", None), [(1, 1, IssueCode::Syntax)]);
    assert_eq!(locked_blocks("{#- locked: a -#} x {#- end locked -#}").len(), 1);
}

fn spans(source: &str) -> Vec<(String, Vec<String>)> {
    let spans = compile(source).render_spans(&context()).unwrap();
    let names = |source| match source {
        SpanSource::Literal => Vec::new(),
        SpanSource::Variables(names) => names,
    };
    spans.into_iter().map(|span| (span.text, names(span.source))).collect()
}

fn piece(text: &str, names: &[&str]) -> (String, Vec<String>) {
    (text.to_owned(), names.iter().map(|&name| name.to_owned()).collect())
}

#[test]
fn spans_name_the_variables_behind_each_piece() {
    let expected = [piece("I am ", &[]), piece("Ada of Acme <&>", &["company.name", "persona.name"]), piece(".", &[])];
    assert_eq!(spans("I am {{- ' ' }}{{ persona.name ~ ' of ' ~ company.name -}} ."), expected);
}

#[test]
fn spans_follow_names_through_loops_sets_and_macros() {
    let source = "{% for t in company.topics %}{{ t }}{% endfor %}{% set me = persona.name %}{{ me }}\
                  {% macro f(x) %}{{ x }}{{ company.name }}{% endmacro %}{{ f(me) }}";
    let expected = [
        piece("billing", &["company.topics"]),
        piece("orders", &["company.topics"]),
        piece("Ada", &["persona.name"]),
        piece("AdaAcme <&>", &["company.name", "persona.name"]),
    ];
    assert_eq!(spans(source), expected);
}

#[test]
fn filtered_blocks_and_plain_expressions_have_spans_too() {
    let expected = [piece("A2", &[]), piece("HI ADA", &["persona.name"])];
    assert_eq!(spans("A{{ 1 + 1 }}{% filter upper %}hi {{ persona.name }}{% endfilter %}"), expected);
}

/// Pieces of templates that fit together in any order and number.
fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-zäß \n<&]{0,8}",
        Just("{{ persona.name }}".to_owned()),
        Just("  {{- persona.name|upper -}}  \n".to_owned()),
        Just("{{ company.topics|join('-') }}".to_owned()),
        Just("{{ company.facts }}".to_owned()),
        Just("{# a note -#}  ".to_owned()),
        Just("{% raw %}{{ raw }}{% endraw %}".to_owned()),
        Just("{% set x = persona.name ~ 'x' %}{{ x }}".to_owned()),
        Just("{{ '' }}{{ persona.age|int * 2 if false else 'é' }}".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|parts| parts.concat()),
            inner.clone().prop_map(|body| format!("{{% if user.vip -%}} {body} {{%- else %}}-{{% endif %}}")),
            inner.clone().prop_map(|body| format!("{{%- for t in company.topics %}}{{{{ t }}}}{body}{{% endfor -%}}")),
            inner.clone().prop_map(|body| format!("{{% filter upper %}}{body}{{% endfilter %}}")),
            inner.prop_map(|body| format!("{{% set s %}}{body}{{% endset %}}{{{{ s }}}}")),
        ]
    })
}

/// Text that looks like templates and seldom is one.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{%-",
        "-}}",
        " if ",
        " for ",
        " in ",
        " set ",
        " endif ",
        " endfor ",
        "x",
        "persona",
        ".name",
        "(",
        ")",
        "[",
        "]",
        "|",
        "upper",
        "=",
        "==",
        "'",
        "\"",
        "~",
        "1",
        ",",
        " macro ",
        " raw ",
        " endraw ",
        "locked: a",
        "end locked",
        "é",
        "\n",
        "{",
        "}",
        " else ",
        " elif ",
        " with ",
        ":",
        "*",
        "+",
        "\\u",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn spans_together_are_the_rendered_text(source in template()) {
        let template = compile(&source);
        let text = template.render(&context()).unwrap();
        let spans = template.render_spans(&context()).unwrap();
        prop_assert_eq!(spans.iter().map(|span| span.text.as_str()).collect::<String>(), text);
        prop_assert!(spans.iter().all(|span| !span.text.is_empty()));
    }

    #[test]
    fn no_source_makes_the_compiler_or_the_linter_panic(source in prop_oneof![soup(), "\\PC{0,60}"]) {
        let issues = lint(&source, &rules(), Some(BASE));
        prop_assert!(issues.iter().all(|issue| issue.line >= 1 && issue.column >= 1));
        match Template::compile(&source, &TemplateLimits::default()) {
            Ok(template) => { let _ = template.render_spans(&context()); }
            Err(issues) => prop_assert!(!issues.is_empty()),
        }
    }

    #[test]
    fn a_value_is_written_as_it_is(text in "\\PC{0,60}") {
        let context = Context::new().with("persona.name", text.as_str());
        prop_assert_eq!(compile("{{ persona.name }}").render(&context).unwrap(), text);
    }
}

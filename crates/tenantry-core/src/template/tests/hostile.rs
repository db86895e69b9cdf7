//! No template hangs, recurses without end or fills the memory.

use super::*;

fn failure(source: &str) -> RenderErrorKind {
    render(source).unwrap_err().kind
}

/// Runs on the smallest stack that a thread of the server may have, so that deep recursion aborts the test.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(test).unwrap().join().unwrap();
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
        "{% set x = 'a' * 1000000 %}{{ x[:9] }}",
        "{{ persona.name[1000] }}",
        "{{ persona.name[-1] }}",
        "{% for i in range(9) %}{{ persona.name[i] }}{% endfor %}",
        "{{ ('a' * 1000000)[0:1] }}",
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
        "{{ persona.name is lower }}",
    ] {
        assert_eq!(refusals(source).iter().map(|issue| issue.2).collect::<Vec<_>>(), [IssueCode::Syntax], "{source}");
    }
    assert_eq!(render("{% for d in ['Mon', persona.name|string, 2 + 1] %}{{ d }} {% endfor %}").unwrap(), "Mon Ada 3 ");
    assert_eq!(render("{% for t in company.topics %}{{ t[0] }}{% endfor %}").unwrap(), "bo");
    assert_eq!(render("{{ persona.name is startingwith 'A' and company is not endingwith 'a' }}").unwrap(), "True");
    assert_eq!(render("{{ company.topics[1] }}{{ company.topics[:1]|first }}").unwrap(), "ordersbilling");
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

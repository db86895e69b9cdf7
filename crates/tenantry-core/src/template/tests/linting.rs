//! What is refused when a prompt is written, and where.

use super::*;

fn linted(source: &str, base: Option<&str>) -> Vec<(usize, usize, IssueCode)> {
    lint(source, &rules(), base).iter().map(|issue| (issue.line, issue.column, issue.code)).collect()
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

pub(super) const BASE: &str =
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

#[test]
fn a_template_that_nobody_could_render_is_refused_with_its_place() {
    let endless = "Hi\n{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}";
    let found = linted(endless, None);
    assert_eq!((found[0].0, found[0].2), (2, IssueCode::Endless));
    let long = format!("Hi\n {{% for i in range(9000) %}}{}{{% endfor %}}", "x".repeat(10));
    let found = linted(&long, None);
    assert_eq!((found[0].0, found[0].2), (2, IssueCode::TooLarge));
    assert!(lint(&long, &rules(), None)[0].message.contains("65536 bytes"));
}

#[test]
fn a_template_is_tried_whether_a_variable_is_a_text_or_a_table() {
    let endless = "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}";
    for before in [
        "{{ persona.name|upper }}",
        "{{ company.facts.hours|upper }}",
        "{% for name, fact in company.facts|items %}{{ name }}: {{ fact }}{% endfor %}",
    ] {
        let found = linted(&format!("{before}\n{endless}"), None);
        assert_eq!(found.first().map(|issue| issue.2), Some(IssueCode::Endless), "{before}");
    }
}

#[test]
fn a_template_that_fails_with_made_up_values_alone_is_accepted() {
    assert_eq!(linted("{{ company.facts.founded + 1 }}{{ now[:4]|int + 1 }}", None), []);
}

#[test]
fn a_conflict_that_nobody_resolved_is_refused_where_it_begins() {
    let merged = "Hi\n<<<<<<< ours\nDear\n||||||| original\nHello\n=======\nGood day\n>>>>>>> theirs\nbye";
    assert_eq!(linted(merged, None), [(2, 1, IssueCode::Conflict)]);
    assert!(lint(merged, &rules(), None)[0].message.contains("resolve the conflict first"));
    assert_eq!(linted(&merged.replace('\n', "\r\n"), None), [(2, 1, IssueCode::Conflict)]);
    assert_eq!(linted("Heading\n=======\n>>>>>>> quoted\n<<<<<<< left", None), [], "marks that are no conflict");
}

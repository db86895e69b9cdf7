//! What holds for every template.

use proptest::prelude::*;

use super::linting::BASE;
use super::*;

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

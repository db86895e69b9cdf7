//! Pieces of the output name the variables behind them.

use super::*;

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

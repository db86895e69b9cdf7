//! Which names a template cannot do without: held against the engine itself.

use super::*;

/// What a template cannot do without among names that have no value.
fn lacks(source: &str) -> Vec<String> {
    needs(source).into_keys().filter(|name| name.contains("no")).collect()
}

#[test]
fn what_is_needed_is_what_rendering_fails_without() {
    for source in [
        "{{ company.no }}",
        "{% if company.no %}x{% endif %}",
        "{% if company.no %}{{ company.no }}{% endif %}",
        "{% if not company.no %}x{% endif %}",
        "{{ company.no|upper }}",
        "{{ company.no|upper|default('x') }}",
        "{% for x in company.no %}{{ x }}{% endfor %}",
        "{{ 'x' if company.no else 'y' }}",
        "{{ company.no or 'x' }}",
        "{% if company.no is defined or company.name %}{{ company.no }}{% endif %}",
        "{% if company.no is undefined %}{{ company.no }}{% endif %}",
        "{{ company.no1|default(company.no2) }}",
        "{% if company.name %}{% endif %}{{ company.no }}",
        "{% if false %}{% else %}{{ company.no }}{% endif %}",
    ] {
        assert!(!lacks(source).is_empty(), "{source}");
        assert!(render(source).is_err(), "{source}");
    }
}

#[test]
fn what_a_template_guards_is_not_needed() {
    for source in [
        "{% if company.no is defined %}{{ company.no }}{% endif %}",
        "{% if company.no is not defined %}x{% else %}{{ company.no }}{% endif %}",
        "{% if company.no is undefined %}x{% elif company.no %}{{ company.no }}{% endif %}",
        "{% if company.no is defined and company.no %}{{ company.no }}{% endif %}",
        "{% if company.no is undefined or company.no %}x{% endif %}",
        "{% if not (company.no is undefined or company.no == 'a') %}{{ company.no }}{% endif %}",
        "{{ company.no|default('x') }}{{ company.no|d('x')|upper }}",
        "{{ company.no if company.no is defined else 'x' }}",
        "{% for x in company.topics if company.no is defined %}{{ company.no }}{% endfor %}",
        "{% if company.no is none %}x{% endif %}",
        "{% if company['no'] is defined %}{{ company.no }}{% endif %}",
    ] {
        assert_eq!(lacks(source), [""; 0], "{source}");
        assert!(render(source).is_ok(), "{source}: {:?}", render(source));
    }
}

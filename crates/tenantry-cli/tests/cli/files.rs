//! `apply` and `export`: many scopes in one file, whole or not at all.

use std::fmt::Write as _;

use crate::program::{Program, snapshot};

const COMPANIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/companies.yaml");

/// The secrets that an export leaves out, as far as values need them.
const SECRETS: &str = "\
global: {secrets: {openrouter_api_key: sk-or-example-operator}}
tenants:
- {tenant_id: sonnkorn, secrets: {openai_api_key: sk-example-sonnkorn, odoo_url: 'https://odoo.example', odoo_db: x, odoo_login: x, odoo_password: x}}
- {tenant_id: sonrisa, secrets: {cerebras_api_key: csk-example-sonrisa, google_api_key: example, google_calendar_id: x}}
- {tenant_id: brightwell}
";

#[test]
fn the_sample_companies_are_imported_and_valid() {
    let program = Program::new();
    let dry = program.run(&["apply", "-f", COMPANIES, "--dry-run"]);
    assert!(dry.ok().contains("nothing was changed"), "{dry:?}");
    assert_eq!(program.run(&["tenant", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
    snapshot("apply", program.run(&["apply", "-f", COMPANIES, "--reason", "first customers"]).ok());
    snapshot("validate", program.run(&["validate", "--all"]).ok());
    assert!(program.run(&["apply", "-f", COMPANIES]).ok().contains("as it was"), "a second time changes nothing");
}

#[test]
fn what_is_exported_can_be_applied_to_another_store() {
    let (one, other) = (Program::new(), Program::new());
    one.run(&["apply", "-f", COMPANIES]).ok();
    other.run_with(&["apply", "-f", "-"], SECRETS).ok();
    for format in ["yaml", "json"] {
        let export = one.run(&["export", "--all", "-o", format]);
        other.run_with(&["apply", "-f", "-"], export.ok()).ok();
        let values = |program: &Program| program.run(&["-t", "brightwell", "get", "persona", "-o", "json"]).json();
        assert_eq!(values(&one), values(&other), "{format}");
    }
    let prompt = |program: &Program| program.run(&["-t", "sonrisa", "get", "prompts.question_answering"]).stdout;
    assert_eq!(prompt(&one), prompt(&other), "every line of a prompt survives");
}

#[test]
fn an_import_with_faults_lists_all_of_them_and_imports_nothing() {
    let program = Program::new();
    let file = program.file(
        "bad.yaml",
        "tenants:\n\
         - {tenant_id: one, display_name: One, values: {persona: {name: Ada}}}\n\
         - {tenant_id: two, display_name: Two, values: {persona: {nmae: Ada}}}\n\
         - {tenant_id: three, display_name: Three, values: {ai.default.temperature: 9}}\n\
         - {tenant_id: four, display_name: Four, secrets: {slack_bot_token: abc}}\n",
    );
    snapshot("apply_faults", program.run(&["apply", "-f", &file]).refused(4));
    assert_eq!(program.run(&["tenant", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
}

#[test]
fn a_file_that_is_no_bundle_is_refused_with_the_place() {
    let program = Program::new();
    for (text, said) in [
        ("tenants: [", "line "),
        ("a: &x 1\nb: *x\n", "line 1, column"),
        ("tenants: 7", "/tenants"),
        ("tenant: []", "/tenant"),
        ("tenants: [{tenant_id: Acme}]", "/tenants/0/tenant_id"),
        ("tenants: [{tenant_id: acme}, {tenant_id: acme}]", "twice"),
        ("global: {values: {persona: {name: a, name: b}}}", "/global/values/persona/name"),
        ("global: {values: {persona: {name: .nan}}}", "finite"),
        ("global: {values: {x: [null]}}", "x.0: null"),
        ("--- {}\n--- {}\n", "second document"),
    ] {
        let ran = program.run_with(&["apply", "-f", "-"], text);
        assert!(ran.refused(4).contains(said), "{text}: {ran:?}");
    }
    program.run(&["apply", "-f", "missing.yaml"]).refused(3);
}

#[test]
fn faults_of_form_and_of_values_are_told_together() {
    let program = Program::new();
    let file = "tenants:\n\
         - {tenant_id: Z1, values: {persona: {name: x}}}\n\
         - {tenant_id: z2, values: {ai: {default: {temperature: 9}}}}\n\
         - {tenant_id: z3, values: {\"bad key\": 1}}\n";
    let ran = program.run_with(&["apply", "-f", "-"], file);
    for said in ["/tenants/0/tenant_id", "z2", "ai.default.temperature", "z3", "bad key"] {
        assert!(ran.refused(4).contains(said), "{said}: {ran:?}");
    }
}

#[test]
fn tenants_that_would_share_a_name_are_told_before_anything_is_written() {
    let program = Program::new();
    let file = "tenants:\n\
         - {tenant_id: p1, values: {storage: {dynamodb_table_prefix: shared-prefix}}}\n\
         - {tenant_id: p2, values: {storage: {dynamodb_table_prefix: shared-prefix}}}\n\
         - {tenant_id: p3, values: {persona: {name: X}}}\n";
    for arguments in [&["apply", "-f", "-", "--dry-run"][..], &["apply", "-f", "-"]] {
        let ran = program.run_with(arguments, file);
        assert!(ran.refused(4).contains("storage.dynamodb_table_prefix"), "{ran:?}");
        assert!(ran.refused(4).contains("p1, p2"), "{ran:?}");
    }
    assert_eq!(program.run(&["tenant", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
}

#[test]
fn a_bomb_of_aliases_is_refused_at_once() {
    let program = Program::new();
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..40 {
        let below = format!("*a{}", level - 1);
        let _ = writeln!(bomb, "a{level}: &a{level} [{below}, {below}, {below}, {below}]");
    }
    assert!(program.run_with(&["apply", "-f", "-"], &bomb).refused(4).contains("anchor"));
    let deep = format!("global: {}{}", "[".repeat(50_000), "]".repeat(50_000));
    program.run_with(&["apply", "-f", "-"], &deep).refused(4);
}

#[test]
fn what_a_file_does_not_name_stays() {
    let program = Program::with_acme();
    program.run(&["-t", "acme", "set", "persona.name", "Ada", "persona.language", "de"]).ok();
    program.run_with(&["apply", "-f", "-"], "tenants: [{tenant_id: acme, values: {persona.name: Eve}}]").ok();
    let values = program.run(&["-t", "acme", "export", "-o", "json"]).json();
    assert_eq!(values["tenants"][0]["values"], serde_json::json!({"persona": {"language": "de", "name": "Eve"}}));
}

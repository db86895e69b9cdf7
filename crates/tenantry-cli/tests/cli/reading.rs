//! `get`, `explain`, `diff`, `render`, `catalog`: what people read.

use crate::program::{Program, Ran, snapshot};

const COMPANIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/companies.yaml");

fn companies() -> Program {
    let program = Program::new();
    program.run(&["apply", "-f", COMPANIES]).ok();
    program
}

#[track_caller]
fn check(program: &Program, name: &str, arguments: &[&str]) {
    snapshot(name, &program.redact(program.run(arguments).ok()));
}

#[test]
fn explain_tells_tiers_revisions_and_what_is_hidden() {
    let program = companies();
    check(&program, "explain_section", &["-t", "sonnkorn", "explain", "ai.default"]);
    check(&program, "explain_connection", &["-t", "sonnkorn", "explain", "odoo"]);
    check(&program, "explain_all", &["-t", "brightwell", "explain"]);
    check(&program, "explain_json", &["-t", "sonnkorn", "explain", "ai.default.model", "-o", "json"]);
}

#[test]
fn an_endpoint_of_ones_own_never_gets_the_operators_key() {
    let program = companies();
    let own = program.run(&["-t", "brightwell", "set", "openrouter.base_url", "https://llm.brightwell.example/v1"]);
    assert!(own.refused(4).contains("openrouter"), "{own:?}");
    let explained = program.run(&["-t", "brightwell", "explain", "openrouter", "-o", "json"]).json();
    assert_eq!(explained["connections"][0]["tier"], "global");
}

#[test]
fn diff_compares_tenants_defaults_and_the_operators_values() {
    let program = companies();
    check(&program, "diff", &["-t", "brightwell", "diff"]);
    check(&program, "diff_global", &["--global", "diff"]);
    check(&program, "diff_json", &["--global", "diff", "-o", "json"]);
    let tenants = program.run(&["-t", "sonrisa", "diff", "sonnkorn"]);
    assert!(tenants.ok().contains("Lupita") && tenants.stdout.contains("Frau Brösel"));
    assert!(program.run(&["-t", "sonrisa", "diff", "sonrisa"]).ok().contains("do not differ"));
    assert!(program.run(&["-t", "sonrisa", "diff", "default"]).ok().contains("DEFAULT"));
    program.run(&["-t", "sonrisa", "diff", "nobody"]).refused(3);
    program.run(&["-t", "sonrisa", "diff", "No Body"]).refused(2);
}

#[test]
fn render_marks_the_tier_of_each_piece() {
    let program = companies();
    let file = program.file("prompt", "You are {{ persona.name }}, {{ persona.communication_style }}\nIn {{ persona.language }}, for {{ user.name }} by {{ channel }}.\n");
    program.run(&["-t", "brightwell", "set", "prompts.chitchat", "--from-file", &file]).ok();
    let arguments = ["-t", "brightwell", "render", "chitchat", "--user", "Grace", "--channel", "slack"];
    check(&program, "render", &arguments);
    let plain = program.run(&[&arguments[..], &["--plain"]].concat());
    assert!(plain.ok().starts_with("You are Walter, Polite"), "{plain:?}");
    let spans = program.run(&[&arguments[..], &["-o", "json"]].concat()).json();
    assert_eq!(spans["spans"][1]["tier"], "tenant");
}

#[test]
fn get_shows_a_section_with_tiers() {
    let program = companies();
    check(&program, "get_section", &["-t", "sonrisa", "get", "persona"]);
    check(&program, "get_yaml", &["-t", "sonrisa", "get", "persona", "-o", "yaml"]);
    check(&program, "get_json", &["-t", "sonrisa", "get", "google", "-o", "json"]);
}

#[test]
fn the_catalog_needs_no_store() {
    let program = Program::without_store();
    check(&program, "catalog_section", &["catalog", "persona"]);
    check(&program, "catalog_parameter", &["catalog", "ai.default.temperature"]);
    check(&program, "catalog_secret", &["catalog", "slack_bot_token", "-o", "yaml"]);
    let schema = program.run(&["catalog", "--output", "json-schema"]).json();
    assert!(schema["properties"]["persona"].is_object());
    assert!(program.run(&["catalog", "-o", "markdown"]).ok().starts_with("# "));
    program.run(&["catalog", "persona", "-o", "markdown"]).refused(2);
    program.run(&["catalog", "persona.nmae"]).refused(3);
}

#[test]
fn the_catalog_of_another_application_is_a_json_schema() {
    let program = Program::new();
    let schema =
        r#"{"title": "Shop", "type": "object", "properties": {"greeting": {"type": "string", "default": "Hi"}}}"#;
    let shop = program.file("shop.json", schema);
    program.run(&["--catalog", &shop, "tenant", "create", "acme", "--name", "Acme"]).ok();
    assert_eq!(program.run(&["--catalog", &shop, "-t", "acme", "get", "greeting"]).ok(), "Hi\n");
    program.run(&["--catalog", &shop, "-t", "acme", "get", "persona.name"]).refused(3);
    let bad = program.file("bad.json", r#"{"type": "object", "properties": {"a": {}}}"#);
    assert!(program.run(&["--catalog", &bad, "catalog"]).refused(4).contains("cause: a"));
    program.run(&["--catalog", "missing.json", "catalog"]).refused(1);
}

#[test]
fn there_are_no_colours_but_on_a_terminal() {
    let program = companies();
    let piped = program.run(&["-t", "sonnkorn", "explain"]);
    assert!(!piped.all().contains('\u{1b}'));
    let asked =
        Ran::of(program.command(&["-t", "sonnkorn", "explain"]).env("NO_COLOR", "1").env("TERM", "xterm-256color"));
    assert!(!asked.all().contains('\u{1b}'));
}

#[test]
fn every_document_is_json_and_the_same_as_yaml() {
    let program = companies();
    for arguments in [
        vec!["get"],
        vec!["explain"],
        vec!["diff"],
        vec!["history"],
        vec!["validate"],
        vec!["log"],
        vec!["tenant", "list"],
        vec!["token", "list"],
        vec!["binding", "list"],
        vec!["catalog"],
        vec!["export"],
    ] {
        let in_form = |form| program.run(&[vec!["-t", "sonnkorn", "-o", form], arguments.clone()].concat());
        in_form("json").json();
        let yaml = in_form("yaml");
        assert!(!yaml.ok().is_empty() && !yaml.stdout.starts_with('{'), "{yaml:?}");
    }
}

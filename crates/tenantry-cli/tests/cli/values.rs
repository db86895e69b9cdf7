//! `set`, `unset`, `get`, `history`, `restore`: values and their revisions.

use serde_json::json;

use crate::program::{Program, snapshot};

#[test]
fn a_value_is_set_shown_and_unset() {
    let program = Program::with_acme();
    let set = program.run(&["-t", "acme", "set", "persona.name", "Ada", "ai.default.temperature", "0.5"]);
    snapshot("set", set.ok());
    assert_eq!(program.run(&["-t", "acme", "get", "persona.name"]).ok(), "Ada\n");
    assert_eq!(program.run(&["-t", "acme", "get", "ai.default.temperature"]).ok(), "0.5\n");
    let same = program.run(&["-t", "acme", "set", "persona.name", "Ada"]);
    assert!(same.ok().contains("nothing to change"));
    program.run(&["-t", "acme", "unset", "persona.name"]).ok();
    let one = program.run(&["-t", "acme", "get", "persona.name", "-o", "json"]).json();
    assert_eq!(one, json!({"scope": "acme", "key": "persona.name", "value": "Ada", "tier": "default"}));
}

#[test]
fn keys_are_read_in_both_spellings_and_shown_dotted() {
    let program = Program::with_acme();
    let set = program.run(&["-t", "acme", "set", "calendar_id", "team@acme.example", "persona_name", "Ada"]);
    assert!(set.ok().contains("google.calendar_id") && set.stdout.contains("persona.name"), "{set:?}");
    assert!(!set.stdout.contains(" calendar_id ="), "{set:?}");
}

#[test]
fn standard_input_and_files_lose_one_line_break() {
    let program = Program::with_acme();
    program.run_with(&["-t", "acme", "set", "persona.description", "-"], "a baker\n").ok();
    assert_eq!(program.run(&["-t", "acme", "get", "persona.description"]).ok(), "a baker\n");
    let file = program.file("prompt.txt", "You are {{ persona.name }}.\nBe brief.\n");
    program.run(&["-t", "acme", "set", "prompts.chitchat", "--from-file", &file]).ok();
    let got = program.run(&["-t", "acme", "get", "prompts.chitchat", "-o", "json"]).json();
    assert_eq!(got["value"], "You are {{ persona.name }}.\nBe brief.");
}

#[test]
fn every_digit_of_a_number_is_kept_in_every_output() {
    let program = Program::without_store();
    let properties = r#"{"n": {"type": "number"}}"#;
    let catalog = program.file("catalog.json", &format!(r#"{{"type": "object", "properties": {properties}}}"#));
    let run = |arguments: &[&str]| {
        let all = [&["--catalog", &catalog][..], arguments].concat();
        program.run(&all)
    };
    run(&["init"]).ok();
    run(&["tenant", "create", "acme", "--name", "Acme"]).ok();
    let digits = "1234567890123456789012345678.0625";
    run(&["-t", "acme", "set", "n", digits]).ok();
    for format in ["table", "json", "yaml"] {
        assert!(run(&["-t", "acme", "get", "n", "-o", format]).ok().contains(digits), "{format}");
    }
    let export = run(&["-t", "acme", "export"]);
    let file = program.file("export.yaml", export.ok());
    assert!(run(&["apply", "-f", &file]).ok().contains("as it was"), "an export is what is there");
}

#[test]
fn a_change_of_several_keys_is_one_revision_with_its_reason() {
    let program = Program::with_acme();
    program
        .run(&["-t", "acme", "set", "persona.name", "Ada", "persona.language", "de", "--reason", "we are German"])
        .ok();
    program.run(&["-t", "acme", "set", "persona.name", "Eve"]).ok();
    snapshot("history", &program.redact(program.run(&["-t", "acme", "history"]).ok()));
    snapshot("history_of_one", &program.redact(program.run(&["-t", "acme", "history", "2"]).ok()));
    let log = program.run(&["-t", "acme", "log", "-o", "json"]).json();
    assert_eq!(log.as_array().unwrap().len(), 3);
    assert_eq!(log[1]["reason"], "we are German");
    assert_eq!(log[1]["actor"], "cli:grace");
}

#[test]
fn restore_makes_the_old_values_a_new_revision_and_names_the_secrets_it_left() {
    let program = Program::with_acme();
    program.run(&["-t", "acme", "set", "persona.name", "Ada"]).ok();
    program.set_secret("acme", "openai.api_key", "sk-1234567890abcdef");
    program.run(&["-t", "acme", "set", "persona.name", "Eve"]).ok();
    let restored = program.run(&["-t", "acme", "restore", "2"]);
    snapshot("restore", &program.redact(&format!("{}{}", restored.ok(), restored.stderr)));
    assert_eq!(program.run(&["-t", "acme", "get", "persona.name"]).ok(), "Ada\n");
    assert!(program.run(&["-t", "acme", "restore", "99"]).refused(3).contains("history"));
    assert!(program.run(&["-t", "acme", "restore", "1", "--expected", "2"]).refused(5).contains("revision 5"));
}

#[test]
fn a_write_that_expects_another_revision_is_a_conflict_that_says_who_was_quicker() {
    let program = Program::with_acme();
    program.run(&["-t", "acme", "set", "persona.name", "Ada", "--expected", "1"]).ok();
    let stale = program.run(&["-t", "acme", "set", "persona.name", "Eve", "--expected", "1"]);
    let said = stale.refused(5);
    assert!(said.contains("revision 2") && said.contains("cli:grace"), "{said}");
    assert!(program.run(&["-t", "acme", "get", "--expected", "1"]).refused(2).contains("set, unset, restore"));
}

#[test]
fn the_operators_defaults_reach_every_tenant_that_sets_nothing() {
    let program = Program::with_acme();
    program.run(&["--global", "set", "persona.language", "fr"]).ok();
    assert_eq!(program.run(&["-t", "acme", "get", "persona.language"]).ok(), "fr\n");
    let by_variable = program.command(&["get", "persona.language"]).env("TENANTRY_TENANT", "acme").output().unwrap();
    assert_eq!(by_variable.stdout, b"fr\n");
}

#[test]
fn explain_names_the_tier_of_a_value_and_no_revision_that_is_not_the_values_own() {
    let program = Program::with_acme();
    program.run(&["-t", "acme", "set", "persona.name", "Ada"]).ok();
    program.run(&["-t", "acme", "set", "persona.language", "de"]).ok();
    for key in [&["persona.name"][..], &[]] {
        let said = program.run(&[&["-t", "acme", "explain"][..], key].concat());
        let told: Vec<_> = said.ok().lines().skip(1).collect();
        assert!(said.stdout.contains("tenant r3") && !told.join(" ").contains("r3"), "{said:?}");
    }
}

//! Bad input, and the answer that it gets.

use crate::program::{Program, snapshot};

#[track_caller]
fn refused(arguments: &[&str], code: i32, said: &[&str]) {
    let program = Program::with_acme();
    let ran = program.run(arguments);
    let stderr = ran.refused(code);
    for part in said {
        assert!(stderr.contains(part), "{part:?} is not in: {stderr}");
    }
    assert!(stderr.starts_with("error: "), "{stderr}");
    let history = program.run(&["-t", "acme", "history", "-o", "json"]).json();
    assert_eq!(history.as_array().unwrap().len(), 1, "nothing was changed");
}

#[test]
fn a_command_without_a_scope_names_both_choices() {
    refused(&["get"], 2, &["-t ID", "--global"]);
    refused(&["set", "persona.name", "Ada"], 2, &["-t ID", "--global"]);
    refused(&["-t", "acme", "--global", "get"], 2, &["cannot be used with"]);
}

#[test]
fn an_unknown_parameter_is_answered_with_the_nearest_ones() {
    refused(&["-t", "acme", "set", "persona.nmae", "Ada"], 4, &["persona.name", "help:"]);
    refused(&["-t", "acme", "get", "persona.nmae"], 3, &["persona.name"]);
    refused(&["-t", "acme", "unset", "persona.nmae"], 4, &["persona.name"]);
    let both = ["ai.default.temprature", "persona.nam", "ai.default.temperature", "persona.name"];
    refused(&["-t", "acme", "set", "ai.default.temprature", "9", "persona.nam", "x"], 4, &both);
    refused(&["-t", "acme", "unset", "ai.default.temprature", "persona.nam"], 4, &both);
    refused(&["-t", "acme", "set", "persona..name", "Ada"], 2, &["position 9"]);
}

#[test]
fn every_violation_of_a_change_is_listed_at_once() {
    let program = Program::with_acme();
    let ran = program.run(&["-t", "acme", "set", "ai.default.temperature", "9", "persona.language", "7x"]);
    snapshot("violations", ran.refused(4));
}

#[test]
fn wrong_types_null_and_strange_numbers_are_refused() {
    for value in ["null", "true", "[1]", "hot", "1e999", "9223372036854775808"] {
        refused(&["-t", "acme", "set", "ai.default.temperature", value], 4, &["ai.default.temperature"]);
    }
    refused(&["-t", "acme", "set", "company.facts", r#"{"a":"x","a":"y"}"#], 4, &["company.facts"]);
    refused(&["-t", "acme", "set", "persona.name", "a\u{7}b"], 4, &["persona.name"]);
    refused(&["-t", "acme", "set", "persona", "Ada"], 4, &["persona"]);
}

#[test]
fn what_only_the_operator_may_set_is_denied_to_a_tenant() {
    refused(&["-t", "acme", "set", "limits.history_turns", "3"], 6, &["operator", "--global set"]);
}

#[test]
fn internal_urls_are_refused_with_the_rule() {
    for url in ["http://127.0.0.1:1", "https://127.0.0.1", "https://0x7f.1", "ftp://a.example", "https://u:p@a.example"]
    {
        refused(&["-t", "acme", "set", "odoo.url", url], 4, &["odoo.url", "URL"]);
    }
}

#[test]
fn a_template_with_an_unknown_variable_or_without_a_locked_block_is_refused() {
    refused(
        &["-t", "acme", "set", "prompts.chitchat", "Hello {{ persona.nmae }}"],
        4,
        &["line 1, column", "persona.name"],
    );
    refused(&["-t", "acme", "set", "prompts.question_answering", "Be brief."], 4, &["locked block"]);
}

#[test]
fn a_broken_link_and_a_missing_connection_are_named() {
    refused(&["-t", "acme", "set", "routing.fallback", "nothing"], 4, &["routing.fallback"]);
    refused(&["-t", "acme", "set", "ai.default.provider", "cerebras"], 4, &["set cerebras.api_key"]);
}

#[test]
fn a_value_beyond_its_limit_is_refused_with_the_limit() {
    let program = Program::with_acme();
    let long = program.run_with(&["-t", "acme", "set", "prompts.chitchat", "-"], &"x".repeat(70_000));
    assert!(long.refused(4).contains("65536") || long.stderr.contains("65_536"), "{long:?}");
    program.run_with(&["-t", "acme", "set", "prompts.chitchat", "-"], &"x".repeat(300_000)).refused(4);
}

#[test]
fn a_name_that_two_tenants_would_share_is_refused_without_naming_the_other() {
    let program = Program::with_acme();
    program.run(&["tenant", "create", "beta", "--name", "Beta"]).ok();
    program.run(&["-t", "beta", "set", "storage.dynamodb_table_prefix", "shared-"]).ok();
    let taken = program.run(&["-t", "acme", "set", "storage.dynamodb_table_prefix", "shared-"]);
    assert!(!taken.refused(5).contains("beta"), "{taken:?}");
}

#[test]
fn words_that_are_no_pairs_and_files_that_are_missing_are_refused() {
    refused(&["-t", "acme", "set", "persona.name", "Ada", "persona.language"], 2, &["needs its VALUE"]);
    refused(&["-t", "acme", "set", "persona.name"], 2, &["needs a value"]);
    refused(&["-t", "acme", "set", "persona.name", "--from-file", "missing.txt"], 3, &["missing.txt", "cause:"]);
    refused(&["-t", "acme", "set", "persona.name", "Ada", "--from-file", "x"], 2, &["--from-file"]);
    refused(&["-t", "acme", "get", "-o", "markdown"], 2, &["catalog"]);
    refused(&["--allow-origin", "nonsense", "-t", "acme", "get"], 2, &["--allow-origin"]);
}

#[test]
fn a_parameter_without_a_value_is_not_found() {
    refused(&["-t", "acme", "get", "openai.api_key"], 3, &["not set", "tenantry -t acme set openai.api_key"]);
    refused(&["-t", "acme", "explain", "company.website"], 3, &["not set"]);
    refused(&["-t", "acme", "render", "nothing"], 3, &["prompts.chitchat", "get prompts`"]);
    refused(&["-t", "nobody", "explain"], 3, &["there is no tenant nobody"]);
}

#[test]
fn the_next_step_is_that_of_the_rule_which_is_broken() {
    let temperature = "ai.default.temperature";
    refused(&["-t", "acme", "set", temperature, "9"], 4, &["`tenantry catalog ai.default.temperature`"]);
    refused(&["-t", "acme", "set", temperature, "null"], 4, &["`tenantry unset ai.default.temperature`"]);
    let program = Program::with_acme();
    let link = program.run(&["-t", "acme", "set", "routing.fallback", "nothing"]);
    assert!(!link.refused(4).contains("tenantry catalog"), "{link:?}");
}

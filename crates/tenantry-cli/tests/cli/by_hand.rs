//! Stores that somebody changed by hand: no value poses as another tier's, and nothing commands a terminal.

use rusqlite::{Connection, params};

use crate::program::{Program, snapshot};

fn connection(program: &Program) -> Connection {
    Connection::open(program.path("tenantry.db")).unwrap()
}

fn put(program: &Program, scope: &str, key: &str, text: &str) {
    let sql = "INSERT INTO items (scope, key, value) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3";
    connection(program).execute(sql, params![scope, key, text]).unwrap();
}

/// The tenant acme, whose own name and language cannot be read, while all have global ones.
fn with_unusable_values() -> Program {
    let program = Program::with_acme();
    program.run(&["--global", "set", "persona.name", "GLOBAL", "persona.language", "es"]).ok();
    put(&program, "acme", "persona.name", "CANARY{");
    put(&program, "acme", "persona.language", "42");
    program
}

#[test]
fn no_lower_tier_is_shown_where_a_tenants_own_value_cannot_be_used() {
    let program = with_unusable_values();
    for arguments in [
        &["get", "persona.name"][..],
        &["get", "persona.language"],
        &["get", "persona"],
        &["get"],
        &["get", "persona.name", "-o", "json"],
        &["explain", "persona.name"],
        &["explain", "persona"],
        &["render", "chitchat"],
        &["export"],
        &["diff"],
        &["diff", "default"],
    ] {
        let ran = program.run(&[&["-t", "acme"], arguments].concat());
        let told = ran.refused(4);
        assert!(told.contains("acme: persona.") && told.contains("help: "), "{arguments:?}: {told}");
        assert!(!told.contains("GLOBAL") && !told.contains("CANARY"), "{arguments:?}: {told}");
    }
    program.run(&["export", "--all"]).refused(4);
    assert_eq!(program.run(&["-t", "acme", "get", "persona.communication_style"]).code, 0, "another parameter");
    snapshot("unusable", &program.run(&["-t", "acme", "get"]).stderr);
}

#[test]
fn what_cannot_be_used_is_listed_by_validate_and_by_explain() {
    let program = with_unusable_values();
    let report = program.run(&["-t", "acme", "validate"]);
    assert_eq!(report.code, 4, "{report:?}");
    snapshot("validate_unusable", &report.stdout);
    let explained = program.run(&["-t", "acme", "explain"]);
    let top: Vec<_> = explained.ok().lines().take(5).collect();
    snapshot("explain_unusable", &top.join("\n"));
    let document = program.run(&["-t", "acme", "explain", "-o", "json"]).json();
    assert_eq!(document["unusable"][1]["key"], "persona.name");
    for ran in [report, explained] {
        assert!(!ran.all().contains("CANARY"), "{ran:?}");
    }
}

#[test]
fn a_good_value_written_over_it_mends_it() {
    let program = with_unusable_values();
    program.run(&["-t", "acme", "set", "persona.name", "Ada", "persona.language", "en"]).ok();
    assert_eq!(program.run(&["-t", "acme", "get", "persona.name"]).ok(), "Ada\n");
    program.run(&["-t", "acme", "validate"]).ok();
}

#[test]
fn the_operators_key_does_not_pose_as_a_tenants_own_that_is_damaged() {
    let program = Program::with_acme();
    program.run_with(&["--global", "set", "openai.api_key", "-"], "sk-global-0123456789").ok();
    program.set_secret("acme", "openai.api_key", "sk-acme-0123456789");
    let sql = "UPDATE secret_fields SET sealed = x'00' WHERE scope = 'acme'";
    assert_eq!(connection(&program).execute(sql, []).unwrap(), 1);
    for arguments in [["get", "openai.api_key"], ["explain", "openai"], ["get", "openai.base_url"]] {
        let ran = program.run(&[&["-t", "acme"][..], &arguments].concat());
        assert!(ran.refused(4).contains("acme: openai.api_key"), "{ran:?}");
    }
    assert_eq!(program.run(&["--global", "get", "openai.api_key"]).code, 0, "the operator's own is in order");
}

#[test]
fn a_reason_written_by_hand_neither_commands_the_terminal_nor_poses_as_a_row() {
    let program = Program::with_acme();
    program.run(&["--reason", "CHANGE-ME", "-t", "acme", "set", "persona.name", "Ada"]).ok();
    let sql = "UPDATE log SET reason = ?1 WHERE reason = 'CHANGE-ME'";
    assert_eq!(connection(&program).execute(sql, ["paid\n9  forged\u{1b}[2J"]).unwrap(), 1);
    for arguments in [&["-t", "acme", "history"][..], &["-t", "acme", "history", "2"], &["log"]] {
        let shown = program.run(arguments);
        assert!(!shown.ok().contains('\u{1b}') && !shown.stdout.contains("\n9  forged"), "{shown:?}");
        assert!(shown.stdout.contains("paid\u{fffd}9  forged\u{fffd}[2J"), "{shown:?}");
    }
}

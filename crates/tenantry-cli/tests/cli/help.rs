//! Help texts and completions: what people and shells are told.

use crate::program::{Program, snapshot};

const COMMANDS: [&str; 31] = [
    "init",
    "tenant",
    "set",
    "unset",
    "plan",
    "behind",
    "get",
    "explain",
    "diff",
    "history",
    "restore",
    "validate",
    "verify",
    "catalog",
    "render",
    "replay",
    "apply",
    "export",
    "binding",
    "token",
    "log",
    "drift",
    "backup",
    "copy",
    "storage",
    "serve",
    "demo",
    "doctor",
    "deploy",
    "prove-isolation",
    "completions",
];

#[test]
fn the_help_lists_every_command_and_exit_code() {
    let program = Program::without_store();
    let help = program.run(&["--help"]);
    snapshot("help", help.ok());
    for command in COMMANDS {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}");
    }
    assert!(program.run(&["-h"]).ok().contains("Exit codes:"));
}

#[test]
fn every_command_has_a_help_with_examples() {
    let program = Program::without_store();
    for command in COMMANDS {
        let help = program.run(&[command, "--help"]);
        assert!(help.ok().contains("Examples:\n  "), "{command}");
        snapshot(&format!("help_{command}"), help.ok());
    }
}

#[test]
fn a_command_line_that_cannot_be_understood_ends_with_2() {
    let program = Program::without_store();
    program.run(&["explode"]).refused(2);
    program.run(&["get", "--nonsense"]).refused(2);
    program.run(&[]).refused(2);
}

#[test]
fn every_shell_gets_its_completions() {
    let program = Program::without_store();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = program.run(&["completions", shell]);
        assert!(script.ok().contains("tenantry") && script.stdout.contains("explain"), "{shell}");
    }
    program.run(&["completions", "csh"]).refused(2);
}

//! `demo`: worth watching, and true.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::program::{Program, Ran, TENANTRY, snapshot};

fn demo(program: &Program, more: &[&str]) -> Ran {
    program.run(&[&["demo", "--once", "--listen", "127.0.0.1:0"][..], more].concat())
}

/// Hides the port, too.
fn redacted(program: &Program, text: &str) -> String {
    let mut parts = text.split("http://127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    let hidden = parts.fold(first, |text, part| {
        format!("{text}http://127.0.0.1:[port]{}", part.trim_start_matches(|c: char| c.is_ascii_digit()))
    });
    program.redact(&hidden.replace(TENANTRY, "tenantry"))
}

#[test]
fn three_companies_get_three_answers_with_reasons() {
    let program = Program::without_store();
    let ran = demo(&program, &[]);
    snapshot("demo", &redacted(&program, ran.ok()));
}

#[test]
fn the_demo_goes_on_with_what_is_there_unless_it_begins_anew() {
    let program = Program::without_store();
    demo(&program, &[]).ok();
    let store = ["--store", "sqlite:.demo/tenantry.db"];
    program.run(&[&store[..], &["-t", "sonnkorn", "set", "persona.name", "Herr Knust"]].concat()).ok();
    assert!(demo(&program, &[]).ok().contains("Herr Knust"));
    let tokens = program.run(&[&store[..], &["-t", "sonnkorn", "token", "list", "-o", "json"]].concat()).json();
    let valid = tokens.as_array().unwrap().iter().filter(|token| token["state"] == "valid").count();
    assert_eq!(valid, 1, "the tokens of earlier runs are revoked");
    assert!(!demo(&program, &["--fresh"]).ok().contains("Herr Knust"));
}

#[test]
fn a_taken_port_is_no_obstacle_and_another_machine_is() {
    let program = Program::without_store();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = program.run(&["demo", "--once", "--listen", &address]);
    assert!(ran.ok().contains("companies") && ran.stderr.contains("is taken"), "{ran:?}");
    program.run(&["demo", "--once", "--listen", "0.0.0.0:0"]).refused(6);
}

#[test]
fn the_demo_removes_no_file_but_its_own() {
    let program = Program::without_store();
    demo(&program, &[]).ok();
    std::fs::write(program.path(".demo/notes.txt"), "mine").unwrap();
    demo(&program, &["--fresh"]).ok();
    assert!(program.path(".demo/notes.txt").exists());
}

#[test]
fn the_demo_serves_until_it_is_told_to_stop() {
    let program = Program::without_store();
    let mut command = program.command(&["demo", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let last = lines.map(Result::unwrap).find(|line| line.contains("the model answers"));
    assert!(last.is_some(), "it ended before it said everything");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

//! Several processes on one store at once.

use std::process::{Child, Stdio};

use crate::program::Program;

#[test]
fn processes_that_write_at_once_lose_nothing() {
    let program = Program::with_acme();
    let write = |number: usize| -> Child {
        let key = format!("company.facts.fact_{number}");
        let mut command = program.command(&["-t", "acme", "set", &key, "true story"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..8).map(write).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let facts = program.run(&["-t", "acme", "get", "company.facts", "-o", "json"]).json();
    assert_eq!(facts["values"]["company"]["facts"].as_object().unwrap().len(), 8);
    let history = program.run(&["-t", "acme", "history", "-o", "json"]).json();
    assert_eq!(history.as_array().unwrap().len(), 9, "one revision each, and the creation");
}

#[test]
fn of_processes_that_expect_one_revision_one_wins() {
    let program = Program::with_acme();
    let write = |number: usize| -> Child {
        let name = format!("Ada {number}");
        let mut command = program.command(&["-t", "acme", "set", "persona.name", &name, "--expected", "1"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..6).map(write).collect();
    let codes: Vec<i32> = children.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 5).count(), 5, "{codes:?}");
}

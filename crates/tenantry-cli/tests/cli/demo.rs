//! `demo`: worth watching, and true.

use std::io::{BufRead as _, BufReader, Write as _};
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
    let store = ["--store", "sqlite:.demo/demo.db"];
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
fn the_demo_opens_and_removes_no_store_that_it_did_not_make() {
    let program = Program::with_acme();
    let copy = |to: &str| std::fs::copy(program.path("tenantry.db"), program.path(to)).unwrap();
    std::fs::create_dir(program.path("mine")).unwrap();
    copy("mine/demo.db");
    std::fs::write(program.path("mine/demo.db.key"), "my key").unwrap();
    for more in [&["--dir", "mine"][..], &["--dir", "mine", "--fresh"]] {
        let ran = demo(&program, more);
        assert!(ran.refused(6).contains("--dir"), "{ran:?}");
        assert_eq!(
            std::fs::read(program.path("mine/demo.db")).unwrap(),
            std::fs::read(program.path("tenantry.db")).unwrap()
        );
        assert_eq!(std::fs::read_to_string(program.path("mine/demo.db.key")).unwrap(), "my key");
    }
    std::fs::remove_file(program.path("mine/demo.db")).unwrap();
    demo(&program, &["--dir", "mine", "--fresh"]).refused(6);
    assert!(program.path("mine/demo.db.key").exists(), "a key alone is somebody's, too");
}

#[test]
fn the_demo_leaves_the_products_own_store_alone() {
    let program = Program::with_acme();
    demo(&program, &["--dir", ".", "--fresh"]).ok();
    demo(&program, &["--dir", ".", "--fresh"]).ok();
    program.run(&["tenant", "show", "acme"]).ok();
}

#[test]
fn the_demo_removes_nothing_through_a_link() {
    let program = Program::with_acme();
    demo(&program, &[]).ok();
    std::fs::remove_file(program.path(".demo/demo.db")).unwrap();
    std::os::unix::fs::symlink(program.path("tenantry.db"), program.path(".demo/demo.db")).unwrap();
    demo(&program, &["--fresh"]).refused(6);
    demo(&program, &[]).refused(6);
    program.run(&["tenant", "show", "acme"]).ok();
}

#[test]
fn a_demo_that_was_interrupted_gets_its_companies_the_next_time() {
    let program = Program::without_store();
    demo(&program, &[]).ok();
    for company in ["sonnkorn", "sonrisa", "brightwell"] {
        let store = ["--store", "sqlite:.demo/demo.db", "tenant"];
        program.run(&[&store[..], &["suspend", company]].concat()).ok();
        program.run(&[&store[..], &["delete", company, "--yes"]].concat()).ok();
    }
    assert!(demo(&program, &[]).ok().contains("3 companies"));
}

#[test]
fn the_demo_explains_the_values_that_it_shows() {
    let program = Program::without_store();
    let ran = demo(&program, &[]);
    let why = ran.ok().split("== why?").nth(1).unwrap();
    let temperature = why.split("\nai.tasks.question_answering.temperature\n").nth(1).unwrap();
    assert!(temperature.lines().next().unwrap().ends_with(" 0.5"), "{why}");
    assert!(why.contains("--store sqlite:.demo/demo.db -t sonnkorn explain ai.tasks.question_answering.temperature"));
}

#[test]
fn a_demo_that_ends_names_no_step_that_needs_its_server() {
    let program = Program::without_store();
    let ran = demo(&program, &[]);
    assert!(!ran.ok().contains("curl") && !ran.stdout.contains("tny_"), "{ran:?}");
    assert!(ran.stdout.contains("without --once"), "{ran:?}");
}

#[test]
fn the_demo_serves_until_it_is_told_to_stop() {
    let program = Program::without_store();
    let mut command = program.command(&["demo", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines.map(Result::unwrap) {
        said.push(line);
        // Nothing is said behind this: another line would be waited for without end.
        if said.last().unwrap().contains("the model answers") {
            break;
        }
    }
    assert!(said.last().unwrap().contains("the model answers"), "it ended before it said everything");
    let filter = said.iter().find_map(|line| line.trim().strip_prefix("| ")).unwrap();
    assert_eq!(
        filtered(filter, r#"{"content":"Say \"Hi\" and \\","x":1}"#),
        "\"content\":\"Say \\\"Hi\\\" and \\\\\"\n"
    );
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// What a shell's filter makes of a text.
fn filtered(filter: &str, text: &str) -> String {
    let mut shell =
        Command::new("sh").args(["-c", filter]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap()
}

//! The examples of `docs/api.md`, run one after the other as a reader would run them.

use std::path::Path;
use std::process::Command;

use crate::program::Program;
use crate::serve::{Server, token};

/// The blocks that a test can run.
fn examples() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let text = std::fs::read_to_string(page).unwrap();
    let blocks: Vec<_> = text.split("\n```sh run\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(blocks.len() > 8, "{}", blocks.len());
    blocks.join("\n")
}

#[test]
fn every_example_of_the_api_works_as_it_is_written() {
    let program = Program::with_acme();
    let operator = program.run(&["--global", "token", "create", "--role", "operator"]).ok().trim().to_owned();
    let admin = token(&program, "acme");
    let server = Server::start(&program, &[]);
    let mut command = Command::new("bash");
    command.current_dir(program.folder()).args(["-euc", &examples()]);
    command.env("URL", format!("http://{}", server.address())).env("OPERATOR", operator).env("ADMIN", admin);
    let output = command.output().expect("the page is for people who have bash and curl");
    let (told, trouble) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{trouble}");
    // What the page shows of the answers.
    for shown in [
        r#"{"revision":2,"changes":[{"key":"company.facts.parking","after":{"value":"behind the house"}}"#,
        r#""code":"unknown_parameter""#,
        r#""counts":{"tenants":2,"changed":2,"overridden":0,"broken":0}"#,
        r#""value":"Ada""#,
    ] {
        assert!(told.contains(shown), "{shown} is not in {told}");
    }
    assert!(!told.contains("sk-your-own-key"), "a secret is never read back");
}

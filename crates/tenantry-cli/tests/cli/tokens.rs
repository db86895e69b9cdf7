//! `token`: made, listed, revoked; the text is shown once.

use crate::program::{Program, snapshot};

#[test]
fn a_tokens_text_is_shown_once_and_stored_nowhere() {
    let program = Program::with_acme();
    let made = program.run(&["-t", "acme", "token", "create", "--role", "tenant-admin", "--name", "laptop"]);
    let text = made.ok().trim().to_owned();
    assert!(text.starts_with("tny_") && text.lines().count() == 1, "{made:?}");
    assert!(!made.stderr.contains(&text));
    let random = text.rsplit('_').next().unwrap();
    let listed = program.run(&["token", "list"]);
    snapshot("token_list", &program.redact(listed.ok()));
    for said in [listed.all(), program.run(&["log", "-o", "json"]).all()] {
        assert!(!said.contains(random), "{said}");
    }
    let file = std::fs::read(program.path("tenantry.db")).unwrap();
    assert!(!file.windows(random.len()).any(|window| window == random.as_bytes()));
}

#[test]
fn a_token_is_revoked_by_its_id_alone() {
    let program = Program::with_acme();
    let made = program.run(&["-t", "acme", "token", "create", "-o", "json"]).json();
    let (id, text) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!((&made["role"], &made["scope"]), (&"tenant-viewer".into(), &"acme".into()));
    let whole = program.run(&["token", "revoke", text]);
    assert!(!whole.refused(6).contains(text));
    assert!(program.run(&["token", "revoke", "0000"]).refused(3).contains("token list"));
    program.run(&["--global", "token", "revoke", id]).refused(3);
    program.run(&["token", "revoke", id]).ok();
    let listed = program.run(&["-t", "acme", "token", "list", "-o", "json"]).json();
    assert_eq!(listed[0]["state"], "revoked");
}

#[test]
fn a_role_that_does_not_fit_and_a_life_that_is_too_long_are_refused() {
    let program = Program::with_acme();
    assert!(program.run(&["-t", "acme", "token", "create", "--role", "operator"]).refused(2).contains("tenant-admin"));
    assert!(program.run(&["-t", "acme", "token", "create", "--role", "root"]).refused(2).contains("no role"));
    program.run(&["-t", "acme", "token", "create", "--days", "4000"]).refused(2);
    program.run(&["-t", "nobody", "token", "create"]).refused(3);
    program.run(&["token", "create"]).refused(2);
}

#[test]
fn a_narrow_list_of_tokens_keeps_the_ids_that_revoke_takes() {
    let program = Program::with_acme();
    let name = "the laptop of Grace in the office";
    program.run(&["-t", "acme", "token", "create", "--role", "tenant-admin", "--name", name]).ok();
    let id = program.run(&["token", "list", "-o", "json"]).json()[0]["id"].as_str().unwrap().to_owned();
    let narrow = crate::program::Ran::of(program.command(&["token", "list"]).env("COLUMNS", "80"));
    assert!(narrow.ok().contains(&id) && !narrow.stdout.contains('…'), "{narrow:?}");
    assert!(narrow.stdout.lines().all(|line| line.chars().count() <= 80), "{narrow:?}");
}

//! `drift`: what somebody changed past the program is found, adopted and put back.

use rusqlite::Connection;

use crate::aws::OnAws;
use crate::program::{Program, Ran, snapshot};

/// The tenant acme with values and a secret, some of which were changed by hand.
fn with_hand_edits() -> Program {
    let program = Program::with_acme();
    program.run(&["-t", "acme", "set", "persona.name", "Ada", "persona.language", "de"]).ok();
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme-0123456789");
    edit(&program, "UPDATE items SET value = '\"Eve\"' WHERE key = 'persona.name'");
    edit(&program, "DELETE FROM items WHERE key = 'persona.language'");
    edit(
        &program,
        "INSERT INTO items (scope, key, value) VALUES ('acme', 'company.website', '\"https://acme.example\"')",
    );
    edit(&program, "INSERT INTO items (scope, key, value) VALUES ('acme', 'persona.nmae', '\"CANARY\"')");
    program
}

fn edit(program: &Program, sql: &str) {
    let hand = Connection::open(program.path("tenantry.db")).unwrap();
    assert_eq!(hand.execute(sql, []).unwrap(), 1, "{sql}");
}

fn drift(program: &Program, arguments: &[&str]) -> Ran {
    program.run(&[&["-t", "acme", "drift"], arguments].concat())
}

#[test]
fn hand_edits_are_found_with_what_was_there_and_who_wrote_it() {
    let program = with_hand_edits();
    let found = drift(&program, &[]);
    assert_eq!(found.code, 5, "{found:?}");
    snapshot("drift", &program.redact(&found.all()));
    let document: serde_json::Value = serde_json::from_str(&drift(&program, &["-o", "json"]).stdout).unwrap();
    snapshot("drift_json", &program.redact(&serde_json::to_string_pretty(&document).unwrap()));
    assert!(!found.all().contains("CANARY"), "{found:?}");
    let all = program.run(&["drift", "--all"]);
    assert!(
        all.code == 5 && all.stdout.starts_with("✓ global, revision 0: as the last managed write left it\n"),
        "{all:?}"
    );
    assert_eq!(program.run(&["drift", "--all", "-t", "acme"]).code, 2);
    assert_eq!(program.run(&["drift"]).code, 2);
    drift(&program, &["--adopt", "--restore"]).refused(2);
}

#[test]
fn adopted_edits_are_in_the_history_and_stay() {
    let program = with_hand_edits();
    edit(&program, "DELETE FROM items WHERE key = 'persona.nmae'");
    let adopted = drift(&program, &["--adopt", "--reason", "outage"]);
    snapshot("drift_adopted", &program.redact(adopted.ok()));
    assert_eq!(program.run(&["-t", "acme", "get", "persona.name"]).ok(), "Eve\n");
    snapshot("drift_adopted_history", &program.redact(program.run(&["-t", "acme", "history", "4"]).ok()));
    assert!(drift(&program, &[]).ok().contains("revision 4: as the last managed write left it"));
    program.run(&["doctor"]).ok();
    program.run(&["-t", "acme", "restore", "2"]).ok();
    assert_eq!(program.run(&["-t", "acme", "get", "persona.name"]).ok(), "Ada\n");
}

#[test]
fn restored_values_are_those_of_the_last_managed_write() {
    let program = with_hand_edits();
    edit(&program, "DELETE FROM items WHERE key = 'persona.nmae'");
    let restored = drift(&program, &["--restore", "--reason", "nobody knows who"]);
    snapshot("drift_restored", &program.redact(restored.ok()));
    assert_eq!(program.run(&["-t", "acme", "get", "persona.name"]).ok(), "Ada\n");
    assert_eq!(program.run(&["-t", "acme", "get", "persona.language"]).ok(), "de\n");
    let history = program.run(&["-t", "acme", "history", "4", "-o", "json"]).json();
    assert_eq!((&history["action"], &history["reason"]), (&"restore".into(), &"nobody knows who".into()));
    drift(&program, &[]).ok();
}

#[test]
fn a_secret_that_a_hand_removed_is_named_to_be_set_again() {
    let program = Program::with_acme();
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme-0123456789");
    edit(&program, "DELETE FROM secret_fields WHERE field = 'openai_api_key'");
    let found = drift(&program, &[]);
    assert!(found.code == 5 && found.stdout.contains("removed"), "{found:?}");
    let left = drift(&program, &["--restore"]);
    assert_eq!(left.code, 5, "{left:?}");
    assert!(
        left.stderr.contains("not put back: openai.api_key") && left.stderr.contains("-t acme set KEY"),
        "{left:?}"
    );
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme-0123456789");
    drift(&program, &[]).ok();
}

#[test]
fn what_cannot_be_used_is_not_adopted_and_never_shown() {
    let program = with_hand_edits();
    edit(
        &program,
        "UPDATE items SET value = '\"sk-CANARY0123456789012345678901234567890\"' WHERE key = 'persona.name'",
    );
    let found = drift(&program, &[]);
    assert!(found.code == 5 && found.stdout.contains("unusable") && !found.all().contains("CANARY"), "{found:?}");
    let refused = drift(&program, &["--adopt"]);
    assert!(refused.refused(4).contains("acme: persona.name"), "{refused:?}");
    assert!(!refused.stderr.contains("CANARY"), "{refused:?}");
}

#[tokio::test]
async fn what_another_program_wrote_to_dynamodb_and_secrets_manager_is_found_and_settled() {
    let aws = OnAws::new().await;
    aws.run(&["tenant", "create", "acme", "--name", "Acme"]).ok();
    aws.run(&["-t", "acme", "set", "persona.name", "Ada", "persona.language", "de"]).ok();
    aws.run_with(&["-t", "acme", "set", "openai.api_key", "-"], "sk-CANARY-acme-0123456789").ok();
    let drift = |arguments: &[&str]| aws.run(&[&["-t", "acme", "drift"], arguments].concat());
    drift(&[]).ok();
    aws.put_item("acme", "persona.name", r#"{"S":"Eve"}"#);
    aws.put_item("acme", "company", r#"{"M":{"website":{"S":"https://acme.example"}}}"#);
    let told = |ran: &Ran| -> Vec<String> {
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let changes = document[0]["changes"].as_array().unwrap();
        changes
            .iter()
            .map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["key"].as_str().unwrap()))
            .collect()
    };
    let found = drift(&["-o", "json"]);
    assert_eq!((found.code, told(&found)), (5, vec!["added company.website".into(), "changed persona.name".into()]));
    aws.put_secret("acme", r#"{"openai_api_key":"sk-CANARY-by-hand-0123456789"}"#);
    let found = drift(&["-o", "json"]);
    assert_eq!(told(&found)[1], "changed openai.api_key");
    assert!(!found.all().contains("CANARY"), "{found:?}");
    drift(&["--adopt", "--reason", "outage"]).ok();
    drift(&[]).ok();
    assert_eq!(aws.run(&["-t", "acme", "get", "persona.name"]).ok(), "Eve\n");
    aws.put_item("acme", "persona.name", r#"{"S":"Mallory"}"#);
    drift(&["--restore"]).ok();
    assert_eq!(aws.run(&["-t", "acme", "get", "persona.name"]).ok(), "Eve\n");
    let history = aws.run(&["-t", "acme", "history", "-o", "json"]).json();
    assert_eq!(history.as_array().unwrap().len(), 5, "{history}");
}

#[tokio::test]
async fn a_tenant_that_another_program_filled_is_adopted() {
    let aws = OnAws::new().await;
    aws.put_item("acme", "persona.name", r#"{"S":"Ada"}"#);
    aws.put_item("acme", "persona.language", r#"{"S":"de"}"#);
    let found = aws.run(&["-t", "acme", "drift"]);
    assert!(found.code == 5 && found.stdout.contains("revision 0: 2 values were changed by hand"), "{found:?}");
    let adopted = aws.run(&["-t", "acme", "drift", "--adopt", "--reason", "taken over"]);
    assert!(adopted.ok().contains("adopted as revision 1"), "{adopted:?}");
    assert!(aws.run(&["-t", "acme", "drift"]).ok().contains("revision 1: as the last managed write left it"));
    assert_eq!(aws.run(&["-t", "acme", "get", "persona.name"]).ok(), "Ada\n");
    assert_eq!(aws.run(&["tenant", "list", "-o", "json"]).json()[0]["tenant_id"], "acme");
}

//! `replay`: the configuration of a past answer, made again whatever happened since, and told apart from any other.

use assistant::conversation::{Channel, Draft, Incoming, Sender};
use assistant::receipt::Receipt;
use assistant::settings::Settings;
use rusqlite::Connection;
use tenantry::Loader;
use tenantry_core::scope::TenantId;
use tenantry_store::{OpenOptions, StoreUrl, Stores};

use crate::program::{Program, snapshot};

/// A receipt of an answer that the tenant's assistant would make now.
fn receipt(program: &Program, tenant: &str) -> Receipt {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = StoreUrl::parse(&program.url()).unwrap();
        let stores = Stores::open(&url, &OpenOptions::default()).await.unwrap();
        let loader: Loader<Settings> = Loader::builder(&stores).build().unwrap();
        let config = loader.load(&TenantId::parse(tenant).unwrap()).await.unwrap();
        let incoming = Incoming {
            text: "CANARY-of-the-message".to_owned(),
            intent: None,
            channel: Channel::Slack,
            user_name: Some("Grace".to_owned()),
            sender: Sender::Member,
            conversation: None,
            attachments: Vec::new(),
        };
        let now = "2026-11-27T00:12:03Z".parse().unwrap();
        let draft = Draft::new(&config, "chitchat", &incoming, now).unwrap();
        Receipt::of(&config, &incoming, "chitchat", &draft, now)
    })
}

/// acme, with values and a secret of its own beside the operator's.
fn acme() -> Program {
    let program = Program::with_acme();
    program.run(&["--global", "set", "company.timezone", "Europe/Berlin", "ai.default.model", "gpt-5-mini"]).ok();
    program.run(&["-t", "acme", "set", "persona.name", "Ada", "company.name", "Acme Bakery"]).ok();
    let prompt = program.file(
        "prompt",
        "You are {{ persona.name }} of {{ company.name }}. {{ now }}, {{ user.name }} by {{ channel }}.\n",
    );
    program.run(&["-t", "acme", "set", "prompts.chitchat", "--from-file", &prompt]).ok();
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme-0123456789");
    program
}

/// Changes all that the receipt is about.
fn change_everything(program: &Program) {
    program.run(&["--global", "set", "company.timezone", "America/Mexico_City", "ai.default.model", "gpt-9"]).ok();
    program.run(&["-t", "acme", "set", "persona.name", "Eve", "prompts.chitchat", "Go away."]).ok();
    program.run(&["-t", "acme", "unset", "company.name"]).ok();
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme-9876543210");
    program.run(&["-t", "acme", "unset", "openai.api_key"]).ok();
}

fn edit(program: &Program, sql: &str) {
    let hand = Connection::open(program.path("tenantry.db")).unwrap();
    assert_eq!(hand.execute(sql, []).unwrap(), 1, "{sql}");
}

#[test]
fn a_past_answers_configuration_and_prompt_are_shown_after_all_was_changed() {
    let program = acme();
    let text = receipt(&program, "acme").to_string();
    let at_once = program.run(&["replay", &text]);
    change_everything(&program);
    let later = program.run(&["replay", &text]);
    assert_eq!(at_once.ok(), later.ok(), "nothing that happened since can be seen");
    assert!(later.stdout.contains("✓ exactly the configuration of then"), "{later:?}");
    let shown = "[tenant: Ada] of [tenant: Acme Bakery]. [request: Friday, 27 November 2026, 01:12 (Europe/Berlin)]";
    assert!(later.stdout.contains(shown), "{later:?}");
    assert!(!later.all().contains("CANARY"), "{later:?}");
    let head: Vec<_> = later.stdout.lines().take(5).collect();
    snapshot("replay", &program.redact(&head.join("\n")));
    let by_input = program.run_with(&["-t", "acme", "replay", "-"], &format!("{text}\n"));
    assert_eq!(by_input.ok(), later.stdout);
}

#[test]
fn a_replay_is_a_document_for_programs() {
    let program = acme();
    let text = receipt(&program, "acme").to_string();
    let before = program.run(&["-t", "acme", "get", "-o", "json"]).json();
    change_everything(&program);
    let replayed = program.run(&["replay", &text, "-o", "json"]).json();
    assert_eq!(replayed["values"], before["values"]);
    assert_eq!(replayed["secrets"], before["secrets"], "versions and fingerprints of then");
    assert_eq!((&replayed["exact"], &replayed["scope"]), (&true.into(), &"acme".into()));
    assert_eq!(replayed["receipt"]["model"], "gpt-5-mini");
    assert_eq!(replayed["prompt"]["key"], "prompts.chitchat");
    assert!(replayed.get("differences").is_none() && replayed.get("prompt_problem").is_none());
    assert!(program.run(&["replay", &text, "-o", "yaml"]).ok().contains("exact: true"));
}

#[test]
fn a_value_changed_by_hand_before_the_answer_is_told_and_one_since_then_is_not() {
    let program = acme();
    let good = receipt(&program, "acme").to_string();
    edit(&program, "UPDATE items SET value = '\"Mallory\"' WHERE key = 'persona.name'");
    let by_hand = receipt(&program, "acme").to_string();
    assert!(program.run(&["replay", &good]).ok().contains("exactly"));
    let told = program.run(&["replay", &by_hand]);
    assert_eq!(told.code, 5, "{told:?}");
    assert!(told.stdout.contains("✗ tier tenant was not what the history knows of its revision"), "{told:?}");
    assert!(!told.all().contains("exactly") && !told.stdout.contains("Mallory"), "{told:?}");
    let document: serde_json::Value =
        serde_json::from_str(&program.run(&["replay", &by_hand, "-o", "json"]).stdout).unwrap();
    assert_eq!((&document["exact"], document["differences"].as_array().unwrap().len()), (&false.into(), 1));
}

#[test]
fn the_defaults_of_another_program_are_told() {
    let program = acme();
    let mut receipt = receipt(&program, "acme");
    receipt.program = "0.0.1\u{1b}[2J".to_owned();
    receipt.digests.defaults = "0".repeat(16);
    assert!(program.run(&["replay", &receipt.to_string()]).ok().contains("exactly"), "what is hidden does not matter");
    receipt.digests.configuration = "0".repeat(64);
    let told = program.run(&["replay", &receipt.to_string()]);
    assert_eq!(told.code, 5, "{told:?}");
    assert!(told.stdout.contains("the built-in defaults are not those of then: version 0.0.1\u{fffd}[2J"), "{told:?}");
    assert!(!told.stdout.contains("✗ tier"), "{told:?}");
}

#[test]
fn receipts_of_two_tenants_never_work_for_each_other() {
    let program = acme();
    program.run(&["tenant", "create", "beta", "--name", "Beta"]).ok();
    program.run(&["-t", "beta", "set", "persona.name", "Bruno"]).ok();
    let of_acme = receipt(&program, "acme");
    let refused = program.run(&["-t", "beta", "replay", &of_acme.to_string()]);
    assert!(refused.refused(6).contains("not one of beta"), "{refused:?}");
    program.run(&["--global", "replay", &of_acme.to_string()]).refused(2);
    let renamed = Receipt { tenant: TenantId::parse("beta").unwrap(), ..of_acme };
    let refused = program.run(&["replay", &renamed.to_string()]);
    assert!(refused.refused(3).contains("another one of that name"), "{refused:?}");
    let by_variable =
        program.command(&["replay", &renamed.to_string()]).env("TENANTRY_TENANT", "acme").output().unwrap();
    assert_eq!(by_variable.status.code(), Some(6));
}

#[test]
fn a_tenant_made_again_has_not_the_answers_of_the_old_one() {
    let program = acme();
    let text = receipt(&program, "acme").to_string();
    program.run(&["tenant", "suspend", "acme"]).ok();
    assert!(program.run(&["replay", &text]).ok().contains("exactly"), "a suspended tenant keeps its past");
    program.run(&["tenant", "delete", "acme", "--yes"]).ok();
    program.run(&["replay", &text]).refused(3);
    program.run(&["tenant", "create", "acme", "--name", "Another Acme"]).ok();
    let refused = program.run(&["replay", &text]);
    assert!(refused.refused(3).contains("was deleted"), "{refused:?}");
    assert!(!refused.all().contains("Ada"));
}

#[test]
fn what_is_no_receipt_is_refused_without_being_repeated() {
    let program = acme();
    let text = receipt(&program, "acme").to_string();
    let torn = &text[..text.len() - 9];
    for (given, said) in [
        (torn, "not whole"),
        ("rcpt_CANARYCANARY", "not whole"),
        ("sk-CANARY-acme-0123456789", "no receipt"),
        ("", "no receipt"),
    ] {
        let refused = program.run(&["replay", given]);
        assert!(refused.refused(2).contains(said), "{refused:?}");
        assert!(!refused.all().contains("CANARY"), "{refused:?}");
    }
    program.run(&["replay"]).refused(2);
    let elsewhere = Program::with_acme();
    assert!(elsewhere.run(&["replay", &text]).refused(3).contains("in another store"));
    program.run(&["--catalog", "any.json", "replay", &text]).refused(2);
    let mut ahead = receipt(&program, "acme");
    ahead.revisions.tenant.0 += 7;
    let refused = program.run(&["replay", &ahead.to_string()]);
    assert!(refused.refused(3).contains("no revision"), "{refused:?}");
}

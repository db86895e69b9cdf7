//! `verify`: what each provider says of a connection, saved or not, and no secret in any of it.

use serde_json::{Value, json};
use tenantry_emulators::providers::{Fault, Llm, Odoo, OdooCompany, Slack};

use crate::program::{Program, Ran};

struct World {
    program: Program,
    llm: Llm,
    odoo: Odoo,
    slack: Slack,
}

impl World {
    async fn new() -> Self {
        let llm = Llm::start(&["sk-CANARY-acme"]).await;
        let odoo = Odoo::start(OdooCompany::new("acme", "CANARY-odoo")).await;
        let slack = Slack::start(&[("xoxb-CANARY-acme", "T0ACME")]).await;
        let world = Self { program: Program::with_acme(), llm, odoo, slack };
        let origins = world.origins();
        let set =
            |pairs: &[&str]| world.program.run(&[&["-t", "acme", "--allow-origin", &origins, "set"], pairs].concat());
        set(&["openai.base_url", &world.llm.base_url()]);
        world
            .program
            .run_with(&["-t", "acme", "--allow-origin", &origins, "set", "openai.api_key", "-"], "sk-CANARY-acme")
            .ok();
        set(&["openai.base_url", &world.llm.base_url()]).ok();
        world
    }

    fn origins(&self) -> String {
        [self.llm.origin(), self.odoo.origin(), self.slack.origin()].join(",")
    }

    fn verify(&self, arguments: &[&str], input: &str) -> Ran {
        let (origins, providers) = (self.origins(), format!("slack={}", self.slack.base_url()));
        let first = ["-t", "acme", "--allow-origin", &origins, "--providers", &providers, "verify"];
        let ran = self.program.run_with(&[&first, arguments].concat(), input);
        assert!(!ran.all().contains("CANARY"), "{ran:?}");
        ran
    }

    fn verdicts(&self, arguments: &[&str], input: &str) -> Vec<(String, String)> {
        let rows: Value =
            serde_json::from_str(&self.verify(&[arguments, &["-o", "json"]].concat(), input).stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rows.as_array().unwrap().iter().map(|row| (text(&row["section"]), text(&row["verdict"]))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_set_is_verified_and_the_others_are_told_with_all() {
    let world = World::new().await;
    let told = world.verify(&[], "");
    assert!(told.ok().contains("openai      verified: the account of the key at openai"), "{told:?}");
    assert_eq!(told.stdout.lines().count(), 1, "{told:?}");
    let all = world.verdicts(&["--all"], "");
    assert_eq!(all.len(), 11);
    assert_eq!(all.iter().filter(|(_, verdict)| verdict == "not_configured").count(), 10, "{all:?}");
    let logged = world.program.run(&["-t", "acme", "log", "-o", "json"]).json().to_string();
    assert!(logged.contains("\"verify\"") && logged.contains("openai") && !logged.contains("CANARY"), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_has_its_verdict_and_its_exit_code() {
    let world = World::new().await;
    world.llm.fail_next(Fault::Status(401, json!({"error": {"message": "no key sk-CANARY-acme"}})));
    let rejected = world.verify(&["openai"], "");
    assert_eq!(rejected.code, 4, "{rejected:?}");
    assert!(rejected.stdout.contains("rejected: the provider does not accept the credentials"), "{rejected:?}");
    world.llm.fail_next(Fault::Status(503, json!({})));
    let unreachable = world.verify(&["openai"], "");
    assert_eq!(unreachable.code, 1, "{unreachable:?}");
    assert!(unreachable.stdout.contains("unreachable: ") && unreachable.stdout.contains("try again later"));
    let unset = world.verify(&["odoo"], "");
    assert!(unset.ok().contains("odoo        not configured"), "{unset:?}");
    assert_eq!(world.verify(&["odooo"], "").code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_the_provider_does_not_list_is_noted() {
    let world = World::new().await;
    let told = world.verify(&["openai", "--with", "ai.default.model=gpt-9"], "");
    assert!(told.ok().contains("the provider does not list the model gpt-9"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unsaved_values_are_tried_and_not_saved() {
    let world = World::new().await;
    let revision =
        |world: &World| world.program.run(&["tenant", "show", "acme", "-o", "json"]).json()["revision"].clone();
    let before = revision(&world);
    let (url, with) = (format!("odoo.url={}", world.odoo.origin()), "--with");
    let odoo =
        ["odoo", with, &url, with, "odoo.db=acme", with, "odoo.login=assistant@acme.example", with, "odoo.password=-"];
    assert_eq!(world.verdicts(&odoo, "CANARY-odoo"), [("odoo".to_owned(), "verified".to_owned())]);
    assert_eq!(world.verdicts(&odoo, "CANARY-wrong"), [("odoo".to_owned(), "rejected".to_owned())]);
    assert_eq!(revision(&world), before);
    let logged = world.program.run(&["-t", "acme", "log", "-o", "json"]).json().to_string();
    assert!(logged.contains("odoo; unsaved: odoo.db, odoo.login, odoo.password, odoo.url"), "{logged}");
    let refused = world.verify(&["openai", "--with", "openai.api_key=sk-visible-to-others-123456"], "");
    assert_eq!(refused.code, 6, "a secret in an argument: {refused:?}");
    let invalid = world.verify(&["openai", "--with", "ai.default.temperature=9"], "");
    assert_eq!(invalid.code, 4, "{invalid:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_token_of_another_workspace_than_the_bound_one_is_rejected() {
    let world = World::new().await;
    for (key, secret) in [("slack.signing_secret", "CANARY-signing"), ("slack.bot_token", "xoxb-CANARY-acme")] {
        world.program.set_secret("acme", key, secret);
    }
    assert!(world.verify(&["slack"], "").ok().contains("binding add slack:T0ACME"));
    world.program.run(&["-t", "acme", "binding", "add", "slack:T0OTHER"]).ok();
    let rejected = world.verify(&["slack"], "");
    assert_eq!(rejected.code, 4);
    assert!(rejected.stdout.contains("one of the workspace T0ACME"), "{rejected:?}");
    world.program.run(&["-t", "acme", "binding", "add", "slack:T0ACME"]).ok();
    assert!(world.verify(&["slack"], "").ok().contains("assistant in Team T0ACME (T0ACME)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_tried_never_gets_a_key_of_another_tier() {
    let world = World::new().await;
    let own = format!("openai.base_url={}", world.llm.base_url());
    world.program.run_with(&["--global", "set", "openai.api_key", "-"], "sk-CANARY-platform").ok();
    world.program.run(&["-t", "acme", "unset", "openai.api_key", "openai.base_url"]).ok();
    world.llm.take_seen();
    let told = world.verify(&["openai", "--with", &own], "");
    assert_eq!(told.code, 4, "{told:?}");
    assert!(world.llm.take_seen().is_empty(), "nobody was asked with the platform's key");
    assert!(told.all().contains("openai.api_key"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_tried_unsaved_is_in_any_file_of_the_store() {
    let world = World::new().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "CANARY-of-a-file").unwrap();
    let file = format!("openai.api_key={}", file.path().display());
    assert_eq!(world.verify(&["openai", "--with-file", &file], "").code, 4);
    assert_eq!(world.verify(&["openai", "--with", "openai.api_key=-"], "CANARY-of-a-pipe").code, 4);
    for entry in std::fs::read_dir(world.program.folder()).unwrap() {
        let path = entry.unwrap().path();
        let left = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        assert!(!left.windows(6).any(|part| part == b"CANARY"), "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tried_is_told_with_the_way_to_try_it() {
    let world = World::new().await;
    let twice = world.verify(&["--with", "persona.name=Ada", "--with", "persona_name=Eve"], "");
    assert!(twice.code == 2 && twice.all().contains("persona.name is given twice"), "{twice:?}");
    let missing = world.verify(&["openai", "--with", "openai.api_key"], "");
    assert!(missing.code == 2 && missing.all().contains("--with-file openai.api_key=FILE"), "{missing:?}");
    world.llm.fail_next(Fault::Status(401, json!({})));
    assert!(world.verify(&["openai"], "").stdout.contains("tenantry -t acme verify openai --with openai."));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_own_connections_are_verified_without_a_tenant() {
    let world = World::new().await;
    for (key, secret) in [("slack.signing_secret", "CANARY-signing"), ("slack.bot_token", "xoxb-CANARY-acme")] {
        world.program.run_with(&["--global", "set", key, "-"], secret);
    }
    let (origins, providers) = (world.origins(), format!("slack={}", world.slack.base_url()));
    let told =
        world.program.run(&["--global", "--allow-origin", &origins, "--providers", &providers, "verify", "slack"]);
    assert!(told.ok().contains("verified: assistant in Team T0ACME") && !told.stdout.contains("binding"), "{told:?}");
}

//! A server answers Slack at once, and the message behind its back: also when a model is slow and the server is told to stop.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a test that fails")]

mod stored;

use std::sync::Arc;

use assistant::app::App;
use assistant::later::{Later, Tasks};
use assistant::settings::Settings;
use axum::body::Body;
use http::Request;
use jiff::Timestamp;
use ring::hmac;
use serde_json::json;
use tenantry::Loader;
use tenantry::token::Tokens;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_emulators::providers::{Fault, Llm, Slack};
use tenantry_integrations::egress::{Egress, Endpoint};
use tenantry_store::memory::MemoryStore;
use tenantry_store::{Action, Binding, ClaimChange, Commit, Expected, HeadChange, Stores};
use tower::ServiceExt;

use crate::stored::{CANARY, add_company, entry, set_global};

const SECRET: &str = "CANARY-signing-acme";

async fn app(llm: &Llm, slack: &Slack) -> App {
    let stores = Stores::new(Arc::new(MemoryStore::new()));
    let secrets = [
        ("openai_api_key", "sk-CANARY-acme"),
        ("openai_base_url", &llm.base_url()),
        ("slack_bot_token", "xoxb-CANARY-acme"),
        ("slack_signing_secret", SECRET),
    ];
    add_company(&stores, "acme", &[], &secrets).await;
    set_global(&stores, "limits.request_timeout_ms", "1000").await;
    let scope = Scope::Tenant(TenantId::parse("acme").unwrap());
    let commit = Commit {
        scope: scope.clone(),
        expected: Expected::At(Revision(1)),
        head: HeadChange::Keep,
        items: Vec::new(),
        secret: None,
        claims: vec![ClaimChange::Take(Binding::parse("slack:T1").unwrap())],
        default_revision: Revision(0),
        entry: entry(&scope, Action::Bind),
    };
    stores.commit(commit).await.unwrap();
    let egress = Egress::builder().allow_origin(llm.origin()).unwrap().allow_origin(slack.origin()).unwrap().build();
    let loader = Loader::<Settings>::builder(&stores).build().unwrap();
    let mut app = App::new(loader, Tokens::open(&stores).await.unwrap(), stores.parameters(), egress);
    app.bases.slack = Endpoint::parse(&slack.base_url()).unwrap();
    app
}

fn mention() -> Request<Body> {
    let body = json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": {
        "type": "app_mention", "user": "U1", "text": "Hello", "ts": "1.0", "channel": "C1",
    }});
    let (body, at) = (body.to_string(), Timestamp::now().as_second());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), format!("v0:{at}:{body}").as_bytes());
    let digits = tag.as_ref().iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
    Request::post("/assistant/slack/events")
        .header("x-slack-request-timestamp", at)
        .header("x-slack-signature", format!("v0={digits}"))
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn slack_is_answered_while_the_model_still_thinks_and_a_stop_waits_for_the_message() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    // Neither the question for the route nor the one for the answer is answered.
    llm.fail_next(Fault::Hang);
    llm.fail_next(Fault::Hang);
    let tasks = Tasks::default();
    let app = App { later: Later::Spawned(tasks.clone()), ..app(&llm, &slack).await };
    let response = assistant::router(&app).oneshot(mention()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(slack.take_posted().is_empty(), "it was answered before the message was");
    tasks.drain().await;
    let posted = slack.take_posted();
    assert!(posted.len() == 1 && posted[0].text.starts_with("I'm sorry"), "{posted:?}");
    assert!(!posted[0].text.contains(CANARY));
    // Slack sends it again.
    assert_eq!(assistant::router(&app).oneshot(mention()).await.unwrap().status(), 200);
    tasks.drain().await;
    assert!(slack.take_posted().is_empty());
}

//! A server answers Slack at once, and the message behind its back: also when a model is slow and the server is told to stop.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a test that fails")]

mod stored;

#[path = "later/outage.rs"]
mod outage;
#[path = "later/secrets.rs"]
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use assistant::app::App;
use assistant::conversations::{CLAIM_SECONDS, Claim, Month, Place, SqliteConversations};
use assistant::job::Email;
use assistant::later::{Later, MOST_JOBS_OF_ONE, Tasks};
use assistant::reply::Assistant;
use assistant::settings::Settings;
use axum::body::Body;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde_json::json;
use tempfile::TempDir;
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

/// The server's part that goes on behind an answer, with a file beside it that outlives it.
fn keeping(app: App, folder: &TempDir) -> (App, Tasks) {
    let tasks = Tasks::default();
    let file = Arc::new(SqliteConversations::open(&folder.path().join("conversations.db")).unwrap());
    (App { conversations: file.clone(), backlog: Some(file), later: Later::Spawned(tasks.clone()), ..app }, tasks)
}

async fn sent(app: &App, request: Request<Body>) -> u16 {
    assistant::router(app).oneshot(request).await.unwrap().status().as_u16()
}

fn mention() -> Request<Body> {
    mention_called("Ev1")
}

fn mention_called(event: &str) -> Request<Body> {
    let body = json!({"type": "event_callback", "team_id": "T1", "event_id": event, "event": {
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

#[tokio::test]
async fn what_a_stop_cuts_is_done_after_the_next_start_and_once() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    let (folder, app) = (TempDir::new().unwrap(), app(&llm, &slack).await);
    llm.fail_next(Fault::Hang);
    let (before, tasks) = keeping(app.clone(), &folder);
    assert_eq!(sent(&before, mention()).await, 200);
    tasks.stop(Duration::ZERO).await;
    drop((before, tasks));
    assert!(slack.take_posted().is_empty(), "it was cut before the model answered");

    let (after, tasks) = keeping(app.clone(), &folder);
    assert_eq!(tasks.resume(&after).await.unwrap(), 1);
    tasks.drain().await;
    assert_eq!(slack.take_posted().len(), 1);
    assert_eq!(sent(&after, mention()).await, 200, "Slack sends it again");
    tasks.drain().await;
    assert!(slack.take_posted().is_empty());

    let (third, tasks) = keeping(app, &folder);
    assert_eq!(tasks.resume(&third).await.unwrap(), 0, "what is over is struck off");
}

#[tokio::test]
async fn an_answer_that_is_on_its_way_when_a_stop_comes_is_not_said_twice() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    let (folder, app) = (TempDir::new().unwrap(), app(&llm, &slack).await);
    slack.fail_next(Fault::Hang);
    let (before, tasks) = keeping(app.clone(), &folder);
    assert_eq!(sent(&before, mention()).await, 200);
    while slack.take_seen().is_empty() {
        tokio::task::yield_now().await;
    }
    tasks.stop(Duration::ZERO).await;
    drop((before, tasks));

    let (after, tasks) = keeping(app, &folder);
    assert_eq!(tasks.resume(&after).await.unwrap(), 0, "it may have arrived");
    assert_eq!(sent(&after, mention()).await, 200, "Slack sends it again");
    tasks.drain().await;
    assert!(slack.take_posted().is_empty());
}

#[tokio::test]
async fn a_stop_gives_up_no_claim_of_another_process() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    let (folder, app) = (TempDir::new().unwrap(), app(&llm, &slack).await);
    let (app, tasks) = keeping(app, &folder);
    let place = Place::of(&app.loader.load(&TenantId::parse("acme").unwrap()).await.unwrap());
    let claim = async || app.conversations.claim(&place, "slack:Ev1", Timestamp::now()).await.unwrap();
    assert_eq!(claim().await, Claim::Taken, "by the other one");
    assert_eq!(sent(&app, mention()).await, 200);
    tasks.stop(Duration::ZERO).await;
    assert_eq!(claim().await, Claim::InProgress);
}

#[tokio::test]
async fn what_a_crash_left_is_done_when_its_claim_has_lapsed() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    let (folder, app) = (TempDir::new().unwrap(), app(&llm, &slack).await);
    llm.fail_next(Fault::Hang);
    let (before, tasks) = keeping(app.clone(), &folder);
    assert_eq!(sent(&before, mention()).await, 200);
    tasks.stop(Duration::ZERO).await;
    // A crash gives up no claim: this one lapses in a second.
    let place = Place::of(&app.loader.load(&TenantId::parse("acme").unwrap()).await.unwrap());
    let begun = Timestamp::now() - SignedDuration::from_secs(CLAIM_SECONDS - 1);
    assert_eq!(before.conversations.claim(&place, "slack:Ev1", begun).await.unwrap(), Claim::Taken);

    let (after, tasks) = keeping(app, &folder);
    assert_eq!(tasks.resume(&after).await.unwrap(), 1);
    tasks.drain().await;
    assert_eq!(slack.take_posted().len(), 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_delivered_at_once_is_delivered_later_and_no_model_is_asked_again() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    let (folder, app) = (TempDir::new().unwrap(), app(&llm, &slack).await);
    let (app, tasks) = keeping(app, &folder);
    slack.fail_next(Fault::RateLimited(0, json!({"ok": false, "error": "ratelimited"})));
    assert_eq!(sent(&app, mention()).await, 200);
    tasks.drain().await;
    assert_eq!(slack.take_posted().len(), 1);
    let asked: Vec<_> = llm.take_seen().into_iter().map(|seen| seen.body).collect();
    assert!(asked.iter().enumerate().all(|(at, body)| !asked[..at].contains(body)), "{} requests", asked.len());
    let place = Place::of(&app.loader.load(&TenantId::parse("acme").unwrap()).await.unwrap());
    assert_eq!(app.conversations.turns(&place, "slack:C1:1.0", 9).await.unwrap().len(), 1, "it is told once");
}

#[tokio::test]
async fn what_a_model_thinks_and_does_not_say_is_counted() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    let app = app(&llm, &slack).await;
    let blank = |tokens: u64| {
        llm.fail_next(Fault::Status(
            200,
            json!({
                "choices": [{"message": {"content": "", "reasoning": "Hm"}, "finish_reason": "length"}],
                "usage": {"prompt_tokens": tokens, "completion_tokens": 0},
            }),
        ));
    };
    // The question for the route, the answer, and a summary.
    [1, 10, 100].into_iter().for_each(blank);
    assert_eq!(sent(&app, mention()).await, 200);
    assert!(slack.take_posted()[0].text.starts_with("I'm sorry"));
    let (config, now) = (app.loader.load(&TenantId::parse("acme").unwrap()).await.unwrap(), Timestamp::now());
    let email = Email::new("ana@example.com", &[], "Flour", "Two kilos of rye");
    assert!(Assistant::new(&app).summarise(&config, &email, now).await.is_err());
    assert_eq!(app.conversations.spent(&Place::of(&config), &Month::of(now)).await.unwrap(), 111);
}

#[tokio::test]
async fn a_flood_of_events_is_told_to_come_again() {
    let llm = Llm::start(&["sk-CANARY-acme"]).await;
    let slack = Slack::start(&[("xoxb-CANARY-acme", "T1")]).await;
    let (folder, app) = (TempDir::new().unwrap(), app(&llm, &slack).await);
    let (app, tasks) = keeping(app, &folder);
    for _ in 0..MOST_JOBS_OF_ONE {
        llm.fail_next(Fault::Hang);
    }
    for number in 0..MOST_JOBS_OF_ONE {
        assert_eq!(sent(&app, mention_called(&format!("Ev{number}"))).await, 200);
    }
    assert_eq!(sent(&app, mention_called("Ev0")).await, 200, "it is under way");
    let response = assistant::router(&app).oneshot(mention_called("EvMore")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().contains_key("retry-after")), (503, true));
    tasks.stop(Duration::ZERO).await;
}

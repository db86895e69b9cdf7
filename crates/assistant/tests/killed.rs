//! Both back ends are killed while the assistant is under load: warm companies are answered, labelled; cold ones get a 503.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a test that fails")]

#[expect(dead_code, reason = "other tests use more of it")]
mod stored;

use std::sync::Arc;
use std::time::Duration;

use assistant::app::App;
use assistant::settings::Settings;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tenantry::token::Tokens;
use tenantry::{Freshness, Loader};
use tenantry_emulators::{Dynamo, Moto};
use tenantry_integrations::egress::Egress;
use tenantry_store::contract::place::Place;
use tokio::sync::Barrier;
use tower::ServiceExt;

use crate::stored::add_company;

const CALLERS: usize = 4;
const REQUESTS: usize = 50;

struct Answer {
    status: StatusCode,
    retry_after: bool,
    document: Value,
}

async fn ask(router: &Router, token: &str) -> Answer {
    let body = json!({"text": "Hi", "intent": "chitchat", "dry_run": true}).to_string();
    let request = Request::post("/assistant/messages")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, retry_after) = (response.status(), response.headers().contains_key("retry-after"));
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    Answer { status, retry_after, document: serde_json::from_slice(&bytes).unwrap() }
}

/// So long may the test take where a caller waits for ever.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warm_companies_are_served_labelled_and_cold_ones_refused_when_both_back_ends_are_killed_under_load() {
    tokio::time::timeout(PATIENCE, killed_under_load()).await.expect("nobody waits for ever");
}

async fn killed_under_load() {
    let (dynamo, moto) = tokio::join!(Dynamo::start(), Moto::start());
    let stores = Place::behind(dynamo.url(), moto.url()).create().await;
    let mut companies = Vec::new();
    for number in 0..CALLERS {
        let name = format!("\"Persona-{number}\"");
        companies.push(add_company(&stores, &format!("warm{number}"), &[("persona.name", &name)], &[]).await);
    }
    let cold = add_company(&stores, "cold", &[], &[]).await;
    let freshness = Freshness { parameters_fresh: Duration::from_millis(20), ..Freshness::default() };
    let loader = Loader::<Settings>::builder(&stores).freshness(freshness).build().unwrap();
    let tokens = Tokens::open(&stores).await.unwrap();
    let router = assistant::router(&App::new(loader, tokens, stores.parameters(), Egress::builder().build()));

    let (before, after) = (Arc::new(Barrier::new(CALLERS + 1)), Arc::new(Barrier::new(CALLERS + 1)));
    let callers: Vec<_> = companies
        .into_iter()
        .enumerate()
        .map(|(number, token)| {
            let (router, before, after) = (router.clone(), before.clone(), after.clone());
            tokio::spawn(async move {
                let own = format!("Persona-{number}");
                let (mut labelled, mut wrong) = (0, Vec::new());
                for request in 0..2 * REQUESTS {
                    if request == REQUESTS {
                        before.wait().await;
                        after.wait().await;
                    }
                    let answer = ask(&router, &token).await;
                    // Told at the end: a caller that panicked would leave the others waiting.
                    if answer.status != StatusCode::OK || !answer.document.to_string().contains(&own) {
                        wrong.push(answer.document.to_string());
                    }
                    labelled += usize::from(answer.document["configuration"]["stale"].is_object());
                }
                (labelled, wrong)
            })
        })
        .collect();
    before.wait().await;
    drop((dynamo, moto));
    after.wait().await;
    for caller in callers {
        let (labelled, wrong) = caller.await.unwrap();
        assert!(wrong.is_empty(), "everybody gets their own, always: {}", wrong[0]);
        assert!(labelled > 0, "what is old is labelled");
    }
    let refused = ask(&router, &cold).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.document);
    assert!(refused.retry_after);
}

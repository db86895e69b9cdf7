//! What holds for every request: limits, keys of idempotency, compression, counts.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use http_body_util::BodyExt;
use serde_json::json;
use tenantry_admin::access::Role;
use tenantry_admin::{Api, Limits, Rate};
use tower::ServiceExt;

use crate::support::{TestApplication, tenant};
use crate::world::{World, served};

async fn limited(limits: Limits) -> World {
    let world = World::new().await;
    let tokens = tenantry::token::Tokens::open(world.acme.service.stores()).await.unwrap();
    let api = Api::new(world.acme.service.clone(), tokens, std::sync::Arc::new(TestApplication)).with_limits(limits);
    World { router: served(&api), ..world }
}

#[tokio::test]
async fn a_company_that_asks_too_much_is_told_when_to_come_again_and_the_others_are_not() {
    let world = limited(Limits { tenant: Rate::of(1), address: None }).await;
    let (acme, beta) =
        (world.token(Some("acme"), Role::TenantViewer).await, world.token(Some("beta"), Role::TenantViewer).await);
    let ask = async |token: &str| world.ask("GET", "/v1/catalog/parameters/limit").bearer(token).send().await;
    assert_eq!((ask(&acme).await.status, ask(&acme).await.status), (200, 200));
    let refused = ask(&acme).await;
    assert_eq!(refused.code(), (429, "rate_limited"));
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(ask(&beta).await.status, 200);
    let operator = world.token(None, Role::Operator).await;
    for _ in 0..5 {
        assert_eq!(ask(&operator).await.status, 200);
    }
}

#[tokio::test]
async fn an_address_that_guesses_is_told_to_slow_down_and_one_whose_token_holds_is_not() {
    let world = limited(Limits { tenant: None, address: Rate::of(1) }).await;
    let token = world.token(Some("acme"), Role::TenantViewer).await;
    let ask = async |token: &str| {
        let mut request = Request::get("/v1/tenants/acme").header("authorization", format!("Bearer {token}"));
        let address: SocketAddr = "192.0.2.7:1234".parse().unwrap();
        request.extensions_mut().unwrap().insert(ConnectInfo(address));
        world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    let wrong = format!("tny_{}_{}", "0".repeat(16), "0".repeat(64));
    assert_eq!([ask(&wrong).await, ask(&wrong).await, ask(&wrong).await], [401, 401, 429]);
    assert_eq!(ask(&token).await, 200);
}

#[tokio::test]
async fn a_company_that_reads_its_log_many_times_at_once_is_told_to_wait_and_the_others_are_not() {
    let world = World::new().await;
    let (acme, beta) =
        (world.token(Some("acme"), Role::TenantViewer).await, world.token(Some("beta"), Role::TenantViewer).await);
    let begin = async |tenant: &str, token: &str| {
        let request = Request::get(format!("/v1/tenants/{tenant}/audit/export"));
        let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        world.router.clone().oneshot(request).await.unwrap()
    };
    let mut under_way = Vec::new();
    let refused = loop {
        let response = begin("acme", &acme).await;
        if response.status() != 200 {
            break response;
        }
        under_way.push(response);
        assert!(under_way.len() < 100);
    };
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    let search = async || world.ask("GET", "/v1/tenants/acme/audit").bearer(&acme).send().await;
    assert_eq!(search().await.code(), (429, "too_many_readers"));
    assert_eq!(begin("beta", &beta).await.status(), 200);
    under_way.pop();
    assert_eq!(search().await.status, 200);
}

#[tokio::test]
async fn what_changes_nothing_is_asked_anew_whatever_its_key() {
    let world = World::new().await;
    let operator = world.token(None, Role::Operator).await;
    let plan = async || {
        let asking = world.ask("POST", "/v1/global/plan").bearer(&operator).with("idempotency-key", "k1");
        asking.json(&json!({"persona": {"warmth": 1}})).send().await
    };
    let before = plan().await;
    assert_eq!(before.status, 200, "{}", before.text);
    assert_eq!(world.patch(Some("acme"), &json!({"persona.warmth": 2})).await.status, 200);
    let after = plan().await;
    assert!(!after.headers.contains_key("idempotent-replayed"));
    assert_ne!(before.body["hash"], after.body["hash"]);
}

#[tokio::test]
async fn a_request_that_is_sent_again_with_its_key_is_done_once() {
    let world = World::new().await;
    let token = world.token(Some("acme"), Role::TenantAdmin).await;
    let make = async |key: &str, name: &str| {
        let body = json!({"name": name, "role": "tenant-viewer"});
        let asking = world.ask("POST", "/v1/tenants/acme/tokens").bearer(&token).with("idempotency-key", key);
        asking.json(&body).send().await
    };
    let (first, again) = (make("k1", "one").await, make("k1", "one").await);
    assert_eq!((first.status, &first.text), (201, &again.text));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(make("k1", "another").await.code(), (422, "idempotency_key_reused"));
    assert_ne!(make("k2", "one").await.text, first.text);
    assert_eq!(make("", "one").await.code(), (400, "idempotency_key_invalid"));
    let other = world.token(Some("acme"), Role::TenantAdmin).await;
    let asking = world.ask("POST", "/v1/tenants/acme/tokens").bearer(&other).with("idempotency-key", "k1");
    let others = asking.json(&json!({"name": "one", "role": "tenant-viewer"})).send().await;
    assert_ne!(others.text, first.text, "a key is the caller's own");
    let listed = world.acme.service.tokens(Some(&world.acme.scope)).await.unwrap();
    assert_eq!(listed.iter().filter(|token| token.name == "one").count(), 3);
}

#[tokio::test]
async fn what_failed_is_tried_again_with_the_same_key() {
    let world = World::new().await;
    let operator = world.token(None, Role::Operator).await;
    let make = async |id: &str| {
        let asking = world.ask("POST", "/v1/tenants").bearer(&operator).with("idempotency-key", "k1");
        asking.json(&json!({"tenant_id": id})).send().await
    };
    assert_eq!(make("Gamma").await.status, 400);
    assert_eq!(make("gamma").await.status, 201, "what was refused did nothing, so the key is free");
    assert_eq!(make("delta").await.code(), (422, "idempotency_key_reused"));
    let restore = async |tag: Option<&str>| {
        let asking = world.ask("POST", "/v1/tenants/acme/revisions/1/restore").bearer(&operator);
        let asking = asking.with("idempotency-key", "k2");
        match tag {
            Some(tag) => asking.with("if-match", tag).send().await,
            None => asking.send().await,
        }
    };
    assert_eq!(restore(None).await.code(), (428, "if_match_missing"));
    assert_eq!(restore(Some("*")).await.status, 200);
}

#[tokio::test]
async fn what_was_done_with_an_answer_too_large_to_keep_is_not_done_again() {
    let world = World::new().await;
    let large = |letter: &str| -> serde_json::Map<_, _> {
        (0..10).map(|number| (format!("f{number}"), json!(letter.repeat(3_000)))).collect()
    };
    let first = world.patch(Some("acme"), &json!({"facts": large("a")})).await;
    assert_eq!(world.patch(Some("acme"), &json!({"facts": large("b")})).await.status, 200);
    let operator = world.token(None, Role::Operator).await;
    let restore_once = async || {
        let path = format!("/v1/tenants/acme/revisions/{}/restore", first.body["revision"]);
        let asking = world.ask("POST", &path).bearer(&operator).with("if-match", "*").with("idempotency-key", "k1");
        asking.send().await
    };
    let made = restore_once().await;
    assert!(made.status == 200 && made.text.len() > 16 * 1024, "{}", made.status);
    assert_eq!(world.patch(Some("acme"), &json!({"facts": large("c")})).await.status, 200);
    assert_eq!(restore_once().await.code(), (409, "idempotency_answer_unkept"));
    let facts = world.as_acme("/v1/tenants/acme/configuration/facts.f0", &[]).await;
    assert!(facts.3.contains("ccc"), "{}", facts.3);
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_take_it_and_counted_by_their_route() {
    let world = World::new().await;
    let operator = world.token(None, Role::Operator).await;
    let ask = async |path: &str, encoding: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {operator}"));
        let request = request.header("accept-encoding", encoding).body(Body::empty()).unwrap();
        let response = world.router.clone().oneshot(request).await.unwrap();
        let encoding = response.headers().get("content-encoding").cloned();
        (encoding, response.into_body().collect().await.unwrap().to_bytes().len())
    };
    let ((none, plain), (gzip, packed)) = (ask("/openapi.json", "").await, ask("/openapi.json", "gzip").await);
    assert!(none.is_none() && gzip.unwrap() == "gzip" && packed * 5 < plain, "{plain} {packed}");
    let (streamed, bytes) = ask("/v1/audit/export", "gzip").await;
    assert!(streamed.unwrap() == "gzip" && bytes > 20, "a stream has an end when it is compressed, too");
    ask("/v1/tenants/acme", "").await;
    let counts = world.as_role(None, Role::Operator, "GET", "/metrics").await.send().await;
    assert!(counts.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert!(counts.text.contains("tenantry_watchers 0"), "{}", counts.text);
}

#[tokio::test]
async fn what_is_only_seen_is_never_answered_from_what_was_kept() {
    let world = World::new().await;
    let token = world.token(Some("acme"), Role::TenantViewer).await;
    let ask = async || {
        let asking = world.ask("POST", "/ofrep/v1/evaluate/flags/limit").bearer(&token).with("idempotency-key", "k1");
        asking.json(&json!({})).send().await
    };
    assert_eq!(ask().await.status, 200);
    world.acme.service.suspend_tenant(&tenant("acme"), &crate::support::now()).await.unwrap();
    assert_eq!(ask().await.code(), (403, "suspended"));
}

#[tokio::test]
async fn a_company_that_uses_up_its_room_for_keys_is_told_and_takes_none_of_the_others() {
    let world = limited(Limits { tenant: None, address: None }).await;
    let (acme, beta) =
        (world.token(Some("acme"), Role::TenantAdmin).await, world.token(Some("beta"), Role::TenantAdmin).await);
    let make = async |token: &str, tenant: &str, key: &str| {
        let asking = world.ask("POST", &format!("/v1/tenants/{tenant}/bindings")).bearer(token);
        asking.with("idempotency-key", key).json(&json!({"binding": "slack:T1"})).send().await
    };
    for number in 0..500 {
        assert_eq!(make(&acme, "acme", &format!("k{number}")).await.status, 201);
    }
    assert_eq!(make(&acme, "acme", "one-more").await.code(), (429, "idempotency_full"));
    assert_eq!(make(&beta, "beta", "k1").await.code(), (422, "taken"), "it is answered, and not told to wait");
}

#[tokio::test]
async fn what_would_cost_too_much_is_refused_before_it_is_looked_at() {
    let world = World::new().await;
    let deep = vec!["a"; 10_001].join(".");
    let render = "/v1/tenants/acme/prompts/prompts.hello/render";
    let viewer = world.as_role(Some("acme"), Role::TenantViewer, "POST", render).await;
    assert_eq!(viewer.json(&json!({"variables": {deep: "x"}})).send().await.code(), (400, "body_invalid"));
    let verify = world.as_admin("acme", "POST", "/v1/tenants/acme/connections/verify").await;
    assert_eq!(verify.json(&json!({"sections": ["model", "model"]})).send().await.code(), (422, "invalid"));
    let many: serde_json::Map<_, _> = (0..3_000).map(|number| (format!("nothing{number}"), json!(1))).collect();
    assert_eq!(world.patch(Some("acme"), &json!(many)).await.code(), (413, "too_large"));
    for path in ["revisions/18446744073709551615", "revisions/1/diff?since=18446744073709551615"] {
        let answer = world.as_admin("acme", "GET", &format!("/v1/tenants/acme/{path}")).await.send().await;
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
    }
}

//! What a tenant gets, and who may see it.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tenantry::token::Tokens;
use tenantry_admin::Api;
use tenantry_core::change::ChangeSet;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tower::ServiceExt;

use crate::support::{self, TestApplication, context, key, tenant, value};
use crate::world::{World, served};

const ACME: &str = "/v1/tenants/acme/configuration";

#[tokio::test]
async fn a_tenant_sees_its_own_configuration_with_secrets_as_fingerprints() {
    let world = World::new().await;
    let (status, headers, body, _) = world.as_acme(ACME, &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(body["values"]["persona"]["name"], "name of acme");
    assert_eq!(body["revision"], 2);
    assert_eq!(body["secrets"][0]["key"], "model.api_key");
    assert_eq!(body["secrets"][0]["origin"]["tier"], "tenant");
    assert_eq!(body["secrets"][0]["fingerprint"].as_str().unwrap().len(), 12);
}

#[tokio::test]
async fn explain_tells_where_each_value_came_from_and_what_it_hides() {
    let world = World::new().await;
    let (_, _, body, _) = world.as_acme(&format!("{ACME}?explain"), &[]).await;
    let lines = body["explain"].as_array().unwrap();
    let line = lines.iter().find(|line| line["key"] == "persona.name").unwrap();
    assert_eq!(line["origin"], json!({"tier": "tenant", "revision": 2}));
    assert_eq!(line["hides"][0], json!({"origin": {"tier": "default", "revision": 0}, "value": "Built-in"}));
}

#[tokio::test]
async fn the_entity_tag_holds_until_something_that_it_shows_changes() {
    let world = World::new().await;
    let tag = async || world.as_acme(ACME, &[]).await.1["etag"].to_str().unwrap().to_owned();
    let first = tag().await;
    for sent in [first.clone(), format!("W/{first}"), format!("\"x\", {first}"), "*".to_owned()] {
        let (status, headers, _, text) = world.as_acme(ACME, &[("if-none-match", &sent)]).await;
        assert_eq!((status, text.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(headers["etag"], first.as_str());
    }
    assert_eq!(world.patch(None, &json!({"limit": 7})).await.status, 200);
    assert_ne!(tag().await, first);
}

#[tokio::test]
async fn what_another_tenant_does_changes_no_byte_and_no_tag() {
    let world = World::new().await;
    let before = world.as_acme(&format!("{ACME}?explain"), &[]).await;
    let changes = ChangeSet::default()
        .set(key("persona.name"), value(r#""Eve""#))
        .set_secret(key("model.api_key"), SecretText::new("CANARY-new".to_owned()));
    world.acme.change(&Scope::Tenant(tenant("beta")), changes).await.unwrap();
    let after = world.as_acme(&format!("{ACME}?explain"), &[]).await;
    assert_eq!((before.1["etag"].clone(), before.3), (after.1["etag"].clone(), after.3));
}

#[tokio::test]
async fn a_changed_secret_changes_the_tag_even_if_it_is_a_global_one() {
    let world = World::new().await;
    let before = world.as_acme(ACME, &[]).await.1["etag"].clone();
    let set = world.as_admin("acme", "PUT", "/v1/tenants/acme/secrets/model.api_key").await.with("if-match", "*");
    assert_eq!(set.json(&json!({"value": "CANARY-rotated"})).send().await.status, 200);
    let after = world.as_acme(ACME, &[]).await.1["etag"].clone();
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_value_changed_by_hand_changes_the_tag_though_no_revision_moved() {
    let (world, by_hand) = World::in_file().await;
    let before = world.as_acme(ACME, &[]).await.1["etag"].to_str().unwrap().to_owned();
    by_hand.item("acme", "persona.name", r#""by hand""#);
    let (status, headers, body, _) = world.as_acme(ACME, &[("if-none-match", &before)]).await;
    assert_eq!((status, &body["values"]["persona"]["name"]), (StatusCode::OK, &json!("by hand")));
    assert_ne!(headers["etag"], before.as_str());
}

#[tokio::test]
async fn a_new_built_in_value_changes_the_tag() {
    let world = World::new().await;
    let before = world.as_acme(ACME, &[]).await.1["etag"].to_str().unwrap().to_owned();
    let upgraded = support::SCHEMA.replace("\"default\": 10", "\"default\": 11");
    let service = support::service(world.acme.service.stores().clone(), &upgraded).await;
    let tokens = Tokens::open(service.stores()).await.unwrap();
    let world = World { router: served(&Api::new(service, tokens, Arc::new(TestApplication))), ..world };
    let (status, _, body, _) = world.as_acme(ACME, &[("if-none-match", &before)]).await;
    assert_eq!((status, &body["values"]["limit"]), (StatusCode::OK, &json!(11)));
}

#[tokio::test]
async fn no_lower_tier_poses_as_a_tenants_own_value_that_cannot_be_used() {
    let too_long = format!("\"{}\"", "x".repeat(5 << 20));
    for (key, text) in [
        ("persona.name", "CANARY{"),
        ("persona.name", "42"),
        ("persona.name", &too_long),
        ("facts", r#""CANARY""#),
        ("persona.warmth", r#""CANARY""#),
        ("limit", "7"),
    ] {
        let (world, by_hand) = World::in_file().await;
        let global = ChangeSet::default().set(self::key("persona.name"), value(r#""GLOBAL""#));
        world.acme.change(&Scope::Global, global).await.unwrap();
        by_hand.item("acme", key, text);
        for path in [ACME.to_owned(), format!("{ACME}?explain")] {
            let (status, _, body, answer) = world.as_acme(&path, &[]).await;
            assert_eq!((status.as_u16(), &body["code"]), (500, &json!("configuration_invalid")), "{key}: {answer}");
            let pointer = format!("/{}", key.replace('.', "/"));
            assert_eq!(body["errors"][0]["pointer"], pointer.as_str(), "{answer}");
            assert!(!answer.contains("GLOBAL"), "{answer}");
            assert!(answer.len() < 1000, "{answer}");
        }
        let beta = world.as_operator("/v1/tenants/beta/configuration").await;
        assert_eq!(beta.0, StatusCode::OK, "nobody else is concerned");
    }
}

#[tokio::test]
async fn a_global_secret_does_not_pose_as_a_tenants_own_that_is_damaged() {
    let (world, by_hand) = World::in_file().await;
    let secret = ChangeSet::default().set_secret(key("model.api_key"), SecretText::new("CANARY-global".to_owned()));
    world.acme.change(&Scope::Global, secret).await.unwrap();
    by_hand.damage_secret("acme");
    let (status, _, body, _) = world.as_acme(ACME, &[]).await;
    assert_eq!((status.as_u16(), &body["code"]), (500, &json!("configuration_invalid")));
    assert_eq!(body["errors"][0]["pointer"], "/model/api_key");
}

#[tokio::test]
async fn what_nobody_knows_is_stored_without_harm() {
    let (world, by_hand) = World::in_file().await;
    by_hand.item("acme", "left.over", "CANARY{");
    assert_eq!(world.as_acme(ACME, &[]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn another_tenants_configuration_does_not_exist() {
    let world = World::new().await;
    let other = world.as_acme("/v1/tenants/beta/configuration", &[]).await;
    let nobody = world.as_acme("/v1/tenants/nobody/configuration", &[]).await;
    assert_eq!(other.0, StatusCode::NOT_FOUND);
    assert_eq!((other.0, other.3, other.1), (nobody.0, nobody.3, nobody.1), "the same bytes for both");
    let (status, ..) = world.as_operator("/v1/tenants/beta/configuration").await;
    assert_eq!(status, StatusCode::OK);
    let (status, ..) = world.as_operator("/v1/tenants/nobody/configuration").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_without_a_credential_that_holds_is_told_why() {
    let world = World::new().await;
    let wrong = format!("Bearer tny_{}_{}", "0".repeat(16), "0".repeat(64));
    for (headers, code) in [
        (vec![], "token_missing"),
        (vec![("authorization", "Basic YTpi")], "token_missing"),
        (vec![("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")], "token_invalid"),
        (vec![("authorization", wrong.as_str())], "token_invalid"),
    ] {
        let (status, answer, body, _) = world.send(ACME, &headers).await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::UNAUTHORIZED, Some(code)));
        assert!(answer["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        assert_eq!(answer["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_revoked_token_is_gone_at_once() {
    let world = World::new().await;
    let id = world.acme.service.tokens(Some(&world.acme.scope)).await.unwrap()[0].id.clone();
    world.acme.service.revoke_token(&world.acme.scope, &id, &support::now()).await.unwrap();
    let (status, _, body, _) = world.as_acme(ACME, &[]).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("token_revoked")));
}

#[tokio::test]
async fn a_credential_in_the_query_is_refused_even_if_it_holds() {
    let world = World::new().await;
    for name in ["token", "access_token", "API_KEY"] {
        let (status, _, body, _) = world.as_acme(&format!("{ACME}?{name}={}", world.acme_token), &[]).await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::BAD_REQUEST, Some("credential_in_query")));
    }
}

#[tokio::test]
async fn a_header_that_names_another_tenant_is_a_refusal() {
    let world = World::new().await;
    let (status, ..) = world.as_acme(ACME, &[("x-tenant-id", "acme")]).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _, body, _) = world.as_acme(ACME, &[("x-tenant-id", "beta")]).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::FORBIDDEN, Some("tenant_mismatch")));
    let (status, _, body, _) = world.as_acme(ACME, &[("x-tenant-id", "acme"), ("x-tenant-id", "acme")]).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::BAD_REQUEST, Some("duplicate_header")));
    let (status, _, body, _) = world.as_acme(ACME, &[("authorization", "Bearer x")]).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::BAD_REQUEST, Some("duplicate_header")));
}

#[tokio::test]
async fn a_bad_tenant_id_is_refused_by_its_rule() {
    let world = World::new().await;
    for (id, code) in [
        ("Acme", "tenant_id_invalid"),
        ("acme%2f..%2fbeta", "tenant_id_invalid"),
        ("%D0%B0cme", "tenant_id_invalid"),
        ("ac%E2%80%8Bme", "tenant_id_invalid"),
        ("ac%00me", "tenant_id_invalid"),
        ("%ff", "tenant_id_invalid"),
        ("acme%c3%28", "tenant_id_invalid"),
        ("*", "tenant_id_invalid"),
        ("$%7Baws:username%7D", "tenant_id_invalid"),
        ("root", "tenant_id_reserved"),
    ] {
        let (status, _, body, _) = world.as_operator(&format!("/v1/tenants/{id}/configuration")).await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::BAD_REQUEST, Some(code)), "{id}: {body}");
    }
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_and_still_seen_by_the_operator() {
    let world = World::new().await;
    world.acme.service.suspend_tenant(&tenant("acme"), &context()).await.unwrap();
    let (status, _, body, _) = world.as_acme(ACME, &[]).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::FORBIDDEN, Some("suspended")));
    assert_eq!(world.as_operator(ACME).await.0, StatusCode::OK);
}

#[tokio::test]
async fn health_needs_no_credential_and_tells_nothing() {
    let world = World::new().await;
    assert_eq!(world.send("/healthz", &[]).await.3, r#"{"status":"ok"}"#);
    assert_eq!(world.send("/readyz", &[]).await.3, r#"{"status":"ready"}"#);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_done_are_problems_too() {
    let world = World::new().await;
    let (status, headers, body, _) = world.send("/v1/nothing", &[]).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")));
    assert_eq!(headers["content-type"], "application/problem+json");
    let request = Request::post("/healthz").body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn each_request_has_an_id_in_its_header_and_in_its_problem() {
    let world = World::new().await;
    let send = async |path: &str, id: Option<&str>| {
        let mut request = Request::get(path);
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (id, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (id, problem) = send(ACME, Some("from-the-caller-1")).await;
    assert_eq!((id.as_str(), problem["request_id"].as_str()), ("from-the-caller-1", Some("from-the-caller-1")));
    let (id, problem) = send("/nothing", None).await;
    assert_eq!((id.len(), problem["request_id"].as_str()), (16, Some(id.as_str())));
    let (id, healthy) = send("/healthz", Some("not \"usable\"")).await;
    assert_eq!((id.len(), healthy), (16, json!({"status": "ok"})));
}

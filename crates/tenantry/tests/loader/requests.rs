//! The tower layer: who gets a configuration into its request, and what the others are told.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, Request, Response, StatusCode};
use jiff::{Timestamp, ToSpan};
use tenantry::TenantConfig;
use tenantry::layer::{LambdaTenant, TenantLayer};
use tenantry::token::{Authenticated, TokenText, Tokens};
use tenantry_core::secret::SecretText;
use tenantry_store::{Action, TokenRecord};
use tower::{Layer, ServiceExt, service_fn};

use crate::faulty::{Fault, Port};
use crate::world::{Settings, World, entry, scope, seconds};

/// What the world's clock says at first.
const NOW: &str = "2026-11-23T00:00:00Z";

/// A body that nobody may look at before the request is let through.
struct Body(Arc<AtomicBool>);

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// Checks status and code, and that it is a problem document.
    fn is(&self, status: u16, code: &str) {
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!((self.status.as_u16(), problem["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(problem["status"], status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers.contains_key("www-authenticate"), status == 401);
    }
}

/// Creates a token that holds from the clock's start for some days.
async fn token(world: &World, id: &str, days: i64) -> String {
    let number = u8::try_from(id.len()).unwrap();
    let token = TokenText::from_random(&[number; TokenText::RANDOM_BYTES]);
    let now: Timestamp = NOW.parse().unwrap();
    let (scope, role) = (scope(id), "tenant-editor");
    let expires_at = now.checked_add((24 * days).hours()).unwrap();
    let record = TokenRecord {
        id: token.id().to_owned(),
        hash: token.hash(&world.stores.keys().await.unwrap().token, &scope, role, expires_at),
        scope,
        role: role.to_owned(),
        name: "test".to_owned(),
        created_at: now,
        created_by: "test".to_owned(),
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    world.stores.create_token(record, entry(id, Action::CreateToken)).await.unwrap();
    token.into_secret().expose().to_owned()
}

/// Sends a request through the layer to a service that answers with the tenant's persona and the bearer's name.
async fn send(world: &World, request: http::request::Builder) -> Answer {
    let tokens = Tokens::open(&world.stores).await.unwrap();
    send_with(world, tokens, request).await
}

async fn send_with(world: &World, tokens: Tokens, request: http::request::Builder) -> Answer {
    let touched = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: Request<Body>| async move {
        request.body().0.store(true, Ordering::Relaxed);
        let config = request.extensions().get::<TenantConfig<Settings>>().unwrap();
        let bearer = request.extensions().get::<Authenticated>().map_or("nobody", |bearer| &bearer.name);
        Ok::<_, Infallible>(Response::new(format!("{} for {bearer}", config.persona.name)))
    });
    let layer = TenantLayer::new(world.loader.clone(), tokens);
    let request = request.body(Body(Arc::clone(&touched))).unwrap();
    let (parts, body) = layer.layer(service).oneshot(request).await.unwrap().into_parts();
    assert_eq!(parts.status.is_success(), touched.load(Ordering::Relaxed), "a refused request's body is not looked at");
    Answer { status: parts.status, headers: parts.headers, body }
}

fn bearing(token: &str) -> http::request::Builder {
    Request::get("/").header("authorization", format!("Bearer {token}"))
}

#[tokio::test(start_paused = true)]
async fn a_tenants_token_brings_its_configuration() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    assert_eq!(send(&world, bearing(&token)).await.body, "acme for test");
    assert_eq!(send(&world, bearing(&token).header("x-tenant-id", "acme")).await.body, "acme for test");
}

#[tokio::test(start_paused = true)]
async fn an_operators_token_needs_the_header_to_name_the_tenant() {
    let world = World::new().await;
    let token = token(&world, "#global", 90).await;
    send(&world, bearing(&token)).await.is(400, "tenant_required");
    assert_eq!(send(&world, bearing(&token).header("x-tenant-id", "beta")).await.body, "beta for test");
    send(&world, bearing(&token).header("x-tenant-id", "nobody")).await.is(404, "not_found");
    send(&world, bearing(&token).header("x-tenant-id", "Beta")).await.is(400, "tenant_id_invalid");
    send(&world, bearing(&token).header("x-tenant-id", "root")).await.is(400, "tenant_id_reserved");
}

#[tokio::test(start_paused = true)]
async fn lambdas_own_tenant_id_needs_no_token_but_must_agree_with_one() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    let lambda = |id: &str| LambdaTenant(id.to_owned());
    assert_eq!(send(&world, Request::get("/").extension(lambda("beta"))).await.body, "beta for nobody");
    send(&world, bearing(&token).extension(lambda("beta"))).await.is(403, "tenant_mismatch");
    send(&world, Request::get("/").extension(lambda("*"))).await.is(400, "tenant_id_invalid");
}

#[tokio::test(start_paused = true)]
async fn without_a_token_that_holds_nobody_is_let_in() {
    let world = World::new().await;
    let good = token(&world, "acme", 1).await;
    send(&world, Request::get("/")).await.is(401, "token_missing");
    send(&world, Request::get("/").header("x-tenant-id", "acme")).await.is(401, "token_missing");
    send(&world, Request::get("/").header("authorization", "Basic YTpi")).await.is(401, "token_missing");
    send(&world, bearing("tny_")).await.is(401, "token_invalid");
    send(&world, bearing(&good[..good.len() - 1])).await.is(401, "token_invalid");
    send(&world, bearing(TokenText::from_random(&[9; 40]).into_secret().expose())).await.is(401, "token_invalid");
    world.freeze(seconds(24 * 3600));
    send(&world, bearing(&good)).await.is(401, "token_expired");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_refused_at_once() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    send(&world, bearing(&token)).await;
    let id = TokenText::parse(&token).unwrap().id().to_owned();
    world.stores.revoke_token(&id, NOW.parse().unwrap(), entry("acme", Action::RevokeToken)).await.unwrap();
    send(&world, bearing(&token)).await.is(401, "token_revoked");
}

#[tokio::test(start_paused = true)]
async fn a_token_in_the_query_is_refused_whatever_else_is_right() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    for name in ["token", "access_token", "Access_Token", "api_key", "authorization", "%74oken", "access%5Ftoken", "q"]
    {
        let request = bearing(&token).uri(format!("/messages?a=1&{name}={token}"));
        let answer = send(&world, request).await;
        answer.is(400, "credential_in_query");
        assert!(!answer.body.contains(&token));
    }
    let spelled = token.replacen("tny", "%74%6E%79", 1);
    for query in
        [format!("q={spelled}"), format!("q=Bearer+{token}"), format!("q=%20{spelled}"), token.clone(), spelled]
    {
        send(&world, bearing(&token).uri(format!("/messages?{query}"))).await.is(400, "credential_in_query");
    }
    assert_eq!(send(&world, bearing(&token).uri("/messages?q=tokens&page=tny&a%3Dtoken=1")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_one_tenant_with_a_header_of_another_is_refused() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    send(&world, bearing(&token).header("x-tenant-id", "beta")).await.is(403, "tenant_mismatch");
    let twice = bearing(&token).header("x-tenant-id", "acme").header("x-tenant-id", "acme");
    send(&world, twice).await.is(400, "duplicate_header");
    let twice = bearing(&token).header("authorization", format!("Bearer {token}"));
    send(&world, twice).await.is(400, "duplicate_header");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_tenant_is_told_so() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    world.suspend("acme").await;
    send(&world, bearing(&token)).await.is(403, "suspended");
}

#[tokio::test(start_paused = true)]
async fn a_failing_store_is_a_503_that_says_when_to_come_back() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    world.faulty.fail(Port::Parameters, None, Fault::Refused);
    let answer = send(&world, bearing(&token)).await;
    answer.is(503, "store_unavailable");
    assert_eq!(answer.headers["retry-after"], "2");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_cannot_be_used_is_told_by_its_keys_and_not_its_values() {
    let world = World::new().await;
    let token = token(&world, "acme", 90).await;
    world.set("acme", "persona.warmth", r#""CANARY-warm""#).await;
    let answer = send(&world, bearing(&token)).await;
    answer.is(500, "configuration_invalid");
    assert!(answer.body.contains("persona.warmth") && !answer.body.contains("CANARY"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn no_answer_shows_the_token() {
    let world = World::new().await;
    let token = SecretText::new(token(&world, "acme", 90).await);
    world.erase("acme").await;
    let answer = send(&world, bearing(token.expose())).await;
    answer.is(401, "token_invalid");
    let random = token.expose().rsplit('_').next().unwrap();
    assert!(!answer.body.contains(random));
}

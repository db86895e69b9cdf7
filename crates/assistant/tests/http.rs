//! The HTTP channel as a router: who asks comes first, and what cannot be answered is said truly.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a test that fails")]

mod stored;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use assistant::app::App;
use assistant::settings::Settings;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tenantry::token::Tokens;
use tenantry::{Clock, Loader, Moment};
use tenantry_core::scope::Scope;
use tenantry_integrations::egress::Egress;
use tenantry_store::memory::MemoryStore;
use tenantry_store::{SecretStore, SecretVersion, SecretWrite, StoreError, StoreKeys, StoredSecret, Stores};
use tower::ServiceExt;

use crate::stored::{CANARY, add_company, set_global};

const HOUR: u64 = 3_600_000_000_000;

/// A clock that stands until it is moved, in nanoseconds.
struct StandingClock(AtomicU64);

impl Clock for StandingClock {
    fn now(&self) -> Moment {
        let now = 1_795_453_440_000_000_000 + self.0.load(Ordering::SeqCst);
        Moment { monotonic: now, wall: now }
    }
}

/// Secrets that can be out of reach.
struct Secrets {
    stores: Stores,
    is_down: AtomicBool,
}

#[async_trait]
impl SecretStore for Secrets {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("out of reach".into()));
        }
        self.stores.read_secret(scope).await
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        self.stores.write_secret(scope, write).await
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        self.stores.keys().await
    }
}

struct Served {
    router: Router,
    stores: Stores,
    secrets: Arc<Secrets>,
    clock: Arc<StandingClock>,
}

async fn served() -> Served {
    let stores = Stores::new(Arc::new(MemoryStore::new()));
    let secrets = Arc::new(Secrets { stores: stores.clone(), is_down: AtomicBool::new(false) });
    let clock = Arc::new(StandingClock(AtomicU64::new(0)));
    let loader = Loader::<Settings>::with_ports(stores.parameters(), Arc::clone(&secrets) as Arc<dyn SecretStore>)
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .build()
        .unwrap();
    let tokens = Tokens::open(&stores).await.unwrap();
    let router = assistant::router(&App::new(loader, tokens, stores.parameters(), Egress::builder().build()));
    Served { router, stores, secrets, clock }
}

impl Served {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn post(&self, token: &str, body: &Value) -> (StatusCode, Value) {
        let request = post().header("authorization", format!("Bearer {token}")).body(Body::from(body.to_string()));
        document(self.send(request.unwrap()).await).await
    }
}

fn post() -> http::request::Builder {
    Request::post("/assistant/messages").header("content-type", "application/json")
}

async fn document(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains(CANARY));
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// A body that fails the test when somebody asks for its bytes.
fn untouchable() -> Body {
    let read = |_: &mut Context<'_>| -> Poll<Option<Result<Bytes, Infallible>>> { panic!("the body was read") };
    Body::from_stream(futures::stream::poll_fn(read))
}

#[tokio::test]
async fn who_asks_is_known_before_the_body_is_read() {
    let served = served().await;
    let response = served.send(post().body(untouchable()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn another_method_is_told_which_one_to_use() {
    let served = served().await;
    let token = add_company(&served.stores, "acme", &[], &[]).await;
    let request = Request::get("/assistant/messages").header("authorization", format!("Bearer {token}"));
    let response = served.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (response.status(), &response.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_told_from_one_that_is_not_set() {
    let served = served().await;
    let token = add_company(&served.stores, "acme", &[], &[("openai_api_key", "sk-CANARY-acme")]).await;
    let message = json!({"text": "Hi", "intent": "chitchat"});
    let rehearsed = json!({"text": "Hi", "intent": "chitchat", "dry_run": true});
    let (status, shown) = served.post(&token, &rehearsed).await;
    assert_eq!((status, shown.get("obstacle")), (StatusCode::OK, None), "{shown}");
    served.secrets.is_down.store(true, Ordering::SeqCst);
    served.clock.0.fetch_add(2 * HOUR, Ordering::SeqCst);
    let (status, problem) = served.post(&token, &message).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("secrets_unavailable")),
        "{problem}"
    );
    assert_eq!(problem["detail"], "openai.api_key is set but cannot be read for now: try again later");
    let (status, shown) = served.post(&token, &rehearsed).await;
    assert_eq!((status, &shown["obstacle"]), (StatusCode::OK, &problem["detail"]), "a dry run needs no key");
    assert_eq!(shown["configuration"]["stale"]["reason"], "store unavailable");
}

#[tokio::test]
async fn a_stored_value_that_cannot_be_used_is_not_shown_to_callers() {
    let served = served().await;
    let token = add_company(&served.stores, "acme", &[], &[]).await;
    let rehearsed = json!({"text": "Hi", "intent": "chitchat", "dry_run": true});
    set_global(&served.stores, "ai.default.provider", r#""openai""#).await;
    served.post(&token, &rehearsed).await;
    set_global(&served.stores, "ai.default.provider", r#""sk-CANARYGLOB1234567""#).await;
    served.clock.0.fetch_add(HOUR / 30, Ordering::SeqCst);
    let (status, shown) = served.post(&token, &rehearsed).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    assert_eq!(shown["configuration"]["stale"]["reason"], "configuration invalid");
}

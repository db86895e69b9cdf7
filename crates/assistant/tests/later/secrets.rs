//! What becomes of events while the secrets of their company cannot be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use assistant::app::App;
use assistant::job::{Email, Job, Work, WorkError};
use assistant::settings::Settings;
use async_trait::async_trait;
use axum::body::Body;
use http::Request;
use jiff::Timestamp;
use tenantry::token::Tokens;
use tenantry::{Freshness, Loader};
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_integrations::egress::Egress;
use tenantry_store::memory::MemoryStore;
use tenantry_store::{
    Action, Binding, ClaimChange, Commit, Expected, HeadChange, SecretStore, SecretVersion, SecretWrite, StoreError,
    StoreKeys, StoredSecret, Stores,
};
use tower::ServiceExt;

use crate::stored::{add_company, entry};
use crate::{SECRET, mention};

/// Secrets that can be read until they are taken away.
struct Safe {
    inner: Arc<dyn SecretStore>,
    is_shut: AtomicBool,
}

#[async_trait]
impl SecretStore for Safe {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        if self.is_shut.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the secrets are away".into()));
        }
        self.inner.read_secret(scope).await
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        self.inner.write_secret(scope, write).await
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        self.inner.keys().await
    }
}

/// A company with Slack, a bot and e-mail, whose secrets can be read no more.
async fn app() -> App {
    let stores = Stores::new(Arc::new(MemoryStore::new()));
    let values = [("email_notifications.enabled", "true"), ("email_notifications.chat_id", "\"C0123\"")];
    let secrets = [
        ("slack_bot_token", "xoxb-CANARY-acme"),
        ("slack_signing_secret", SECRET),
        ("telegram_bot_token", "11:CANARY-acme"),
        ("telegram_webhook_secret", "CANARY-telegram"),
    ];
    add_company(&stores, "acme", &values, &secrets).await;
    let scope = Scope::Tenant(acme());
    let take = |binding: &str| ClaimChange::Take(Binding::parse(binding).unwrap());
    let commit = Commit {
        scope: scope.clone(),
        expected: Expected::At(Revision(1)),
        head: HeadChange::Keep,
        items: Vec::new(),
        secret: None,
        claims: vec![take("slack:T1"), take("telegram:bot1")],
        default_revision: Revision(0),
        entry: entry(&scope, Action::Bind),
    };
    stores.commit(commit).await.unwrap();
    let safe = Arc::new(Safe { inner: stores.secrets(), is_shut: AtomicBool::new(false) });
    let freshness = Freshness { secrets_fresh: Duration::ZERO, secrets_usable: Duration::ZERO, ..Freshness::default() };
    let loader = Loader::<Settings>::with_ports(stores.parameters(), safe.clone()).freshness(freshness);
    let loader = loader.build().unwrap();
    loader.load(&acme()).await.unwrap();
    safe.is_shut.store(true, Ordering::SeqCst);
    App::new(loader, Tokens::open(&stores).await.unwrap(), stores.parameters(), Egress::builder().build())
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

#[tokio::test]
async fn a_genuine_event_is_to_be_sent_again_while_it_cannot_be_judged() {
    let app = app().await;
    let update = Request::post("/assistant/telegram/bot1")
        .header("x-telegram-bot-api-secret-token", "CANARY-telegram")
        .body(Body::from("{}"))
        .unwrap();
    for event in [mention(), update] {
        let path = event.uri().clone();
        let response = assistant::router(&app).oneshot(event).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers().contains_key("retry-after")), (503, true), "{path}");
    }
}

#[tokio::test]
async fn an_email_waits_while_its_company_cannot_be_told() {
    let app = app().await;
    let work = Work::Email(Email::new("ana@example.com", &[], "Flour", ""));
    let job = Job { tenant: acme(), incarnation: None, event: "email:1".to_owned(), at: Timestamp::now(), work };
    let error = app.work(&job).await.unwrap_err();
    assert!(matches!(&error, WorkError::SecretUnavailable(key) if key.as_str().starts_with("slack.")), "{error}");
    assert!(error.is_transient());
}

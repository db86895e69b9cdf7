//! The API over a store with two tenants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tenantry::token::{TokenText, Tokens};
use tenantry_admin::access::Role;
use tenantry_admin::{Api, Framed, framed, router};
use tenantry_core::change::ChangeSet;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_store::{OpenOptions, StoreUrl, Stores};
use tower::ServiceExt;

use crate::support::{self, Acme, TestApplication, context, key, tenant, value};

/// The API over a store with two tenants, each with a secret, a value and a token; and the operator's token.
pub(crate) struct World {
    pub(crate) acme: Acme,
    pub(crate) router: Framed,
    pub(crate) acme_token: String,
    pub(crate) operator_token: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(Acme::over(crate::empty_stores().await).await).await
    }

    /// The same over a file, which is to be changed by hand.
    pub(crate) async fn in_file() -> (Self, ByHand) {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("store.db"));
        let (stores, _) = Stores::create(&url, &OpenOptions::default()).await.unwrap();
        (Self::over(Acme::over(stores).await).await, ByHand { folder })
    }

    pub(crate) async fn over(acme: Acme) -> Self {
        acme.service.create_tenant(&tenant("beta"), "Beta", &context()).await.unwrap();
        for (id, secret) in [("acme", "CANARY-acme"), ("beta", "CANARY-beta")] {
            let changes = ChangeSet::default()
                .set(key("persona.name"), value(&format!(r#""name of {id}""#)))
                .set_secret(key("model.api_key"), SecretText::new(secret.to_owned()));
            acme.change(&Scope::Tenant(tenant(id)), changes).await.unwrap();
        }
        let acme_token = make_token(&acme, &acme.scope.clone(), Role::TenantViewer, 1).await;
        let operator_token = make_token(&acme, &Scope::Global, Role::Operator, 2).await;
        let tokens = Tokens::open(acme.service.stores()).await.unwrap();
        let router = served(&Api::new(acme.service.clone(), tokens, Arc::new(TestApplication)));
        Self { acme, router, acme_token, operator_token }
    }

    pub(crate) async fn send(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Value, String) {
        let mut request = Request::get(path).header("x-request-id", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(!text.contains("CANARY"), "{text}");
        (parts.status, parts.headers, serde_json::from_str(&text).unwrap_or(Value::Null), text)
    }

    /// Sends with acme's token.
    pub(crate) async fn as_acme(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Value, String) {
        let bearer = format!("Bearer {}", self.acme_token);
        let all: Vec<_> = [("authorization", bearer.as_str())].iter().chain(headers).copied().collect();
        self.send(path, &all).await
    }

    pub(crate) async fn as_operator(&self, path: &str) -> (StatusCode, HeaderMap, Value, String) {
        let bearer = format!("Bearer {}", self.operator_token);
        self.send(path, &[("authorization", bearer.as_str())]).await
    }
}

/// The API as a server has it.
pub(crate) fn served(api: &Api) -> Framed {
    framed(api, router(api.clone()))
}

/// A store's file, changed behind the program's back.
pub(crate) struct ByHand {
    folder: tempfile::TempDir,
}

impl ByHand {
    pub(crate) fn item(&self, scope: &str, key: &str, text: &str) {
        let sql = "INSERT INTO items (scope, key, value) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3";
        self.connection().execute(sql, [scope, key, text]).unwrap();
    }

    pub(crate) fn damage_secret(&self, scope: &str) {
        let sql = "UPDATE secret_fields SET sealed = x'00' WHERE scope = ?1";
        assert_eq!(self.connection().execute(sql, [scope]).unwrap(), 1);
    }

    pub(crate) fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("store.db")).unwrap()
    }
}

pub(crate) async fn make_token(acme: &Acme, scope: &Scope, role: Role, seed: u32) -> String {
    let random = TokenText::from_random(&std::array::from_fn(|at| seed.to_be_bytes()[at % 4]));
    let made = acme.service.create_token(scope, role, "test", 366, random, &support::now()).await.unwrap();
    made.text.expose().to_owned()
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answered {
    /// The status and the code of a problem.
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// The entity tag.
    #[track_caller]
    pub(crate) fn tag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

/// A request in the making.
pub(crate) struct Asking<'a> {
    router: &'a Framed,
    request: http::request::Builder,
    body: String,
}

impl Asking<'_> {
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// With this body.
    pub(crate) fn text(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }

    /// With a body of JSON.
    pub(crate) fn json(self, body: &Value) -> Self {
        Self { body: body.to_string(), ..self }.with("content-type", "application/json")
    }

    pub(crate) async fn send(self) -> Answered {
        let request = self.request.body(Body::from(self.body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(!text.contains("CANARY"), "{text}");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answered { status: parts.status.as_u16(), headers: parts.headers, body, text }
    }
}

impl World {
    /// A request without a credential.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Asking<'_> {
        // The same id each time, so that answers can be compared.
        let request = Request::builder().method(method).uri(path).header("x-request-id", "test");
        Asking { router: &self.router, request, body: String::new() }
    }

    /// A request of an admin of a tenant.
    pub(crate) async fn as_admin(&self, tenant: &str, method: &str, path: &str) -> Asking<'_> {
        self.as_role(Some(tenant), Role::TenantAdmin, method, path).await
    }

    /// A request with a token of its own.
    pub(crate) async fn as_role(&self, tenant: Option<&str>, role: Role, method: &str, path: &str) -> Asking<'_> {
        self.ask(method, path).bearer(&self.token(tenant, role).await)
    }

    /// A new token.
    pub(crate) async fn token(&self, tenant: Option<&str>, role: Role) -> String {
        static SEED: AtomicU32 = AtomicU32::new(10);
        let scope = tenant.map_or(Scope::Global, |id| Scope::Tenant(support::tenant(id)));
        make_token(&self.acme, &scope, role, SEED.fetch_add(1, Ordering::Relaxed)).await
    }

    /// A change by the operator or a tenant's admin, on the newest state.
    pub(crate) async fn patch(&self, tenant: Option<&str>, values: &Value) -> Answered {
        let path = tenant.map_or("/v1/global/overrides".to_owned(), |id| format!("/v1/tenants/{id}/overrides"));
        let role = if tenant.is_some() { Role::TenantAdmin } else { Role::Operator };
        self.as_role(tenant, role, "PATCH", &path).await.with("if-match", "*").json(values).send().await
    }
}

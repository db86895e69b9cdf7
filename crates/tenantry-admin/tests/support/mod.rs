//! A store in memory with a small catalog and the tenant acme.
#![allow(dead_code, reason = "each test file uses its own part of it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

pub(crate) mod faulty;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tenantry_admin::application::{Application, Verdict as Verified};
use tenantry_admin::service::{Candidate, Changed, Context, Service, ServiceError};
use tenantry_core::catalog::Catalog;
use tenantry_core::change::ChangeSet;
use tenantry_core::key::Key;
use tenantry_core::layer::Tier;
use tenantry_core::resolve::Resolved;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::template::Context as Template;
use tenantry_core::validate::{Validator, Violation};
use tenantry_core::value::Value;
use tenantry_store::Stores;
use tenantry_store::memory::MemoryStore;

pub(crate) const SCHEMA: &str = r#"{
    "title": "Test",
    "type": "object",
    "properties": {
        "persona": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "default": "Built-in"},
                "warmth": {"type": "number", "minimum": 0, "maximum": 2}
            }
        },
        "facts": {"type": "object", "additionalProperties": {"type": "string"}},
        "prompts": {
            "type": "object",
            "additionalProperties": {"type": "string", "x-template": ["persona.name", "persona.warmth", "facts", "user.name"]},
            "default": {"hello": "I am {{ persona.name }}, hello {{ user.name }}."}
        },
        "routes": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {"prompt": {"type": "string", "x-refers-to": "prompts"}}
            }
        },
        "provider": {"type": "string", "default": "model", "x-requires": {"model": ["model"]}},
        "model": {
            "type": "object",
            "x-connection": true,
            "required": ["api_key"],
            "properties": {
                "url": {"type": "string", "x-sensitivity": "credential", "default": "https://public.example/v1"},
                "api_key": {"type": "string", "x-sensitivity": "secret"}
            }
        },
        "bucket": {"type": "string", "x-unique": "bucket"},
        "limit": {"type": "integer", "minimum": 1, "default": 10, "x-set-by": "operator"}
    }
}"#;

/// The use cases over an empty store in which the tenant acme was just created.
pub(crate) struct Acme {
    pub(crate) service: Service,
    pub(crate) scope: Scope,
}

impl Acme {
    pub(crate) async fn new() -> Self {
        Self::over(Stores::new(Arc::new(MemoryStore::new()))).await
    }

    pub(crate) async fn over(stores: Stores) -> Self {
        let service = service(stores, SCHEMA).await;
        service.create_tenant(&tenant("acme"), "Acme", &context()).await.unwrap();
        Self { service, scope: Scope::Tenant(tenant("acme")) }
    }

    pub(crate) async fn change(&self, scope: &Scope, changes: ChangeSet) -> Result<Changed, ServiceError> {
        self.service.change(scope, &changes, None, &context()).await
    }

    /// What acme gets at a key, and from which tier.
    pub(crate) async fn shown(&self, name: &str) -> (Tier, Value) {
        let effective = self.service.effective(&self.scope).await.unwrap();
        let leaf = effective.resolved.leaf(&key(name)).unwrap();
        (leaf.origin.tier, leaf.entry.value().unwrap().clone())
    }
}

/// The use cases by another catalog.
pub(crate) async fn service(stores: Stores, schema: &str) -> Service {
    let catalog = Arc::new(Catalog::from_schema(&serde_json::from_str(schema).unwrap()).unwrap());
    Service::open(stores, catalog.clone(), Validator::new(catalog)).await.unwrap()
}

pub(crate) fn at() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn context() -> Context {
    Context { actor: "test".to_owned(), reason: None, at: at() }
}

/// The same at the present moment, for what is compared with the clock.
pub(crate) fn now() -> Context {
    Context { at: Timestamp::now(), ..context() }
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

pub(crate) fn value(json: &str) -> Value {
    Value::from_json(json).unwrap()
}

pub(crate) fn reasons<T: std::fmt::Debug>(refused: Result<T, ServiceError>) -> Vec<Violation> {
    match refused {
        Err(ServiceError::Invalid(violations)) => violations,
        other => panic!("expected violations, found {other:?}"),
    }
}

/// An application of which nothing but its catalog is known, with one connection that always works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestApplication;

#[async_trait::async_trait]
impl Application for TestApplication {
    fn prompt_context(&self, resolved: &Resolved, variables: &BTreeMap<String, String>) -> Result<Template, String> {
        let name = resolved.leaf(&key("persona.name")).and_then(|leaf| leaf.entry.value().cloned());
        let context = Template::new().with("persona.name", name.unwrap_or_else(|| "".into())).with("user.name", "");
        Ok(variables.iter().fold(context, |context, (name, value)| context.with(name, value.as_str())))
    }

    fn sections(&self) -> &[&'static str] {
        &["model"]
    }

    async fn verify(&self, candidate: &Candidate, sections: &[&str]) -> Vec<Verified> {
        let is_set = candidate.resolved.leaf(&key("model.api_key")).is_some();
        let whom = || Verified::Verified { whom: "the account".to_owned(), notes: Vec::new() };
        sections.iter().map(|_| if is_set { whom() } else { Verified::NotConfigured }).collect()
    }
}

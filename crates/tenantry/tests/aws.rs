//! The loader over a store on AWS, through real HTTP: how many calls it makes, and what it does when they fail.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenantry::{Clock, LoadError, Loader, Moment, StaleReason, SystemClock};
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_emulators::{Call, Calls, Fault, Gate, Proxy, shared};
use tenantry_store::contract::acts::{Draft, scope, tenant};
use tenantry_store::contract::place::Place;
use tenantry_store::{StoreError, Stores};
use tokio::time::{Instant, timeout};

#[derive(Debug, Deserialize, JsonSchema)]
struct Settings {
    #[serde(default)]
    persona: Persona,
    odoo: Option<Odoo>,
}

#[derive(Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default)]
struct Persona {
    name: String,
    language: String,
}

/// Odoo
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
struct Odoo {
    #[schemars(extend("x-sensitivity" = "credential"))]
    url: String,
    password: SecretText,
}

/// The system's clock, moved ahead by a test.
#[derive(Default)]
struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Moment {
        SystemClock.now().after(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }
}

/// Two companies and the operator's defaults, behind proxies.
struct World {
    dynamodb: Proxy,
    secrets_manager: Proxy,
    stores: Stores,
    clock: Arc<Ahead>,
    loader: Loader<Settings>,
}

impl World {
    async fn new() -> Self {
        let shared = shared().await;
        let dynamodb = Proxy::before(shared.dynamo.url()).await;
        let secrets_manager = Proxy::before(shared.moto.url()).await;
        let stores = Place::behind(dynamodb.url(), secrets_manager.url()).create().await;
        Draft::create_global().set("persona.language", "en").done(&stores).await;
        for id in ["acme", "beta"] {
            let secret = format!("CANARY-{id}");
            let fields = [("odoo_url", Some("https://odoo.example")), ("odoo_password", Some(secret.as_str()))];
            Draft::create(id).set("persona.name", id).secret(None, &fields).done(&stores).await;
        }
        let clock = Arc::new(Ahead::default());
        let loader = Loader::builder(&stores).clock(clock.clone()).build().unwrap();
        dynamodb.forget_calls();
        secrets_manager.forget_calls();
        Self { dynamodb, secrets_manager, stores, clock, loader }
    }

    fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The calls for a partition, or for a secret.
    fn calls_for(&self, scope: &Scope) -> Vec<String> {
        let id = scope.to_string();
        let query =
            |call: &Call| call.operation() == "Query" && call.json()["ExpressionAttributeValues"][":p"]["S"] == id;
        let name = match scope {
            Scope::Global => "/global".to_owned(),
            Scope::Tenant(id) => format!("/tenant/{id}"),
        };
        let secret = |call: &Call| call.json()["SecretId"].as_str().is_some_and(|asked| asked.ends_with(&name));
        let queries = self.dynamodb.calls().into_iter().filter(query);
        let secrets = self.secrets_manager.calls().into_iter().filter(secret);
        queries.chain(secrets).map(|call| call.operation().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_first_callers_make_one_query_and_one_secret_call() {
    let world = World::new().await;
    let loads = (0..1_000).map(|_| {
        let loader = world.loader.clone();
        tokio::spawn(async move { loader.load(&tenant("acme")).await })
    });
    for load in futures::future::join_all(loads).await {
        let config = load.unwrap().unwrap();
        assert_eq!((config.persona.name.as_str(), config.persona.language.as_str()), ("acme", "en"));
        assert_eq!(config.odoo.as_ref().unwrap().password.expose(), "CANARY-acme");
        assert!(config.stale().is_none() && config.oddities().is_empty());
    }
    assert_eq!(world.calls_for(&scope("acme")), ["Query", "GetSecretValue"]);
    assert_eq!(world.calls_for(&Scope::Global), ["Query", "GetSecretValue"]);
    world.loader.load(&tenant("beta")).await.unwrap();
    assert_eq!(world.calls_for(&scope("beta")), ["Query", "GetSecretValue"]);
    assert_eq!(world.calls_for(&Scope::Global), ["Query", "GetSecretValue"], "the global layer is cached apart");
}

#[tokio::test]
async fn parameters_and_secret_are_asked_for_side_by_side() {
    let world = World::new().await;
    let (query, secret) = (Gate::shut(), Gate::shut());
    let of_acme = |call: &Call| call.json()["ExpressionAttributeValues"][":p"]["S"] == "acme";
    world.dynamodb.on(Calls::to("Query").when(of_acme), Fault::Wait(query.clone()));
    let of_acme = |call: &Call| call.json()["SecretId"].as_str().is_some_and(|name| name.ends_with("/tenant/acme"));
    world.secrets_manager.on(Calls::to("GetSecretValue").when(of_acme), Fault::Wait(secret.clone()));
    let load = tokio::spawn({
        let loader = world.loader.clone();
        async move { loader.load(&tenant("acme")).await }
    });
    // Each is on its way while the other one is held.
    query.reached().await;
    secret.reached().await;
    query.open();
    secret.open();
    assert_eq!(load.await.unwrap().unwrap().persona.name, "acme");
}

#[tokio::test]
async fn killed_back_ends_leave_warm_tenants_labelled_answers_and_cold_ones_a_refusal() {
    let world = World::new().await;
    world.loader.load(&tenant("acme")).await.unwrap();
    world.dynamodb.stop().await;
    world.secrets_manager.stop().await;
    world.pass(100);
    let warm = world.loader.load(&tenant("acme")).await.unwrap();
    assert_eq!(warm.persona.name, "acme");
    let stale = warm.stale().unwrap();
    assert!(stale.age >= Duration::from_secs(100), "{stale}");
    assert!(matches!(stale.reason, StaleReason::Unavailable(_) | StaleReason::Unchecked), "{stale}");
    let began = Instant::now();
    let cold = world.loader.load(&tenant("beta")).await.unwrap_err();
    assert!(matches!(cold, LoadError::Store { .. }) && cold.retry_after().is_some(), "{cold:?}");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}: two seconds, on a machine that may be busy",
        began.elapsed()
    );
    world.dynamodb.resume().await;
    world.secrets_manager.resume().await;
    world.pass(100);
    assert!(world.loader.load(&tenant("acme")).await.is_ok());
    world.pass(100);
    assert_eq!(world.loader.load(&tenant("beta")).await.unwrap().persona.name, "beta");
}

#[tokio::test]
async fn a_back_end_that_never_answers_is_given_up_within_the_bound() {
    let world = World::new().await;
    world.dynamodb.on(Calls::to("Query"), Fault::Hang);
    let acme = tenant("acme");
    let load = world.loader.load(&acme);
    let refused = timeout(Duration::from_secs(10), load).await.expect("it does not wait for ever").unwrap_err();
    assert!(refused.retry_after().is_some(), "{refused:?}");
}

#[tokio::test]
async fn denied_access_drops_what_is_cached() {
    let world = World::new().await;
    world.loader.load(&tenant("acme")).await.unwrap();
    world.dynamodb.on(Calls::to("Query"), Fault::error(400, "AccessDeniedException", "not authorized"));
    world.pass(100);
    for _ in 0..2 {
        let error = world.loader.load(&tenant("acme")).await.unwrap_err();
        let LoadError::Store { source, .. } = &error else { panic!("{error:?}") };
        assert!(matches!(**source, StoreError::Denied(_)), "{error:?}");
        world.pass(10);
    }
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_neither_served_nor_cached() {
    let world = World::new().await;
    let to_beta =
        Fault::rewrite(|body| Bytes::from(String::from_utf8(body.to_vec()).unwrap().replace("\"acme\"", "\"beta\"")));
    // Of acme's partition: the defaults are read at the same time.
    let of_acme = |call: &Call| call.json()["ExpressionAttributeValues"][":p"]["S"] == "acme";
    world.dynamodb.on(Calls::to("Query").when(of_acme).once(), to_beta);
    assert!(world.loader.load(&tenant("acme")).await.is_err());
    world.pass(10);
    assert_eq!(world.loader.load(&tenant("acme")).await.unwrap().persona.name, "acme");
}

#[tokio::test]
async fn unavailable_secrets_leave_parameters_and_the_last_good_secrets() {
    let world = World::new().await;
    world.loader.load(&tenant("acme")).await.unwrap();
    Draft::change(scope("acme"), 1).set("persona.name", "Grace").done(&world.stores).await;
    let gone = Fault::error(400, "InternalServiceError", "Internal");
    world.secrets_manager.on(Calls::to("GetSecretValue"), gone);
    world.pass(100);
    let config = world.loader.load(&tenant("acme")).await.unwrap();
    assert_eq!(config.persona.name, "Grace");
    assert_eq!(config.odoo.as_ref().unwrap().password.expose(), "CANARY-acme");
    world.pass(3_700);
    let config = world.loader.load(&tenant("acme")).await.unwrap();
    assert!(config.odoo.is_none(), "a secret that is too old is no secret");
    assert!(!config.unavailable().is_empty());
}

#[tokio::test]
async fn a_malformed_secret_keeps_the_last_good_one_and_is_not_shown() {
    let world = World::new().await;
    world.loader.load(&tenant("acme")).await.unwrap();
    let broken = Fault::rewrite(|body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        answer["SecretString"] = "CANARY, and no object".into();
        Bytes::from(answer.to_string())
    });
    world.secrets_manager.on(Calls::to("GetSecretValue"), broken);
    world.pass(400);
    let config = world.loader.load(&tenant("acme")).await.unwrap();
    assert_eq!(config.odoo.as_ref().unwrap().password.expose(), "CANARY-acme");
    let told = config.stale().unwrap().to_string();
    assert!(told.contains("/tenant/acme") && !told.contains("CANARY"), "{told}");
}

#[tokio::test]
async fn what_was_changed_by_hand_is_served_and_labelled() {
    let world = World::new().await;
    let by_hand = || {
        Fault::rewrite(|body| {
            let text = String::from_utf8(body.to_vec()).unwrap();
            Bytes::from(text.replace(r#""config_value":{"S":"acme"}"#, r#""config_value":{"S":"by hand"}"#))
        })
    };
    world.dynamodb.on(Calls::to("Query"), by_hand());
    let config = world.loader.load(&tenant("acme")).await.unwrap();
    assert_eq!(config.persona.name, "by hand");
    let told: Vec<_> = config.oddities().iter().map(|oddity| oddity.place.as_str()).collect();
    assert_eq!(told, ["the items"]);
}

#[tokio::test]
async fn the_moment_between_parameters_and_secret_is_read_again_and_not_kept() {
    let world = World::new().await;
    let version = world.stores.read_secret(&scope("acme")).await.unwrap().unwrap().version;
    let gate = Gate::shut();
    world.secrets_manager.on(Calls::to("UpdateSecretVersionStage").once(), Fault::Wait(gate.clone()));
    let writer = tokio::spawn({
        let stores = world.stores.clone();
        let change = Draft::change(scope("acme"), 1).set("persona.name", "Grace");
        async move { change.secret(Some(&version), &[("odoo_password", Some("CANARY-new"))]).send(&stores).await }
    });
    gate.reached().await;
    world.secrets_manager.forget_calls();
    let between = world.loader.load(&tenant("acme")).await.unwrap();
    assert_eq!(between.persona.name, "Grace");
    assert_eq!(world.calls_for(&scope("acme")).iter().filter(|call| *call == "GetSecretValue").count(), 2);
    assert_eq!(between.oddities()[0].place, "the secret", "it is labelled while it lasts");
    gate.open();
    writer.await.unwrap().unwrap();
    // Long before secrets are due again, the revision tells that this one belongs to another.
    world.pass(70);
    let after = world.loader.load(&tenant("acme")).await.unwrap();
    assert_eq!(after.odoo.as_ref().unwrap().password.expose(), "CANARY-new");
    assert!(after.oddities().is_empty());
    assert_eq!(after.odoo.as_ref().unwrap().url, "https://odoo.example");
}

//! The function on DynamoDB and Secrets Manager: it serves from them, isolated, and says so when they are gone.

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry_emulators::{Proxy, shared};
use tenantry_store::contract::place::Place;

use crate::function::Function;
use crate::stored::add_company;
use crate::{document, example, status};

const ROLE: &str = "arn:aws:iam::123456789012:role/tenantry-tenant";

/// A function on the emulators, behind proxies that can be stopped as servers are killed.
struct World {
    dynamodb: Proxy,
    others: Proxy,
    tokens: [(&'static str, String); 2],
    function: Function,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let shared = shared().await;
        let (dynamodb, others) = (Proxy::before(shared.dynamo.url()).await, Proxy::before(shared.moto.url()).await);
        let place = Place::behind(dynamodb.url(), others.url());
        let stores = place.create().await;
        let mut tokens = [("acme", String::new()), ("beta", String::new())];
        for (id, token) in &mut tokens {
            let (persona, secret) = (format!("\"Persona-{id}\""), format!("CANARY-{id}"));
            let values = [("persona.name", persona.as_str()), ("ai.default.provider", "\"openai\"")];
            *token = add_company(&stores, id, &values, &[("openai_api_key", &secret)]).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let variables = [
            ("TENANTRY_STORE", format!("{}&tenant_role={ROLE}", place.url())),
            ("TENANTRY_LOG", "debug,hyper=info".to_owned()),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIAFUNCTION".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url().to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", others.url().to_owned()),
            ("AWS_ENDPOINT_URL_STS", others.url().to_owned()),
        ];
        dynamodb.forget_calls();
        others.forget_calls();
        let function = Function::start_with(&variables, "", folder.path().join("log")).await;
        Self { dynamodb, others, tokens, function, _folder: folder }
    }

    async fn ask(&mut self, at: usize, event: &str) -> Value {
        let event = example(event, &self.tokens[at].1);
        self.function.invoke(&event).await
    }
}

#[tokio::test]
async fn the_function_serves_each_company_its_own_from_both_services() {
    let mut world = World::new().await;
    for at in [0, 1, 0, 1] {
        for event in ["api-gateway-v2", "direct"] {
            let answer = world.ask(at, event).await;
            assert_eq!(status(&answer), 200, "{answer}");
            let shown = document(&answer).to_string();
            let (own, other) = (world.tokens[at].0, world.tokens[1 - at].0);
            assert!(shown.contains(&format!("Persona-{own}")), "{shown}");
            assert!(!shown.contains(&format!("Persona-{other}")), "{shown}");
        }
    }
    world.function.stop();
}

#[tokio::test]
async fn the_functions_own_credentials_read_no_tenant() {
    let mut world = World::new().await;
    for at in [0, 1] {
        assert_eq!(status(&world.ask(at, "direct").await), 200);
    }
    for call in world.dynamodb.calls().into_iter().filter(|call| call.operation() == "Query") {
        assert!(call.has_session_token, "a scope is read under a session: {:?}", call.json());
    }
    let own = |call: &tenantry_emulators::Call| call.access_key.as_deref() == Some("AKIAFUNCTION");
    for call in world.others.calls().into_iter().filter(|call| call.operation() == "GetSecretValue" && own(call)) {
        let name = call.json()["SecretId"].as_str().unwrap().to_owned();
        assert!(name.ends_with("/keys"), "{name}");
    }
    world.function.stop();
}

#[tokio::test]
async fn lambdas_own_tenant_id_is_the_first_source() {
    let mut world = World::new().await;
    let event = json!({"text": "Hi", "intent": "chitchat", "dry_run": true});
    let answer = world.function.invoke_as(&event, Some("acme")).await;
    assert!(answer.to_string().contains("Persona-acme"), "{answer}");
    let mut with_token = event.clone();
    with_token["token"] = json!(world.tokens[1].1);
    let refused = world.function.invoke_as(&with_token, Some("acme")).await;
    assert_eq!((status(&refused), &refused["code"]), (403, &json!("tenant_mismatch")), "{refused}");
    world.function.stop();
}

#[tokio::test]
async fn killed_back_ends_leave_warm_companies_served_and_cold_ones_a_503() {
    let mut world = World::new().await;
    assert_eq!(status(&world.ask(0, "api-gateway-v2").await), 200);
    world.dynamodb.stop().await;
    world.others.stop().await;
    let warm = world.ask(0, "api-gateway-v2").await;
    assert_eq!(status(&warm), 200, "a token that held lately still holds: {warm}");
    let unknown = world.ask(1, "api-gateway-v2").await;
    assert_eq!(status(&unknown), 503, "nobody knows whose this one is: {unknown}");
    let event = json!({"text": "Hi", "intent": "chitchat", "dry_run": true});
    let warm = world.function.invoke_as(&event, Some("acme")).await;
    assert_eq!(status(&warm), 200, "{warm}");
    let cold = world.function.invoke_as(&event, Some("beta")).await;
    assert_eq!(status(&cold), 503, "{cold}");
    world.dynamodb.resume().await;
    world.others.resume().await;
    world.function.stop();
}

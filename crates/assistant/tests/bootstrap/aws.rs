//! The function on DynamoDB and Secrets Manager: it serves from them, isolated, and says so when they are gone.

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry_core::secret::SecretText;
use tenantry_emulators::providers::Llm;
use tenantry_emulators::{Call, Proxy, shared};
use tenantry_integrations::aws::{Aws, AwsOptions};
use tenantry_integrations::dynamodb::Tables;
use tenantry_store::contract::place::Place;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::function::Function;
use crate::stored::add_company;
use crate::{document, example, status};

const ROLE: &str = "arn:aws:iam::123456789012:role/tenantry-tenant";

/// A function on the emulators, behind proxies that can be stopped as servers are killed.
struct World {
    dynamodb: Proxy,
    others: Proxy,
    tokens: [(&'static str, String); 2],
    model: Llm,
    /// What the names of a tenant's tables and buckets have behind its id: no other test's.
    name: String,
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
        let (model, name) = (Llm::start(&["CANARY-acme", "CANARY-beta"]).await, place.name.clone());
        for (id, token) in &mut tokens {
            let (persona, secret) = (format!("\"Persona-{id}\""), format!("CANARY-{id}"));
            let (prefix, bucket) = (format!("\"{id}-{name}-\""), format!("\"{id}-{name}\""));
            let values = [
                ("persona.name", persona.as_str()),
                ("ai.default.provider", "\"openai\""),
                ("storage.dynamodb_table_prefix", prefix.as_str()),
                ("storage.s3_buckets.attachments", bucket.as_str()),
            ];
            let secrets = [("openai_api_key", secret.as_str()), ("openai_base_url", &model.base_url())];
            *token = add_company(&stores, id, &values, &secrets).await;
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
            ("AWS_ENDPOINT_URL_S3", others.url().to_owned()),
        ];
        dynamodb.forget_calls();
        others.forget_calls();
        let function = Function::start_with(&variables, model.origin(), folder.path().join("log")).await;
        Self { dynamodb, others, tokens, model, name, function, _folder: folder }
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

/// Makes a bucket, as an operator does.
async fn make_bucket(endpoint: &str, name: &str) {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("PUT /{name} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// What a call to DynamoDB or S3 names: the table and the key, or the path.
fn touched(call: &Call) -> String {
    format!("{} {}", call.target, call.json())
}

#[tokio::test]
async fn conversations_and_attachments_go_to_each_companys_own_table_and_bucket_under_its_own_session() {
    let mut world = World::new().await;
    let shared = shared().await;
    let options = AwsOptions {
        dynamodb_url: Some(shared.dynamo.url().to_owned()),
        region: Some("eu-central-1".to_owned()),
        access_key: Some(("AKIATEST".to_owned(), SecretText::new("secret".to_owned()))),
        ..AwsOptions::default()
    };
    let tables = Tables::new(Aws::open(options).await.unwrap());
    for (id, _) in world.tokens.clone() {
        tables.create(&format!("{id}-{}-", world.name)).await.unwrap();
        make_bucket(shared.moto.url(), &format!("{id}-{}", world.name)).await;
    }
    for round in 0..2 {
        for (id, token) in world.tokens.clone() {
            let event = json!({
                "text": format!("Message {round} of {id}"), "intent": "chitchat", "conversation": "same", "token": token,
                "attachments": [{"name": "a.txt", "media_type": "text/plain", "content_base64": "SGVsbG8="}],
            });
            let answer = world.function.invoke(&event).await;
            assert!(answer["attachments"][0]["key"].as_str().unwrap().starts_with(&format!("{id}/")), "{answer}");
        }
    }
    let asked = world.model.take_seen();
    let [.., last] = asked.as_slice() else { panic!("the model was asked") };
    let messages = last.json()["messages"].to_string();
    assert!(messages.contains("Message 0 of beta") && !messages.contains("of acme"), "{messages}");
    let others = world.others.calls();
    let puts: Vec<_> = others.iter().filter(|call| call.target.contains(&world.name)).collect();
    let rows = world.dynamodb.calls();
    let rows: Vec<_> = rows.iter().filter(|call| touched(call).contains("Conversations")).collect();
    assert!(puts.len() >= 4 && rows.len() >= 12, "{} {}", puts.len(), rows.len());
    for call in puts.iter().chain(&rows) {
        let touched = touched(call);
        let is_one_companys = touched.contains("acme") != touched.contains("beta");
        assert!(is_one_companys && call.has_session_token, "{touched}");
    }
    world.function.stop();
}

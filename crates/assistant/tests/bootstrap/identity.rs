//! Whose event it is: what was verified says so, and everything else may only agree.

use serde_json::{Value, json};
use tenantry_core::scope::{Scope, TenantId};

use crate::function::Function;
use crate::store::Store;
use crate::{document, example, status};

async fn two_companies() -> (Store, String, String) {
    let store = Store::new().await;
    let acme = store.company("acme", &[], &[]).await;
    let beta = store.company("beta", &[], &[]).await;
    (store, acme, beta)
}

fn check(answer: &Value, expected: u64) {
    assert_eq!(status(answer), expected, "{answer}");
    let problem = document(answer);
    assert_eq!(problem["status"], expected, "{answer}");
    assert!(problem["code"].is_string() && problem["detail"].is_string(), "{answer}");
}

const HTTP_EVENTS: [&str; 5] = ["api-gateway-v1", "api-gateway-v2", "alb", "alb-multi-value-headers", "function-url"];

#[tokio::test]
async fn an_event_that_names_no_verified_tenant_is_refused() {
    let (store, acme, _) = two_companies().await;
    let expired = store.token(Scope::Tenant(TenantId::parse("acme").unwrap()), -1).await;
    let forged = format!("{}{}", &acme[..acme.len() - 4], "0000");
    let mut function = Function::start(&store, "").await;
    for token in ["", "nonsense", "tny_", &expired, &forged] {
        for name in HTTP_EVENTS {
            check(&function.invoke(&example(name, token)).await, 401);
        }
        check(&function.invoke(&example("direct", token)).await, 401);
    }
    check(&function.invoke(&json!({"text": "Hi"})).await, 401);
    check(&function.invoke(&json!({"text": "Hi", "tenant_id": "acme"})).await, 401);
    let log = function.stop();
    assert!(!log.contains(&acme) && !log.contains(&forged) && !log.contains(&expired), "{log}");
}

#[tokio::test]
async fn lambdas_own_tenant_id_names_the_tenant() {
    let (store, ..) = two_companies().await;
    let mut function = Function::start(&store, "").await;
    let event = example("direct-with-tenant-id", "");
    let answer = function.invoke_as(&event, Some("acme")).await;
    assert_eq!(answer["configuration"]["tenant"], "acme", "{answer}");
    let answer = function.invoke_as(&event, Some("beta")).await;
    assert_eq!(answer["configuration"]["tenant"], "beta", "{answer}");
    check(&function.invoke_as(&event, Some("nobody")).await, 404);
    check(&function.invoke_as(&event, Some("Acme")).await, 400);
    check(&function.invoke_as(&event, None).await, 401);
    function.stop();
}

#[tokio::test]
async fn two_sources_that_disagree_are_a_refusal() {
    let (store, acme, beta) = two_companies().await;
    let mut function = Function::start(&store, "").await;
    let mut event = example("api-gateway-v2", &acme);
    event["headers"]["x-tenant-id"] = json!("acme");
    assert_eq!(status(&function.invoke(&event).await), 200, "a header may agree");
    event["headers"]["x-tenant-id"] = json!("beta");
    check(&function.invoke(&event).await, 403);
    check(&function.invoke_as(&example("direct", &beta), Some("acme")).await, 403);
    let answer = function.invoke_as(&example("direct", &acme), Some("acme")).await;
    assert_eq!(answer["configuration"]["tenant"], "acme");
    let mut event = example("api-gateway-v1", &acme);
    event["multiValueHeaders"]["x-tenant-id"] = json!(["acme", "acme"]);
    check(&function.invoke(&event).await, 400);
    let mut event = example("function-url", "");
    event["rawQueryString"] = json!(format!("token={acme}"));
    event["headers"].as_object_mut().unwrap().remove("authorization");
    check(&function.invoke(&event).await, 400);
    function.stop();
}

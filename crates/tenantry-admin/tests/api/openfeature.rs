//! An OpenFeature client reads its tenant's parameters.

use serde_json::{Value, json};
use tenantry_admin::access::Role;

use crate::world::{Answered, World};

async fn evaluate(world: &World, tenant: &str, flag: &str) -> Answered {
    let path = format!("/ofrep/v1/evaluate/flags{flag}");
    // The context is the client's own, and changes nothing.
    let context = json!({"context": {"targetingKey": "user-1", "tenant": "beta", "tenant_id": "beta"}});
    world.as_role(Some(tenant), Role::TenantViewer, "POST", &path).await.json(&context).send().await
}

#[tokio::test]
async fn a_flag_is_a_parameter_of_the_tokens_tenant() {
    let world = World::new().await;
    for tenant in ["acme", "beta"] {
        let flag = evaluate(&world, tenant, "/persona.name").await;
        let expected = json!({
            "key": "persona.name", "reason": "TARGETING_MATCH", "variant": "tenant", "value": format!("name of {tenant}"),
            "metadata": {"tier": "tenant", "revision": 2},
        });
        assert_eq!((flag.status, flag.body), (200, expected));
    }
    let built_in = evaluate(&world, "acme", "/limit").await.body;
    assert_eq!((&built_in["reason"], &built_in["value"]), (&json!("DEFAULT"), &json!(10)));
    let section = evaluate(&world, "acme", "/persona").await.body;
    assert_eq!(section["value"], json!({"name": "name of acme"}));
}

#[tokio::test]
async fn what_belongs_to_a_connection_or_is_not_set_is_no_flag() {
    let world = World::new().await;
    for flag in ["/model.api_key", "/model.url", "/model", "/nothing", "/persona.warmth", "/na%20me"] {
        let missing = evaluate(&world, "acme", flag).await;
        assert_eq!((missing.status, &missing.body["errorCode"]), (404, &json!("FLAG_NOT_FOUND")), "{flag}");
    }
}

#[tokio::test]
async fn all_flags_come_with_a_tag_that_holds_until_one_changes() {
    let world = World::new().await;
    let token = world.token(Some("acme"), Role::TenantViewer).await;
    let all = async |tag: &str| {
        let asking = world.ask("POST", "/ofrep/v1/evaluate/flags").bearer(&token).json(&json!({"context": {}}));
        asking.with("if-none-match", tag).send().await
    };
    let first = all("").await;
    let flags = first.body["flags"].as_array().unwrap();
    assert!(flags.iter().any(|flag| flag["key"] == "prompts.hello"));
    assert!(!first.text.contains("model.") && !first.text.contains("beta"), "{}", first.text);
    assert_eq!(all(&first.tag()).await.status, 304);
    world.patch(Some("acme"), &json!({"persona.name": "Ada"})).await;
    assert_eq!(all(&first.tag()).await.status, 200);
}

#[tokio::test]
async fn the_operator_names_a_tenant_in_the_header() {
    let world = World::new().await;
    let path = "/ofrep/v1/evaluate/flags/persona.name";
    let ask = async |tenant: Option<&str>| {
        let body = Value::Object(serde_json::Map::new());
        let asking = world.as_role(None, Role::Operator, "POST", path).await.json(&body);
        match tenant {
            Some(tenant) => asking.with("x-tenant-id", tenant).send().await,
            None => asking.send().await,
        }
    };
    assert_eq!(ask(Some("beta")).await.body["value"], "name of beta");
    assert_eq!(ask(None).await.code(), (400, "tenant_required"));
    assert_eq!(ask(Some("nobody")).await.status, 404);
}

#[tokio::test]
async fn all_flags_are_those_that_one_can_ask_for_sections_among_them() {
    let world = World::new().await;
    let all = evaluate(&world, "acme", "").await;
    let flags = all.body["flags"].as_array().unwrap();
    let keys: Vec<_> = flags.iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"persona") && keys.contains(&"persona.name") && !keys.contains(&"model"), "{keys:?}");
    assert!(keys.is_sorted(), "{keys:?}");
    for flag in flags {
        let path = format!("/{}", flag["key"].as_str().unwrap());
        assert_eq!(&evaluate(&world, "acme", &path).await.body, flag, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_the_protocols_form() {
    let world = World::new().await;
    for (flag, key) in [("", None), ("/persona.name", Some("persona.name"))] {
        let path = format!("/ofrep/v1/evaluate/flags{flag}");
        for (body, error, code) in [
            ("CANARY", "PARSE_ERROR", "body_invalid"),
            ("", "PARSE_ERROR", "body_invalid"),
            ("[]", "PARSE_ERROR", "invalid"),
            (r#"{"context": null}"#, "INVALID_CONTEXT", "invalid"),
            (r#"{"context": "CANARY"}"#, "INVALID_CONTEXT", "invalid"),
        ] {
            let asking = world.as_role(Some("acme"), Role::TenantViewer, "POST", &path).await;
            let refused = asking.with("content-type", "application/json").text(body).send().await;
            assert_eq!((refused.status, &refused.body["errorCode"]), (400, &json!(error)), "{body}: {refused:?}");
            assert_eq!((refused.body["key"].as_str(), refused.body["code"].as_str()), (key, Some(code)), "{body}");
            assert!(!refused.body["errorDetails"].as_str().unwrap().is_empty());
            assert_eq!(refused.body["errorDetails"], refused.body["detail"]);
        }
    }
}

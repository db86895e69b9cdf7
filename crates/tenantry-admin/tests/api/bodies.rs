//! How bodies that ask for a change are read: in both spellings, with every digit, and never as two things at once.

use serde_json::{Value, json};
use tenantry_admin::access::Role;

use crate::world::{Answered, World};

const OVERRIDES: &str = "/v1/tenants/acme/overrides";

async fn patch(world: &World, text: &str) -> Answered {
    let asking = world.as_admin("acme", "PATCH", OVERRIDES).await.with("if-match", "*");
    asking.with("content-type", "application/merge-patch+json").text(text).send().await
}

async fn post(world: &World, path: &str, text: &str) -> Answered {
    let asking = world.as_role(None, Role::Operator, "POST", path).await;
    asking.with("content-type", "application/json").text(text).send().await
}

#[tokio::test]
async fn one_key_named_twice_is_refused_with_both_spellings() {
    let world = World::new().await;
    let refused = patch(&world, r#"{"persona":{"name":"B2"},"persona.name":"A2"}"#).await;
    assert_eq!((refused.code(), &refused.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/persona.name")));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("/persona/name") && detail.contains("/persona.name"), "{detail}");
    for text in [r#"{"persona.name":"x","persona":null}"#, r#"{"persona_name":"x","persona.name":"y"}"#] {
        assert_eq!(patch(&world, text).await.code(), (422, "invalid"), "{text}");
    }
    let body = r#"{"values":{},"secrets":{"model.api_key":"CANARY-1","model_api_key":"CANARY-2"}}"#;
    assert_eq!(post(&world, "/v1/tenants/acme/connections/verify", body).await.code(), (422, "invalid"));
}

#[tokio::test]
async fn keys_are_read_in_both_spellings_and_written_with_dots() {
    let world = World::new().await;
    let changed = patch(&world, r#"{"persona_name":"Ada","facts_city":"Delft"}"#).await;
    let keys: Vec<_> = changed.body["changes"].as_array().unwrap().iter().map(|change| &change["key"]).collect();
    assert_eq!(keys, ["facts.city", "persona.name"], "{changed:?}");
    let plan = post(&world, "/v1/global/plan", r#"{"persona_warmth":1}"#).await;
    assert_eq!(plan.body["changes"][0]["key"], "persona.warmth", "{plan:?}");
    let apply = json!({"values": {"persona": {"warmth": 1}}, "hash": plan.body["hash"]});
    assert_eq!(post(&world, "/v1/global/apply", &apply.to_string()).await.status, 200, "it is the same change");
}

#[tokio::test]
async fn a_removal_of_what_is_not_there_is_refused() {
    let world = World::new().await;
    let refused = patch(&world, r#"{"persona.nmae":null}"#).await;
    assert_eq!(refused.code(), (422, "unknown_parameter"));
    assert!(refused.text.contains("nearest: persona.name"), "{refused:?}");
    assert_eq!(post(&world, "/v1/global/plan", r#"{"nosuch":null}"#).await.code(), (422, "unknown_parameter"));
    for (name, code) in [("model", "not_a_parameter"), ("persona.name", "misplaced")] {
        let path = format!("/v1/tenants/acme/secrets/{name}");
        let refused = world.as_admin("acme", "DELETE", &path).await.with("if-match", "*").send().await;
        assert_eq!(refused.code(), (422, code), "{name}");
    }
}

#[tokio::test]
async fn a_planned_number_is_applied_with_every_digit() {
    let world = World::new().await;
    let values = r#"{"persona":{"warmth":0.1234567890123456789}}"#;
    let plan = post(&world, "/v1/global/plan", values).await;
    let apply = format!(r#"{{"values":{values},"hash":{}}}"#, plan.body["hash"]);
    let applied = post(&world, "/v1/global/apply", &apply).await;
    assert_eq!(applied.status, 200, "{applied:?}");
    assert!(applied.text.contains("0.1234567890123456789"), "{}", applied.text);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_place_in_the_body_that_was_sent() {
    let world = World::new().await;
    let places = |answer: &Answered| -> Vec<Value> {
        answer.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect()
    };
    let both = patch(&world, r#"{"persona.nmae":"x","persona":{"warmth":9},"a/b~c":1}"#).await;
    assert_eq!(places(&both), ["/a~1b~0c"], "{both:?}");
    let both = patch(&world, r#"{"persona.nmae":"x","persona":{"warmth":9}}"#).await;
    assert_eq!(places(&both), ["/persona.nmae", "/persona/warmth"], "{both:?}");
    let apply = r#"{"values":{"persona_warmth":9},"hash":""}"#;
    assert_eq!(places(&post(&world, "/v1/global/apply", apply).await), ["/values/persona_warmth"]);
    let verify = r#"{"values":{"persona":{"warmth":9}},"secrets":{"model_api_key":" "}}"#;
    let refused = post(&world, "/v1/tenants/acme/connections/verify", verify).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let verify = r#"{"values":{"persona":{"warmth":9}}}"#;
    let refused = post(&world, "/v1/tenants/acme/connections/verify", verify).await;
    assert_eq!(places(&refused), ["/values/persona/warmth"]);
    patch(&world, r#"{"prompts":{"own":"Hi"},"routes":{"r":{"prompt":"own"}}}"#).await;
    let elsewhere = patch(&world, r#"{"prompts.own":null}"#).await;
    assert_eq!((elsewhere.code(), places(&elsewhere)), ((422, "broken_link"), vec![json!("")]), "{elsewhere:?}");
}

#[tokio::test]
async fn a_prompt_that_nobody_could_render_is_refused_and_told() {
    let world = World::new().await;
    let body = r#"{"prompts":{"mine":"{{ facts.nosuch }}"},"routes":{"x":{"prompt":"mine"}}}"#;
    let refused = patch(&world, body).await;
    assert_eq!(
        (refused.code(), &refused.body["errors"][0]["pointer"]),
        ((422, "variable_unset"), &json!("/prompts/mine"))
    );
    assert!(refused.body["hint"].as_str().unwrap().contains("guard it"));
    let conflict =
        json!({"prompts": {"mine": "a\n<<<<<<< ours\nb\n||||||| original\nc\n=======\nd\n>>>>>>> theirs\n"}});
    let refused = world.patch(Some("acme"), &conflict).await;
    assert_eq!(refused.code(), (422, "template_invalid"));
    assert!(refused.text.contains("resolve the conflict first"), "{refused:?}");
    let default = world.patch(None, &json!({"prompts": {"visit": "Come to {{ facts.city }}."}})).await;
    assert_eq!(default.status, 200, "a default that tenants complete");
    let told = world.as_admin("acme", "GET", "/v1/tenants/acme/completeness").await.send().await;
    assert_eq!(
        (&told.body["verdict"], &told.body["findings"][0]["code"]),
        (&json!("incomplete"), &json!("variable_unset"))
    );
    let served = world.as_admin("acme", "GET", "/v1/tenants/acme/configuration").await.send().await;
    assert_eq!(served.status, 200, "it is served all the same");
}

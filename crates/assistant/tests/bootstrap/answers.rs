//! What events get for an answer, kind by kind.

use serde_json::{Value, json};

use crate::function::Function;
use crate::model::Model;
use crate::store::Store;
use crate::{document, example, status};

/// The fields of an answer beside its body.
fn envelope(answer: &Value) -> Vec<&str> {
    answer.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_kind_of_event_is_answered_in_its_own_shape() {
    let store = Store::new().await;
    let token = store.company("acme", &[("persona.name", "\"Walter\"")], &[]).await;
    let mut function = Function::start(&store, "").await;
    let plain = ["body", "headers", "isBase64Encoded", "statusCode"];
    for (name, expected) in [
        ("api-gateway-v1", vec!["body", "isBase64Encoded", "multiValueHeaders", "statusCode"]),
        ("api-gateway-v2", [&plain[..1], &["cookies"], &plain[1..]].concat()),
        ("function-url", [&plain[..1], &["cookies"], &plain[1..]].concat()),
        ("alb", [&plain[..], &["statusDescription"]].concat()),
        (
            "alb-multi-value-headers",
            vec!["body", "isBase64Encoded", "multiValueHeaders", "statusCode", "statusDescription"],
        ),
    ] {
        let answer = function.invoke(&example(name, &token)).await;
        assert_eq!(envelope(&answer), expected, "{name}");
        assert_eq!((status(&answer), &answer["isBase64Encoded"]), (200, &json!(false)), "{name}: {answer}");
        let content_type = answer["headers"].get("content-type").or(answer["multiValueHeaders"]["content-type"].get(0));
        assert_eq!(content_type, Some(&json!("application/json")), "{name}");
        let prompt = document(&answer)["request"]["body"]["messages"][0]["content"].to_string();
        assert!(prompt.contains("You are Walter"), "{name}: {prompt}");
    }
    let direct = function.invoke(&example("direct", &token)).await;
    assert_eq!((&direct["dry_run"], &direct["intent"]), (&json!(true), &json!("question_answering")), "{direct}");
    function.stop();
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_sent_and_why_and_needs_no_key() {
    let store = Store::new().await;
    let values = [("ai.default.model", "\"gpt-test\""), ("persona.name", "\"Walter\"")];
    let token = store.company("acme", &values, &[]).await;
    let mut function = Function::start(&store, "").await;
    let event = json!({"text": "Hi", "dry_run": true, "intent": "chitchat", "token": token});
    let answer = function.invoke(&event).await;
    let request = &answer["request"];
    assert_eq!(request["url"], "https://api.openai.com/v1/chat/completions", "{answer}");
    assert_eq!(request["headers"]["authorization"], "Bearer ***");
    assert_eq!(request["body"]["messages"][1], json!({"role": "user", "content": "Hi"}));
    let chosen = json!({"key": "ai.default.model", "tier": "tenant", "revision": 1, "value": "gpt-test",
        "hides": [{"tier": "default", "value": "gpt-4.1-mini"}]});
    assert_eq!(answer["why"]["model"], chosen);
    assert_eq!(answer["why"]["prompt"], json!({"key": "prompts.chitchat", "tier": "default", "revision": 0}));
    assert_eq!(answer["why"]["temperature"]["key"], "ai.tasks.chitchat.temperature");
    assert_eq!(answer["route"]["chosen_by"], "sender");
    assert_eq!(answer["configuration"]["tenant"], "acme");
    assert_eq!(answer["configuration"]["revisions"]["tenant"], 1);
    let obstacle = "openai.api_key is not set for acme: set it with `tenantry -t acme set openai.api_key -`";
    assert_eq!(answer["obstacle"], obstacle);
    let sent = json!({"text": "Hi", "intent": "chitchat", "token": token});
    let refused = function.invoke(&sent).await;
    assert_eq!((&refused["code"], &refused["detail"]), (&json!("connection_missing"), &json!(obstacle)));
    function.stop();
}

#[tokio::test]
async fn without_an_intent_the_model_chooses_the_route_and_nonsense_leads_to_the_fallback() {
    let (store, model) = (Store::new().await, Model::start().await);
    let secrets = [("openai_api_key", "sk-CANARY-acme"), ("openai_base_url", &model.base_url())];
    let token = store.company("acme", &[], &secrets).await;
    let mut function = Function::start(&store, model.origin()).await;
    let answer = function.invoke(&json!({"text": "A letter to the landlord, please", "token": token})).await;
    assert_eq!(answer["text"], "You said: A letter to the landlord, please", "{answer}");
    assert_eq!((&answer["intent"], &answer["route"]["chosen_by"]), (&json!("writing"), &json!("router")));
    assert_eq!(answer["usage"], json!({"prompt": 14, "completion": 6, "total": 20}), "of both questions");
    let asked = model.take_asked();
    assert_eq!(asked.len(), 2, "once for the route and once for the answer");
    assert_eq!((&asked[0].body["temperature"], &asked[1].body["temperature"]), (&json!(0.0), &json!(0.7)));
    let answer = function.invoke(&json!({"text": "Hm", "token": token})).await;
    assert_eq!((&answer["intent"], &answer["route"]["chosen_by"]), (&json!("question_answering"), &json!("fallback")));
    assert_eq!(answer["route"]["because"], "the model that was asked for the intent named no enabled route");
    function.stop();
}

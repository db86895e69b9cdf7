//! Events that make no sense, providers that fail, and environments in which the function cannot work.

use serde_json::{Value, json};

use crate::function::{Function, Outcome, refused_start};
use crate::model::Model;
use crate::store::Store;
use crate::{document, example, status};

#[tokio::test]
async fn garbage_gets_an_answer_and_the_function_goes_on() {
    let store = Store::new().await;
    let token = store.company("acme", &[], &[]).await;
    let mut function = Function::start(&store, "").await;
    let mut garbage = vec![
        json!(null),
        json!(7),
        json!("text"),
        json!([]),
        json!({}),
        json!({"Records": [{"eventSource": "aws:s3", "body": "{}"}]}),
        json!({"requestContext": {"elb": {}}}),
        json!({"requestContext": {"http": {}}}),
        json!({"requestContext": {}, "httpMethod": "POST"}),
        json!({"token": 7}),
        json!({"token": "a\nb"}),
    ];
    garbage.extend(["path", "httpMethod", "headers"].map(|field| {
        let mut event = example("api-gateway-v1", &token);
        event[field] = json!({"x": [1, {"y": null}]});
        event["multiValueHeaders"] = json!([1]);
        event
    }));
    for event in garbage {
        let answer = function.invoke(&event).await;
        let status = status(&answer);
        assert!((400..500).contains(&status), "{event}: {answer}");
    }
    assert_eq!(status(&function.invoke(&example("direct", &token)).await), 200);
    function.stop();
}

#[tokio::test]
async fn what_is_no_json_gets_an_answer_and_the_function_goes_on() {
    let store = Store::new().await;
    let token = store.company("acme", &[], &[]).await;
    let mut function = Function::start(&store, "").await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let of_acme =
        |field: &str| format!(r#"{{"text":"Hi","intent":"chitchat","dry_run":true,"token":"{token}",{field}}}"#);
    for (payload, pointer) in [
        (String::new(), None),
        ("{".to_owned(), None),
        ("\u{1}".to_owned(), None),
        ("[".repeat(10_000), None),
        (deep.clone(), None),
        (of_acme(&format!(r#""text2":{deep}"#)), None),
        (of_acme(r#""text2":"\ud800""#), Some("/text2")),
        (of_acme(r#""text2":1e999"#), Some("/text2")),
        (of_acme(r#""text":"Ho""#), Some("/text")),
        (of_acme(r#""token":"tny_0""#), Some("/token")),
    ] {
        let answer = match function.send(payload.clone(), None).await {
            Outcome::Answer(answer) => answer,
            Outcome::Failure(failure) => panic!("{payload}: {failure}"),
        };
        assert_eq!((status(&answer), &answer["code"]), (400, &json!("event_invalid")), "{payload}: {answer}");
        if let Some(pointer) = pointer {
            assert_eq!(answer["errors"][0]["pointer"], pointer, "{answer}");
        }
    }
    assert_eq!(status(&function.invoke(&example("direct", &token)).await), 200);
    function.stop();
}

#[tokio::test]
async fn an_http_event_that_cannot_be_read_is_answered_as_http_all_the_same() {
    let store = Store::new().await;
    let token = store.company("acme", &[], &[]).await;
    let mut function = Function::start(&store, "").await;
    for name in ["api-gateway-v1", "api-gateway-v2", "alb", "alb-multi-value-headers", "function-url"] {
        let event = example(name, &token).to_string();
        let payload = format!(r#"{{"x":"\ud800",{}"#, &event[1..]);
        let Outcome::Answer(answer) = function.send(payload, None).await else { panic!("{name} got no answer") };
        assert_eq!(answer["statusCode"], 400, "{answer}");
        assert_eq!(document(&answer)["code"], "event_invalid", "{answer}");
    }
    function.stop();
}

#[tokio::test]
async fn no_log_shows_a_token_or_a_key_however_much_is_logged() {
    let (store, model) = (Store::new().await, Model::start().await);
    let secrets = [("openai_api_key", "sk-CANARY-acme"), ("openai_base_url", &model.base_url())];
    let token = store.company("acme", &[], &secrets).await;
    for directives in ["trace", "trace,lambda_runtime::layers::api_response=trace"] {
        let mut function = Function::start_logging(&store, model.origin(), directives).await;
        function.invoke(&json!({"text": "Hi", "intent": "chitchat", "token": token})).await;
        function.invoke(&example("api-gateway-v2", &token)).await;
        let log = function.stop();
        assert!(!log.contains(&token), "{log}");
    }
}

#[tokio::test]
async fn a_bad_body_is_refused_with_its_place() {
    let store = Store::new().await;
    let token = store.company("acme", &[], &[]).await;
    let mut function = Function::start(&store, "").await;
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(1024 * 1024));
    for (body, content_type, expected, pointer) in [
        ("{", "application/json", 400, json!("")),
        (r#"{"text":"a","text":"b"}"#, "application/json", 400, json!("/text")),
        (r#"{"txt":"Hi"}"#, "application/json", 422, json!("/text")),
        (r#"{"text":"Hi","tenant":"beta"}"#, "application/json", 422, json!("/tenant")),
        (r#"{"text":" "}"#, "application/json", 422, json!("/text")),
        (r#"{"text":"Hi","intent":"sales"}"#, "application/json", 422, json!("/intent")),
        (r#"{"text":"Hi"}"#, "text/plain", 415, Value::Null),
        (&large, "application/json", 413, Value::Null),
    ] {
        let mut event = example("api-gateway-v2", &token);
        event["body"] = json!(body);
        event["headers"]["content-type"] = json!(content_type);
        let answer = function.invoke(&event).await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert_eq!(answer["headers"]["content-type"], "application/problem+json");
        assert_eq!(document(&answer)["errors"][0]["pointer"], pointer, "{answer}");
    }
    let mut event = example("alb", &token);
    event["httpMethod"] = json!("GET");
    assert_eq!(status(&function.invoke(&event).await), 405);
    event["path"] = json!("/elsewhere");
    assert_eq!(status(&function.invoke(&event).await), 404);
    function.stop();
}

#[tokio::test]
async fn a_stored_value_that_cannot_be_used_is_named_and_not_shown() {
    let store = Store::new().await;
    let token = store.company("acme", &[], &[]).await;
    store.set_global("ai.default.provider", r#""sk-CANARYGLOB1234567""#).await;
    let mut function = Function::start(&store, "").await;
    let answer = function.invoke(&example("direct", &token)).await;
    assert_eq!((status(&answer), &answer["code"]), (500, &json!("configuration_invalid")), "{answer}");
    assert!(function.stop().contains("ai.default.provider"));
}

#[tokio::test]
async fn a_provider_that_fails_gets_a_polite_and_true_answer_without_its_inside() {
    let (store, model) = (Store::new().await, Model::start().await);
    let secrets = [("openai_api_key", "sk-CANARY-acme"), ("openai_base_url", &model.base_url())];
    let token = store.company("acme", &[], &secrets).await;
    let mut function = Function::start(&store, model.origin()).await;
    for (text, expected, code) in [
        ("revoked key", 502, "model_key_rejected"),
        ("no such model", 502, "model_rejected"),
        ("too many", 503, "model_busy"),
        ("broken", 502, "model_unreachable"),
        ("nonsense", 502, "model_answer_unusable"),
    ] {
        let answer = function.invoke(&json!({"text": text, "intent": "chitchat", "token": token})).await;
        assert_eq!((status(&answer), &answer["code"]), (expected, &json!(code)), "{answer}");
        assert!(!answer.to_string().contains("internal is down"), "{answer}");
    }
    let answer = function.invoke(&json!({"text": "broken", "token": token})).await;
    assert_eq!(answer["code"], "model_unreachable", "the failing router leads to the fallback, which fails too");
    let log = function.stop();
    assert!(log.contains("the model gave no answer") && log.contains("\"tenant\":\"acme\""), "{log}");
}

#[tokio::test]
async fn a_function_that_cannot_work_says_so_before_the_first_event() {
    let store = Store::new().await;
    let missing = format!("sqlite:{}", store.file("missing.db").display());
    let says = |variables: &[(&str, &str)], what: &str| {
        let log = refused_start(variables);
        assert!(log.contains(what), "{log}");
    };
    says(&[], "TENANTRY_STORE is not set");
    says(&[("TENANTRY_STORE", "")], "TENANTRY_STORE is not set");
    says(&[("TENANTRY_STORE", "postgres:")], "is no kind of store");
    says(&[("TENANTRY_STORE", &missing)], "TENANTRY_STORE cannot be opened");
    says(&[("TENANTRY_STORE", &store.url()), ("TENANTRY_ALLOW_ORIGINS", "http://a/b")], "TENANTRY_ALLOW_ORIGINS");
    says(&[("TENANTRY_STORE", &store.url()), ("TENANTRY_LOG", "a=b=c")], "TENANTRY_LOG");
}

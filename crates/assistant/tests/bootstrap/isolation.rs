//! Two companies behind one function: neither ever sees anything of the other.

use assistant::receipt::Receipt;
use serde_json::{Value, json};

use crate::function::Function;
use crate::model::Model;
use crate::store::Store;
use crate::{document, example, status};

fn as_text(value: &Value) -> String {
    value.to_string().to_lowercase()
}

#[tokio::test]
async fn two_companies_never_get_each_others_persona_model_or_prompt() {
    let store = Store::new().await;
    let values = |name: &'static str| {
        [
            ("persona.name", format!("\"Persona-{name}\"")),
            ("ai.default.model", format!("\"model-{name}\"")),
            ("prompts.chitchat", format!("\"Prompt-{name} of {{{{ persona.name }}}}\"")),
        ]
    };
    let (acme, beta) = (values("acme"), values("beta"));
    let borrowed = |values: &[(&'static str, String)]| -> Vec<(&'static str, String)> { values.to_vec() };
    let tokens = [
        ("acme", store.company("acme", &refs(&borrowed(&acme)), &[]).await),
        ("beta", store.company("beta", &refs(&borrowed(&beta)), &[]).await),
    ];
    let mut function = Function::start(&store, "").await;
    for _ in 0..3 {
        for (own, token) in &tokens {
            let foreign = if *own == "acme" { "beta" } else { "acme" };
            for name in ["api-gateway-v1", "api-gateway-v2", "alb", "function-url", "direct"] {
                let answer = function.invoke(&example(name, token)).await;
                let shown = as_text(&document(&answer));
                assert!(
                    shown.contains(&format!("persona-{own}")) && shown.contains(&format!("model-{own}")),
                    "{shown}"
                );
                assert!(!shown.contains(foreign), "{own} sees {foreign}: {shown}");
            }
            let event = json!({"text": "Hi", "intent": "chitchat", "dry_run": true, "token": token});
            let answer = function.invoke(&event).await;
            let prompt = &answer["request"]["body"]["messages"][0]["content"];
            assert_eq!(*prompt, format!("Prompt-{own} of Persona-{own}"), "{answer}");
            assert_eq!(answer["why"]["prompt"]["tier"], "tenant");
        }
    }
    function.stop();
}

fn refs<'a>(values: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    values.iter().map(|(key, json)| (*key, json.as_str())).collect()
}

#[tokio::test]
async fn each_companys_own_key_goes_to_its_model() {
    let (store, model) = (Store::new().await, Model::start().await);
    let base = model.base_url();
    let acme = store.company("acme", &[], &[("openai_api_key", "sk-CANARY-acme"), ("openai_base_url", &base)]).await;
    let cerebras = [("ai.default.provider", "\"cerebras\""), ("ai.default.model", "\"gpt-oss-120b\"")];
    let beta = store
        .company("beta", &cerebras, &[("cerebras_api_key", "csk-CANARY-beta"), ("cerebras_base_url", &base)])
        .await;
    let mut function = Function::start(&store, model.origin()).await;
    for (token, key, provider, name) in [
        (&acme, "Bearer sk-CANARY-acme", "openai", "gpt-4.1-mini"),
        (&beta, "Bearer csk-CANARY-beta", "cerebras", "gpt-oss-120b"),
        (&acme, "Bearer sk-CANARY-acme", "openai", "gpt-4.1-mini"),
    ] {
        let answer = function.invoke(&json!({"text": "Hi", "intent": "chitchat", "token": token})).await;
        assert_eq!((&answer["provider"], &answer["model"]), (&json!(provider), &json!(name)), "{answer}");
        let receipt: Receipt = answer["receipt"].as_str().unwrap().parse().unwrap();
        assert_eq!((receipt.provider.name(), receipt.model.as_str()), (provider, name));
        let asked = model.take_asked();
        assert_eq!(asked.len(), 1);
        assert_eq!((asked[0].authorization.as_str(), &asked[0].body["model"]), (key, &json!(name)));
    }
    function.stop();
}

#[tokio::test]
async fn an_endpoint_that_the_operator_did_not_allow_is_not_called() {
    let (store, model) = (Store::new().await, Model::start().await);
    let secrets = [("openai_api_key", "sk-CANARY-acme"), ("openai_base_url", &model.base_url())];
    let token = store.company("acme", &[], &secrets).await;
    let mut function = Function::start(&store, "https://elsewhere.example").await;
    let answer = function.invoke(&json!({"text": "Hi", "intent": "chitchat", "token": token})).await;
    assert_eq!((status(&answer), &answer["code"]), (409, &json!("url_not_allowed")), "{answer}");
    assert!(!as_text(&answer).contains("127.0.0.1"), "{answer}");
    assert!(model.take_asked().is_empty());
    function.stop();
}

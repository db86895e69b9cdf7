//! The client of language models, as the table of bad behaviour calls it.

use std::time::Duration;

use serde_json::json;
use tenantry_emulators::providers::Llm;
use tenantry_integrations::call::CallError;
use tenantry_integrations::llm::{ChatAnswer, ChatClient, ChatRequest, Connection, Message, Provider};

use tenantry_integrations::verify::Identity;

use crate::site::{SECRET, Site, failed, secret};

pub(crate) async fn send(site: Site) -> Result<ChatAnswer, CallError> {
    let connection = Connection { base_url: site.endpoint("/v1"), api_key: secret() };
    let chat = ChatRequest {
        provider: Provider::OpenAi,
        messages: vec![Message::user("Hi")],
        model: "gpt-5-mini".to_owned(),
        temperature: None,
        top_p: None,
        max_output_tokens: None,
        tools: Vec::new(),
        may_call: true,
        limit: Some(site.limit),
    };
    ChatClient::new(site.egress).send(&chat, &connection).await
}

async fn verified(site: Site, provider: Provider) -> Result<Identity, CallError> {
    let connection = Connection { base_url: site.endpoint("/v1"), api_key: secret() };
    ChatClient::new(site.egress).verify(provider, &connection, &["gpt-5-mini", "gpt-9"]).await
}

pub(crate) async fn verify_openai(site: Site) -> Result<Identity, CallError> {
    verified(site, Provider::OpenAi).await
}

pub(crate) async fn verify_openrouter(site: Site) -> Result<Identity, CallError> {
    verified(site, Provider::OpenRouter).await
}

fn site(llm: &Llm) -> Site {
    Site::within(Duration::from_mins(1), llm.origin())
}

#[tokio::test]
async fn each_provider_tells_whose_a_key_is_and_which_models_it_does_not_list() {
    let llm = Llm::start(&[SECRET]).await;
    for (provider, whom) in [
        (Provider::OpenAi, "the account of the key at openai"),
        (Provider::Cerebras, "the account of the key at cerebras"),
        (Provider::OpenRouter, "the key acme"),
    ] {
        let identity = verified(site(&llm), provider).await.unwrap();
        assert_eq!((identity.whom.as_str(), identity.notes.len()), (whom, 1), "{:?}", identity.notes);
        assert!(identity.notes[0].ends_with("the model gpt-9"), "{:?}", identity.notes);
    }
    let unknown = Llm::start(&["another"]).await;
    for provider in Provider::ALL {
        assert_eq!(failed(verified(site(&unknown), provider).await), CallError::Unauthorized);
    }
}

#[tokio::test]
async fn an_answer_comes_in_pieces_with_the_tools_that_it_calls() {
    let llm = Llm::start(&[SECRET]).await;
    llm.calls("rye", "get_stock", &json!({"item": "rye"}));
    let site = site(&llm);
    let connection = Connection { base_url: site.endpoint("/v1"), api_key: secret() };
    let chat = |text: &str| ChatRequest {
        provider: Provider::OpenAi,
        messages: vec![Message::user(text)],
        model: "gpt-5-mini".to_owned(),
        temperature: None,
        top_p: None,
        max_output_tokens: None,
        tools: vec![tenantry_integrations::llm::ToolDefinition {
            name: "get_stock".to_owned(),
            description: "Stock.".to_owned(),
            parameters: json!({"type": "object"}),
        }],
        may_call: true,
        limit: None,
    };
    let client = ChatClient::new(site.egress);
    let mut stream = client.stream(&chat("One two three"), &connection).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await.unwrap() {
        pieces.push(piece);
    }
    let answer = stream.answer();
    assert!(pieces.len() > 3 && pieces.concat() == answer.text, "{pieces:?}");
    assert_eq!(answer.usage.unwrap().total, 10);
    let mut stream = client.stream(&chat("How much rye?"), &connection).await.unwrap();
    assert_eq!(stream.next().await.unwrap(), None);
    let calls = stream.answer().calls;
    assert_eq!((calls[0].name.as_str(), calls[0].arguments.as_str()), ("get_stock", r#"{"item":"rye"}"#));
}

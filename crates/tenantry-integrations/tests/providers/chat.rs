//! The client of language models, as the table of bad behaviour calls it.

use tenantry_integrations::call::CallError;
use tenantry_integrations::llm::{ChatAnswer, ChatClient, ChatRequest, Connection, Message, Provider};

use crate::site::{Site, secret};

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

//! A question to a model, in the dialect of OpenAI's chat completions.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::connection::{Connection, Provider};
use crate::egress::{Endpoint, MaskedRequest, Request};

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The prompt.
    System,
    /// The person.
    User,
    /// The model, in an earlier turn.
    Assistant,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A prompt.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// What a person says.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// What the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// A question to a model. What is `None` is not sent: the provider's default holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// Who is asked.
    pub provider: Provider,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The model, as the provider names it.
    pub model: String,
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f64>,
    /// Share of the probability mass that is sampled from, 0 to 1.
    pub top_p: Option<f64>,
    /// The most tokens that the answer may have.
    pub max_output_tokens: Option<u32>,
    /// Time for the whole exchange; `None` is [`crate::egress::DEFAULT_LIMIT`].
    pub limit: Option<Duration>,
}

impl ChatRequest {
    /// Makes the request, ready to be sent.
    pub fn request(&self, connection: &Connection) -> Request {
        self.unsigned(&connection.base_url).authorization(SCHEME, connection.api_key.clone())
    }

    /// Describes exactly the request that would be sent to `base_url`, the key masked. No key is needed.
    pub fn masked(&self, base_url: &Endpoint) -> MaskedRequest {
        let mut masked = self.unsigned(base_url).masked();
        masked.headers.insert("authorization".to_owned(), format!("{SCHEME} ***"));
        masked
    }

    fn unsigned(&self, base_url: &Endpoint) -> Request {
        let request = Request::post(base_url.join("chat/completions"), self.body());
        match self.limit {
            Some(limit) => request.within(limit),
            None => request,
        }
    }

    /// The body, in the dialect.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(self.model));
        body.insert("messages".to_owned(), json!(self.messages));
        let optional = [
            ("temperature", self.temperature.map(Value::from)),
            ("top_p", self.top_p.map(Value::from)),
            (self.provider.token_limit_field(), self.max_output_tokens.map(Value::from)),
        ];
        for (name, value) in optional {
            body.extend(value.map(|value| (name.to_owned(), value)));
        }
        Value::Object(body)
    }
}

const SCHEME: &str = "Bearer";

#[cfg(test)]
mod tests {
    use tenantry_core::secret::SecretText;

    use super::*;

    fn chat(provider: Provider) -> ChatRequest {
        ChatRequest {
            provider,
            messages: vec![Message::system("Be brief."), Message::user("Hi"), Message::assistant("Hello")],
            model: "gpt-5-mini".to_owned(),
            temperature: Some(0.7),
            top_p: None,
            max_output_tokens: Some(300),
            limit: None,
        }
    }

    #[test]
    fn the_body_is_the_dialect_of_chat_completions() {
        let shown = chat(Provider::OpenAi).masked(&Provider::OpenAi.public_base());
        let expected = json!({
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "headers": {"authorization": "Bearer ***", "content-type": "application/json"},
            "body": {
                "model": "gpt-5-mini",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Hello"},
                ],
                "temperature": 0.7,
                "max_completion_tokens": 300,
            },
        });
        assert_eq!(serde_json::to_value(shown).unwrap(), expected);
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        let bare = ChatRequest { temperature: None, max_output_tokens: None, ..chat(Provider::OpenAi) };
        let body = bare.masked(&Provider::OpenAi.public_base()).body.unwrap();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["messages", "model"]);
    }

    #[test]
    fn each_provider_gets_its_own_endpoint_and_token_limit() {
        let check = |provider: Provider, url: &str, field: &str| {
            let shown = chat(provider).masked(&provider.public_base());
            assert_eq!(shown.url, url);
            assert_eq!(shown.body.unwrap()[field], 300);
        };
        check(Provider::OpenAi, "https://api.openai.com/v1/chat/completions", "max_completion_tokens");
        check(Provider::OpenRouter, "https://openrouter.ai/api/v1/chat/completions", "max_tokens");
        check(Provider::Cerebras, "https://api.cerebras.ai/v1/chat/completions", "max_completion_tokens");
    }

    #[test]
    fn what_is_shown_is_what_is_sent() {
        let connection = Connection {
            base_url: Endpoint::parse("https://llm.example/v1/").unwrap(),
            api_key: SecretText::new("CANARY".to_owned()),
        };
        let chat = chat(Provider::OpenRouter);
        assert_eq!(chat.request(&connection).masked(), chat.masked(&connection.base_url));
    }
}

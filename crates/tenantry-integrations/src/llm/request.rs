//! A question to a model, in the dialect of OpenAI's chat completions.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::connection::{Connection, Provider};
use super::tool::{ToolCall, ToolDefinition};
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
    /// A tool that the model called.
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// The tools that the model calls with it.
    #[serde(rename = "tool_calls", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// The id of the call that it is the result of.
    #[serde(rename = "tool_call_id", skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
}

impl Message {
    fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), calls: Vec::new(), answers: None }
    }

    /// A prompt.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// What a person says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// What the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// What the model said when it called tools.
    pub fn calling(content: impl Into<String>, calls: Vec<ToolCall>) -> Self {
        Self { calls, ..Self::assistant(content) }
    }

    /// What came of a call.
    pub fn result(call: &ToolCall, content: impl Into<String>) -> Self {
        Self { answers: Some(call.id.clone()), ..Self::new(Role::Tool, content) }
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
    /// What the model may call.
    pub tools: Vec<ToolDefinition>,
    /// Whether it may call any of them now. Providers want to know the tools of earlier calls even where it may not.
    pub may_call: bool,
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
        self.sent(base_url, self.body())
    }

    fn sent(&self, base_url: &Endpoint, body: Value) -> Request {
        let request = Request::post(base_url.join("chat/completions"), body);
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
        if !self.tools.is_empty() {
            body.insert("tools".to_owned(), self.tools.iter().map(ToolDefinition::to_json).collect());
            if !self.may_call {
                body.insert("tool_choice".to_owned(), json!("none"));
            }
        }
        Value::Object(body)
    }

    /// The same question, with its answer to come in pieces.
    pub(super) fn streamed(&self, connection: &Connection) -> Request {
        let mut body = self.body();
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        self.sent(&connection.base_url, body).authorization(SCHEME, connection.api_key.clone())
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
            tools: Vec::new(),
            may_call: false,
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
    fn calls_and_their_results_are_part_of_the_conversation() {
        let call = ToolCall {
            id: "call_1".to_owned(),
            name: "get_stock".to_owned(),
            arguments: r#"{"item":"rye"}"#.to_owned(),
        };
        let tool = ToolDefinition {
            name: "get_stock".to_owned(),
            description: "Tells how much there is.".to_owned(),
            parameters: json!({"type": "object"}),
        };
        let mut chat = ChatRequest { tools: vec![tool], may_call: true, ..chat(Provider::OpenAi) };
        chat.messages = vec![Message::calling("", vec![call.clone()]), Message::result(&call, "{\"quantity\": 3}")];
        let body = chat.body();
        let expected = json!([
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "get_stock", "arguments": "{\"item\":\"rye\"}"}},
            ]},
            {"role": "tool", "content": "{\"quantity\": 3}", "tool_call_id": "call_1"},
        ]);
        assert_eq!(body["messages"], expected);
        let tools = json!([{"type": "function", "function": {
            "name": "get_stock", "description": "Tells how much there is.", "parameters": {"type": "object"},
        }}]);
        assert_eq!((&body["tools"], body.get("tool_choice")), (&tools, None));
        chat.may_call = false;
        assert_eq!(chat.body()["tool_choice"], "none");
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

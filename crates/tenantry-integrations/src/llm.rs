//! Chat completion: the connections to OpenAI, OpenRouter and Cerebras, which speak one dialect.
//!
//! [`ChatClient::stream`] takes the answer in pieces, and [`ChatClient::verify`] asks whether a key works.
//!
//! [`ChatRequest::request`] makes the request and [`ChatRequest::masked`] shows it without its key; [`parse`] reads the
//! answer; [`ChatClient::send`] does both with the wire between them.
//!
//! Sources: the providers' references of `POST /chat/completions` (platform.openai.com/docs/api-reference/chat,
//! openrouter.ai/docs/api-reference, inference-docs.cerebras.ai/api-reference/chat-completions).

mod answer;
mod connection;
mod refusal;
mod request;
mod stream;
mod tool;
mod verify;

pub use answer::{ChatAnswer, Usage, parse};
pub use connection::{Cerebras, Connection, OpenAi, OpenRouter, Provider};
pub use request::{ChatRequest, Message, Role};
pub use stream::ChatStream;
pub use tool::{ToolCall, ToolDefinition};

use crate::call::CallError;
use crate::egress::Egress;

/// Asks models, by the outbound rules.
#[derive(Clone, Debug)]
pub struct ChatClient {
    egress: Egress,
}

impl ChatClient {
    /// A client that sends through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// Asks a model and reads its answer. The time limit is the request's, within the operator's bound.
    pub async fn send(&self, chat: &ChatRequest, connection: &Connection) -> Result<ChatAnswer, CallError> {
        let response = self.egress.send(chat.request(connection)).await?;
        parse(&response, &connection.api_key)
    }

    /// Asks a model and takes its answer in pieces, as they come. What refuses does so before the first piece.
    pub async fn stream(&self, chat: &ChatRequest, connection: &Connection) -> Result<ChatStream, CallError> {
        let answer = self.egress.open(chat.streamed(connection)).await?;
        if !answer.status().is_success() {
            let response = answer.whole().await?;
            return Err(refusal::refusal(&response, response.json().ok().as_ref(), &connection.api_key)
                .unwrap_or_else(|| crate::call::malformed("it is no stream")));
        }
        Ok(ChatStream::new(answer, connection.api_key.clone()))
    }
}

//! Chat completion: the connections to OpenAI, OpenRouter and Cerebras, which speak one dialect.
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

pub use answer::{ChatAnswer, Usage, parse};
pub use connection::{Cerebras, Connection, OpenAi, OpenRouter, Provider};
pub use request::{ChatRequest, Message, Role};

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
}

//! Asks a model until it has said all that it wants to: it may look things up in between, within bounds.

use std::time::Duration;

use jiff::Timestamp;
use tenantry_integrations::call::CallError;
use tenantry_integrations::llm::{ChatAnswer, ChatClient, ChatRequest, Connection, Message, Usage};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::settings::Tool;
use crate::tools::{Systems, Tools};

/// How often a model may look things up before it has to answer.
const MOST_ROUNDS: usize = 4;
/// How many tools it may call in all.
const MOST_CALLS: usize = 8;
/// The longest time that one tool may take.
const TOOL_LIMIT: Duration = Duration::from_secs(10);
/// The shortest time that is worth asking a model for.
const SHORTEST_LIMIT: Duration = Duration::from_millis(250);

/// A part of an answer, as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More of the text.
    Text(String),
    /// A tool is called.
    Tool(String),
}

/// Whoever wants to hear an answer while it is being made.
pub type Listener = UnboundedSender<Piece>;

/// What came of all rounds.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) answer: Result<ChatAnswer, CallError>,
    /// The tokens of all rounds.
    pub(super) spent: Spent,
    /// The tools that were called, in order.
    pub(super) called: Vec<String>,
}

/// Tokens of several exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent(Option<Usage>);

impl Spent {
    pub(super) fn add(&mut self, usage: Option<Usage>) {
        let Some(more) = usage else { return };
        let before = self.0.unwrap_or(Usage { prompt: 0, completion: 0, total: 0 });
        self.0 = Some(Usage {
            prompt: before.prompt.saturating_add(more.prompt),
            completion: before.completion.saturating_add(more.completion),
            total: before.total.saturating_add(more.total),
        });
    }

    pub(super) fn usage(self) -> Option<Usage> {
        self.0
    }
}

/// What the rounds need.
pub(super) struct Rounds<'a> {
    pub(super) chat: &'a ChatClient,
    pub(super) tools: &'a Tools,
    pub(super) systems: Systems<'a>,
    pub(super) offered: &'a [Tool],
    pub(super) connection: &'a Connection,
    pub(super) listener: Option<&'a Listener>,
    pub(super) now: Timestamp,
}

impl Rounds<'_> {
    /// Asks, looks up what the model wants to know, and asks again. The request's limit is for all of it.
    pub(super) async fn run(&self, mut request: ChatRequest) -> Outcome {
        let deadline = Instant::now() + request.limit.unwrap_or(tenantry_integrations::egress::DEFAULT_LIMIT);
        let (mut spent, mut called) = (Spent::default(), Vec::new());
        loop {
            request.may_call = called.len() < MOST_CALLS
                && request.messages.iter().filter(|message| !message.calls.is_empty()).count() < MOST_ROUNDS;
            request.limit = Some(deadline.saturating_duration_since(Instant::now()).max(SHORTEST_LIMIT));
            let answer = match self.ask(&request).await {
                Ok(answer) => answer,
                Err((error, usage)) => {
                    spent.add(usage);
                    return Outcome { answer: Err(error), spent, called };
                }
            };
            spent.add(answer.usage);
            if answer.calls.is_empty() || !request.may_call {
                return Outcome { answer: answer.spoken(), spent, called };
            }
            self.look_up(&mut request, answer, &mut called, deadline).await;
        }
    }

    /// Asks once. An error says what it cost all the same.
    async fn ask(&self, request: &ChatRequest) -> Result<ChatAnswer, (CallError, Option<Usage>)> {
        let unheard = |error| (error, None);
        let Some(listener) = self.listener else {
            return self.chat.send(request, self.connection).await.map_err(unheard);
        };
        let mut stream = self.chat.stream(request, self.connection).await.map_err(unheard)?;
        let mut heard = 0;
        loop {
            match stream.next().await {
                Ok(Some(text)) => {
                    heard += text.len();
                    // Whoever listened may have gone; the answer is kept and counted all the same.
                    let _ = listener.send(Piece::Text(text));
                }
                Ok(None) => return Ok(stream.answer()),
                Err(error) => return Err((error, stream.usage().or_else(|| estimate(request, heard)))),
            }
        }
    }

    /// Runs the tools that were called, one after the other, and adds what came of them to the conversation.
    async fn look_up(
        &self,
        request: &mut ChatRequest,
        answer: ChatAnswer,
        called: &mut Vec<String>,
        deadline: Instant,
    ) {
        let ChatAnswer { text, calls, .. } = answer;
        request.messages.push(Message::calling(text, calls.clone()));
        for call in &calls {
            let is_one_too_many = called.len() >= MOST_CALLS;
            called.push(self.name_of(&call.name));
            if let (Some(listener), false) = (self.listener, is_one_too_many) {
                let _ = listener.send(Piece::Tool(self.name_of(&call.name)));
            }
            let result = if is_one_too_many {
                refusal("no more tools can be called: answer with what is known")
            } else {
                let limit = (Instant::now() + TOOL_LIMIT).min(deadline);
                let run = self.tools.answer(self.systems, self.offered, call, self.now);
                tokio::time::timeout_at(limit, run).await.unwrap_or_else(|_| refusal("the tool took too long"))
            };
            request.messages.push(Message::result(call, result));
        }
    }

    /// The name of a tool that there is; what a model makes up is not repeated.
    fn name_of(&self, name: &str) -> String {
        let known = self.offered.iter().find(|tool| tool.name() == name);
        known.map_or("(unknown)", |tool| tool.name()).to_owned()
    }
}

/// What an answer cost that broke off: the provider counts it, and did not live to tell. A token is about four bytes.
fn estimate(request: &ChatRequest, heard: usize) -> Option<Usage> {
    if heard == 0 {
        return None;
    }
    let tokens = |bytes: usize| u64::try_from(bytes / 4).unwrap_or(u64::MAX);
    let (prompt, completion) = (tokens(request.body().to_string().len()), tokens(heard));
    Some(Usage { prompt, completion, total: prompt.saturating_add(completion) })
}

fn refusal(why: &str) -> String {
    serde_json::json!({ "error": why }).to_string()
}

#[cfg(test)]
mod tests {
    use tenantry_integrations::llm::Provider;

    use super::*;

    #[test]
    fn an_answer_that_broke_off_is_counted_by_what_was_sent_and_heard_and_a_refusal_is_not() {
        let request = ChatRequest {
            provider: Provider::OpenAi,
            messages: vec![Message::user("x".repeat(4000))],
            model: "gpt-5-mini".to_owned(),
            temperature: None,
            top_p: None,
            max_output_tokens: None,
            tools: Vec::new(),
            may_call: false,
            limit: None,
        };
        assert_eq!(estimate(&request, 0), None, "nothing came, so nothing is known to have been done");
        let broken = estimate(&request, 400).unwrap();
        assert!((1000..1100).contains(&broken.prompt) && broken.completion == 100, "{broken:?}");
        assert_eq!(broken.total, broken.prompt + broken.completion);
    }
}

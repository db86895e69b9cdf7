//! An answer that comes in pieces, by server-sent events.
//!
//! Source: html.spec.whatwg.org, "Server-sent events: interpreting an event stream"; the providers' references of
//! `"stream": true`.

mod assembly;
mod lines;

use std::collections::VecDeque;

use tenantry_core::secret::SecretText;

use self::assembly::Assembly;
use self::lines::Lines;
use super::answer::{ChatAnswer, Usage};
use crate::call::CallError;
use crate::egress::Streaming;

/// An answer on its way: first its pieces, then the whole of it.
#[derive(Debug)]
pub struct ChatStream {
    answer: Streaming,
    lines: Lines,
    waiting: VecDeque<String>,
    assembly: Assembly,
}

impl ChatStream {
    pub(super) fn new(answer: Streaming, key: SecretText) -> Self {
        Self { answer, lines: Lines::default(), waiting: VecDeque::new(), assembly: Assembly::new(key) }
    }

    /// The next piece of text; `None` when all of it was there.
    pub async fn next(&mut self) -> Result<Option<String>, CallError> {
        loop {
            while let Some(event) = self.waiting.pop_front() {
                // A server that never pauses must not keep the others waiting.
                tokio::task::consume_budget().await;
                if let Some(text) = self.assembly.take(&event)? {
                    return Ok(Some(text));
                }
            }
            if self.assembly.is_done() {
                return Ok(None);
            }
            match self.answer.chunk().await? {
                Some(bytes) => self.waiting.extend(self.lines.take(&bytes)?),
                None => return self.assembly.end().map(|()| None),
            }
        }
    }

    /// What it cost, if the provider has said so by now.
    pub fn usage(&self) -> Option<Usage> {
        self.assembly.usage()
    }

    /// The whole answer, once [`Self::next`] has said that all of it was there.
    pub fn answer(self) -> ChatAnswer {
        self.assembly.answer()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn stream(body: String, deadline: Instant) -> ChatStream {
        ChatStream::new(Streaming::of(body, Duration::from_secs(1), deadline), SecretText::new("k".to_owned()))
    }

    #[tokio::test]
    async fn others_have_their_turn_while_a_server_never_pauses() {
        let events = "data: {\"choices\": []}\n\n".repeat(1000);
        let other = tokio::spawn(async {});
        let mut stream = stream(events, Instant::now() + Duration::from_mins(1));
        assert!(stream.next().await.is_err(), "it never says that it is done");
        assert!(other.is_finished());
    }

    #[tokio::test]
    async fn what_is_always_there_is_read_until_the_deadline_and_no_longer() {
        let mut stream = stream("data: [DONE]\n\n".to_owned(), Instant::now());
        assert_eq!(stream.next().await, Err(CallError::TimedOut { limit: Duration::from_secs(1) }));
    }
}

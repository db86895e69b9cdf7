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

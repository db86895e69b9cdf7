//! Puts the pieces of an answer together.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tenantry_core::secret::SecretText;

use super::super::answer::{ChatAnswer, Usage, usage};
use super::super::refusal::refusal;
use super::super::tool::{MOST_CALLS, ToolCall};
use crate::call::{CallError, malformed};
use crate::egress::{MAX_BODY, Response};
use crate::redact::Redactor;

/// What ends a stream.
const DONE: &str = "[DONE]";

/// The answer as far as it has come.
#[derive(Debug)]
pub(super) struct Assembly {
    key: SecretText,
    redactor: Redactor,
    text: String,
    calls: Vec<ToolCall>,
    model: Word,
    finish_reason: Word,
    usage: Option<Usage>,
    is_done: bool,
}

impl Assembly {
    pub(super) fn new(key: SecretText) -> Self {
        Self {
            redactor: Redactor::of(&[&key]),
            key,
            text: String::new(),
            calls: Vec::new(),
            model: Word::default(),
            finish_reason: Word::default(),
            usage: None,
            is_done: false,
        }
    }

    /// Takes one event, and gives the text that it adds.
    pub(super) fn take(&mut self, event: &str) -> Result<Option<String>, CallError> {
        if event.trim() == DONE {
            self.is_done = true;
            return Ok(None);
        }
        let event = Response::new(StatusCode::OK, HeaderMap::new(), event);
        let json = event.json()?;
        // A stream that began well can still end in a refusal.
        if let Some(error) = refusal(&event, Some(&json), &self.key) {
            return Err(error);
        }
        self.note(&json);
        let delta = &json["choices"][0]["delta"];
        self.call(&delta["tool_calls"])?;
        let text = delta["content"].as_str().or_else(|| delta["refusal"].as_str()).filter(|text| !text.is_empty());
        self.text.extend(text);
        if self.size() > MAX_BODY {
            return Err(CallError::TooLarge { limit: MAX_BODY });
        }
        Ok(text.map(str::to_owned))
    }

    /// What is kept, in bytes.
    fn size(&self) -> usize {
        let of_call = |call: &ToolCall| call.id.len() + call.name.len() + call.arguments.len();
        self.text.len() + self.calls.iter().map(of_call).sum::<usize>()
    }

    fn note(&mut self, json: &Value) {
        self.model.hear(&json["model"], &self.redactor);
        self.finish_reason.hear(&json["choices"][0]["finish_reason"], &self.redactor);
        self.usage = usage(&json["usage"]).or(self.usage);
    }

    /// Adds pieces of calls, each of which says by its index which call it belongs to.
    fn call(&mut self, pieces: &Value) -> Result<(), CallError> {
        for piece in pieces.as_array().into_iter().flatten() {
            let index = piece["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
            if index >= MOST_CALLS {
                return Err(malformed("it calls more tools than there are"));
            }
            let empty = || ToolCall { id: String::new(), name: String::new(), arguments: String::new() };
            if self.calls.len() <= index {
                self.calls.resize_with(index + 1, empty);
            }
            let call = &mut self.calls[index];
            call.id.extend(piece["id"].as_str().filter(|_| call.id.is_empty()));
            call.name.extend(piece["function"]["name"].as_str().filter(|_| call.name.is_empty()));
            call.arguments.extend(piece["function"]["arguments"].as_str());
        }
        Ok(())
    }

    /// Whether the provider said that this was all.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Takes the end of the connection: it must not come in the middle of an answer.
    pub(super) fn end(&mut self) -> Result<(), CallError> {
        if self.finish_reason.shown.is_none() {
            let reason = "it closed the connection before the answer was complete".to_owned();
            return Err(CallError::Unreachable { reason });
        }
        self.is_done = true;
        Ok(())
    }

    /// What it cost, if the provider has said so by now.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    pub(super) fn answer(self) -> ChatAnswer {
        let Self { text, mut calls, model, finish_reason, usage, .. } = self;
        calls.retain(|call| !call.id.is_empty() && !call.name.is_empty());
        ChatAnswer { text, calls, model: model.shown, finish_reason: finish_reason.shown, usage }
    }
}

/// A word that each event says again. It is looked at when it changes: to look for a key in it takes time.
#[derive(Default)]
struct Word {
    heard: String,
    /// The last one that had nothing of the key in it.
    shown: Option<String>,
}

impl Word {
    fn hear(&mut self, value: &Value, redactor: &Redactor) {
        let Some(word) = value.as_str().filter(|word| *word != self.heard) else { return };
        word.clone_into(&mut self.heard);
        if redactor.redact(word) == word {
            self.shown = Some(word.to_owned());
        }
    }
}

impl fmt::Debug for Word {
    /// Shows what was looked at alone: the provider may have echoed the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assembled(events: &[Value]) -> Result<(Vec<String>, ChatAnswer), CallError> {
        let mut assembly = Assembly::new(SecretText::new("sk-CANARY-acme".to_owned()));
        let mut pieces = Vec::new();
        for event in events {
            pieces.extend(assembly.take(&event.to_string())?);
        }
        assembly.end()?;
        Ok((pieces, assembly.answer()))
    }

    fn piece(delta: &Value, finish_reason: Option<&str>) -> Value {
        json!({"model": "gpt-5-mini", "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})
    }

    #[test]
    fn the_pieces_are_the_text_and_the_usage_comes_last() {
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}});
        let events = [
            piece(&json!({"role": "assistant", "content": ""}), None),
            piece(&json!({"content": "Hel"}), None),
            piece(&json!({"content": "lo"}), None),
            piece(&json!({}), Some("stop")),
            usage,
        ];
        let (pieces, answer) = assembled(&events).unwrap();
        assert_eq!(pieces, ["Hel", "lo"]);
        assert_eq!((answer.text.as_str(), answer.finish_reason.as_deref()), ("Hello", Some("stop")));
        assert_eq!((answer.usage.unwrap().total, answer.model.as_deref()), (7, Some("gpt-5-mini")));
    }

    #[test]
    fn calls_come_in_pieces_too() {
        let call = |index: u64, id: Option<&str>, name: Option<&str>, arguments: &str| {
            let function = json!({"name": name, "arguments": arguments});
            piece(&json!({"tool_calls": [{"index": index, "id": id, "function": function}]}), None)
        };
        let events = [
            call(0, Some("a"), Some("get_stock"), ""),
            call(0, None, None, "{\"item\":"),
            call(1, Some("b"), Some("find_partner"), "{}"),
            call(0, None, None, "1}"),
            piece(&json!({}), Some("tool_calls")),
        ];
        let (_, answer) = assembled(&events).unwrap();
        let calls: Vec<_> = answer.calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
        assert_eq!(calls, [("get_stock", "{\"item\":1}"), ("find_partner", "{}")]);
    }

    #[test]
    fn an_answer_is_bounded_in_its_text_and_in_its_calls_together() {
        let half = "x".repeat(MAX_BODY / 2);
        let text = piece(&json!({ "content": half }), None);
        let call = json!({"tool_calls": [{"index": 0, "id": "1", "function": {"name": "x", "arguments": half}}]});
        let call = piece(&call, None);
        assert!(assembled(&[text.clone(), piece(&json!({}), Some("stop"))]).is_ok());
        for events in [[text.clone(), call.clone(), text], [call.clone(), call.clone(), call]] {
            assert_eq!(assembled(&events), Err(CallError::TooLarge { limit: MAX_BODY }));
        }
    }

    #[test]
    fn a_stream_that_breaks_off_is_no_answer() {
        let broken = assembled(&[piece(&json!({"content": "Hel"}), None)]);
        assert!(matches!(broken, Err(CallError::Unreachable { .. })), "{broken:?}");
    }

    #[test]
    fn an_answer_without_text_is_paid_for() {
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
        let events = [piece(&json!({"reasoning": "Hm"}), None), piece(&json!({"content": " "}), Some("length")), usage];
        let (_, blank) = assembled(&events).unwrap();
        assert_eq!(blank.usage.unwrap().total, 7);
        assert!(blank.spoken().unwrap_err().to_string().contains("output tokens"));
    }

    #[test]
    fn words_may_change_and_one_with_the_key_in_it_is_not_shown() {
        let mut assembly = Assembly::new(SecretText::new("sk-CANARY-acme".to_owned()));
        for model in ["gpt-5-mini", "gpt-5-mini", "sk-CANARY-acme", "gpt-5", "CANARY-acme", "CANARY-acme"] {
            assembly.take(&json!({"model": model, "choices": []}).to_string()).unwrap();
            assert!(!format!("{assembly:?}").contains("CANARY"), "{model}");
        }
        assert_eq!(assembly.answer().model.as_deref(), Some("gpt-5"));
    }

    #[test]
    fn an_error_in_the_middle_is_read_as_one_and_shows_no_key() {
        let error = json!({"error": {"code": 502, "message": "upstream failed for sk-CANARY-acme"}});
        let error = assembled(&[piece(&json!({"content": "Hel"}), None), error]).unwrap_err();
        assert!(matches!(error, CallError::Unreachable { .. }) && !error.to_string().contains("CANARY"), "{error}");
        let nonsense = Assembly::new(SecretText::new("k".to_owned())).take("{");
        assert!(matches!(nonsense, Err(CallError::Malformed { .. })));
        let many = piece(&json!({"tool_calls": [{"index": 4_000_000_000_u64}]}), None);
        assert!(matches!(assembled(&[many]), Err(CallError::Malformed { .. })));
    }
}

//! Reads a model's answer.

use serde::Serialize;
use serde_json::Value;
use tenantry_core::secret::SecretText;

use super::refusal::refusal;
use super::tool::ToolCall;
use crate::call::{CallError, malformed};
use crate::egress::Response;
use crate::redact::redact;

/// A model's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatAnswer {
    /// What the model says. It can be blank, which is paid for all the same: [`Self::spoken`] tells.
    pub text: String,
    /// What it calls, to be answered before it says more.
    #[serde(skip)]
    pub calls: Vec<ToolCall>,
    /// The model that answered, which may be named more precisely than the one that was asked.
    pub model: Option<String>,
    /// Why the answer ended: `stop`, `length` (it was cut), or another word of the provider's.
    pub finish_reason: Option<String>,
    /// What it cost, if the provider says so.
    pub usage: Option<Usage>,
}

impl ChatAnswer {
    /// The answer, if it says anything. One that only calls tools does not.
    pub fn spoken(self) -> Result<Self, CallError> {
        if !self.text.trim().is_empty() {
            return Ok(self);
        }
        Err(malformed(match self.finish_reason.as_deref() {
            _ if !self.calls.is_empty() => "it has no text, and calls tools where it may not",
            Some("length") => "it has no text: the limit of output tokens was spent before the model said anything",
            Some("content_filter") => "it has no text: the provider's content filter withheld it",
            _ => "it has no text",
        }))
    }
}

/// Tokens of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of the messages sent.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// All that is counted.
    pub total: u64,
}

/// Reads a provider's answer. The key is taken to scrub it from whatever the provider echoes.
pub fn parse(response: &Response, key: &SecretText) -> Result<ChatAnswer, CallError> {
    let json = response.json();
    match refusal(response, json.as_ref().ok(), key) {
        Some(error) => Err(error),
        None => answer(&json?, key),
    }
}

fn answer(json: &Value, key: &SecretText) -> Result<ChatAnswer, CallError> {
    let usage = usage(&json["usage"]);
    let choice = match (json.pointer("/choices/0"), usage) {
        (Some(choice), _) => choice,
        (None, Some(_)) => &Value::Null,
        (None, None) => return Err(malformed("it has no choices")),
    };
    // A word is logged and shown. One that has to be scrubbed is no word that anybody needs.
    let word = |value: &Value| value.as_str().filter(|word| redact(word, &[key]) == *word).map(str::to_owned);
    Ok(ChatAnswer {
        text: text(&choice["message"]),
        calls: ToolCall::all(&choice["message"]),
        model: word(&json["model"]),
        finish_reason: word(&choice["finish_reason"]),
        usage,
    })
}

/// The text of a message: a string, the text parts of a list, or what a model says instead when it declines.
fn text(message: &Value) -> String {
    match &message["content"] {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        content => content.as_str().or_else(|| message["refusal"].as_str()).unwrap_or_default().to_owned(),
    }
}

pub(super) fn usage(usage: &Value) -> Option<Usage> {
    let prompt = usage["prompt_tokens"].as_u64()?;
    let completion = usage["completion_tokens"].as_u64().unwrap_or(0);
    let total = usage["total_tokens"].as_u64().unwrap_or_else(|| prompt.saturating_add(completion));
    Some(Usage { prompt, completion, total })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode, header};
    use serde_json::json;

    use super::*;

    const KEY: &str = "sk-CANARY-acme-7c1e";

    fn parsed(status: u16, body: &Value) -> Result<ChatAnswer, CallError> {
        parsed_text(status, HeaderMap::new(), &body.to_string())
    }

    fn parsed_text(status: u16, headers: HeaderMap, body: &str) -> Result<ChatAnswer, CallError> {
        let response = Response::new(StatusCode::from_u16(status).unwrap(), headers, body);
        parse(&response, &SecretText::new(KEY.to_owned()))
    }

    fn rejected(status: u16, reason: &str) -> CallError {
        CallError::Rejected { status, reason: reason.to_owned() }
    }

    fn completion(message: &Value, finish_reason: &str) -> Value {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini-2025-08-07",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
        })
    }

    #[test]
    fn reads_text_model_reason_and_usage() {
        let answer = parsed(200, &completion(&json!({"role": "assistant", "content": "Hello"}), "stop")).unwrap();
        let expected = ChatAnswer {
            text: "Hello".to_owned(),
            calls: Vec::new(),
            model: Some("gpt-5-mini-2025-08-07".to_owned()),
            finish_reason: Some("stop".to_owned()),
            usage: Some(Usage { prompt: 12, completion: 3, total: 15 }),
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_model_or_reason_that_echoes_the_key_is_left_out() {
        for echo in [KEY.to_owned(), format!("gpt-5 {KEY}"), KEY[3..12].to_owned(), "gpt\u{1b}[31m".to_owned()] {
            let mut body = completion(&json!({"content": "Hello"}), &echo);
            body["model"] = json!(echo);
            let answer = parsed(200, &body).unwrap();
            assert_eq!((answer.model, answer.finish_reason), (None, None), "{echo}");
        }
    }

    #[test]
    fn reads_an_answer_with_nothing_but_text() {
        let answer = parsed(200, &json!({"choices": [{"message": {"content": "Hi"}}]})).unwrap();
        assert_eq!((answer.text.as_str(), answer.model, answer.usage), ("Hi", None, None));
    }

    #[test]
    fn reads_parts_and_refusals_of_the_model() {
        let parts =
            json!({"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]});
        assert_eq!(parsed(200, &completion(&parts, "stop")).unwrap().text, "ab");
        let declined = json!({"content": null, "refusal": "I can't."});
        assert_eq!(parsed(200, &completion(&declined, "stop")).unwrap().text, "I can't.");
    }

    #[test]
    fn reads_the_tools_that_a_model_calls() {
        let message = json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "get_stock", "arguments": "{\"item\": \"rye\"}"}},
            {"id": "call_2", "type": "function", "function": {"name": "find_partner", "arguments": {"query": "x"}}},
            {"id": 7},
        ]});
        let answer = parsed(200, &completion(&message, "tool_calls")).unwrap();
        let calls: Vec<_> = answer.calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
        assert_eq!(calls, [("get_stock", "{\"item\": \"rye\"}"), ("find_partner", "{\"query\":\"x\"}")]);
        assert_eq!(answer.text, "");
    }

    #[test]
    fn an_answer_without_text_says_why() {
        for (message, finish_reason, why) in [
            (json!({"content": " \n"}), "length", "output tokens"),
            (json!({"content": null, "reasoning": "Hm"}), "content_filter", "content filter"),
            (json!({"tool_calls": [{"id": "1", "function": {"name": "x"}}]}), "tool_calls", "where it may not"),
        ] {
            let blank = parsed(200, &completion(&message, finish_reason)).unwrap();
            assert_eq!(blank.usage.unwrap().total, 15, "it is paid for: {message}");
            assert!(blank.spoken().unwrap_err().to_string().contains(why), "{message}");
        }
        let spoken = |body: &Value| parsed(200, body).and_then(ChatAnswer::spoken);
        for body in [json!({}), json!([]), json!({"choices": []}), json!({"choices": [{}]}), json!("text"), json!(null)]
        {
            assert!(matches!(spoken(&body), Err(CallError::Malformed { .. })), "{body}");
        }
        let filtered = json!({"choices": [], "usage": {"prompt_tokens": 12}});
        assert_eq!(parsed(200, &filtered).unwrap().usage.unwrap().total, 12);
    }

    #[test]
    fn reads_openais_errors() {
        let error =
            |code: &str| json!({"error": {"message": format!("m {KEY}"), "type": "t", "param": null, "code": code}});
        assert_eq!(parsed(401, &error("invalid_api_key")), Err(CallError::Unauthorized));
        assert_eq!(parsed(404, &error("model_not_found")), Err(rejected(404, "m ***")));
        assert_eq!(parsed(403, &error("unsupported_country")), Err(rejected(403, "m ***")));
        assert_eq!(parsed(429, &error("rate_limit_exceeded")), Err(CallError::RateLimited { retry_after: None }));
        assert_eq!(parsed(429, &error("insufficient_quota")), Err(rejected(429, "m ***")));
    }

    #[test]
    fn reads_openrouters_errors() {
        let error = |code: u64| json!({"error": {"code": code, "message": "m", "metadata": {"raw": KEY}}});
        assert_eq!(parsed(401, &error(401)), Err(CallError::Unauthorized));
        assert_eq!(parsed(402, &error(402)), Err(rejected(402, "m")));
        assert_eq!(parsed(200, &error(401)), Err(CallError::Unauthorized));
        assert_eq!(parsed(200, &error(429)), Err(CallError::RateLimited { retry_after: None }));
        assert!(matches!(parsed(200, &error(502)), Err(CallError::Unreachable { .. })));
        assert_eq!(parsed(200, &error(7)), Err(rejected(400, "m")));
        let within = json!({"choices": [{"error": {"code": 402, "message": "no credit"}}]});
        assert_eq!(parsed(200, &within), Err(rejected(402, "no credit")));
    }

    #[test]
    fn reads_errors_of_other_shapes() {
        assert_eq!(
            parsed(400, &json!({"message": "bad model", "type": "x", "code": "y"})),
            Err(rejected(400, "bad model"))
        );
        assert_eq!(parsed(422, &json!({"detail": "bad field"})), Err(rejected(422, "bad field")));
        assert_eq!(parsed(400, &json!({"error": "plain"})), Err(rejected(400, "plain")));
        for body in [json!({}), json!([1]), json!({"error": {"message": 5}}), json!({"error": null})] {
            assert_eq!(parsed(400, &body), Err(rejected(400, "it gave no reason")), "{body}");
        }
    }

    #[test]
    fn an_error_of_null_is_no_error() {
        let mut body = completion(&json!({"content": "Hello"}), "stop");
        body["error"] = Value::Null;
        assert_eq!(parsed(200, &body).unwrap().text, "Hello");
    }

    #[test]
    fn a_page_of_html_is_never_repeated() {
        let page = "<html>CANARY</html>";
        let check = |status, expected: &str| {
            let error = parsed_text(status, HeaderMap::new(), page).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(200, "the provider's answer makes no sense: it is not JSON (line 1, column 1)");
        check(404, "the provider refused the request (status 404): it gave no reason");
        check(502, "the provider cannot be reached: it answered with status 502");
    }

    #[test]
    fn reads_how_long_to_wait() {
        let check = |value: &'static str, expected: Option<u64>| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]);
            let retry_after = expected.map(Duration::from_secs);
            assert_eq!(parsed_text(429, headers, "{}"), Err(CallError::RateLimited { retry_after }), "{value}");
        };
        check("7", Some(7));
        check("0", Some(0));
        check("18446744073709551615", Some(86_400));
        check("-1", None);
        check("Wed, 21 Oct 2026 07:28:00 GMT", None);
    }

    #[test]
    fn no_error_shows_the_key() {
        for status in [400, 401, 403, 404, 408, 429, 500, 503] {
            for body in [json!({"error": {"message": KEY}}), json!({"error": KEY}), json!({"message": KEY}), json!(KEY)]
            {
                let error = parsed(status, &body).unwrap_err();
                assert!(!format!("{error} {error:?}").contains("CANARY"), "{status} {body}");
            }
        }
    }
}

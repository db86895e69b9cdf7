//! A provider of language models: chat completions, whole and in pieces, with tools; the list of models; OpenRouter's key.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, http::HeaderMap};
use futures::stream;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::{Fault, Provider, Seen};

/// A provider of models that knows some keys.
#[derive(Debug)]
pub struct Llm {
    provider: Provider,
    script: Arc<Mutex<Script>>,
}

/// What it was told to say.
#[derive(Debug, Default)]
struct Script {
    keys: Vec<String>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    when: String,
    then: Said,
}

/// What the model says.
#[derive(Clone, Debug)]
enum Said {
    Text(String),
    Call { tool: String, arguments: String },
}

impl Llm {
    /// Starts one that accepts these keys.
    pub async fn start(keys: &[&str]) -> Self {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let script = Arc::new(Mutex::new(Script { keys, rules: Vec::new() }));
        let routes = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/models", get(models))
            .route("/v1/key", get(key))
            .with_state(Arc::clone(&script));
        Self { provider: Provider::start(routes).await, script }
    }

    /// Says this text when the last message has `when` in it. The rule that was given last counts first.
    pub fn says(&self, when: &str, text: &str) {
        self.rule(when, Said::Text(text.to_owned()));
    }

    /// Calls this tool when the last message has `when` in it, and may do so.
    pub fn calls(&self, when: &str, tool: &str, arguments: &Value) {
        self.rule(when, Said::Call { tool: tool.to_owned(), arguments: arguments.to_string() });
    }

    fn rule(&self, when: &str, then: Said) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.rules.insert(0, Rule { when: when.to_owned(), then });
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        self.provider.origin()
    }

    /// The base URL of its API.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// The requests since the last call.
    pub fn take_seen(&self) -> Vec<Seen> {
        self.provider.take_seen()
    }

    /// Answers the next request with a fault.
    pub fn fail_next(&self, fault: Fault) {
        self.provider.fail_next(fault);
    }
}

type Shared = State<Arc<Mutex<Script>>>;

/// What a provider answers to a key that it does not know; it repeats the key, as some do.
fn unknown_key(script: &Script, headers: &HeaderMap) -> Option<Response> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = given.strip_prefix("Bearer ").unwrap_or_default();
    if script.keys.iter().any(|known| known == key) {
        return None;
    }
    let error = json!({"error": {
        "message": format!("Incorrect API key provided: {key}"), "type": "invalid_request_error", "param": null,
        "code": "invalid_api_key",
    }});
    Some((StatusCode::UNAUTHORIZED, Json(error)).into_response())
}

async fn models(State(script): Shared, headers: HeaderMap) -> Response {
    let script = script.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = unknown_key(&script, &headers) {
        return refusal;
    }
    let model = |id: &str| json!({"id": id, "object": "model", "created": 1, "owned_by": "tests"});
    let data = ["gpt-4.1-mini", "gpt-oss-120b", "gpt-5-mini"].map(model);
    Json(json!({"object": "list", "data": data})).into_response()
}

async fn key(State(script): Shared, headers: HeaderMap) -> Response {
    let script = script.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = unknown_key(&script, &headers) {
        return refusal;
    }
    let data = json!({"label": "acme", "limit": null, "limit_remaining": null, "usage": 1.25});
    Json(json!({ "data": data })).into_response()
}

async fn complete(State(script): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let script = script.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = unknown_key(&script, &headers) {
        return refusal;
    }
    if let Some(wrong) = wrong(&body) {
        let error = json!({"error": {"message": wrong, "type": "invalid_request_error", "param": null, "code": null}});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let said = script.said(&body);
    if body["stream"] == true { streamed(&body, &said) } else { Json(whole(&body, &said)).into_response() }
}

/// What the real ones refuse: no model, no messages, a result of a call that was never made.
fn wrong(body: &Value) -> Option<&'static str> {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let calls: Vec<_> =
        messages.iter().filter_map(|message| message["tool_calls"].as_array().cloned()).flatten().collect();
    let is_answer_to_nothing =
        |message: &&Value| message["role"] == "tool" && !calls.iter().any(|call| call["id"] == message["tool_call_id"]);
    match () {
        () if !body["model"].is_string() => Some("you must provide a model parameter"),
        () if messages.is_empty() => Some("[] is too short - 'messages'"),
        () if messages.iter().find(is_answer_to_nothing).is_some() => {
            Some("messages with role 'tool' must be a response to a preceding message with 'tool_calls'")
        }
        () => None,
    }
}

impl Script {
    /// What the model says: by the first rule that fits, or by itself, naming its system prompt so that it can be seen whose
    /// it was.
    fn said(&self, body: &Value) -> Said {
        let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let last = content(messages.last());
        let may_call = body["tools"].is_array() && body["tool_choice"] != "none";
        let fits = |rule: &&Rule| last.contains(&rule.when) && (may_call || matches!(rule.then, Said::Text(_)));
        if let Some(rule) = self.rules.iter().find(fits) {
            return rule.then.clone();
        }
        let prompt: String = content(messages.first()).chars().take(60).collect();
        Said::Text(format!("[{prompt}] You said: {last}"))
    }
}

fn whole(body: &Value, said: &Said) -> Value {
    let (message, finish_reason) = match said {
        Said::Text(text) => (json!({"role": "assistant", "content": text, "refusal": null}), "stop"),
        Said::Call { tool, arguments } => {
            let call = json!({
                "id": "call_1", "type": "function", "function": {"name": tool, "arguments": arguments},
            });
            (json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
        }
    };
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": null}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    })
}

fn streamed(body: &Value, said: &Said) -> Response {
    let piece = |delta: Value, finish_reason: Option<&str>| {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"],
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": null}],
        })
    };
    let mut events = match said {
        Said::Text(text) => {
            let mut events = vec![piece(json!({"role": "assistant", "content": ""}), None)];
            events.extend(text.split_inclusive(' ').map(|word| piece(json!({ "content": word }), None)));
            events.push(piece(json!({}), Some("stop")));
            events
        }
        Said::Call { tool, arguments } => {
            let (first, second) = arguments.split_at(arguments.len() / 2);
            let function = json!({"name": tool, "arguments": first});
            let begin = json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]});
            let more = json!({"tool_calls": [{"index": 0, "function": {"arguments": second}}]});
            vec![piece(begin, None), piece(more, None), piece(json!({}), Some("tool_calls"))]
        }
    };
    if body["stream_options"]["include_usage"] == true {
        let mut last = piece(json!({}), None);
        last["choices"] = json!([]);
        last["usage"] = json!({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10});
        events.push(last);
    }
    let lines = events.into_iter().map(|event| format!("data: {event}\n\n"));
    let lines = lines.chain(["data: [DONE]\n\n".to_owned()]).map(Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream::iter(lines))).into_response()
}

fn content(message: Option<&Value>) -> &str {
    message.and_then(|message| message["content"].as_str()).unwrap_or_default()
}

//! A server that speaks chat completions, remembers what it was asked, and fails as it is told.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The `Authorization` header.
    pub(crate) authorization: String,
    /// The body.
    pub(crate) body: Value,
}

/// A provider of models on this machine.
#[derive(Clone)]
pub(crate) struct Model {
    origin: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Model {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let model = Self { origin, asked: Arc::default() };
        let routes = Router::new().route("/v1/chat/completions", post(complete)).with_state(model.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        model
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.origin)
    }

    /// What it was asked since the last call.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

async fn complete(State(model): State<Model>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    model.asked.lock().unwrap().push(Asked { authorization: authorization.clone(), body: body.clone() });
    let content = |index: usize| body["messages"][index]["content"].as_str().unwrap_or_default();
    let refuse = |status: StatusCode, message: String| {
        (status, Json(json!({"error": {"message": message, "type": "x", "code": "x"}}))).into_response()
    };
    match content(1) {
        "revoked key" => refuse(StatusCode::UNAUTHORIZED, format!("Incorrect API key provided: {authorization}")),
        "no such model" => refuse(StatusCode::NOT_FOUND, format!("The model does not exist for {authorization}")),
        "too many" => refuse(StatusCode::TOO_MANY_REQUESTS, "slow down".to_owned()),
        "broken" => refuse(StatusCode::INTERNAL_SERVER_ERROR, "db-7.internal is down".to_owned()),
        "nonsense" => "<html>".into_response(),
        text if content(0).starts_with("You sort messages") => Json(said(&body, router_says(text))).into_response(),
        text => Json(said(&body, &format!("You said: {text}"))).into_response(),
    }
}

/// What the model says when it is asked for an intent.
fn router_says(text: &str) -> &'static str {
    if text.contains("letter") { "`writing`" } else { "I would say small talk" }
}

fn said(body: &Value, text: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    })
}

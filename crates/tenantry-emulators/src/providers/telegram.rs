//! Telegram's Bot API: bots, and the messages that they sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, body::Bytes};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Fault, Provider, Seen};

/// Telegram's Bot API.
#[derive(Debug)]
pub struct Telegram {
    provider: Provider,
    bots: Arc<Bots>,
}

/// User names by token.
#[derive(Debug, Default)]
struct Bots {
    by_token: BTreeMap<String, String>,
    sent: Mutex<Vec<Sent>>,
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The bot that sent it.
    pub bot: String,
    /// The chat.
    pub chat: i64,
    /// The message that it answers.
    pub reply_to: Option<i64>,
    /// The text.
    pub text: String,
}

impl Telegram {
    /// Starts one with these bots: each is its token and its user name.
    pub async fn start(bots: &[(&str, &str)]) -> Self {
        let by_token = bots.iter().map(|(token, name)| ((*token).to_owned(), (*name).to_owned())).collect();
        let bots = Arc::new(Bots { by_token, sent: Mutex::default() });
        let routes = Router::new().route("/{bot}/{method}", any(call)).with_state(Arc::clone(&bots));
        Self { provider: Provider::start(routes).await, bots }
    }

    /// Scheme, host and port: the base URL of its API.
    pub fn origin(&self) -> &str {
        self.provider.origin()
    }

    /// The messages that were sent since the last call.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.bots.sent.lock().unwrap_or_else(PoisonError::into_inner))
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

async fn call(State(bots): State<Arc<Bots>>, Path((bot, method)): Path<(String, String)>, body: Bytes) -> Response {
    let token = bot.strip_prefix("bot").unwrap_or_default();
    if !token.contains(':') {
        return refused(StatusCode::NOT_FOUND, "Not Found");
    }
    let Some(name) = bots.by_token.get(token) else { return refused(StatusCode::UNAUTHORIZED, "Unauthorized") };
    match method.as_str() {
        "getMe" => {
            let id = token.split(':').next().and_then(|id| id.parse::<i64>().ok()).unwrap_or_default();
            let bot = json!({"id": id, "is_bot": true, "first_name": name, "username": name});
            Json(json!({"ok": true, "result": bot})).into_response()
        }
        "sendMessage" => send(&bots, name, &serde_json::from_slice(&body).unwrap_or_default()),
        _ => refused(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn send(bots: &Bots, bot: &str, body: &Value) -> Response {
    let Some(chat) = body["chat_id"].as_i64() else {
        return refused(StatusCode::BAD_REQUEST, "Bad Request: chat_id is empty");
    };
    let text = body["text"].as_str().unwrap_or_default();
    if text.is_empty() || text.encode_utf16().count() > 4096 {
        return refused(StatusCode::BAD_REQUEST, "Bad Request: message text is empty or too long");
    }
    let mut sent = bots.sent.lock().unwrap_or_else(PoisonError::into_inner);
    let reply_to = body["reply_parameters"]["message_id"].as_i64();
    sent.push(Sent { bot: bot.to_owned(), chat, reply_to, text: text.to_owned() });
    let message = json!({"message_id": sent.len(), "date": 1, "chat": {"id": chat}, "text": text});
    Json(json!({"ok": true, "result": message})).into_response()
}

fn refused(status: StatusCode, description: &str) -> Response {
    let body = json!({"ok": false, "error_code": status.as_u16(), "description": description});
    (status, Json(body)).into_response()
}

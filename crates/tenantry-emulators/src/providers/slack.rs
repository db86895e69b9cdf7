//! Slack: workspaces with an app in each, and the messages that were posted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{Fault, Provider, Seen};

/// Slack's Web API.
#[derive(Debug)]
pub struct Slack {
    provider: Provider,
    teams: Arc<Teams>,
}

/// Workspaces by the token of the app in them.
#[derive(Debug, Default)]
struct Teams {
    by_token: BTreeMap<String, String>,
    posted: Mutex<Vec<Posted>>,
}

/// A message that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The workspace whose token posted it.
    pub team: String,
    /// The channel.
    pub channel: String,
    /// The message that it answers.
    pub thread: Option<String>,
    /// The text.
    pub text: String,
}

impl Slack {
    /// Starts one with these workspaces: each is the app's token in it, and its ID.
    pub async fn start(teams: &[(&str, &str)]) -> Self {
        let by_token = teams.iter().map(|(token, team)| ((*token).to_owned(), (*team).to_owned())).collect();
        let teams = Arc::new(Teams { by_token, posted: Mutex::default() });
        let routes = Router::new()
            .route("/api/auth.test", post(test))
            .route("/api/chat.postMessage", post(message))
            .with_state(Arc::clone(&teams));
        Self { provider: Provider::start(routes).await, teams }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        self.provider.origin()
    }

    /// The base URL of its API.
    pub fn base_url(&self) -> String {
        format!("{}/api", self.origin())
    }

    /// The messages that were posted since the last call.
    pub fn take_posted(&self) -> Vec<Posted> {
        std::mem::take(&mut *self.teams.posted.lock().unwrap_or_else(PoisonError::into_inner))
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

impl Teams {
    /// The workspace of a token, or what Slack says without one. It says no with status 200.
    fn of(&self, headers: &HeaderMap) -> Result<&str, Json<Value>> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(|given| given.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| Json(json!({"ok": false, "error": "not_authed"})))?;
        let team = self.by_token.get(token).map(String::as_str);
        team.ok_or_else(|| Json(json!({"ok": false, "error": "invalid_auth"})))
    }
}

async fn test(State(teams): State<Arc<Teams>>, headers: HeaderMap) -> Json<Value> {
    match teams.of(&headers) {
        Ok(team) => Json(json!({
            "ok": true, "url": "https://acme.slack.example/", "team": format!("Team {team}"), "user": "assistant",
            "team_id": team, "user_id": "U0BOT", "bot_id": "B0BOT", "is_enterprise_install": false,
        })),
        Err(refusal) => refusal,
    }
}

async fn message(State(teams): State<Arc<Teams>>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    let team = match teams.of(&headers) {
        Ok(team) => team.to_owned(),
        Err(refusal) => return refusal,
    };
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let (Some(channel), Some(said)) = (text("channel"), text("text").filter(|text| !text.is_empty())) else {
        return Json(json!({"ok": false, "error": "no_text"}));
    };
    if !channel.starts_with(['C', 'D', 'G']) {
        return Json(json!({"ok": false, "error": "channel_not_found"}));
    }
    let mut posted = teams.posted.lock().unwrap_or_else(PoisonError::into_inner);
    let ts = format!("1700000000.{:06}", posted.len());
    posted.push(Posted { team, channel: channel.clone(), thread: text("thread_ts"), text: said });
    Json(json!({"ok": true, "channel": channel, "ts": ts, "message": {"type": "message", "ts": ts}}))
}

//! Slack: mentions and direct messages come by the Events API, answers go into the thread.
//!
//! The workspace's ID in an event tells which company's signing secret is tried, and that one alone. Slack wants an answer
//! within three seconds and sends again what got none, so a message is handed over as a job, and acted on once.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use tenantry::TenantConfig;
use tenantry::problem::Problem;
use tenantry_integrations::slack::event::{self, Event};
use tenantry_integrations::slack::signature;
use tenantry_integrations::slack::{Post, Slack, SlackClient, escape};
use tenantry_store::{Binding, BindingKind};
use tracing::warn;

use super::webhook::{self, candidate, hand_over, not_genuine, without};
use crate::app::App;
use crate::conversation::{Channel, Incoming, Sender};
use crate::job::{Job, SlackMessage, Work, WorkError};
use crate::reply::Assistant;
use crate::settings::Settings;

/// Where Slack sends events.
const EVENTS: &str = "/assistant/slack/events";

pub(super) fn router(app: &App) -> Router {
    Router::new().route(EVENTS, post(receive)).with_state(app.clone())
}

async fn receive(State(app): State<App>, request: Request<Body>) -> Response {
    respond(&app, request).await.unwrap_or_else(Problem::into_response)
}

async fn respond(app: &App, request: Request<Body>) -> Result<Response, Problem> {
    let received = webhook::Event::read(request).await?;
    let body = received.json()?;
    let read = event::read(&body);
    // It names no workspace, so there is no secret to try; sending a text back that was sent reveals nothing.
    if let Event::Challenge(challenge) = &read {
        return Ok(Json(json!({ "challenge": challenge })).into_response());
    }
    let team = event::team(&body).ok_or_else(not_genuine)?;
    let binding = Binding::new(BindingKind::Slack, team).map_err(|_| not_genuine())?;
    let config = candidate(app, &binding).await?;
    let slack = config.slack.as_ref().ok_or_else(|| without("slack", &config))?;
    let now = Timestamp::now();
    signature::check(&slack.signing_secret, &received.headers, &received.body, now).map_err(|error| {
        warn!(tenant = %config.tenant(), %error, "an event that is not Slack's");
        not_genuine()
    })?;
    received.must_be_of(config.tenant())?;
    if let Event::Message(message) = read {
        let event::Message { event, channel, thread, user, is_of_a_guest, text } = message;
        let sender = if is_of_a_guest { Sender::Guest } else { Sender::Member };
        let work = Work::Slack(SlackMessage { channel, thread, user, sender, text });
        hand_over(app, Job::of(&config, format!("slack:{event}"), now, work)).await?;
    }
    Ok(StatusCode::OK.into_response())
}

/// Makes the answer to a message, if it could be posted.
pub(super) async fn compose(
    app: &App,
    config: &TenantConfig<Settings>,
    message: &SlackMessage,
    now: Timestamp,
) -> Result<String, WorkError> {
    connection(config)?;
    let incoming = Incoming {
        text: message.text.clone(),
        intent: None,
        channel: Channel::Slack,
        user_name: None,
        sender: message.sender,
        conversation: Some(format!("slack:{}:{}", message.channel, message.thread)),
        attachments: Vec::new(),
    };
    Ok(Assistant::new(app).answer_or_apologise(config, &incoming, now).await)
}

/// Posts an answer in the thread of its message.
pub(super) async fn deliver(
    app: &App,
    config: &TenantConfig<Settings>,
    message: &SlackMessage,
    text: &str,
) -> Result<(), WorkError> {
    let post = Post { channel: &message.channel, thread: Some(&message.thread), text: &escape(text) };
    publish(app, connection(config)?, &post).await
}

/// The connection by which a company is told of anything in Slack.
pub(super) fn connection(config: &TenantConfig<Settings>) -> Result<&Slack, WorkError> {
    config.slack.as_ref().ok_or_else(|| WorkError::without("slack", config))
}

/// Posts a message.
pub(super) async fn publish(app: &App, slack: &Slack, post: &Post<'_>) -> Result<(), WorkError> {
    let client = SlackClient::new(app.egress.clone(), app.bases.slack.clone());
    let posted = client.post(slack, post).await;
    posted.map(drop).map_err(|source| WorkError::Delivery { channel: "Slack", source })
}

//! Telegram: updates come to the webhook of a bot, answers go into the chat.
//!
//! The path ends in the name of a binding, `telegram:<name>`, which the operator makes up at random: it leads to the company,
//! and tells nothing of it. The secret that was given when the webhook was set proves that an update is Telegram's.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use jiff::Timestamp;
use tenantry::TenantConfig;
use tenantry::problem::Problem;
use tenantry_integrations::telegram::{Telegram, TelegramClient, update};
use tenantry_store::{Binding, BindingKind};
use tracing::{info, warn};

use super::webhook::{self, candidate, hand_over, not_genuine, without};
use crate::app::App;
use crate::conversation::{Channel, Incoming, Sender};
use crate::job::{Job, TelegramMessage, Work, WorkError};
use crate::reply::Assistant;
use crate::settings::Settings;

/// Where Telegram sends updates, with the binding's name behind it.
const UPDATES: &str = "/assistant/telegram/";

pub(super) fn router(app: &App) -> Router {
    Router::new().route(&format!("{UPDATES}{{name}}"), post(receive)).with_state(app.clone())
}

async fn receive(State(app): State<App>, Path(name): Path<String>, request: Request<Body>) -> Response {
    respond(&app, &name, request).await.unwrap_or_else(Problem::into_response)
}

async fn respond(app: &App, name: &str, request: Request<Body>) -> Result<Response, Problem> {
    let binding = Binding::new(BindingKind::Telegram, name).map_err(|_| not_genuine())?;
    let config = candidate(app, &binding).await?;
    let bot = config.telegram.as_ref().ok_or_else(|| without("telegram", &config))?;
    if !update::is_genuine(&bot.webhook_secret, request.headers()) {
        warn!(tenant = %config.tenant(), "an update that is not Telegram's");
        return Err(not_genuine());
    }
    let received = webhook::Event::read(request).await?;
    received.must_be_of(config.tenant())?;
    if let Some(message) = update::read(&received.json()?) {
        let update::Message { update, chat, message, user_name, text } = message;
        let work = Work::Telegram(TelegramMessage { chat, message, user_name, text });
        // The numbers of updates are those of one bot, and a company may have several, one after the other.
        let event = format!("telegram:{name}:{update}");
        hand_over(app, Job::of(&config, event, Timestamp::now(), work)).await?;
    }
    Ok(StatusCode::OK.into_response())
}

/// Makes the answer to a message, if it could be sent.
pub(super) async fn compose(
    app: &App,
    config: &TenantConfig<Settings>,
    message: &TelegramMessage,
    now: Timestamp,
) -> Result<String, WorkError> {
    connection(config)?;
    let incoming = Incoming {
        text: message.text.clone(),
        intent: None,
        channel: Channel::Telegram,
        user_name: message.user_name.clone(),
        sender: sender(config, message.chat),
        conversation: Some(format!("telegram:{}", message.chat)),
        attachments: Vec::new(),
    };
    Ok(Assistant::new(app).answer_or_apologise(config, &incoming, now).await)
}

/// Sends an answer to the chat of its message.
pub(super) async fn deliver(
    app: &App,
    config: &TenantConfig<Settings>,
    message: &TelegramMessage,
    text: &str,
) -> Result<(), WorkError> {
    let client = TelegramClient::new(app.egress.clone(), app.bases.telegram.clone());
    let sent = client.send(connection(config)?, message.chat, message.message, text).await;
    sent.map_err(|source| WorkError::Delivery { channel: "Telegram", source })
}

fn connection(config: &TenantConfig<Settings>) -> Result<&Telegram, WorkError> {
    config.telegram.as_ref().ok_or_else(|| WorkError::without("telegram", config))
}

/// Anybody can write to a bot: the company names the chats that are its own.
fn sender(config: &TenantConfig<Settings>, chat: i64) -> Sender {
    if config.access.telegram_chats.contains(&chat) {
        return Sender::Member;
    }
    info!(tenant = %config.tenant(), chat, "a chat that access.telegram_chats does not name: answering without tools");
    Sender::Guest
}

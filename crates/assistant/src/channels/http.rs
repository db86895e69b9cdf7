//! The HTTP channel: `POST /assistant/messages`.
//!
//! The body is `{"text": …, "intent": optional, "conversation": optional, "attachments": optional, "dry_run": optional}`.
//! Attachments are a list of `{"name": …, "media_type": optional, "content_base64": …}`. Messages that name the same
//! conversation belong together: the model is told of the earlier ones. The answer is an [`Answer`](crate::reply::Answer),
//! a [`DryRun`](crate::reply::DryRun), or a [`Problem`]. With `Accept: text/event-stream` it comes in
//! pieces, as server-sent events. Whose configuration answers is what the bearer token says.

mod body;
mod events;

pub(super) use body::{json_of, whole};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::header::{ACCEPT, ALLOW, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use tenantry::TenantConfig;
use tenantry::layer::TenantLayer;
use tracing::Instrument as _;

use crate::app::App;
use crate::conversation::{Channel, Incoming, Sender};
use crate::reply::{Assistant, dry_run};
use crate::settings::Settings;
use tenantry::problem::Problem;

/// Where messages are posted.
pub const MESSAGES: &str = "/assistant/messages";

/// The assistant as a router of one route; every request is its token's tenant's, and no other one's.
pub fn router(app: &App) -> Router {
    Router::new()
        .route(MESSAGES, post(message).fallback(wrong_method))
        // The layer stands before the handler: who asks is known before the body is read.
        .route_layer(TenantLayer::new(app.loader.clone(), app.tokens.clone()))
        .with_state(Assistant::new(app))
}

async fn message(
    State(assistant): State<Assistant>,
    Extension(config): Extension<TenantConfig<Settings>>,
    request: Request<Body>,
) -> Response {
    answer(&assistant, &config, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(
    assistant: &Assistant,
    config: &TenantConfig<Settings>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let is_streamed = wants_events(request.headers());
    let body::Message { text, intent, conversation, attachments, is_dry_run } = body::read(request).await?;
    let conversation = conversation.map(|name| format!("http:{name}"));
    let incoming = Incoming {
        text,
        intent,
        channel: Channel::Http,
        user_name: None,
        sender: Sender::Member,
        conversation,
        attachments,
    };
    let now = Timestamp::now();
    if is_dry_run {
        return Ok(Json(dry_run(config, &incoming, now)?).into_response());
    }
    if is_streamed {
        return events::respond(assistant.clone(), config.clone(), incoming, now).await;
    }
    // A task of its own: what was begun is counted and kept, whether or not the sender waits for it.
    let (assistant, config) = (assistant.clone(), config.clone());
    let span = events::span(&config);
    let answering = tokio::spawn(async move { assistant.answer(&config, &incoming, now).await }.instrument(span));
    Ok(Json(events::ended(answering.await)?).into_response())
}

/// Whether the sender asks for the answer in pieces.
fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.flat_map(|value| value.split(',')).any(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("text/event-stream")
    })
}

async fn wrong_method(method: Method) -> Response {
    let detail = format!("messages are sent with POST, not with {method}");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        .with_header(ALLOW, HeaderValue::from_static("POST"))
        .into_response()
}

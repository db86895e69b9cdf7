//! An answer in pieces, as server-sent events: `delta` with a piece of the text, `tool` with the name of a tool that is
//! called, and at the end `answer` with the whole answer, or `problem` with what went wrong behind the first piece.
//!
//! What goes wrong before the first piece is answered as it is without pieces, with its own status.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tenantry::TenantConfig;
use tenantry::problem::Problem;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;
use tracing::{Instrument as _, Span, info_span};

use crate::conversation::Incoming;
use crate::reply::{Answer, Assistant, Piece, ReplyError};
use crate::settings::Settings;

type Answering = JoinHandle<Result<Answer, ReplyError>>;

/// Begins to answer, and responds when there is a first piece, or none.
pub(super) async fn respond(
    assistant: Assistant,
    config: TenantConfig<Settings>,
    incoming: Incoming,
    now: Timestamp,
) -> Result<Response, Problem> {
    let (listener, mut pieces) = mpsc::unbounded_channel();
    // A task of its own: what was begun is counted and kept, whether or not anybody listens to the end.
    let span = span(&config);
    let answering: Answering = tokio::spawn(
        async move { assistant.answer_aloud(&config, &incoming, now, Some(&listener)).await }.instrument(span),
    );
    let Some(first) = pieces.recv().await else {
        let answer = ended(answering.await)?;
        return Ok(streamed(stream::iter([event("answer", &answer)])));
    };
    let rest = stream::unfold(Some((pieces, answering)), next);
    Ok(streamed(stream::iter([piece(&first)]).chain(rest)))
}

/// The span of an answer, for traces and not for the log.
pub(super) fn span(config: &TenantConfig<Settings>) -> Span {
    info_span!(target: "traces", "assistant.answer", "tenantry.scope" = %config.tenant())
}

/// The next event: a piece, or what came of it all when there are no more.
async fn next(
    open: Option<(UnboundedReceiver<Piece>, Answering)>,
) -> Option<(String, Option<(UnboundedReceiver<Piece>, Answering)>)> {
    let (mut pieces, answering) = open?;
    if let Some(heard) = pieces.recv().await {
        return Some((piece(&heard), Some((pieces, answering))));
    }
    let last = match ended(answering.await) {
        Ok(answer) => event("answer", &answer),
        Err(problem) => format!("event: problem\ndata: {}\n\n", problem.to_json().replace('\n', "")),
    };
    Some((last, None))
}

/// What came of a task that answers.
pub(super) fn ended(
    answer: Result<Result<Answer, ReplyError>, tokio::task::JoinError>,
) -> Result<Answer, Box<Problem>> {
    match answer {
        Ok(answer) => Ok(answer.map_err(|error| Box::new(error.into()))?),
        Err(_) => Err(Box::new(Problem::new(
            http::StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "something went wrong here; it is logged",
        ))),
    }
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => event("delta", &json!({ "text": text })),
        Piece::Tool(name) => event("tool", &json!({ "name": name })),
    }
}

/// One event. JSON has no line breaks of its own, so one line of data holds it.
fn event(name: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_string(data).expect("answers are JSON");
    format!("event: {name}\ndata: {data}\n\n")
}

fn streamed(events: impl Stream<Item = String> + Send + 'static) -> Response {
    let body = Body::from_stream(events.map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], body).into_response()
}

//! What every answer has, whatever it is about: an id in its header, in the body of a problem and in the log; a line in the log
//! and a count; and compression where the caller takes it.

use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use tower_http::compression::CompressionLayer;
use tracing::{Instrument, info, info_span};

use crate::metrics::Metrics;

/// The header in which the id is sent, both ways.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller, in characters.
const LONGEST: usize = 64;
/// Problems are small; what is larger passes as it is.
const LARGEST_PROBLEM: usize = 256 * 1024;

/// Wraps a router, so that each request has an id: the caller's `x-request-id` if it is 1 to 64 letters, digits or
/// hyphens, and a random one otherwise. One line of the log tells each request's outcome; queries and headers are not in
/// it. Answers are compressed by gzip for callers that take it, and requests are counted.
pub fn framed(router: Router, metrics: Metrics) -> Router {
    // The last layer is the outermost one: what is compressed is not changed any more.
    router.layer(from_fn_with_state(metrics, identified)).layer(CompressionLayer::new().gzip(true))
}

async fn identified(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).and_then(usable).unwrap_or_else(random_id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = Instant::now();
    let span = info_span!("request", id = %id);
    async {
        let mut response = next.run(request).await;
        let (status, took) = (response.status().as_u16(), began.elapsed());
        info!(%method, path, status, took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX), "answered");
        metrics.answered(known(&method), route.as_ref().map(|route| route.as_str().into()), status, took);
        if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json") {
            response = add_to_problem(response, &id).await;
        }
        let header = HeaderValue::from_str(&id).expect("letters, digits and hyphens are a header");
        response.headers_mut().insert(REQUEST_ID, header);
        response
    }
    .instrument(span)
    .await
}

/// The methods that are told apart when they are counted: a caller may make up any.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn usable(sent: &HeaderValue) -> Option<String> {
    let sent = sent.to_str().ok()?;
    let fits =
        (1..=LONGEST).contains(&sent.len()) && sent.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then(|| sent.to_owned())
}

fn random_id() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system always has random bytes");
    format!("{:016x}", u64::from_le_bytes(bytes))
}

/// Adds the id as the last member of a problem's document.
async fn add_to_problem(response: Response, id: &str) -> Response {
    if response.body().size_hint().exact().is_none_or(|size| size > LARGEST_PROBLEM as u64) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_PROBLEM).await else { return Response::from_parts(parts, Body::empty()) };
    let document = match bytes.strip_suffix(b"}") {
        Some(open) => [open, format!(r#","request_id":"{id}"}}"#).as_bytes()].concat(),
        None => bytes.to_vec(),
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(document))
}

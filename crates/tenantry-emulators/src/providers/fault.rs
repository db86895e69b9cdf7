//! The ways in which a provider's answer can be bad.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

/// What happens to one request instead of its answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status with this JSON.
    Status(u16, Value),
    /// 429 with `Retry-After` in seconds and this JSON.
    RateLimited(u64, Value),
    /// No answer at all, and the connection stays open.
    Hang,
    /// The head of an answer and a part of its body, and then the connection is closed.
    HangUp,
    /// A redirect to this URL.
    Redirect(String),
    /// A page of HTML with status 200.
    Page,
    /// JSON of about two megabytes.
    Huge,
    /// A body without end.
    Endless,
    /// JSON that is nested a thousand levels deep.
    Deep,
}

impl Fault {
    pub(super) async fn answer(self) -> Response {
        match self {
            Self::Status(status, json) => answer(status, json.to_string()),
            Self::RateLimited(seconds, json) => with(answer(429, json.to_string()), header::RETRY_AFTER, seconds),
            Self::Hang => std::future::pending().await,
            Self::HangUp => answer(200, Body::from_stream(broken())),
            Self::Redirect(url) => {
                let url = HeaderValue::from_str(&url).expect("a test's URL is a header's value");
                with(answer(307, Body::empty()), header::LOCATION, url)
            }
            Self::Page => ([(header::CONTENT_TYPE, "text/html")], "<html>CANARY-of-a-page</html>").into_response(),
            Self::Huge => answer(200, format!("{{\"a\":\"{}\"}}", "x".repeat(2_000_000))),
            Self::Endless => answer(200, Body::from_stream(endless())),
            Self::Deep => answer(200, "[".repeat(1000)),
        }
    }
}

fn answer(status: u16, body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(status).expect("a test's status is one");
    (status, [(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

fn with(mut response: Response, name: HeaderName, value: impl Into<HeaderValue>) -> Response {
    response.headers_mut().insert(name, value.into());
    response
}

fn broken() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    let gone = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "told to hang up");
    stream::iter([Ok(Bytes::from_static(b"{\"half\":")), Err(gone)])
}

fn endless() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::repeat(Bytes::from_static(&[b' '; 4096])).map(Ok)
}

//! What traces tell of an outbound request: method, host, status. Path, query, headers and body may carry credentials.

use http::StatusCode;
use tracing::field::Empty;
use tracing::{Span, info_span};

use super::error::EgressError;
use super::request::Request;

/// The span of a request, to be ended by [`end`]. Its target sets it apart from what is logged.
pub(super) fn of(request: &Request) -> Span {
    let span = info_span!(
        target: "traces",
        "egress",
        otel.name = Empty,
        otel.kind = "client",
        otel.status_code = Empty,
        "http.request.method" = Empty,
        "http.response.status_code" = Empty,
        "server.address" = Empty,
        "server.port" = Empty,
        "error.type" = Empty,
    );
    if !span.is_disabled() {
        let (method, url) = (request.method().as_str(), request.url());
        span.record("otel.name", method).record("http.request.method", method);
        span.record("server.address", url.host_str()).record("server.port", url.port_or_known_default());
    }
    span
}

/// Notes how the request ended.
pub(super) fn end(span: &Span, outcome: Result<StatusCode, &EgressError>) {
    let is_failure = match outcome {
        Ok(status) => {
            span.record("http.response.status_code", status.as_u16());
            status.is_client_error() || status.is_server_error()
        }
        Err(error) => {
            span.record("error.type", error.kind());
            true
        }
    };
    if is_failure {
        span.record("otel.status_code", "ERROR");
    }
}

//! The span of a request that the server answers. A caller's trace is continued.

use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderMap, Method};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tenantry_admin::{About, Framed};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{TARGET, are_wanted};

/// Makes a span of each request, if anybody wants them.
pub(crate) fn served(framed: Framed) -> Framed {
    if are_wanted() { framed.behind(|router| router.layer(from_fn(traced))) } else { framed }
}

async fn traced(request: Request, next: Next) -> Response {
    let span = span_of(&request);
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if let Some(About(scope)) = response.extensions().get() {
        span.record("tenantry.scope", scope.to_string());
    }
    if let Some(id) = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()) {
        span.record("request_id", id);
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
    response
}

/// Tells the route and not the path: paths hold what callers choose.
fn span_of(request: &Request) -> Span {
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let span = info_span!(
        target: TARGET,
        "served",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        "http.request.method" = method,
        "http.route" = route,
        "http.response.status_code" = Empty,
        "error.type" = Empty,
        "tenantry.scope" = Empty,
        request_id = Empty,
    );
    // OpenTelemetry's rules: without a route the method alone, and `HTTP` for a method that nobody knows.
    let name = if method == OTHER { "HTTP" } else { method };
    match route {
        Some(route) => span.record("otel.name", format!("{name} {route}")),
        None => span.record("otel.name", name),
    };
    // A span that is not sampled, or cannot have a parent any more, is no loss to the request.
    let _ = span.set_parent(callers(request.headers()));
    span
}

/// What a method is called that is none of the usual.
const OTHER: &str = "_OTHER";

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}

/// The trace that a caller is in. Of what W3C Trace Context sends, `traceparent` alone is read: `tracestate` holds whatever
/// the caller likes, and would be exported.
fn callers(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Traceparent(headers))
}

struct Traceparent<'a>(&'a HeaderMap);

impl Extractor for Traceparent<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut sent = self.0.get_all(Some(name).filter(|name| *name == "traceparent")?).iter();
        // Two of them contradict each other: then there is none.
        sent.next().filter(|_| sent.next().is_none())?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use opentelemetry::trace::TraceContextExt as _;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter().fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(*name, HeaderValue::from_static(value));
            headers
        })
    }

    #[test]
    fn a_callers_trace_is_read_without_its_state() {
        let context = callers(&headers(&[("traceparent", PARENT), ("tracestate", "vendor=CANARY")]));
        let span = context.span().span_context().clone();
        assert_eq!(span.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert!(span.is_remote() && span.is_sampled());
        assert_eq!(span.trace_state().header(), "");
    }

    #[test]
    fn what_is_no_trace_or_two_begins_a_new_one() {
        for odd in [
            &[][..],
            &[("traceparent", "CANARY")],
            &[("traceparent", PARENT), ("traceparent", PARENT)],
            &[("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01")],
        ] {
            assert!(!callers(&headers(odd)).span().span_context().is_valid(), "{odd:?}");
        }
    }

    #[test]
    fn a_method_that_a_caller_made_up_is_not_repeated() {
        assert_eq!(known(&Method::from_bytes(b"CANARY").unwrap()), OTHER);
    }
}

//! What the server counts, in the words of Prometheus. No tenant is named: their number has no bound, and the log tells more.
//!
//! Format: prometheus.io/docs/specs/om/open_metrics_spec.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The media type of what [`Metrics::text`] gives.
pub(crate) const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The bounds of the histogram, in seconds.
const BOUNDS: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];

/// A path as it is declared.
pub(crate) type MatchedRoute = Arc<str>;

/// What is told apart among requests.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    method: String,
    /// The path as it is declared, such as `/v1/tenants/{tenant_id}`; `other` for one that is not.
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

/// The counts of a server; a clone shares them.
#[derive(Clone)]
pub struct Metrics(Arc<Counts>);

struct Counts {
    registry: Registry,
    /// What is counted again and again, found without making labels anew.
    known: DashMap<(&'static str, Option<MatchedRoute>, u16), Series>,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram>,
    watchers: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::<Request, Counter>::default();
        let seconds = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS));
        let watchers = Gauge::default();
        let mut registry = Registry::with_prefix("tenantry");
        registry.register("http_requests", "Requests that were answered", requests.clone());
        registry.register("http_request_seconds", "Time until an answer began", seconds.clone());
        registry.register("watchers", "Callers that are told of changes", watchers.clone());
        Self(Arc::new(Counts { registry, known: DashMap::new(), requests, seconds, watchers }))
    }
}

impl Metrics {
    /// Counts a request by the path as it is declared.
    pub(crate) fn answered(&self, method: &'static str, route: Option<MatchedRoute>, status: u16, took: Duration) {
        self.series(method, route, status).count(took);
    }

    /// Where requests of a method, a path as it is declared, and a status are counted.
    pub(crate) fn series(&self, method: &'static str, route: Option<MatchedRoute>, status: u16) -> Series {
        let key = (method, route, status);
        if let Some(known) = self.0.known.get(&key) {
            return known.clone();
        }
        let route = key.1.as_ref().map_or("other", |route| &**route).to_owned();
        let seconds = self.0.seconds.get_or_create_owned(&Route { route: route.clone() });
        let count = self.0.requests.get_or_create_owned(&Request { method: method.to_owned(), route, status });
        let series = Series { count, seconds };
        self.0.known.insert(key, series.clone());
        series
    }

    /// Counts a watcher in, until what it gives is dropped.
    pub(crate) fn watching(&self) -> Watching {
        self.0.watchers.inc();
        Watching(self.clone())
    }

    /// All counts as a text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.0.registry).expect("a string takes any text");
        text
    }
}

/// The counts of requests that are alike; a clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    count: Counter,
    seconds: Histogram,
}

impl Series {
    /// Counts one more.
    pub(crate) fn count(&self, took: Duration) {
        self.count.inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// A watcher that is counted.
pub(crate) struct Watching(Metrics);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.watchers.dec();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_names_routes_and_no_tenant() {
        let metrics = Metrics::default();
        let took = Duration::from_millis(3);
        metrics.answered("GET", Some("/v1/tenants/{tenant_id}".into()), 200, took);
        metrics.answered("GET", Some("/v1/tenants/{tenant_id}".into()), 200, took);
        metrics.answered("GET", None, 404, took);
        let watching = metrics.watching();
        let text = metrics.text();
        let line = r#"tenantry_http_requests_total{method="GET",route="/v1/tenants/{tenant_id}",status="200"} 2"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains(r#"route="other",status="404"} 1"#) && text.contains("tenantry_watchers 1"), "{text}");
        assert!(
            text.contains(r#"tenantry_http_request_seconds_bucket{le="0.005",route="/v1/tenants/{tenant_id}"} 2"#),
            "{text}"
        );
        drop(watching);
        assert!(metrics.text().contains("tenantry_watchers 0"));
    }
}

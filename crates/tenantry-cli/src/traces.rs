//! Traces of `tenantry serve`, exported over OTLP (HTTP, protobuf) to the collector that the standard variables name.
//!
//! A span is whatever the crates make under the target [`TARGET`]; events, and so the lines of the log, are never exported.
//! Spans carry names, hosts, statuses, request ids and ids of tenants. Values, secrets, tokens, keys, paths, queries, headers
//! and bodies are in none of them.

mod collector;
mod request;

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use self::collector::Collector;
pub(crate) use self::request::served;
use crate::exit::Trouble;

/// The target of spans that are for traces and not for the log.
pub(crate) const TARGET: &str = "traces";

/// How long what is pending may take to be exported once the program ends.
const LAST_EXPORT: Duration = Duration::from_secs(2);

/// The export of traces.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to export if the variables name a collector; nothing is done otherwise. Requests to it are made by this runtime.
    pub(crate) fn from_environment(runtime: &Handle) -> anyhow::Result<Option<Self>> {
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let Some((variable, endpoint)) = endpoint() else { return Ok(None) };
        refuse_other_protocols()?;
        let collector = Collector::at(&endpoint, runtime.clone()).map_err(|error| {
            Trouble::usage(format!("{variable}: {error}")).help("write it like http://127.0.0.1:4318")
        })?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .context("traces cannot be exported as the variables OTEL_… say")?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
        Ok(Some(Self(provider)))
    }

    /// What makes spans of traces of the program's, whatever the log's own filter says.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("tenantry"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET))
    }

    /// Exports what is pending, for two seconds at most.
    pub(crate) fn stop(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_EXPORT) {
            tracing::debug!(%error, "the last traces were not exported");
        }
    }
}

/// Whether anybody wants spans. Where nobody does, neither requests nor stores make any.
pub(crate) fn are_wanted() -> bool {
    tracing::span_enabled!(target: TARGET, Level::INFO)
}

/// The URL that traces go to, and the variable that says so.
fn endpoint() -> Option<(&'static str, String)> {
    const OF_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const OF_ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    if let Some(endpoint) = set(OF_TRACES) {
        return Some((OF_TRACES, endpoint));
    }
    set(OF_ALL).map(|base| (OF_ALL, format!("{}/v1/traces", base.trim_end_matches('/'))))
}

/// Says at the start what would only be seen by the collector's silence.
fn refuse_other_protocols() -> anyhow::Result<()> {
    for variable in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        match set(variable) {
            None => {}
            Some(protocol) if protocol == "http/protobuf" => return Ok(()),
            Some(_) => {
                let message = format!("{variable}: traces are exported by http/protobuf alone");
                let help = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf; a collector's usual port for it is 4318";
                return Err(Trouble::usage(message).help(help).into());
            }
        }
    }
    Ok(())
}

/// Who exports: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and what is known without them.
fn resource() -> Resource {
    let known = Resource::builder_empty()
        .with_service_name("tenantry")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match set("OTEL_SERVICE_NAME") {
        Some(name) => known.with_service_name(name).build(),
        None => known.build(),
    }
}

fn is(variable: &str, expected: &str) -> bool {
    set(variable).is_some_and(|value| value.eq_ignore_ascii_case(expected))
}

/// A variable's text; an empty one counts as not set, as OpenTelemetry wants it.
fn set(variable: &str) -> Option<String> {
    std::env::var(variable).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The origin of a URL, as the way out's allow-list takes it.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

//! The way to the collector: the one way out, that is allowed this one origin and no other.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use tenantry_integrations::egress::{AllowList, Egress, Endpoint, Request, Response};
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;
use tracing::warn;
use url::Url;

/// How often it is said that nothing can be exported, at most.
const SAID_EVERY: Duration = Duration::from_mins(5);

/// Sends what is exported. It is asked by a thread of the exporter's own, and works in a runtime.
pub(super) struct Collector {
    egress: Egress,
    runtime: Handle,
    /// When it was last said that nothing can be exported.
    said: Mutex<Option<Instant>>,
}

/// Why an URL cannot be a collector's. It is not repeated: it may hold a password.
#[derive(Debug, Error)]
#[error("not the URL of a collector: expected http or https, a host, and no user name or password")]
pub(super) struct NotACollector;

impl Collector {
    /// Reaches the origin of a URL, wherever that is: it is the operator's own choice.
    pub(super) fn at(endpoint: &str, runtime: Handle) -> Result<Self, NotACollector> {
        let endpoint = Endpoint::parse(endpoint).map_err(|_| NotACollector)?;
        let mut allowed = AllowList::default();
        allowed.allow(&super::origin(endpoint.url())).map_err(|_| NotACollector)?;
        Ok(Self { egress: Egress::builder().allow_list(allowed).build(), runtime, said: Mutex::default() })
    }

    async fn send(&self, request: http::Request<Bytes>) -> Result<Response, HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())?;
        let headers = parts.headers.into_iter().filter_map(|(name, value)| name.zip(Some(value)));
        let request = headers.fold(Request::post_bytes(url, body), |request, (name, mut value)| {
            // Some are keys of the collector's.
            value.set_sensitive(true);
            request.header(name, value)
        });
        let egress = self.egress.clone();
        // What exporting does is not to be traced: it would never come to an end.
        let sending = async move { egress.send(request).await }.with_subscriber(NoSubscriber::new());
        // What is cancelled, is so by the program's end: that is not worth a word.
        Ok(self.runtime.spawn(sending).await?.inspect_err(|error| self.say(error))?)
    }

    fn say(&self, why: &dyn fmt::Display) {
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= SAID_EVERY) {
            *said = Some(Instant::now());
            warn!(error = %why, "traces cannot be exported; they are dropped until they can");
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let answer = self.send(request).await?;
        if !answer.status().is_success() {
            self.say(&format_args!("the collector answered {}", answer.status()));
        }
        let mut response = http::Response::new(Bytes::copy_from_slice(answer.body()));
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

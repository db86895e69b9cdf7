//! Passes a call on to the emulator.

use std::str::FromStr;

use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// What concerns one connection, or is told anew for each message.
const OF_ONE_CONNECTION: [header::HeaderName; 4] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT];

/// The way to one emulator.
pub(super) struct Forward {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Forward {
    pub(super) fn to(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // A connection for each call: one that the emulator closed while idle would look like a fault.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { upstream: url.trim_end_matches('/').to_owned(), client }
    }

    /// The emulator's answer, or 502 with the reason if there is none.
    pub(super) async fn send(&self, head: &Parts, body: Bytes) -> Response<Full<Bytes>> {
        match self.exchange(head, body).await {
            Ok(answer) => answer,
            Err(err) => {
                let text = format!("the server behind the proxy ({}) gave no answer: {err}", self.upstream);
                let mut answer = Response::new(Full::from(text));
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                answer
            }
        }
    }

    async fn exchange(
        &self,
        head: &Parts,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.address(&head.uri)?;
        *request.headers_mut() = of_the_message(&head.headers);
        let (head, body) = self.client.request(request).await?.into_parts();
        let mut answer = Response::new(Full::from(body.collect().await?.to_bytes()));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = of_the_message(&head.headers);
        Ok(answer)
    }

    fn address(&self, uri: &Uri) -> Result<Uri, http::uri::InvalidUri> {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        Uri::from_str(&format!("{}{path}", self.upstream))
    }
}

fn of_the_message(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_ONE_CONNECTION {
        headers.remove(name);
    }
    headers
}

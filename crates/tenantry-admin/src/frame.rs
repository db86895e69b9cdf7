//! What every answer has, whatever it is about: an id in its header, in the body of a problem and in the log; a line in the log
//! and a count; and compression where the caller takes it.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::{BoxError, Router};
use futures::future::{BoxFuture, Either, FutureExt as _, Ready, TryFutureExt as _, ready};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use tenantry_core::validate::masked;
use tower::Service;
use tower_http::compression::CompressionLayer;
use tracing::{Instrument as _, Span, info, info_span};

use crate::metrics::{Metrics, Series};
use crate::routes::Api;
use crate::shortcut::{ROUTE, Shortcut};

/// The header in which the id is sent, both ways.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller, in characters.
const LONGEST: usize = 64;
/// Problems are small; what is larger passes as it is.
const LARGEST_PROBLEM: usize = 256 * 1024;

/// An API in its frame: each request has an id, the caller's `x-request-id` if it is 1 to 64 letters, digits or hyphens, and
/// one of its own otherwise. One line of the log tells each request's outcome; queries and headers are not in it. Answers are
/// compressed by gzip for callers that take it, and requests are counted. Cloning shares all of it.
#[derive(Clone, Debug)]
pub struct Framed {
    router: Router,
    /// None where something else must see every request.
    shortcut: Option<Shortcut>,
    /// What the short way answers, counted by whether the caller had it already.
    sent: Series,
    unchanged: Series,
}

/// Puts an API and what else its server answers into the frame.
pub fn framed(api: &Api, router: Router) -> Framed {
    let metrics = api.metrics.clone();
    // The last layer is the outermost one: what is compressed is not changed any more.
    let router =
        router.layer(from_fn_with_state(metrics.clone(), identified)).layer(CompressionLayer::new().gzip(true));
    let series = |status: StatusCode| metrics.series("GET", Some(ROUTE.into()), status.as_u16());
    let (sent, unchanged) = (series(StatusCode::OK), series(StatusCode::NOT_MODIFIED));
    Framed { router, shortcut: Some(Shortcut::of(api)), sent, unchanged }
}

/// The body of an answer: bytes that were there already, or what the router made.
pub(crate) type Sent = http_body_util::Either<Full<Bytes>, Body>;
/// An answer on its way: there already, or made by the router. What the long way needs is apart, lest all take room for it.
type Answering = Either<Ready<Answered>, BoxFuture<'static, Answered>>;
type Answered = Result<http::Response<Sent>, Infallible>;

impl Framed {
    /// The same behind another layer, which sees every request: none goes the short way then.
    #[must_use]
    pub fn behind(self, wrap: impl FnOnce(Router) -> Router) -> Self {
        Self { router: wrap(self.router), shortcut: None, ..self }
    }

    /// Answers a request, of an address if it came over a connection.
    pub(crate) fn answer<B>(&self, mut request: Request<B>, address: Option<SocketAddr>) -> Answering
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let began = Instant::now();
        if let Some(response) = self.shortcut.as_ref().and_then(|shortcut| shortcut.answer(&request, began)) {
            return Either::Left(ready(Ok(self.tell(&request, response.map(Sent::Left), began))));
        }
        if let Some(address) = address {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        let answering = self.router.clone().call(request.map(Body::new));
        Either::Right(answering.map_ok(|response| response.map(Sent::Right)).boxed())
    }

    /// Tells of an answer that came by the short way, and names it.
    fn tell<B, S>(&self, request: &Request<B>, mut response: http::Response<S>, began: Instant) -> http::Response<S> {
        let (id, took) = (id_of(request.headers()), began.elapsed());
        let asked = AskedLine { id: text(&id), method: request.method(), path: request.uri().path() };
        asked.span().in_scope(|| asked.answered(response.status(), took));
        let series = if response.status() == StatusCode::OK { &self.sent } else { &self.unchanged };
        series.count(took);
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }
}

impl<B> Service<Request<B>> for Framed
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Sent>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.answer(request, None)
    }
}

/// What the log says of a request.
struct AskedLine<'a> {
    id: &'a str,
    method: &'a Method,
    path: &'a str,
}

impl AskedLine<'_> {
    fn span(&self) -> Span {
        info_span!("request", id = %self.id)
    }

    fn answered(&self, status: StatusCode, took: Duration) {
        // Somebody may have put a secret where a key belongs.
        info!(
            method = %self.method,
            path = %masked(self.path),
            status = status.as_u16(),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    }
}

async fn identified(State(metrics): State<Metrics>, request: Request<Body>, next: Next) -> Response {
    let id = id_of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let asked = AskedLine { id: text(&id), method: &method, path: &path };
    let began = Instant::now();
    async {
        let mut response = next.run(request).await;
        let (status, took) = (response.status(), began.elapsed());
        asked.answered(status, took);
        metrics.answered(known(&method), route.as_ref().map(|route| route.as_str().into()), status.as_u16(), took);
        if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json") {
            response = add_to_problem(response, text(&id)).await;
        }
        response.headers_mut().insert(REQUEST_ID, id.clone());
        response
    }
    .instrument(asked.span())
    .await
}

/// The id of a request: the caller's own, if it can be one.
fn id_of(headers: &HeaderMap) -> HeaderValue {
    let own = || HeaderValue::from_bytes(&next_id()).expect("hexadecimal digits are a header");
    headers.get(REQUEST_ID).filter(|sent| is_usable(sent)).cloned().unwrap_or_else(own)
}

fn text(id: &HeaderValue) -> &str {
    id.to_str().expect("an id is letters, digits and hyphens")
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

fn is_usable(sent: &HeaderValue) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    (1..=LONGEST).contains(&sent.len()) && sent.as_bytes().iter().all(is_plain)
}

/// An id that is given once: a count of this thread's that began at random, mixed so that no two look alike (the finaliser of
/// SplitMix64, which is a bijection: Steele, Lea and Flood, 2014). It is no secret.
fn next_id() -> [u8; 16] {
    thread_local! {
        static NEXT: Cell<u64> = Cell::new(getrandom::u64().expect("the system always has random bytes"));
    }
    let mut mixed = NEXT.replace(NEXT.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // The digits from the last to the first: four bits each.
    let mut digits = [0; 16];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(mixed & 0xf) as usize];
        mixed >>= 4;
    }
    digits
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

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use http::header::AUTHORIZATION;
    use serde_json::json;
    use tenantry::token::{TokenText, Tokens};
    use tenantry_core::catalog::Catalog;
    use tenantry_core::scope::{Scope, TenantId};
    use tenantry_core::validate::Validator;
    use tenantry_store::Stores;
    use tenantry_store::memory::MemoryStore;
    use tower::Service as _;

    use super::*;
    use crate::access::Role;
    use crate::application::tests::Nothing;
    use crate::hot::{HOT_BYTES, Hot};
    use crate::service::{Context as Changing, Service};

    const PATH: &str = "/v1/tenants/acme/configuration";

    /// An API whose looks at the store hold for an hour, so that what is kept stays so but for changes by way of it.
    pub(crate) async fn api() -> (Api, Framed) {
        let catalog = json!({"type": "object", "properties": {"name": {"type": "string", "default": "Built-in"}}});
        let catalog = Arc::new(Catalog::from_schema(&catalog).unwrap());
        let stores = Stores::new(Arc::new(MemoryStore::new()));
        let service = Service::open(stores, catalog.clone(), Validator::new(catalog)).await.unwrap();
        for id in ["acme", "beta"] {
            service.create_tenant(&TenantId::parse(id).unwrap(), id, &changing()).await.unwrap();
        }
        let tokens = Tokens::open(service.stores()).await.unwrap();
        let api = Api::new(service, tokens, Arc::new(Nothing));
        let api = Api { hot: Hot::new(HOT_BYTES, Duration::from_secs(2), Duration::from_hours(1)), ..api };
        let framed = framed(&api, crate::router(api.clone()));
        (api, framed)
    }

    fn changing() -> Changing {
        Changing { actor: "test".to_owned(), reason: None, at: jiff::Timestamp::now() }
    }

    async fn token(api: &Api, tenant: Option<&str>, seed: u8) -> String {
        let scope = tenant.map_or(Scope::Global, |id| Scope::Tenant(TenantId::parse(id).unwrap()));
        let role = if tenant.is_some() { Role::TenantViewer } else { Role::Operator };
        let random = TokenText::from_random(&[seed; TokenText::RANDOM_BYTES]);
        let made = api.service.create_token(&scope, role, "test", 1, random, &changing()).await.unwrap();
        // Its first use is noted, which is a change of the store.
        api.tokens.authenticate(made.text.expose(), jiff::Timestamp::now()).await.unwrap();
        tokio::task::yield_now().await;
        format!("Bearer {}", made.text.expose())
    }

    fn asking(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
        let request = Request::builder().method(method).uri(path).header(REQUEST_ID, "same");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    async fn whole(response: Response) -> (StatusCode, Vec<(String, String)>, Bytes) {
        let (parts, body) = response.into_parts();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        // The length is told by whatever sends the answer, if nobody did before.
        let told = parts.headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH);
        let mut headers: Vec<_> = told.map(|(name, value)| (name.to_string(), text(value))).collect();
        headers.sort();
        (parts.status, headers, to_bytes(body, usize::MAX).await.unwrap())
    }

    /// The answers by the short way, if there is one, and by the long way.
    async fn both(framed: &mut Framed, request: impl Fn() -> Request<Body>) -> (Option<Response>, Response) {
        let short = framed.shortcut.as_ref().unwrap().answer(&request(), Instant::now());
        let short = short.map(|response| framed.tell(&request(), response.map(Body::new), Instant::now()));
        (short, framed.router.call(request()).await.unwrap())
    }

    #[tokio::test]
    async fn the_short_way_leads_to_the_very_answer_of_the_long_one() {
        let (api, mut framed) = api().await;
        for (owner, seed) in [(Some("acme"), 1), (None, 2)] {
            let bearer = token(&api, owner, seed).await;
            let with = |more: &[(&'static str, String)]| {
                let mut headers = vec![(AUTHORIZATION.as_str(), bearer.clone())];
                headers.extend_from_slice(more);
                move || {
                    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    asking("GET", PATH, &headers)
                }
            };
            let (_, first) = both(&mut framed, with(&[])).await;
            let tag = first.headers()["etag"].to_str().unwrap().to_owned();
            for more in [vec![], vec![("if-none-match", tag)], vec![("if-none-match", "\"other\"".to_owned())]] {
                let (short, long) = both(&mut framed, with(&more)).await;
                let short = short.expect("what was asked before is kept");
                assert_eq!(whole(short).await, whole(long).await, "{owner:?} {more:?}");
            }
        }
    }

    #[tokio::test]
    async fn whatever_is_not_exactly_that_takes_the_long_way() {
        let (api, mut framed) = api().await;
        let (acme, beta) = (token(&api, Some("acme"), 1).await, token(&api, Some("beta"), 2).await);
        for (bearer, path) in [(&acme, PATH), (&beta, "/v1/tenants/beta/configuration")] {
            let (_, known) = both(&mut framed, || asking("GET", path, &[("authorization", bearer)])).await;
            assert_eq!(known.status(), StatusCode::OK);
        }
        let own = ("authorization", acme.as_str());
        let cases = [
            ("GET", PATH, &[("authorization", beta.as_str())][..], 404),
            ("GET", PATH, &[], 401),
            ("GET", PATH, &[own, own], 400),
            ("GET", PATH, &[own, ("x-tenant-id", "beta")], 403),
            ("GET", "/v1/tenants/acme/configuration?token=x", &[own], 400),
            ("GET", "/v1/tenants/%61cme/configuration", &[own], 200),
            ("GET", "/v1/tenants/nobody/configuration", &[own], 404),
            ("HEAD", PATH, &[own], 200),
            ("GET", PATH, &[own, ("accept-encoding", "gzip")], 200),
        ];
        for (method, path, headers, status) in cases {
            let (short, long) = both(&mut framed, || asking(method, path, headers)).await;
            assert!(short.is_none(), "{method} {path} {headers:?}");
            assert_eq!(long.status().as_u16(), status, "{method} {path} {headers:?}");
        }
    }

    #[tokio::test]
    async fn what_is_changed_suspended_or_revoked_by_way_of_the_server_is_gone_from_the_short_way_at_once() {
        let (api, mut framed) = api().await;
        let (acme, operator) = (token(&api, Some("acme"), 1).await, token(&api, None, 2).await);
        let own = || asking("GET", PATH, &[("authorization", &acme)]);
        both(&mut framed, own).await;
        assert!(both(&mut framed, own).await.0.is_some());
        let suspend = asking("POST", "/v1/tenants/acme/suspend", &[("authorization", &operator)]);
        assert_eq!(framed.call(suspend).await.unwrap().status(), StatusCode::OK);
        let (short, long) = both(&mut framed, own).await;
        assert!(short.is_none());
        assert_eq!(long.status(), StatusCode::FORBIDDEN);
        assert!(both(&mut framed, own).await.0.is_none(), "what is refused is not kept");
    }

    #[tokio::test]
    async fn what_is_refused_empties_nothing_that_is_kept_for_others() {
        let (api, mut framed) = api().await;
        let (acme, beta) = (token(&api, Some("acme"), 1).await, token(&api, Some("beta"), 2).await);
        let own = || asking("GET", PATH, &[("authorization", &acme)]);
        both(&mut framed, own).await;
        let refused = asking("PATCH", "/v1/tenants/beta/overrides", &[("authorization", &beta)]);
        assert!(framed.call(refused).await.unwrap().status().is_client_error());
        assert!(both(&mut framed, own).await.0.is_some());
    }

    #[test]
    fn no_id_is_given_twice() {
        let ids: std::collections::BTreeSet<_> = (0..10_000).map(|_| next_id()).collect();
        assert!(ids.len() == 10_000 && ids.iter().flatten().all(u8::is_ascii_hexdigit));
    }
}

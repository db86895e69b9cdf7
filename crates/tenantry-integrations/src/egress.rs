//! The way out: the only place that builds an HTTP client. Refuses internal addresses.
//!
//! URLs that tenants supply are hostile until proven otherwise. What holds for every request:
//!
//! * `https` to port 443 of a public host, or an origin that the operator allowed, and no user information.
//! * All addresses of a name are judged, one internal one refuses all, and the connection goes to the judged ones.
//! * No redirects, no proxy of the environment, no cookies, no retry of what may have arrived.
//! * [`CONNECT_LIMIT`] to connect, [`DEFAULT_LIMIT`] in all unless the caller asks for more within the operator's
//!   bound, [`MAX_BODY`] after decompression ([`MAX_STREAM`] of what is read as it comes), [`MAX_DEPTH`] levels of JSON.
//!
//! The tenant learns the [`Rule`] that refused, never an address.

mod address;
mod allow_list;
mod endpoint;
mod error;
mod lookup;
mod request;
mod response;
mod rules;
mod span;
mod streaming;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use allow_list::{AllowList, NotAnOrigin};
pub use endpoint::Endpoint;
pub use error::{EgressError, Obstacle};
pub use request::{MaskedRequest, Request};
pub use response::{MAX_BODY, MAX_DEPTH, Response};
pub use rules::{Rule, check_url};
pub use streaming::{MAX_STREAM, Streaming};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;
use url::Url;

use self::lookup::{Any, Lookup, PublicOnly};

/// Time to look a name up, connect and agree on TLS.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Time for a whole request, from the look-up to the last byte of the answer, unless the caller asks for another.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(10);

/// The longest time that a caller can ask for, unless the operator sets another: a long answer of a large model.
pub const DEFAULT_LONGEST_LIMIT: Duration = Duration::from_mins(2);

/// Sends requests by the outbound rules. Clones share their connections.
#[derive(Clone)]
pub struct Egress {
    allow_list: Arc<AllowList>,
    longest_limit: Duration,
    /// Goes to public addresses only.
    public: reqwest::Client,
    /// Goes to origins on the operator's list only, wherever they are. The two share no connection.
    allowed: reqwest::Client,
}

impl Egress {
    /// Begins with the strict rules; the operator may allow more.
    pub fn builder() -> EgressBuilder {
        EgressBuilder {
            allow_list: AllowList::default(),
            longest_limit: DEFAULT_LONGEST_LIMIT,
            lookup: lookup::system(),
        }
    }

    /// Judges a URL as a setting: as [`check_url`], with the operator's allow-list.
    pub fn check_url(&self, text: &str) -> Result<Url, Rule> {
        self.allow_list.check_url(text)
    }

    /// The time that a request gets which asks for `limit`.
    pub fn granted(&self, limit: Option<Duration>) -> Duration {
        limit.unwrap_or(DEFAULT_LIMIT).min(self.longest_limit)
    }

    /// Sends a request and reads the whole answer, whatever its status but a redirect.
    pub async fn send(&self, request: Request) -> Result<Response, EgressError> {
        let span = span::of(&request);
        let outcome = self.whole(request).instrument(span.clone()).await;
        span::end(&span, outcome.as_ref().map(Response::status));
        outcome
    }

    /// Sends a request and hands over the answer as it comes. The limit is for all of it, as is [`MAX_STREAM`].
    pub async fn open(&self, request: Request) -> Result<Streaming, EgressError> {
        let span = span::of(&request);
        let outcome = self.head(request).instrument(span.clone()).await;
        span::end(&span, outcome.as_ref().map(Streaming::status));
        outcome
    }

    async fn whole(&self, request: Request) -> Result<Response, EgressError> {
        self.allow_list.check(request.url())?;
        let limit = self.granted(request.limit());
        // One limit around everything: a server that sends a byte now and then cannot hold us.
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(EgressError::TimedOut { limit }),
        }
    }

    async fn head(&self, request: Request) -> Result<Streaming, EgressError> {
        self.allow_list.check(request.url())?;
        let limit = self.granted(request.limit());
        let deadline = Instant::now() + limit;
        match timeout_at(deadline, self.begin(request)).await {
            Ok(answer) => Ok(Streaming::new(answer?, limit, deadline)),
            Err(_) => Err(EgressError::TimedOut { limit }),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Response, EgressError> {
        Response::read(self.begin(request).await?).await
    }

    /// Sends a request, and waits for the head of the answer.
    async fn begin(&self, request: Request) -> Result<reqwest::Response, EgressError> {
        let is_allowed = self.allow_list.contains(request.url());
        let client = if is_allowed { &self.allowed } else { &self.public };
        let answer = client.execute(request.into_http()?).await?;
        if !is_allowed {
            refuse_internal_peer(&answer)?;
        }
        if answer.status().is_redirection() {
            return Err(Rule::Redirect.into());
        }
        Ok(answer)
    }
}

/// Looks at the socket itself: a net below the net, should the connector ever choose an address of its own.
fn refuse_internal_peer(answer: &reqwest::Response) -> Result<(), Rule> {
    answer.remote_addr().map_or(Ok(()), |peer| rules::check_address(peer.ip()))
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("longest_limit", &self.longest_limit).finish_non_exhaustive()
    }
}

/// Takes the operator's decisions about the way out.
pub struct EgressBuilder {
    allow_list: AllowList,
    longest_limit: Duration,
    lookup: Lookup,
}

impl EgressBuilder {
    /// Allows an origin beyond the rules: scheme, host and port, each exactly, such as `http://127.0.0.1:1234`.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, NotAnOrigin> {
        self.allow_list.allow(origin)?;
        Ok(self)
    }

    /// Allows the origins of a list beyond the rules, and no others.
    #[must_use]
    pub fn allow_list(mut self, list: AllowList) -> Self {
        self.allow_list = list;
        self
    }

    /// Bounds the time that a caller can ask for, [`DEFAULT_LONGEST_LIMIT`] otherwise.
    #[must_use]
    pub fn longest_limit(mut self, limit: Duration) -> Self {
        self.longest_limit = limit;
        self
    }

    #[cfg(test)]
    fn lookup(mut self, lookup: Lookup) -> Self {
        self.lookup = lookup;
        self
    }

    /// Builds the two clients, which read the platform's root certificates once.
    pub fn build(self) -> Egress {
        let tls = tls::config();
        Egress {
            allow_list: Arc::new(self.allow_list),
            longest_limit: self.longest_limit,
            public: client(tls.clone(), PublicOnly(self.lookup.clone())),
            allowed: client(tls, Any(self.lookup)),
        }
    }
}

fn client(tls: rustls::ClientConfig, resolver: impl reqwest::dns::Resolve + 'static) -> reqwest::Client {
    reqwest::Client::builder()
        .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_LIMIT)
        .build()
        .expect("a client of these settings depends on nothing that can fail")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;

    use super::*;

    fn get(text: &str) -> Request {
        Request::get(Url::parse(text).unwrap())
    }

    /// Answers with a public address first and with loopback ever after, and counts.
    fn rebinding(asked: &Arc<AtomicUsize>) -> Lookup {
        let asked = Arc::clone(asked);
        Arc::new(move |_| {
            let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
            let address = if first { [203, 0, 114, 1] } else { [127, 0, 0, 1] };
            futures::future::ready(Ok(vec![SocketAddr::from((address, 0))])).boxed()
        })
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_by_its_rule() {
        let egress = Egress::builder()
            .lookup(Arc::new(|_| futures::future::ready(Ok(vec![SocketAddr::from(([10, 0, 0, 5], 0))])).boxed()))
            .build();
        let error = egress.send(get("https://erp.example.com/")).await.unwrap_err();
        assert_eq!(error, EgressError::NotAllowed(Rule::InternalAddress));
        assert!(!error.to_string().contains("10.0.0.5"));
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_so_that_it_cannot_be_rebound() {
        let asked = Arc::new(AtomicUsize::new(0));
        let resolver = PublicOnly(rebinding(&asked));
        let name = || "erp.example.com".parse().unwrap();
        let first: Vec<_> = reqwest::dns::Resolve::resolve(&resolver, name()).await.unwrap().collect();
        assert_eq!(first, [SocketAddr::from(([203, 0, 114, 1], 0))], "what was judged is what is connected to");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(reqwest::dns::Resolve::resolve(&resolver, name()).await.is_err(), "each look-up is judged anew");
    }

    #[tokio::test]
    async fn a_name_that_is_not_found_is_unreachable() {
        let egress = Egress::builder().lookup(Arc::new(|_| futures::future::ready(Ok(Vec::new())).boxed())).build();
        let error = egress.send(get("https://erp.example.com/")).await.unwrap_err();
        assert_eq!(error, EgressError::Unreachable(Obstacle::Lookup));
    }

    #[tokio::test]
    async fn a_look_up_without_end_is_timed_out() {
        let egress = Egress::builder().lookup(Arc::new(|_| futures::future::pending().boxed())).build();
        let limit = Duration::from_millis(20);
        let error = egress.send(get("https://erp.example.com/").within(limit)).await.unwrap_err();
        assert_eq!(error, EgressError::TimedOut { limit });
    }

    #[tokio::test]
    async fn refuses_before_anything_is_looked_up() {
        let asked = Arc::new(AtomicUsize::new(0));
        let egress = Egress::builder().lookup(rebinding(&asked)).build();
        for (url, rule) in [
            ("http://erp.example.com/", Rule::Scheme),
            ("https://erp.example.com:8443/", Rule::Port),
            ("https://u:p@erp.example.com/", Rule::UserInfo),
            ("https://localhost/", Rule::InternalName),
            ("https://[::ffff:169.254.169.254]/", Rule::InternalAddress),
        ] {
            assert_eq!(egress.send(get(url)).await.unwrap_err(), EgressError::NotAllowed(rule), "{url}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_caller_gets_no_more_time_than_the_operator_allows() {
        let egress = Egress::builder().longest_limit(Duration::from_secs(30)).build();
        assert_eq!(egress.granted(None), DEFAULT_LIMIT);
        assert_eq!(egress.granted(Some(Duration::from_secs(20))), Duration::from_secs(20));
        assert_eq!(egress.granted(Some(Duration::MAX)), Duration::from_secs(30));
    }
}

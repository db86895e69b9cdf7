//! A request to an outside system, as a value.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use tenantry_core::secret::SecretText;
use url::Url;

use super::error::EgressError;

/// A request that was made but not sent. Its credential stays hidden until [`super::Egress::send`].
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    authorization: Option<Authorization>,
    query_secret: Option<(&'static str, SecretText)>,
    body: Option<Value>,
    body_secret: Option<(&'static str, SecretText)>,
    /// A body that is no JSON, in the place of one that is.
    bytes: Option<Bytes>,
    limit: Option<Duration>,
}

/// The `Authorization` header: a scheme such as `Bearer`, and the credential.
#[derive(Clone)]
struct Authorization {
    scheme: &'static str,
    credential: SecretText,
}

impl Request {
    /// A request that only reads.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A request with a JSON body.
    pub fn post(url: Url, body: Value) -> Self {
        let mut request = Self::new(Method::POST, url);
        request.body = Some(body);
        request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// A request with a body of any type; the header that names it is the caller's to add.
    pub fn post_bytes(url: Url, body: Bytes) -> Self {
        Self { bytes: Some(body), ..Self::new(Method::POST, url) }
    }

    fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            authorization: None,
            query_secret: None,
            body: None,
            body_secret: None,
            bytes: None,
            limit: None,
        }
    }

    /// Adds a header. One that is marked as sensitive is sent, and not shown.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds `Authorization: <scheme> <credential>`.
    #[must_use]
    pub fn authorization(mut self, scheme: &'static str, credential: SecretText) -> Self {
        self.authorization = Some(Authorization { scheme, credential });
        self
    }

    /// Adds a secret to the query, for a provider that takes it nowhere else.
    #[must_use]
    pub fn query_secret(mut self, name: &'static str, secret: SecretText) -> Self {
        self.query_secret = Some((name, secret));
        self
    }

    /// Puts a secret into the body, where its placeholder stands: `pointer` is a JSON Pointer.
    #[must_use]
    pub fn body_secret(mut self, pointer: &'static str, secret: SecretText) -> Self {
        self.body_secret = Some((pointer, secret));
        self
    }

    /// Asks for another time limit than [`super::DEFAULT_LIMIT`]; the operator's bound still holds.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// What is done, as a provider counts it.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// Where the request goes, without a secret that is to stand in the query.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The JSON body, without a secret that is to stand in it.
    pub fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// The time limit that was asked for.
    pub fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// Describes the request for people: all of it but the credential, which is `***`.
    ///
    /// The path is shown whole: this is not for a provider whose credential is part of the path.
    pub fn masked(&self) -> MaskedRequest {
        let mut headers: BTreeMap<_, _> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value)).map(shown).collect();
        if let Some(Authorization { scheme, .. }) = self.authorization {
            headers.insert(AUTHORIZATION.to_string(), format!("{scheme} {MASK}"));
        }
        let url = self.url_with(|_| MASK);
        MaskedRequest { method: self.method.to_string(), url: url.into(), headers, body: self.body_with(|_| MASK) }
    }

    /// The URL as it is sent, or shown.
    fn url_with<'a>(&'a self, shown: impl Fn(&'a SecretText) -> &'a str) -> Url {
        let mut url = self.url.clone();
        if let Some((name, secret)) = &self.query_secret {
            url.query_pairs_mut().append_pair(name, shown(secret));
        }
        url
    }

    /// The body as it is sent, or shown.
    fn body_with<'a>(&'a self, shown: impl Fn(&'a SecretText) -> &'a str) -> Option<Value> {
        let mut body = self.body.clone();
        if let (Some(body), Some((pointer, secret))) = (&mut body, &self.body_secret) {
            *body.pointer_mut(pointer).expect("a body has the place of its secret") = shown(secret).into();
        }
        body
    }

    /// Hands the parts to the client; here the credential leaves its cover.
    pub(super) fn into_http(self) -> Result<reqwest::Request, EgressError> {
        let (url, body) = (self.url_with(SecretText::expose), self.body_with(SecretText::expose));
        let mut request = reqwest::Request::new(self.method, url);
        *request.headers_mut() = self.headers;
        if let Some(authorization) = self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.value()?);
        }
        *request.body_mut() = body.map(|body| body.to_string().into()).or_else(|| self.bytes.map(Into::into));
        Ok(request)
    }
}

impl Authorization {
    fn value(&self) -> Result<HeaderValue, EgressError> {
        let text = SecretText::new(format!("{} {}", self.scheme, self.credential.expose()));
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| EgressError::Credential)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// What is shown instead of a secret.
const MASK: &str = "***";

fn shown((name, value): (&str, &HeaderValue)) -> (String, String) {
    let value = if value.is_sensitive() { MASK.into() } else { String::from_utf8_lossy(value.as_bytes()) };
    (name.to_owned(), value.into_owned())
}

impl fmt::Debug for Request {
    /// Shows the method and the origin: paths and queries of some providers carry credentials, bodies carry messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, self.url.origin().ascii_serialization())
    }
}

/// A request as it may be shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskedRequest {
    /// The method, such as `POST`.
    pub method: String,
    /// The whole URL; a secret in its query is `***`.
    pub url: String,
    /// Headers by their lower-case names; the credential in `authorization` is `***`.
    pub headers: BTreeMap<String, String>,
    /// The JSON body, exactly as it is sent; a secret in it is `***`.
    pub body: Option<Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CANARY: &str = "CANARY-acme-5f0f";

    fn request() -> Request {
        let url = Url::parse("https://api.example/v1/x?q=CANARY-in-url").unwrap();
        Request::post(url, json!({"a": 1})).authorization("Bearer", SecretText::new(CANARY.to_owned()))
    }

    #[test]
    fn a_masked_request_shows_all_but_the_credential() {
        let shown = serde_json::to_value(request().masked()).unwrap();
        let expected = json!({
            "method": "POST",
            "url": "https://api.example/v1/x?q=CANARY-in-url",
            "headers": {"authorization": "Bearer ***", "content-type": "application/json"},
            "body": {"a": 1},
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_secret_in_query_or_body_is_sent_and_not_shown() {
        let secret = || SecretText::new("CANARY&acme=1".to_owned());
        let url = Url::parse("https://api.example/v1/x?q=1").unwrap();
        let request = Request::post(url, json!({"args": ["acme", null]}))
            .query_secret("key", secret())
            .body_secret("/args/1", secret());
        let shown = request.masked();
        assert_eq!(shown.url, "https://api.example/v1/x?q=1&key=***");
        assert_eq!(shown.body, Some(json!({"args": ["acme", "***"]})));
        assert!(!format!("{request:?} {shown:?} {} {:?}", request.url(), request.body()).contains("CANARY"));

        let sent = request.into_http().unwrap();
        assert_eq!(sent.url().as_str(), "https://api.example/v1/x?q=1&key=CANARY%26acme%3D1");
        assert_eq!(sent.body().unwrap().as_bytes().unwrap(), br#"{"args":["acme","CANARY&acme=1"]}"#);
    }

    #[test]
    fn bytes_and_a_sensitive_header_are_sent_and_not_shown() {
        let mut value = HeaderValue::from_static(CANARY);
        value.set_sensitive(true);
        let url = Url::parse("https://api.example/v1/x").unwrap();
        let request = Request::post_bytes(url, Bytes::from_static(b"\x0a\x00")).header("x-key".parse().unwrap(), value);
        assert_eq!(request.masked().headers["x-key"], "***");
        let sent = request.into_http().unwrap();
        assert_eq!(sent.headers()["x-key"], CANARY);
        assert_eq!(sent.body().unwrap().as_bytes().unwrap(), b"\x0a\x00");
    }

    #[test]
    fn debug_shows_neither_path_nor_credential() {
        assert_eq!(format!("{:?}", request()), "Request(POST https://api.example)");
    }

    #[test]
    fn the_credential_is_sent_and_marked_as_sensitive() {
        let sent = request().into_http().unwrap();
        let value = &sent.headers()[AUTHORIZATION];
        assert_eq!(value.to_str().unwrap(), format!("Bearer {CANARY}"));
        assert!(value.is_sensitive());
        assert!(!format!("{sent:?}").contains("CANARY-acme"));
    }

    #[test]
    fn a_credential_that_cannot_be_a_header_is_refused_and_not_shown() {
        let error = request().authorization("Bearer", SecretText::new("CANARY\n".to_owned())).into_http().unwrap_err();
        assert_eq!(error, EgressError::Credential);
        assert!(!error.to_string().contains("CANARY"));
    }
}

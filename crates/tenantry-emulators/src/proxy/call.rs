//! One call of a client, as the proxy records it.

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde_json::Value;

/// A call that came to a proxy.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which operation: the header `X-Amz-Target` (`DynamoDB_20120810.Query`, `secretsmanager.GetSecretValue`), or the
    /// field `Action` of a form (`AssumeRole`), or else method and path (`PUT /bucket/key`).
    pub target: String,
    /// Who signed it: the access key's id.
    pub access_key: Option<String>,
    /// Whether the credentials are temporary, as those of an assumed role are.
    pub has_session_token: bool,
    /// The request's body.
    pub body: Bytes,
}

impl Call {
    pub(super) fn of(head: &Parts, body: Bytes) -> Self {
        Self {
            target: target(head, &body),
            access_key: access_key(&head.headers),
            has_session_token: head.headers.contains_key("x-amz-security-token"),
            body,
        }
    }

    /// The operation alone, without the service: `Query`.
    pub fn operation(&self) -> &str {
        self.target.rsplit('.').next().unwrap_or_default()
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the caller sent a form and expects XML, as with STS.
    pub(super) fn is_form(&self) -> bool {
        action(&self.body).is_some()
    }
}

fn target(head: &Parts, body: &[u8]) -> String {
    let named = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).or_else(|| action(body));
    named.map_or_else(|| format!("{} {}", head.method, head.uri.path()), str::to_owned)
}

/// The field `Action` of a form. The names of actions hold nothing that a form would escape.
fn action(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(body).ok()?.split('&').find_map(|field| field.strip_prefix("Action="))
}

/// What stands between `Credential=` and the first slash of a signature (version 4).
fn access_key(headers: &HeaderMap) -> Option<String> {
    let signature = headers.get("authorization")?.to_str().ok()?;
    let (_, scope) = signature.split_once("Credential=")?;
    scope.split('/').next().map(str::to_owned)
}

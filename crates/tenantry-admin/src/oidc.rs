//! Bearer tokens of an identity provider: JSON Web Tokens by OpenID Connect, for people and programs that log in elsewhere.
//!
//! The issuer's keys are found by discovery, and asked for again when a token names one that is not known, but not more often
//! than every half minute: whoever makes up names of keys must not make this server ask all the time. Only algorithms with a
//! public key are accepted, so that nobody can sign with what everybody knows.
//!
//! Formats: openid.net/specs/openid-connect-discovery-1_0.html, RFC 7517 (keys), RFC 7519 (tokens), RFC 9068 (claims).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::StatusCode;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use tenantry::problem::Problem;
use tenantry_core::scope::{Scope, TenantId};
use tokio::sync::Mutex;

use crate::access::{Credential, Principal, Role};
use crate::service::words::is_invisible;

/// The algorithms that are accepted: those with a public key.
const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];
/// How often the issuer is asked for its keys at the most.
const KEYS_PAUSE: Duration = Duration::from_secs(30);
/// After that time the keys are asked for again, so that one which the issuer withdrew does not hold for ever.
const KEYS_KEPT: Duration = Duration::from_hours(1);
/// For how long they hold where the issuer cannot be asked: one that it has withdrawn must not hold for ever.
const KEYS_HOLD: Duration = Duration::from_hours(24);
/// By how many seconds the clocks of two machines may differ.
const LEEWAY: u64 = 30;
/// The longest subject that the log shows, in characters.
const LONGEST_SUBJECT: usize = 100;

/// Whose tokens are accepted, and what their claims are called.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// The issuer, as it stands in its tokens and in front of `/.well-known/openid-configuration`.
    pub issuer: String,
    /// For whom tokens must be meant.
    pub audience: String,
    /// The claim that names the tenant; an operator's token has none.
    pub tenant_claim: String,
    /// The claim that names the role.
    pub role_claim: String,
}

/// Fetches documents of the issuer. What builds HTTP clients is outside of this crate.
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync + 'static {
    /// The document at a URL; the error says why there is none, for the log.
    async fn fetch(&self, url: &str) -> Result<Value, String>;
}

/// Finds out whose a token of an identity provider is; a clone shares the keys.
#[derive(Clone)]
pub struct Oidc {
    settings: Arc<OidcSettings>,
    source: Arc<dyn Fetch>,
    keys: Arc<std::sync::Mutex<Keys>>,
    /// Held by whoever asks the issuer.
    asking: Arc<Mutex<()>>,
}

/// The issuer's keys, as they were when it was asked.
#[derive(Default)]
struct Keys {
    by_id: HashMap<String, DecodingKey>,
    asked: Option<Instant>,
    found: Option<Instant>,
}

impl Keys {
    fn may_ask(&self) -> bool {
        self.asked.is_none_or(|asked| asked.elapsed() > KEYS_PAUSE)
    }
}

/// Why a token does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("this is no token: a token reads tny_…, or is a JSON Web Token")]
    Malformed,
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    #[error("the token was signed by a key that the issuer does not have")]
    UnknownKey,
    #[error("the token expired")]
    Expired,
    #[error("the token does not hold here: {0}")]
    Invalid(&'static str),
    #[error("the issuer's keys cannot be had now")]
    NoKeys,
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        match fault {
            Fault::NoKeys => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "issuer_unavailable", text).retry_after(KEYS_PAUSE)
            }
            Fault::Expired => refused("token_expired", text),
            Fault::Malformed | Fault::Algorithm | Fault::UnknownKey | Fault::Invalid(_) => {
                refused("token_invalid", text)
            }
        }
    }
}

fn refused(code: &'static str, text: String) -> Problem {
    let challenge = HeaderValue::from_static(r#"Bearer realm="tenantry", error="invalid_token""#);
    Problem::new(StatusCode::UNAUTHORIZED, code, text).with_header(WWW_AUTHENTICATE, challenge)
}

impl Oidc {
    /// Accepts tokens by these settings, with keys from `source`.
    pub fn new(settings: OidcSettings, source: Arc<dyn Fetch>) -> Self {
        Self { settings: Arc::new(settings), source, keys: Arc::default(), asking: Arc::default() }
    }

    /// Whose a token is, and when it ends.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<(Principal, Timestamp), Problem> {
        let header = decode_header(token).map_err(|error| match error.kind() {
            // An algorithm that the library does not know, such as `none`.
            jsonwebtoken::errors::ErrorKind::Json(_) | jsonwebtoken::errors::ErrorKind::InvalidAlgorithmName => {
                Fault::Algorithm
            }
            _ => Fault::Malformed,
        })?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Fault::Algorithm.into());
        }
        if header.crit.is_some() {
            // RFC 7515: what must be understood and is not makes it void. Nothing of that kind is understood here.
            return Err(Fault::Invalid("its header asks for what is not understood here").into());
        }
        let key = self.key(header.kid.as_deref().unwrap_or_default()).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        let claims = decode::<Map<String, Value>>(token, &key, &validation).map_err(|error| fault(&error))?.claims;
        Ok(self.principal(&claims)?)
    }

    /// The key of this id. One that is known is given at once, whatever the issuer does now. One that is not known may be new,
    /// so the issuer is asked, if it was not just now.
    async fn key(&self, id: &str) -> Result<DecodingKey, Fault> {
        let (known, may_ask) = self.known(id);
        if let Ok(key) = known {
            if may_ask {
                tokio::spawn(self.clone().ask());
            }
            return Ok(key);
        }
        // Whoever comes while the issuer is asked waits for the answer, and does not ask again. It is asked to the end though
        // whoever came first goes: the next ones may not ask for a while.
        let _ = tokio::spawn(self.clone().ask()).await;
        self.known(id).0
    }

    /// The key of this id among those that are known, and whether the issuer is to be asked for them anew.
    fn known(&self, id: &str) -> (Result<DecodingKey, Fault>, bool) {
        let keys = self.keys();
        let age = keys.found.map(|found| found.elapsed());
        let is_old = age.is_none_or(|age| age > KEYS_KEPT);
        let known = match age {
            Some(age) if age <= KEYS_HOLD => keys.by_id.get(id).cloned().ok_or(Fault::UnknownKey),
            Some(_) | None => Err(Fault::NoKeys),
        };
        (known, is_old && keys.may_ask())
    }

    /// Asks the issuer for its keys, if it was not asked just now.
    async fn ask(self) {
        let _one = self.asking.lock().await;
        if !self.keys().may_ask() {
            return;
        }
        self.keys().asked = Some(Instant::now());
        match self.fetch_keys().await {
            Ok(by_id) => {
                let mut keys = self.keys();
                (keys.by_id, keys.found) = (by_id, Some(Instant::now()));
            }
            Err(why) => tracing::error!(issuer = self.settings.issuer, why, "the issuer's keys cannot be had"),
        }
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, Keys> {
        // Each change is one statement: a panic elsewhere leaves nothing half done.
        self.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn fetch_keys(&self) -> Result<HashMap<String, DecodingKey>, String> {
        let issuer = &self.settings.issuer;
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found = self.source.fetch(&place).await?;
        if found["issuer"] != issuer.as_str() {
            return Err("the discovery document is that of another issuer".to_owned());
        }
        let place = found["jwks_uri"].as_str().ok_or("the discovery document names no keys")?;
        let keys = self.source.fetch(place).await?;
        let keys: JwkSet = serde_json::from_value(keys).map_err(|_| "the keys are no JSON Web Key Set".to_owned())?;
        // A key that is meant for encryption signs nothing.
        let signs = |key: &&Jwk| key.common.public_key_use != Some(PublicKeyUse::Encryption);
        let read = |key: &Jwk| Some((key.common.key_id.clone().unwrap_or_default(), DecodingKey::from_jwk(key).ok()?));
        Ok(keys.keys.iter().filter(signs).filter_map(read).collect())
    }

    fn principal(&self, claims: &Map<String, Value>) -> Result<(Principal, Timestamp), Fault> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(self.settings.issuer.as_str()) {
            // A list of issuers among which it is.
            return Err(Fault::Invalid("it is another issuer's"));
        }
        let role = text(&self.settings.role_claim).ok_or(Fault::Invalid("it names no role"))?;
        let role: Role = role.parse().map_err(|_| Fault::Invalid("it names a role that there is not"))?;
        let scope = match claims.get(&self.settings.tenant_claim) {
            None | Some(Value::Null) => Scope::Global,
            Some(Value::String(id)) => {
                Scope::Tenant(TenantId::parse(id).map_err(|_| Fault::Invalid("it names a tenant that cannot be"))?)
            }
            Some(_) => return Err(Fault::Invalid("it names a tenant that cannot be")),
        };
        if !role.fits(&scope) {
            return Err(Fault::Invalid("its role does not go with its tenant"));
        }
        let subject = text("sub").filter(|subject| !subject.is_empty()).ok_or(Fault::Invalid("it names nobody"))?;
        let ends = claims.get("exp").and_then(Value::as_f64).ok_or(Fault::Invalid("it has no end"))?;
        #[expect(clippy::cast_possible_truncation, reason = "a time beyond all times is none, and told below")]
        let ends = Timestamp::from_second(ends as i64).map_err(|_| Fault::Invalid("it has no end"))?;
        let shown: String = subject.chars().filter(|c| !is_invisible(*c)).take(LONGEST_SUBJECT).collect();
        let credential = Credential::Issued { subject: subject.to_owned(), ends };
        Ok((Principal { scope, role, actor: format!("oidc:{shown}"), credential }, ends))
    }
}

/// What is wrong with a token, in words that repeat nothing of it.
fn fault(error: &jsonwebtoken::errors::Error) -> Fault {
    use jsonwebtoken::errors::ErrorKind as Kind;

    match error.kind() {
        Kind::ExpiredSignature => Fault::Expired,
        Kind::InvalidIssuer => Fault::Invalid("it is another issuer's"),
        Kind::InvalidAudience => Fault::Invalid("it is meant for somebody else"),
        Kind::ImmatureSignature => Fault::Invalid("it does not hold yet"),
        Kind::InvalidSignature => Fault::Invalid("its signature is wrong"),
        Kind::MissingRequiredClaim(_) => Fault::Invalid("a claim is missing: it needs exp, iss, aud and sub"),
        Kind::InvalidAlgorithm => Fault::Algorithm,
        _ => Fault::Malformed,
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("settings", &self.settings).finish_non_exhaustive()
    }
}

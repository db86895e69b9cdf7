//! Tokens of an identity provider: what holds, and what does not however it is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tenantry::token::Tokens;
use tenantry_admin::Api;
use tenantry_admin::oidc::{Fetch, Oidc, OidcSettings};

use crate::support::TestApplication;
use crate::world::{World, served};

const ISSUER: &str = "https://login.example";

/// The issuer's documents, and how often they were fetched.
#[derive(Debug)]
struct Documents {
    keys: Value,
    fetched: AtomicU32,
    issuer: &'static str,
}

#[async_trait::async_trait]
impl Fetch for Documents {
    async fn fetch(&self, url: &str) -> Result<Value, String> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        // An issuer is somewhere else: it never answers at once.
        tokio::time::sleep(Duration::from_millis(20)).await;
        match url.strip_prefix(ISSUER) {
            Some("/.well-known/openid-configuration") => {
                Ok(json!({"issuer": self.issuer, "jwks_uri": format!("{ISSUER}/keys")}))
            }
            Some("/keys") => Ok(self.keys.clone()),
            _ => Err("there is no such document".to_owned()),
        }
    }
}

struct Issuer {
    world: World,
    documents: Arc<Documents>,
    key: EncodingKey,
    public: Vec<u8>,
}

impl Issuer {
    async fn new() -> Self {
        Self::claiming_to_be(ISSUER).await
    }

    async fn claiming_to_be(issuer: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        let public = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap().public_key().as_ref().to_vec();
        let x = URL_SAFE_NO_PAD.encode(&public);
        let keys =
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x, "alg": "EdDSA", "use": "sig"}]});
        let documents = Arc::new(Documents { keys, fetched: AtomicU32::new(0), issuer });
        let world = World::new().await;
        let settings = OidcSettings {
            issuer: ISSUER.to_owned(),
            audience: "tenantry".to_owned(),
            tenant_claim: "tenant".to_owned(),
            role_claim: "role".to_owned(),
        };
        let tokens = Tokens::open(world.acme.service.stores()).await.unwrap();
        let api = Api::new(world.acme.service.clone(), tokens, Arc::new(TestApplication));
        let router = served(&api.with_oidc(Oidc::new(settings, documents.clone())));
        Self { world: World { router, ..world }, documents, key: EncodingKey::from_ed_der(pkcs8.as_ref()), public }
    }

    /// A token with the usual claims and these.
    fn token(&self, claims: &Value) -> String {
        self.signed(&claims_with(claims), "k1")
    }

    fn signed(&self, claims: &Value, kid: &str) -> String {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &self.key).unwrap()
    }

    async fn ask(&self, path: &str, token: &str) -> (u16, String) {
        let answer = self.world.ask("GET", path).bearer(token).send().await;
        (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
    }
}

fn claims_with(more: &Value) -> Value {
    let now = Timestamp::now().as_second();
    let mut claims = json!({"iss": ISSUER, "aud": "tenantry", "sub": "grace", "exp": now + 300, "iat": now});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

const ACME: &str = "/v1/tenants/acme/tokens";

#[tokio::test]
async fn a_token_reaches_its_tenant_with_its_role_and_the_log_names_its_subject() {
    let issuer = Issuer::new().await;
    let admin = issuer.token(&json!({"tenant": "acme", "role": "tenant-admin"}));
    assert_eq!(issuer.ask(ACME, &admin).await.0, 200);
    assert_eq!(issuer.ask("/v1/tenants/beta/tokens", &admin).await, (404, "not_found".to_owned()));
    let viewer = issuer.token(&json!({"tenant": "acme", "role": "tenant-viewer"}));
    assert_eq!(issuer.ask(ACME, &viewer).await, (403, "permission_missing".to_owned()));
    let operator = issuer.token(&json!({"role": "operator", "aud": ["others", "tenantry"]}));
    assert_eq!(issuer.ask("/v1/tenants", &operator).await.0, 200);
    let path = "/v1/tenants/acme/overrides";
    let asking = issuer.world.ask("PATCH", path).bearer(&admin).with("if-match", "*");
    assert_eq!(asking.json(&json!({"limit": 1})).send().await.code(), (403, "operator_only"), "x-set-by is obeyed");
    let asking = issuer.world.ask("PATCH", path).bearer(&admin).with("if-match", "*");
    assert_eq!(asking.json(&json!({"persona.name": "Ada"})).send().await.status, 200);
    let revisions = issuer.world.ask("GET", "/v1/tenants/acme/revisions").bearer(&admin).send().await;
    assert_eq!(revisions.body["items"][0]["actor"], "oidc:grace");
}

#[tokio::test]
async fn whoever_hangs_up_while_the_issuer_is_asked_shuts_nobody_out() {
    let issuer = Issuer::new().await;
    let made_up = issuer.signed(&claims_with(&json!({})), "no-such-key");
    let gone = tokio::time::timeout(Duration::from_millis(5), issuer.ask(ACME, &made_up)).await;
    assert!(gone.is_err(), "the issuer takes longer");
    let admin = issuer.token(&json!({"tenant": "acme", "role": "tenant-admin"}));
    assert_eq!(issuer.ask(ACME, &admin).await.0, 200);
}

#[tokio::test]
async fn what_does_not_hold_is_refused_whichever_way_it_is_made() {
    let issuer = Issuer::new().await;
    let now = Timestamp::now().as_second();
    let acme = |more: Value| {
        let mut claims = json!({"tenant": "acme", "role": "tenant-admin"});
        more.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        claims
    };
    for (claims, code) in [
        (acme(json!({"exp": now - 60})), "token_expired"),
        (acme(json!({"nbf": now + 600})), "token_invalid"),
        (acme(json!({"aud": "somebody-else"})), "token_invalid"),
        (acme(json!({"iss": "https://evil.example"})), "token_invalid"),
        (acme(json!({"iss": [ISSUER, "https://evil.example"]})), "token_invalid"),
        (acme(json!({"role": "root"})), "token_invalid"),
        (acme(json!({"role": "operator"})), "token_invalid"),
        (acme(json!({"tenant": "Acme"})), "token_invalid"),
        (acme(json!({"tenant": ["acme", "beta"]})), "token_invalid"),
        (acme(json!({"sub": ""})), "token_invalid"),
        (json!({"role": "tenant-admin"}), "token_invalid"),
        (json!({"tenant": "acme"}), "token_invalid"),
    ] {
        assert_eq!(issuer.ask(ACME, &issuer.token(&claims)).await, (401, code.to_owned()), "{claims}");
    }
    for missing in ["exp", "iss", "aud", "sub"] {
        let mut claims = claims_with(&acme(json!({})));
        claims.as_object_mut().unwrap().remove(missing);
        assert_eq!(issuer.ask(ACME, &issuer.signed(&claims, "k1")).await.0, 401, "without {missing}");
    }
    let good = issuer.token(&acme(json!({})));
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = part(json!({"alg": "none", "kid": "k1"}));
    // Signed with what everybody knows, as if it were a shared secret.
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
    let shared = encode(&header, &claims_with(&acme(json!({}))), &EncodingKey::from_secret(&issuer.public)).unwrap();
    let critical =
        Header { kid: Some("k1".to_owned()), crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::EdDSA) };
    let critical = encode(&critical, &claims_with(&acme(json!({}))), &issuer.key).unwrap();
    let other = part(claims_with(&json!({"tenant": "beta", "role": "tenant-admin"})));
    for token in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{other}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        shared,
        critical,
        "a.b.c".to_owned(),
        String::new(),
    ] {
        assert_eq!(issuer.ask(ACME, &token).await.0, 401, "{token}");
    }
}

#[tokio::test]
async fn an_unknown_key_has_the_issuer_asked_and_not_again_and_again() {
    let issuer = Issuer::new().await;
    let claims = claims_with(&json!({"tenant": "acme", "role": "tenant-admin"}));
    assert_eq!(issuer.ask(ACME, &issuer.signed(&claims, "k1")).await.0, 200);
    let asked = issuer.documents.fetched.load(Ordering::SeqCst);
    for number in 0..20 {
        assert_eq!(issuer.ask(ACME, &issuer.signed(&claims, &format!("made-up-{number}"))).await.0, 401);
    }
    assert_eq!(issuer.documents.fetched.load(Ordering::SeqCst), asked, "it was asked just now");
    assert_eq!(issuer.ask(ACME, &issuer.signed(&claims, "k1")).await.0, 200);
}

#[tokio::test]
async fn documents_of_another_issuer_are_not_believed() {
    let issuer = Issuer::claiming_to_be("https://evil.example").await;
    let token = issuer.token(&json!({"tenant": "acme", "role": "tenant-admin"}));
    let answer = issuer.world.ask("GET", ACME).bearer(&token).send().await;
    assert_eq!(answer.code(), (503, "issuer_unavailable"));
    assert!(answer.headers.contains_key("retry-after"));
}

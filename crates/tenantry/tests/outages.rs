//! Tokens while the store is out: those that held lately hold, for a while, and nobody else's do.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use jiff::{Timestamp, ToSpan};
use tenantry::token::{TokenError, TokenText, Tokens};
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_emulators::{Calls, Fault, Proxy, shared};
use tenantry_store::contract::acts::{Draft, entry, scope};
use tenantry_store::contract::place::Place;
use tenantry_store::{Action, Stores, TokenRecord};

struct World {
    dynamodb: Proxy,
    stores: Stores,
    tokens: Tokens,
    now: Timestamp,
}

impl World {
    async fn new() -> Self {
        let shared = shared().await;
        let dynamodb = Proxy::before(shared.dynamo.url()).await;
        let stores = Place::behind(dynamodb.url(), shared.moto.url()).create().await;
        Draft::create("acme").done(&stores).await;
        let tokens = Tokens::open(&stores).await.unwrap();
        Self { dynamodb, stores, tokens, now: Timestamp::now() }
    }

    async fn token(&self, byte: u8) -> (String, SecretText) {
        let token = TokenText::from_random(&[byte; TokenText::RANDOM_BYTES]);
        let (scope, expires_at) = (scope("acme"), self.now + 48.hours());
        let record = TokenRecord {
            id: token.id().to_owned(),
            hash: token.hash(&self.stores.keys().await.unwrap().token, &scope, "tenant-viewer", expires_at),
            scope: scope.clone(),
            role: "tenant-viewer".to_owned(),
            name: "till".to_owned(),
            created_at: self.now,
            created_by: "test".to_owned(),
            expires_at,
            last_used_at: Some(self.now),
            revoked_at: None,
        };
        self.stores.create_token(record, entry(&scope, Action::CreateToken)).await.unwrap();
        (token.id().to_owned(), token.into_secret())
    }

    async fn ask(&self, token: &SecretText, minutes: i64) -> Result<Scope, TokenError> {
        let at = self.now + minutes.minutes();
        self.tokens.authenticate_even_in_outages(token.expose(), at).await.map(|found| found.scope)
    }
}

#[tokio::test]
async fn a_token_that_held_lately_holds_while_the_store_is_out_and_no_other_does() {
    let world = World::new().await;
    let ((_, known), (_, unknown)) = (world.token(1).await, world.token(2).await);
    assert_eq!(world.ask(&known, 0).await.unwrap(), scope("acme"));
    for fault in [|| Fault::Reset, || Fault::Hang, || Fault::error(400, "ThrottlingException", "Rate exceeded")] {
        world.dynamodb.on(Calls::to("GetItem"), fault());
        assert_eq!(world.ask(&known, 4).await.unwrap(), scope("acme"));
        world.dynamodb.heal();
    }
    world.dynamodb.on(Calls::to("GetItem"), Fault::Reset);
    assert!(matches!(world.ask(&unknown, 0).await, Err(TokenError::Store(_))));
    assert!(matches!(world.ask(&known, 6).await, Err(TokenError::Store(_))), "five minutes are the bound");
    let strict = world.tokens.authenticate(known.expose(), world.now).await;
    assert!(matches!(strict, Err(TokenError::Store(_))), "managing asks the store, always: {strict:?}");
}

#[tokio::test]
async fn a_revoked_token_does_not_come_back_with_the_next_outage() {
    let world = World::new().await;
    let (id, token) = world.token(1).await;
    world.ask(&token, 0).await.unwrap();
    world.stores.revoke_token(&id, world.now, entry(&scope("acme"), Action::RevokeToken)).await.unwrap();
    assert!(matches!(world.ask(&token, 1).await, Err(TokenError::Revoked(_))));
    world.dynamodb.on(Calls::to("GetItem"), Fault::Reset);
    assert!(matches!(world.ask(&token, 2).await, Err(TokenError::Store(_))));
}

#[tokio::test]
async fn denied_access_to_tokens_is_never_covered_up() {
    let world = World::new().await;
    let (_, token) = world.token(1).await;
    world.ask(&token, 0).await.unwrap();
    world.dynamodb.on(Calls::to("GetItem"), Fault::error(400, "AccessDeniedException", "no"));
    assert!(matches!(world.ask(&token, 1).await, Err(TokenError::Store(_))));
}

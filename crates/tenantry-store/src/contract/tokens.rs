//! Promises of API tokens: found by id, never forgotten to be revoked.

use tenantry_core::scope::Scope;

use super::acts::{Draft, WHOLE_LOG, at, entry, scope, whole_log};
use crate::{Action, StoreError, Stores, TokenRecord, TokenUse};

pub fn token(id: &str, scope: Scope) -> TokenRecord {
    TokenRecord {
        id: id.to_owned(),
        hash: *b"0123456789abcdef\0\xff0123456789abcd",
        scope,
        role: "tenant-admin".to_owned(),
        name: "for the “till”".to_owned(),
        created_at: at(1),
        created_by: "ada".to_owned(),
        expires_at: at(90),
        last_used_at: None,
        revoked_at: None,
    }
}

async fn create(stores: &Stores, id: &str, scope: Scope) {
    let entry = entry(&scope, Action::CreateToken);
    stores.create_token(token(id, scope), entry).await.unwrap();
}

pub async fn a_token_comes_back_as_written(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    create(&stores, "k1", scope("acme")).await;
    assert_eq!(stores.token("k1").await.unwrap(), Some(token("k1", scope("acme"))));
    assert_eq!(stores.token("k").await.unwrap(), None);
    let log = whole_log(&stores, &WHOLE_LOG).await;
    assert_eq!((log.len(), log[0].action, log[0].revision), (2, Action::CreateToken, None));
}

pub async fn tokens_are_listed_newest_first_of_one_scope_or_all(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    for (id, of) in [("k1", scope("acme")), ("k2", Scope::Global), ("k3", scope("acme"))] {
        create(&stores, id, of).await;
    }
    let listed = async |of: Option<&Scope>| -> Vec<String> {
        stores.tokens(of).await.unwrap().into_iter().map(|token| token.id).collect()
    };
    assert_eq!(listed(None).await, ["k3", "k2", "k1"]);
    assert_eq!(listed(Some(&scope("acme"))).await, ["k3", "k1"]);
    assert_eq!(listed(Some(&Scope::Global)).await, ["k2"]);
    assert!(listed(Some(&scope("beta"))).await.is_empty());
}

pub async fn a_revoked_token_stays_revoked(stores: Stores) {
    create(&stores, "k1", Scope::Global).await;
    stores.revoke_token("k1", at(5), entry(&Scope::Global, Action::RevokeToken)).await.unwrap();
    assert_eq!(stores.token("k1").await.unwrap().unwrap().revoked_at, Some(at(5)));
    let logged = whole_log(&stores, &WHOLE_LOG).await;
    assert_eq!(logged[0].action, Action::RevokeToken);
    stores.revoke_token("k1", at(9), entry(&Scope::Global, Action::RevokeToken)).await.unwrap();
    assert_eq!(stores.token("k1").await.unwrap().unwrap().revoked_at, Some(at(5)));
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await, logged);
}

pub async fn a_used_token_tells_when(stores: Stores) {
    create(&stores, "k1", Scope::Global).await;
    create(&stores, "k2", Scope::Global).await;
    create(&stores, "k3", Scope::Global).await;
    let used = |id: &str, seconds| TokenUse { id: id.to_owned(), at: at(seconds) };
    stores.touch_tokens(&[used("k1", 7), used("unknown", 7), used("", 7), used("k3", 8)]).await.unwrap();
    stores.touch_tokens(&[]).await.unwrap();
    let mut noted = Vec::new();
    for id in ["k1", "k2", "k3"] {
        noted.push(stores.token(id).await.unwrap().unwrap().last_used_at);
    }
    assert_eq!(noted, [Some(at(7)), None, Some(at(8))]);
}

pub async fn an_unknown_token_cannot_be_revoked(stores: Stores) {
    let refused = stores.revoke_token("k1", at(5), entry(&Scope::Global, Action::RevokeToken)).await;
    assert!(matches!(refused, Err(StoreError::Missing("token"))), "{refused:?}");
    assert!(whole_log(&stores, &WHOLE_LOG).await.is_empty());
}

pub async fn a_token_id_is_given_once(stores: Stores) {
    create(&stores, "k1", Scope::Global).await;
    let mut other = token("k1", Scope::Global);
    "operator".clone_into(&mut other.role);
    let refused = stores.create_token(other, entry(&Scope::Global, Action::CreateToken)).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(stores.token("k1").await.unwrap().unwrap().role, "tenant-admin");
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await.len(), 1);
}

pub async fn a_token_needs_its_tenant(stores: Stores) {
    let refused = stores.create_token(token("k1", scope("acme")), entry(&scope("acme"), Action::CreateToken)).await;
    assert!(matches!(refused, Err(StoreError::Missing("tenant"))), "{refused:?}");
    assert!(stores.tokens(None).await.unwrap().is_empty());
    assert!(whole_log(&stores, &WHOLE_LOG).await.is_empty());
}

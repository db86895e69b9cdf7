//! The promise of non-interference: delete every act of others, and not one byte that a tenant sees changes.

use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::acts::{Draft, entry, read_secret, scope, secret_write, sight, sight_of_any_store, tenant};
use super::tokens::token;
use crate::{Action, Stores};

/// One of every act of a tenant in its first part of life; it is at revision 3 then.
async fn begin(stores: &Stores, id: &str) {
    let fields = [("f", Some("CANARY-1")), ("g", Some("CANARY-2"))];
    Draft::create(id).set("a", 1).secret(None, &fields).take(&format!("slack:{id}")).done(stores).await;
    Draft::change(scope(id), 1).set("a", 2).set("b.c", "text").by("grace", 3).done(stores).await;
    stores.create_token(token(&format!("k-{id}"), scope(id)), entry(&scope(id), Action::CreateToken)).await.unwrap();
    Draft::change(scope(id), 2).unset("b.c").take(&format!("host:{id}.example")).done(stores).await;
}

/// The second part, up to a suspension at revision 5.
async fn go_on(stores: &Stores, id: &str) {
    let version = read_secret(stores, &scope(id)).await.version;
    stores.write_secret(&scope(id), secret_write(Some(&version), &[("f", None)])).await.unwrap();
    stores.record(entry(&scope(id), Action::Bind)).await.unwrap();
    Draft::change(scope(id), 3).set("b", 5).release(&format!("slack:{id}")).because("why").done(stores).await;
    Draft::suspend(id, 4).done(stores).await;
}

/// What others do: some stay, one is erased and comes back, some fail.
async fn others(stores: &Stores, round: usize) {
    let names = [format!("other{round}"), format!("acme-{round}")];
    for id in &names {
        begin(stores, id).await;
        go_on(stores, id).await;
        // Each of these reaches for what is the tenant's, and is refused.
        assert!(Draft::change(scope(id), 5).take("host:acme.example").set("a", 9).send(stores).await.is_err());
        assert!(Draft::create("acme").set("a", 9).send(stores).await.is_err());
    }
    let id = &names[0];
    stores.erase(&tenant(id), Revision(5), entry(&scope(id), Action::Delete)).await.unwrap();
    Draft::create(id).done(stores).await;
    if round == 0 {
        Draft::create_global().set("a", 7).secret(None, &[("f", Some("CANARY-global"))]).done(stores).await;
    }
    Draft::change(Scope::Global, u64::try_from(round).unwrap() + 1).set("b", 7).done(stores).await;
}

pub async fn another_tenants_acts_change_nothing_that_a_tenant_sees(stores: Stores) {
    begin(&stores, "acme").await;
    let seen = sight(&stores, "acme").await;
    others(&stores, 0).await;
    others(&stores, 1).await;
    assert_eq!(sight(&stores, "acme").await, seen);
    go_on(&stores, "acme").await;
    let seen = sight(&stores, "acme").await;
    others(&stores, 2).await;
    assert_eq!(sight(&stores, "acme").await, seen);
}

pub async fn a_history_with_others_looks_like_one_without_them(alone: Stores, crowded: Stores) {
    begin(&alone, "acme").await;
    begin(&crowded, "acme").await;
    others(&crowded, 0).await;
    others(&crowded, 1).await;
    assert_eq!(sight_of_any_store(&crowded, "acme").await, sight_of_any_store(&alone, "acme").await);
    go_on(&alone, "acme").await;
    go_on(&crowded, "acme").await;
    others(&crowded, 2).await;
    assert_eq!(sight_of_any_store(&crowded, "acme").await, sight_of_any_store(&alone, "acme").await);
}

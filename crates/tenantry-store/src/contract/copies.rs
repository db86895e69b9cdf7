//! Promises of scopes that move from one store to another: whole, as they were, and with revisions that go on.

use std::sync::Arc;

use tenantry_core::change::Difference;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_core::secret::{Fingerprint, SecretMark};

use super::acts::{
    Draft, WHOLE_LOG, at, binding, copy_of, entry, history_of, json, key, log_of, read, read_secret, scope, secret,
    secret_write, sight, tenant, texts, value, whole_log,
};
use super::tokens::token;
use crate::memory::MemoryStore;
use crate::{Action, HeadChange, Item, RevocationCursor, ScopeCopy, StoreError, Stores, TenantStatus};

/// A store to copy from, which has a tenant with a history.
async fn source() -> Stores {
    let stores = Stores::new(Arc::new(MemoryStore::new()));
    let mark = SecretMark { version: "5".to_owned(), fingerprint: Fingerprint::parse("0123456789ab").unwrap() };
    let changes = vec![
        Difference { key: key("a"), before: None, after: Some(Entry::Value(json("[1.50, \"ü\"]"))) },
        Difference { key: key("odoo.password"), before: None, after: Some(Entry::Secret(mark)) },
    ];
    let create = Draft::create("acme").set("a", json("[1.50, \"ü\"]")).set("b.c", true).by("ada", 1).telling(changes);
    let made = create.take("slack:T1").secret(None, &[("f", Some("text")), ("g", Some("“ü”"))]).done(&stores).await;
    stores.record(entry(&scope("acme"), Action::CreateToken)).await.unwrap();
    let change = Draft::change(scope("acme"), 1).set("b.d", "x").unset("b.c").by("grace", 2).because("asked for");
    change
        .over_default(7)
        .take("host:acme.example")
        .secret(made.secret_version.as_ref(), &[("g", None)])
        .done(&stores)
        .await;
    let rename = HeadChange::Rename("New".to_owned());
    Draft::change(scope("acme"), 2).head(rename).by("ada", 3).done(&stores).await;
    stores.record(entry(&scope("acme"), Action::RevokeToken)).await.unwrap();
    stores
}

fn assert_same(found: &ScopeCopy, expected: &ScopeCopy) {
    assert_eq!((&found.head, &found.items), (&expected.head, &expected.items));
    assert_eq!((&found.bindings, &found.log), (&expected.bindings, &expected.log));
    let shown = |copy: &ScopeCopy| -> Option<Vec<(String, String)>> {
        let fields = copy.secret.as_ref()?;
        Some(fields.iter().map(|(name, text)| (name.clone(), text.expose().to_owned())).collect())
    };
    assert_eq!(shown(found), shown(expected));
}

pub async fn a_scope_taken_over_reads_like_the_original(stores: Stores) {
    let copy = copy_of(&source().await, &scope("acme")).await;
    Draft::create("other").set("a", 1).done(&stores).await;
    let others = sight(&stores, "other").await;
    stores.take_over(copy.clone()).await.unwrap();
    assert_same(&copy_of(&stores, &scope("acme")).await, &copy);
    assert!(!read(&stores, &scope("acme")).await.drift);
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), Some(tenant("acme")));
    assert_eq!(sight(&stores, "other").await, others);
}

pub async fn a_scope_that_is_here_is_not_taken_over(stores: Stores) {
    let copy = copy_of(&source().await, &scope("acme")).await;
    Draft::create("acme").set("mine", 1).done(&stores).await;
    let seen = sight(&stores, "acme").await;
    let refused = stores.take_over(copy).await;
    assert!(matches!(refused, Err(StoreError::Conflict { current: Revision(1), .. })), "{refused:?}");
    assert_eq!(sight(&stores, "acme").await, seen);
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), None);
}

pub async fn a_scope_is_taken_over_once(stores: Stores) {
    let copy = copy_of(&source().await, &scope("acme")).await;
    stores.take_over(copy.clone()).await.unwrap();
    let again = stores.take_over(copy.clone()).await;
    assert!(matches!(again, Err(StoreError::Conflict { current: Revision(3), .. })), "{again:?}");
    assert_same(&copy_of(&stores, &scope("acme")).await, &copy);
}

pub async fn a_taken_over_scope_goes_on_with_the_next_revision(stores: Stores) {
    let acme = scope("acme");
    stores.take_over(copy_of(&source().await, &acme).await).await.unwrap();
    let stale = Draft::change(acme.clone(), 2).set("a", 2).send(&stores).await;
    assert!(matches!(stale, Err(StoreError::Conflict { current: Revision(3), .. })), "{stale:?}");
    let version = read_secret(&stores, &acme).await.version;
    let change = Draft::change(acme.clone(), 3).set("a", 2).unset("b.d").release("slack:T1");
    let made = change.secret(Some(&version), &[("h", Some("new"))]).done(&stores).await;
    assert_eq!(made.revision, Revision(4));
    assert_ne!(made.secret_version, Some(version));
    assert_eq!((value(&stores, &acme, "a").await, value(&stores, &acme, "b.d").await), (Some(2.into()), None));
    let secret = read_secret(&stores, &acme).await;
    assert_eq!(texts(&secret).into_iter().collect::<Vec<_>>(), [("f", "text"), ("h", "new")]);
    let revisions: Vec<_> =
        whole_log(&stores, &history_of(&acme)).await.into_iter().map(|made| made.revision).collect();
    assert_eq!(revisions, [4, 3, 2, 1].map(|number| Some(Revision(number))));
    Draft::create("other").take("slack:T1").done(&stores).await;
}

pub async fn a_copied_secret_has_a_version_that_its_history_does_not_name(stores: Stores) {
    stores.take_over(copy_of(&source().await, &scope("acme")).await).await.unwrap();
    let mut version = read_secret(&stores, &scope("acme")).await.version;
    for text in ["one", "two", "three", "four", "five"] {
        assert_ne!(version.0, "5", "the version in the copied history");
        let write = secret_write(Some(&version), &[("f", Some(text))]);
        version = stores.write_secret(&scope("acme"), write).await.unwrap();
    }
}

pub async fn a_copy_with_a_taken_binding_changes_nothing(stores: Stores) {
    Draft::create("other").take("host:acme.example").done(&stores).await;
    let logged = whole_log(&stores, &WHOLE_LOG).await;
    let refused = stores.take_over(copy_of(&source().await, &scope("acme")).await).await;
    assert!(matches!(&refused, Err(StoreError::Taken(taken)) if *taken == binding("host:acme.example")), "{refused:?}");
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
    assert!(stores.read_secret(&scope("acme")).await.unwrap().is_none());
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), None);
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await, logged);
}

pub async fn a_suspended_tenant_stays_suspended(stores: Stores) {
    let from = source().await;
    Draft::suspend("acme", 3).done(&from).await;
    stores.take_over(copy_of(&from, &scope("acme")).await).await.unwrap();
    assert_eq!(read(&stores, &scope("acme")).await.head.status, TenantStatus::Suspended);
    stores.erase(&tenant("acme"), Revision(4), entry(&scope("acme"), Action::Delete)).await.unwrap();
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
}

pub async fn the_global_scope_is_taken_over(stores: Stores) {
    let from = source().await;
    Draft::create_global().set("a", 1).secret(None, &[("f", Some("s"))]).done(&from).await;
    Draft::change(Scope::Global, 1).set("b", 2).done(&from).await;
    let copy = copy_of(&from, &Scope::Global).await;
    let bound = ScopeCopy { bindings: vec![binding("slack:T1")], ..copy.clone() };
    let refused = stores.take_over(bound).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    stores.take_over(copy.clone()).await.unwrap();
    assert_same(&copy_of(&stores, &Scope::Global).await, &copy);
    Draft::change(Scope::Global, 2).set("a", 3).done(&stores).await;
}

pub async fn a_taken_over_tenant_is_listed_with_others(stores: Stores) {
    Draft::create("beta").done(&stores).await;
    stores.take_over(copy_of(&source().await, &scope("acme")).await).await.unwrap();
    let listed = stores.tenants(&crate::PageRequest::first(9)).await.unwrap().items;
    let told: Vec<_> =
        listed.iter().map(|one| (one.tenant_id.as_str(), one.display_name.as_str(), one.revision)).collect();
    assert_eq!(told, [("acme", "New", Revision(3)), ("beta", "Company beta", Revision(1))]);
    assert_eq!((listed[0].created_at, listed[0].updated_at), (at(1), at(3)));
}

pub async fn history_pages_of_a_copy_are_whole(stores: Stores) {
    let from = source().await;
    for revision in 3..40 {
        Draft::change(scope("acme"), revision).set("a", i64::try_from(revision).unwrap()).done(&from).await;
    }
    stores.take_over(copy_of(&from, &scope("acme")).await).await.unwrap();
    let revisions: Vec<_> = whole_log(&stores, &history_of(&scope("acme"))).await;
    let revisions: Vec<_> = revisions.iter().map(|made| made.revision.unwrap().0).collect();
    assert_eq!(revisions, (1..=40).rev().collect::<Vec<_>>());
    let whole = whole_log(&stores, &log_of(&scope("acme"))).await;
    let ids: std::collections::BTreeSet<_> = whole.iter().map(|entry| &entry.id).collect();
    assert_eq!((whole.len(), ids.len()), (42, 42));
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await.len(), 42);
}

pub async fn revisions_are_found_by_number_in_a_copy(stores: Stores) {
    let from = source().await;
    stores.take_over(copy_of(&from, &scope("acme")).await).await.unwrap();
    for number in 0..5 {
        let mut expected = from.revision(&scope("acme"), Revision(number)).await.unwrap();
        let mut found = stores.revision(&scope("acme"), Revision(number)).await.unwrap();
        for entry in [&mut expected, &mut found].into_iter().flatten() {
            entry.id.clear();
        }
        assert_eq!(found, expected);
    }
}

pub async fn a_thousand_items_are_taken_over_at_once(stores: Stores) {
    let from = Stores::new(Arc::new(MemoryStore::new()));
    Draft::create("acme").done(&from).await;
    let mut copy = copy_of(&from, &scope("acme")).await;
    let item = |number: i64| Item { key: key(&format!("k.n{number:04}")), value: number.into(), meta: None };
    let meta = crate::ItemMeta {
        revision: Revision(1),
        updated_at: at(0),
        updated_by: "ada".to_owned(),
        default_revision: Revision(0),
    };
    copy.items = (0..1001).map(|number| Item { meta: Some(meta.clone()), ..item(number) }).collect();
    let refused = stores.take_over(copy.clone()).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { size: 1001, limit: 1000, .. })), "{refused:?}");
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
    copy.items.pop();
    stores.take_over(copy.clone()).await.unwrap();
    assert_eq!(read(&stores, &scope("acme")).await.items, copy.items);
}

pub async fn an_item_without_a_note_is_taken_over_without_one(stores: Stores) {
    let mut copy = copy_of(&source().await, &scope("acme")).await;
    copy.items[0].meta = None;
    stores.take_over(copy.clone()).await.unwrap();
    assert_eq!(read(&stores, &scope("acme")).await.items, copy.items);
}

pub async fn a_copy_that_makes_no_sense_is_refused(stores: Stores) {
    let copy = copy_of(&source().await, &scope("acme")).await;
    let mut about_another = copy.clone();
    "other".clone_into(&mut about_another.log[0].scope);
    let mut disordered = copy.clone();
    disordered.log.reverse();
    let mut too_old = copy.clone();
    too_old.head.revision = Revision(2);
    let mut twice = copy.clone();
    twice.items.push(twice.items[0].clone());
    let mut blank = copy;
    blank.secret.as_mut().unwrap().insert("f".to_owned(), secret(" "));
    for bad in [about_another, disordered, too_old, twice, blank] {
        let refused = stores.take_over(bad).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
    assert!(whole_log(&stores, &WHOLE_LOG).await.is_empty());
}

/// Creates a tenant and erases it at revision 2.
async fn leave_tombstone(stores: &Stores, id: &str) {
    Draft::create(id).set("old", 1).secret(None, &[("f", Some("old"))]).done(stores).await;
    Draft::suspend(id, 1).done(stores).await;
    stores.erase(&tenant(id), Revision(2), entry(&scope(id), Action::Delete)).await.unwrap();
}

pub async fn no_revision_of_an_erased_tenant_is_given_to_a_copy(stores: Stores) {
    leave_tombstone(&stores, "acme").await;
    let refused = stores.take_over(copy_of(&source().await, &scope("acme")).await).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
}

pub async fn a_copy_in_the_place_of_an_erased_tenant_is_a_revocation(stores: Stores) {
    let from = Stores::new(Arc::new(MemoryStore::new()));
    for store in [&from, &stores] {
        leave_tombstone(store, "acme").await;
    }
    Draft::create("acme").set("new", 1).secret(None, &[("g", Some("new"))]).done(&from).await;
    let copy = copy_of(&from, &scope("acme")).await;
    let RevocationCursor(before) = stores.revocations(None).await.unwrap().cursor;
    stores.take_over(copy.clone()).await.unwrap();
    assert_same(&copy_of(&stores, &scope("acme")).await, &copy);
    let revoked = stores.revocations(Some(RevocationCursor(before))).await.unwrap().tenants;
    assert_eq!(revoked, [tenant("acme")]);
}

pub async fn taken_over_tokens_read_back(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    let mut old = token("k1", scope("acme"));
    (old.last_used_at, old.revoked_at) = (Some(at(2)), Some(at(3)));
    let new = token("k2", Scope::Global);
    stores.take_over_tokens(vec![old.clone(), new.clone()]).await.unwrap();
    assert_eq!(stores.tokens(None).await.unwrap(), [new, old.clone()]);
    assert_eq!(stores.token("k1").await.unwrap(), Some(old));
}

pub async fn a_token_that_is_here_is_passed_over(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    stores.take_over_tokens(vec![token("k1", scope("acme"))]).await.unwrap();
    stores.revoke_token("k1", at(5), entry(&scope("acme"), Action::RevokeToken)).await.unwrap();
    stores.take_over_tokens(vec![token("k1", scope("acme")), token("k2", scope("acme"))]).await.unwrap();
    assert_eq!(stores.token("k1").await.unwrap().unwrap().revoked_at, Some(at(5)), "revoked for good");
    assert_eq!(stores.tokens(Some(&scope("acme"))).await.unwrap().len(), 2);
}

pub async fn taken_over_tokens_need_their_tenants(stores: Stores) {
    let refused = stores.take_over_tokens(vec![token("k1", Scope::Global), token("k2", scope("ghost"))]).await;
    assert!(matches!(refused, Err(StoreError::Missing("tenant"))), "{refused:?}");
    assert_eq!(stores.tokens(None).await.unwrap(), []);
}

//! Promises of tenants: listing, suspending, and erasing so that nothing of them comes back.

use tenantry_core::change::Difference;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;

use super::acts::{
    Draft, WHOLE_LOG, at, binding, entry, history_of, key, log_of, read, read_secret, scope, tenant, texts, value,
    whole_log,
};
use super::tokens::token;
use crate::{
    Action, HeadChange, OutlineRequest, PageRequest, RevocationCursor, StoreError, Stores, TenantStatus, Wanted,
};

pub async fn an_empty_store_lists_no_tenants(stores: Stores) {
    Draft::create_global().done(&stores).await;
    let page = stores.tenants(&PageRequest::first(10)).await.unwrap();
    assert!(page.items.is_empty());
    assert_eq!(page.next, None);
}

pub async fn tenants_are_listed_by_id_page_by_page(stores: Stores) {
    for id in ["m", "a-b", "z9", "0", "ab", "a"] {
        Draft::create(id).by("ada", 3).done(&stores).await;
    }
    Draft::suspend("ab", 1).by("ada", 4).done(&stores).await;
    let (mut page, mut found) = (PageRequest::first(2), Vec::new());
    loop {
        let read = stores.tenants(&page).await.unwrap();
        assert!(read.items.len() <= 2);
        found.extend(read.items);
        let Some(cursor) = read.next else { break };
        page = page.behind(cursor);
    }
    let ids: Vec<_> = found.iter().map(|tenant| tenant.tenant_id.as_str()).collect();
    assert_eq!(ids, ["0", "a", "a-b", "ab", "m", "z9"]);
    let ab = &found[3];
    assert_eq!(
        (ab.status, ab.revision, ab.display_name.as_str()),
        (TenantStatus::Suspended, Revision(2), "Company ab")
    );
    assert_eq!((ab.created_at, ab.updated_at), (at(3), at(4)));
}

pub async fn outlines_say_of_every_tenant_what_its_scope_says(stores: Stores) {
    Draft::create_global().set("a", 0).done(&stores).await;
    for id in ["m", "a-b", "z9", "a"] {
        let draft = Draft::create(id).set("a", 1).set("a-b", 2).set("b.c", 3);
        draft.secret(None, &[("f", Some("CANARY")), ("g", Some("CANARY"))]).done(&stores).await;
    }
    Draft::create("bare").done(&stores).await;
    let mut request = OutlineRequest { page: PageRequest::first(2), wanted: Wanted::those(|key| key != "a-b") };
    let mut found = Vec::new();
    loop {
        let page = stores.outlines(&request).await.unwrap();
        found.extend(page.items);
        let Some(cursor) = page.next else { break };
        request.page = request.page.behind(cursor);
    }
    let ids: Vec<_> = found.iter().map(|outline| outline.tenant.tenant_id.as_str()).collect();
    assert_eq!(ids, ["a", "a-b", "bare", "m", "z9"]);
    for outline in found {
        let whole = read(&stores, &Scope::Tenant(outline.tenant.tenant_id.clone())).await;
        let wanted: Vec<_> = whole.items.into_iter().filter(|item| item.key != key("a-b")).collect();
        assert_eq!((outline.tenant.revision, outline.items), (whole.head.revision, wanted));
        let fields: Vec<_> = outline.secret_fields.iter().map(String::as_str).collect();
        let expected: &[&str] = if outline.tenant.tenant_id.as_str() == "bare" { &[] } else { &["f", "g"] };
        assert_eq!(fields, expected);
    }
}

pub async fn a_stamp_is_another_one_after_every_change_and_the_same_without(stores: Stores) {
    Draft::create("acme").set("a", 1).done(&stores).await;
    let Some(first) = stores.stamp().await.unwrap() else { return };
    read(&stores, &scope("acme")).await;
    assert_eq!(stores.stamp().await.unwrap(), Some(first), "reading changes nothing");
    Draft::change(scope("acme"), 1).set("a", 2).done(&stores).await;
    let second = stores.stamp().await.unwrap();
    assert_ne!(second, Some(first));
    Draft::change(scope("acme"), 2).secret(None, &[("f", Some("s"))]).done(&stores).await;
    assert_ne!(stores.stamp().await.unwrap(), second);
    let third = stores.stamp().await.unwrap();
    stores.create_token(token("t1", scope("acme")), entry(&scope("acme"), Action::CreateToken)).await.unwrap();
    assert_ne!(stores.stamp().await.unwrap(), third);
}

pub async fn a_suspended_tenant_keeps_its_values_and_is_resumed(stores: Stores) {
    Draft::create("acme").set("a", 1).secret(None, &[("f", Some("s"))]).done(&stores).await;
    Draft::suspend("acme", 1).done(&stores).await;
    assert_eq!(read(&stores, &scope("acme")).await.head.status, TenantStatus::Suspended);
    assert_eq!(value(&stores, &scope("acme"), "a").await, Some(1.into()));
    assert_eq!(texts(&read_secret(&stores, &scope("acme")).await)["f"], "s");
    let resume = HeadChange::Status(TenantStatus::Active);
    assert_eq!(Draft::change(scope("acme"), 2).head(resume).done(&stores).await.revision, Revision(3));
    assert_eq!(read(&stores, &scope("acme")).await.head.status, TenantStatus::Active);
}

pub async fn a_tenant_is_renamed(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    Draft::suspend("acme", 1).done(&stores).await;
    Draft::change(scope("acme"), 2).head(HeadChange::Rename("Ümläut & Söhne".to_owned())).done(&stores).await;
    Draft::change(scope("acme"), 3).done(&stores).await;
    let head = read(&stores, &scope("acme")).await.head;
    assert_eq!((head.display_name.as_str(), head.status), ("Ümläut & Söhne", TenantStatus::Suspended));
}

async fn erase(stores: &Stores, id: &str, revision: u64) -> Result<(), StoreError> {
    stores.erase(&tenant(id), Revision(revision), entry(&scope(id), Action::Delete)).await
}

pub async fn only_a_suspended_tenant_is_erased(stores: Stores) {
    Draft::create("acme").set("a", 1).done(&stores).await;
    let refused = erase(&stores, "acme", 1).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(value(&stores, &scope("acme"), "a").await, Some(1.into()));
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await.len(), 1);
}

pub async fn erasing_at_another_revision_is_a_conflict(stores: Stores) {
    Draft::create("acme").set("a", 1).done(&stores).await;
    Draft::suspend("acme", 1).done(&stores).await;
    let refused = erase(&stores, "acme", 1).await;
    assert!(matches!(refused, Err(StoreError::Conflict { current: Revision(2), .. })), "{refused:?}");
    assert_eq!(value(&stores, &scope("acme"), "a").await, Some(1.into()));
}

pub async fn an_unknown_tenant_cannot_be_erased(stores: Stores) {
    assert!(matches!(erase(&stores, "acme", 1).await, Err(StoreError::Missing("tenant"))));
    Draft::create("acme").done(&stores).await;
    Draft::suspend("acme", 1).done(&stores).await;
    erase(&stores, "acme", 2).await.unwrap();
    assert!(matches!(erase(&stores, "acme", 2).await, Err(StoreError::Missing("tenant"))));
}

/// Makes a tenant with one of everything, whose texts all say CANARY, and erases it at revision 3.
async fn live_and_die(stores: &Stores) {
    let told = Difference { key: key("canary"), before: None, after: Some(Entry::Value("CANARY".into())) };
    Draft::create("acme")
        .set("canary", "CANARY")
        .secret(None, &[("canary", Some("CANARY"))])
        .take("slack:CANARY")
        .because("CANARY")
        .telling(vec![told])
        .done(stores)
        .await;
    let rename = HeadChange::Rename("CANARY".to_owned());
    Draft::change(scope("acme"), 1).head(rename).done(stores).await;
    stores.create_token(token("canary", scope("acme")), entry(&scope("acme"), Action::CreateToken)).await.unwrap();
    Draft::suspend("acme", 2).done(stores).await;
    erase(stores, "acme", 3).await.unwrap();
}

pub async fn an_erased_tenant_leaves_nothing_readable(stores: Stores) {
    live_and_die(&stores).await;
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
    assert!(stores.read_secret(&scope("acme")).await.unwrap().is_none());
    assert!(stores.bindings(&tenant("acme")).await.unwrap().is_empty());
    assert_eq!(stores.bound(&binding("slack:CANARY")).await.unwrap(), None);
    assert!(stores.tokens(None).await.unwrap().is_empty());
    assert_eq!(stores.token("canary").await.unwrap(), None);
    assert!(stores.tenants(&PageRequest::first(9)).await.unwrap().items.is_empty());
    let log = whole_log(&stores, &WHOLE_LOG).await;
    assert_eq!(log[0].action, Action::Delete, "the tombstone's entry is the newest");
    assert_eq!(log.len(), 5, "what was done stays, without what it was done with");
    assert!(!format!("{log:?}").contains("CANARY"));
}

pub async fn a_tenant_created_again_is_another_incarnation_with_later_revisions(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    let first = read(&stores, &scope("acme")).await.head.incarnation;
    Draft::suspend("acme", 1).done(&stores).await;
    erase(&stores, "acme", 2).await.unwrap();
    let absent = Draft::change(scope("acme"), 2).send(&stores).await;
    assert!(matches!(absent, Err(StoreError::Conflict { current: Revision(0), .. })), "{absent:?}");
    assert_eq!(Draft::create("acme").done(&stores).await.revision, Revision(3));
    let head = read(&stores, &scope("acme")).await.head;
    assert_ne!(head.incarnation, first);
    assert_eq!((head.revision, head.status), (Revision(3), TenantStatus::Active));
    Draft::suspend("acme", 3).done(&stores).await;
    erase(&stores, "acme", 4).await.unwrap();
    assert_eq!(Draft::create("acme").done(&stores).await.revision, Revision(5));
}

pub async fn a_new_tenant_does_not_see_the_history_of_an_erased_one(stores: Stores) {
    live_and_die(&stores).await;
    Draft::create("acme").done(&stores).await;
    for query in [log_of(&scope("acme")), history_of(&scope("acme"))] {
        let found = whole_log(&stores, &query).await;
        let revisions: Vec<_> = found.iter().map(|entry| entry.revision).collect();
        assert_eq!(revisions, [Some(Revision(4))]);
    }
    for old in 1..=3 {
        assert!(stores.revision(&scope("acme"), Revision(old)).await.unwrap().is_none());
    }
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await.len(), 6, "the operator sees all that was done");
}

pub async fn revocations_are_listed_in_order(stores: Stores) {
    let begin = stores.revocations(None).await.unwrap();
    assert!(begin.tenants.is_empty());
    Draft::create("acme").done(&stores).await;
    Draft::create("beta").done(&stores).await;
    Draft::suspend("acme", 1).done(&stores).await;
    Draft::suspend("beta", 1).done(&stores).await;
    let halfway = stores.revocations(Some(begin.cursor.clone())).await.unwrap();
    assert_eq!(halfway.tenants, [tenant("acme"), tenant("beta")]);
    Draft::change(scope("beta"), 2).head(HeadChange::Status(TenantStatus::Active)).done(&stores).await;
    erase(&stores, "acme", 2).await.unwrap();
    Draft::create("acme").done(&stores).await;
    let later = stores.revocations(Some(halfway.cursor)).await.unwrap();
    assert_eq!(later.tenants, [tenant("beta"), tenant("acme"), tenant("acme")]);
    assert_eq!(stores.revocations(None).await.unwrap().cursor, later.cursor);
    assert!(stores.revocations(Some(later.cursor)).await.unwrap().tenants.is_empty());
    assert_eq!(stores.revocations(Some(begin.cursor)).await.unwrap().tenants.len(), 5);
}

pub async fn only_revocations_are_listed_as_such(stores: Stores) {
    let begin = stores.revocations(None).await.unwrap().cursor;
    Draft::create_global().done(&stores).await;
    Draft::create("acme").set("a", 1).done(&stores).await;
    Draft::change(scope("acme"), 1).head(HeadChange::Rename("New".to_owned())).done(&stores).await;
    Draft::change(Scope::Global, 1).set("a", 2).done(&stores).await;
    assert!(stores.revocations(Some(begin)).await.unwrap().tenants.is_empty());
}

pub async fn a_foreign_revocation_cursor_is_refused(stores: Stores) {
    for text in ["", "x", "-1", "99999", "18446744073709551616"] {
        let refused = stores.revocations(Some(RevocationCursor(text.to_owned()))).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{text}: {refused:?}");
    }
}

//! Changes of both services, and erasures, that end half way: finished or undone, never left so.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_core::layer::Revision;
use tenantry_emulators::{Calls, Fault, Gate};
use tenantry_store::contract::acts::{Draft, copy_of, entry, key, read, read_secret, scope, tenant, texts, value};
use tenantry_store::{Action, Finding, PageRequest, SecretVersion, StoreError, Stores};

use crate::faults::Behind;
use crate::raw::Raw;

/// A tenant at revision 1 with one value and one secret text, both `1`.
pub(crate) async fn begin() -> (Behind, Raw, SecretVersion) {
    let behind = Behind::proxies().await;
    let raw = Raw::of(&behind.place).await;
    let made = Draft::create("acme").set("a", 1).secret(None, &[("f", Some("1"))]).done(&behind.stores).await;
    (behind, raw, made.secret_version.unwrap())
}

/// A change of both to `2`.
pub(crate) fn change(revision: u64, version: &SecretVersion) -> Draft {
    Draft::change(scope("acme"), revision).set("a", 2).secret(Some(version), &[("f", Some("2"))])
}

/// Value and secret text of the tenant.
async fn state(stores: &Stores) -> (String, String) {
    let value = value(stores, &scope("acme"), "a").await.unwrap();
    (value.to_json(), texts(&read_secret(stores, &scope("acme")).await)["f"].to_owned())
}

/// Lets the tenant's intent look as if its writer had ended long ago.
pub(crate) async fn let_it_age(raw: &Raw) {
    let long_ago = AttributeValue::S("2026-01-01T00:00:00Z".to_owned());
    raw.set("#intents", "acme", "at", long_ago).await;
}

async fn interruptions(stores: &Stores) -> String {
    let findings = stores.check().await.unwrap();
    let found = |finding: Finding| (finding.subject == "interrupted changes").then_some(finding.message);
    findings.into_iter().find_map(found).unwrap()
}

pub(crate) fn down() -> Fault {
    Fault::error(500, "InternalServiceError", "Internal")
}

#[tokio::test]
async fn what_was_not_made_is_undone_by_doctor() {
    let (behind, raw, version) = begin().await;
    behind.dynamodb.on(Calls::to("TransactWriteItems"), down());
    let error = change(1, &version).send(&behind.stores).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    behind.dynamodb.heal();
    assert_eq!(state(&behind.stores).await, ("1".to_owned(), "1".to_owned()), "a staged version is not in force");
    assert!(interruptions(&behind.stores).await.contains("under way"), "it may only be slow");
    let_it_age(&raw).await;
    assert!(interruptions(&behind.stores).await.contains("acme was undone"));
    assert_eq!(interruptions(&behind.stores).await, "there are none");
    assert_eq!(state(&behind.stores).await, ("1".to_owned(), "1".to_owned()));
    change(1, &version).done(&behind.stores).await;
    assert_eq!(state(&behind.stores).await, ("2".to_owned(), "2".to_owned()));
}

#[tokio::test]
async fn what_was_made_is_finished_by_doctor() {
    let (behind, raw, version) = begin().await;
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage"), down());
    let error = change(1, &version).send(&behind.stores).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    behind.secrets_manager.heal();
    assert_eq!(state(&behind.stores).await, ("2".to_owned(), "1".to_owned()), "between the two steps");
    let found = read(&behind.stores, &scope("acme")).await;
    assert_ne!(found.secret_version, Some(version), "a reader sees that the secret is another one's");
    let_it_age(&raw).await;
    assert!(interruptions(&behind.stores).await.contains("acme was finished"));
    assert_eq!(state(&behind.stores).await, ("2".to_owned(), "2".to_owned()));
    let secret = read_secret(&behind.stores, &scope("acme")).await;
    assert_eq!(read(&behind.stores, &scope("acme")).await.secret_version, Some(secret.version));
}

#[tokio::test]
async fn what_was_made_is_finished_by_the_next_writer() {
    let (behind, raw, version) = begin().await;
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage"), down());
    change(1, &version).send(&behind.stores).await.unwrap_err();
    behind.secrets_manager.heal();
    let_it_age(&raw).await;
    // It was decided on the old version; finishing the interrupted change shows that there is a newer one.
    let late = Draft::change(scope("acme"), 2).secret(Some(&version), &[("g", Some("3"))]).send(&behind.stores).await;
    assert!(matches!(late, Err(StoreError::SecretConflict)), "{late:?}");
    let secret = read_secret(&behind.stores, &scope("acme")).await;
    let next = Draft::change(scope("acme"), 2).secret(Some(&secret.version), &[("g", Some("3"))]);
    next.done(&behind.stores).await;
    let secret = read_secret(&behind.stores, &scope("acme")).await;
    assert_eq!(texts(&secret).into_iter().collect::<Vec<_>>(), [("f", "2"), ("g", "3")]);
}

#[tokio::test]
async fn a_commit_without_a_secret_does_not_wait_for_an_interrupted_one() {
    let (behind, raw, version) = begin().await;
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage"), down());
    change(1, &version).send(&behind.stores).await.unwrap_err();
    behind.secrets_manager.heal();
    Draft::change(scope("acme"), 2).set("a", 3).done(&behind.stores).await;
    let_it_age(&raw).await;
    assert!(interruptions(&behind.stores).await.contains("finished"), "the head still names its version");
    assert_eq!(state(&behind.stores).await, ("3".to_owned(), "2".to_owned()));
}

#[tokio::test]
async fn a_writer_that_slept_too_long_begins_anew_and_breaks_nothing() {
    let (behind, raw, version) = begin().await;
    let gate = Gate::shut();
    behind.dynamodb.on(Calls::to("TransactWriteItems").once(), Fault::Wait(gate.clone()));
    let sleeper = tokio::spawn({
        let (stores, version) = (behind.stores.clone(), version.clone());
        async move { change(1, &version).send(&stores).await }
    });
    gate.reached().await;
    let_it_age(&raw).await;
    // Not through the store's own connection: it may be asked while the other call is held.
    let other = behind.place.open().await;
    assert!(interruptions(&other).await.contains("undone"));
    gate.open();
    let made = sleeper.await.unwrap().unwrap();
    assert_eq!(made.revision, Revision(2));
    assert_eq!(state(&behind.stores).await, ("2".to_owned(), "2".to_owned()));
    assert_eq!(interruptions(&behind.stores).await, "there are none");
}

#[tokio::test]
async fn a_secret_changed_by_hand_during_a_commit_keeps_both_changes() {
    let (behind, raw, version) = begin().await;
    let gate = Gate::shut();
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage").once(), Fault::Wait(gate.clone()));
    let writer = tokio::spawn({
        let (stores, version) = (behind.stores.clone(), version.clone());
        async move { change(1, &version).send(&stores).await }
    });
    gate.reached().await;
    raw.rotate("acme", r#"{"f":"1","by_hand":"x"}"#).await;
    gate.open();
    writer.await.unwrap().unwrap();
    let secret = read_secret(&behind.stores, &scope("acme")).await;
    assert_eq!(texts(&secret).into_iter().collect::<Vec<_>>(), [("by_hand", "x"), ("f", "2")]);
    assert_eq!(read(&behind.stores, &scope("acme")).await.secret_version, Some(secret.version));
}

#[tokio::test]
async fn a_commit_that_is_refused_takes_its_staged_secret_back() {
    let (behind, _, version) = begin().await;
    Draft::create("beta").take("slack:T1").done(&behind.stores).await;
    let refused = change(1, &version).take("slack:T1").send(&behind.stores).await;
    assert!(matches!(refused, Err(StoreError::Taken(_))), "{refused:?}");
    assert_eq!(interruptions(&behind.stores).await, "there are none");
    assert_eq!(state(&behind.stores).await, ("1".to_owned(), "1".to_owned()));
    change(1, &version).done(&behind.stores).await;
}

#[tokio::test]
async fn an_interrupted_erasure_is_finished_by_doctor_or_by_asking_again() {
    for by_doctor in [true, false] {
        let (behind, raw, _) = begin().await;
        Draft::suspend("acme", 1).take("slack:T1").done(&behind.stores).await;
        behind.secrets_manager.on(Calls::to("DeleteSecret"), down());
        let erase =
            async || behind.stores.erase(&tenant("acme"), Revision(2), entry(&scope("acme"), Action::Delete)).await;
        assert!(erase().await.unwrap_err().is_transient());
        behind.secrets_manager.heal();
        assert!(behind.stores.read(&scope("acme")).await.unwrap().is_none(), "it is gone from the first step on");
        let again = Draft::create("acme").send(&behind.stores).await;
        assert!(matches!(again, Err(StoreError::Refused(_))), "{again:?}");
        if by_doctor {
            let findings = behind.stores.check().await.unwrap();
            assert!(findings.iter().any(|finding| finding.message.contains("erasure of acme was finished")));
        } else {
            erase().await.unwrap();
        }
        assert!(behind.stores.read_secret(&scope("acme")).await.unwrap().is_none());
        assert_eq!(raw.attribute("acme", "a", "config_value").await, None);
        assert!(behind.stores.tenants(&PageRequest::first(9)).await.unwrap().items.is_empty());
        assert!(matches!(erase().await, Err(StoreError::Missing("tenant"))));
        let made = Draft::create("acme").take("slack:T1").done(&behind.stores).await;
        assert_eq!(made.revision, Revision(3));
    }
}

#[tokio::test]
async fn a_deleted_secret_that_is_restored_begins_empty() {
    let (behind, raw, _) = begin().await;
    Draft::suspend("acme", 1).done(&behind.stores).await;
    behind.stores.erase(&tenant("acme"), Revision(2), entry(&scope("acme"), Action::Delete)).await.unwrap();
    raw.secrets_manager.restore_secret().secret_id(raw.secret("acme")).send().await.unwrap();
    let found = read_secret(&behind.stores, &scope("acme")).await;
    assert!(found.fields.is_empty(), "a new tenant of the name never sees the old one's");
}

#[tokio::test]
async fn an_interrupted_copy_is_not_seen_and_can_be_made_again() {
    let from = Stores::new(std::sync::Arc::new(tenantry_store::memory::MemoryStore::new()));
    let create = Draft::create("acme").set("a", 1).set("b", 2).take("slack:T1");
    create.secret(None, &[("f", Some("1"))]).done(&from).await;
    from.record(entry(&scope("acme"), Action::Bind)).await.unwrap();
    Draft::change(scope("acme"), 1).set("a", 2).done(&from).await;
    let copy = copy_of(&from, &scope("acme")).await;
    let behind = Behind::proxies().await;
    // What an attempt brought that was gone from its source when the next one was made must not stay.
    let mut more = copy.clone();
    more.items.push(tenantry_store::Item { key: key("z"), value: 9.into(), meta: None });
    for (dynamodb, operation) in [
        (true, "PutItem"),
        (true, "BatchWriteItem"),
        (false, "CreateSecret"),
        (false, "PutSecretValue"),
        (false, "UpdateSecretVersionStage"),
        (true, "TransactWriteItems"),
    ] {
        let proxy = if dynamodb { &behind.dynamodb } else { &behind.secrets_manager };
        proxy.on(Calls::to(operation), down());
        let error = behind
            .stores
            .take_over(if operation == "CreateSecret" { more.clone() } else { copy.clone() })
            .await
            .unwrap_err();
        assert!(error.is_transient(), "{operation}: {error:?}");
        proxy.heal();
        assert!(behind.stores.read(&scope("acme")).await.unwrap().is_none(), "{operation}");
        assert!(behind.stores.tenants(&PageRequest::first(9)).await.unwrap().items.is_empty(), "{operation}");
        if operation != "PutItem" {
            let early = Draft::create("acme").send(&behind.stores).await;
            assert!(matches!(early, Err(StoreError::Refused(_))), "{operation}: it is coming: {early:?}");
        }
    }
    behind.stores.take_over(copy.clone()).await.unwrap();
    let found = copy_of(&behind.stores, &scope("acme")).await;
    assert_eq!((&found.head, &found.items, &found.log), (&copy.head, &copy.items, &copy.log));
    assert_eq!(found.bindings, copy.bindings);
    assert!(!read(&behind.stores, &scope("acme")).await.drift);
}

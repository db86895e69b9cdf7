//! Promises of secrets: one version for all fields, never seen where it must not be.

use std::collections::BTreeSet;

use tenantry_core::change::Difference;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_core::secret::{Fingerprint, SecretMark};

use super::acts::{
    Draft, WHOLE_LOG, key, read, read_secret, scope, secret, secret_write, sight, texts, value, whole_log,
};
use crate::{SecretVersion, StoreError, Stores};

pub async fn a_scope_without_a_secret_reads_as_none(stores: Stores) {
    Draft::create("acme").set("a", 1).done(&stores).await;
    assert!(stores.read_secret(&scope("acme")).await.unwrap().is_none());
}

pub async fn a_secret_comes_back_as_written(stores: Stores) {
    let long = "ü".repeat(20_000);
    let fields =
        [("odoo_password", Some("p\"\\\n🦀")), ("odoo_url", Some("https://odoo.example")), ("key", Some(&*long))];
    let version = Draft::create("acme").secret(None, &fields).done(&stores).await.secret_version.unwrap();
    let found = read_secret(&stores, &scope("acme")).await;
    assert_eq!(found.version, version);
    assert!(found.odd.is_empty());
    for (name, text) in fields {
        assert_eq!(texts(&found).get(name).copied(), text);
    }
    assert_eq!(found.fields.len(), 3);
}

pub async fn a_secret_write_at_another_version_is_refused(stores: Stores) {
    let acme = scope("acme");
    Draft::create("acme").done(&stores).await;
    let made_up = SecretVersion("nowhere".to_owned());
    let early = stores.write_secret(&acme, secret_write(Some(&made_up), &[("f", Some("x"))])).await;
    assert!(matches!(early, Err(StoreError::SecretConflict)), "{early:?}");
    let first = stores.write_secret(&acme, secret_write(None, &[("f", Some("1"))])).await.unwrap();
    let second = stores.write_secret(&acme, secret_write(Some(&first), &[("f", Some("2"))])).await.unwrap();
    for stale in [None, Some(&first), Some(&made_up)] {
        let refused = stores.write_secret(&acme, secret_write(stale, &[("f", Some("3"))])).await;
        assert!(matches!(refused, Err(StoreError::SecretConflict)), "{refused:?}");
    }
    let found = read_secret(&stores, &acme).await;
    assert_eq!((texts(&found)["f"], &found.version), ("2", &second));
}

pub async fn fields_that_are_not_named_are_kept(stores: Stores) {
    let first = Draft::create("acme").secret(None, &[("a", Some("1")), ("b", Some("2"))]).done(&stores).await;
    let write = secret_write(first.secret_version.as_ref(), &[("b", Some("3")), ("c", Some("4"))]);
    stores.write_secret(&scope("acme"), write).await.unwrap();
    let found = read_secret(&stores, &scope("acme")).await;
    assert_eq!(texts(&found).into_iter().collect::<Vec<_>>(), [("a", "1"), ("b", "3"), ("c", "4")]);
}

pub async fn a_removed_field_is_gone(stores: Stores) {
    let first = Draft::create("acme").secret(None, &[("a", Some("1")), ("b", Some("2"))]).done(&stores).await;
    let write = secret_write(first.secret_version.as_ref(), &[("a", None), ("never", None)]);
    let second = stores.write_secret(&scope("acme"), write).await.unwrap();
    assert_eq!(texts(&read_secret(&stores, &scope("acme")).await).into_iter().collect::<Vec<_>>(), [("b", "2")]);
    stores.write_secret(&scope("acme"), secret_write(Some(&second), &[("b", None)])).await.unwrap();
    assert!(texts(&read_secret(&stores, &scope("acme")).await).is_empty());
}

pub async fn every_write_makes_a_version_that_never_was(stores: Stores) {
    let mut seen = BTreeSet::new();
    for life in 0..2 {
        let revision = if life == 0 { 1 } else { 3 };
        Draft::create("acme").done(&stores).await;
        let mut version = None;
        for text in ["1", "1", "2"] {
            let write = secret_write(version.as_ref(), &[("f", Some(text))]);
            version = Some(stores.write_secret(&scope("acme"), write).await.unwrap());
            assert!(seen.insert(version.clone().unwrap().0));
        }
        Draft::suspend("acme", revision).done(&stores).await;
        let entry = super::acts::entry(&scope("acme"), crate::Action::Delete);
        stores.erase(&super::acts::tenant("acme"), Revision(revision + 1), entry).await.unwrap();
    }
}

pub async fn other_scopes_secrets_are_left_alone(stores: Stores) {
    Draft::create("acme").secret(None, &[("f", Some("acme's"))]).done(&stores).await;
    Draft::create_global().secret(None, &[("f", Some("the operator's"))]).done(&stores).await;
    let seen = sight(&stores, "acme").await;
    Draft::create("acme-corp").secret(None, &[("f", Some("acme-corp's"))]).done(&stores).await;
    let version = read_secret(&stores, &Scope::Global).await.version;
    stores.write_secret(&Scope::Global, secret_write(Some(&version), &[("f", None)])).await.unwrap();
    assert_eq!(sight(&stores, "acme").await, seen);
    assert_eq!(texts(&read_secret(&stores, &scope("acme-corp")).await)["f"], "acme-corp's");
}

pub async fn parameters_and_secret_change_in_one_commit(stores: Stores) {
    let first = Draft::create("acme").set("a", 1).secret(None, &[("f", Some("1"))]).done(&stores).await;
    let version = first.secret_version.unwrap();
    let second =
        Draft::change(scope("acme"), 1).set("a", 2).secret(Some(&version), &[("f", Some("2"))]).done(&stores).await;
    assert_eq!(second.revision, Revision(2));
    assert_eq!(value(&stores, &scope("acme"), "a").await, Some(2.into()));
    let found = read_secret(&stores, &scope("acme")).await;
    assert_eq!((texts(&found)["f"], Some(&found.version)), ("2", second.secret_version.as_ref()));
}

pub async fn a_commit_with_a_stale_secret_changes_no_parameter(stores: Stores) {
    Draft::create("acme").set("a", 1).secret(None, &[("f", Some("1"))]).done(&stores).await;
    let seen = sight(&stores, "acme").await;
    let refused = Draft::change(scope("acme"), 1).set("a", 2).secret(None, &[("f", Some("2"))]).send(&stores).await;
    assert!(matches!(refused, Err(StoreError::SecretConflict)), "{refused:?}");
    assert_eq!(sight(&stores, "acme").await, seen);
}

pub async fn a_stale_commit_changes_no_secret(stores: Stores) {
    let first = Draft::create("acme").secret(None, &[("f", Some("1"))]).done(&stores).await;
    let version = first.secret_version.unwrap();
    let refused = Draft::change(scope("acme"), 7).secret(Some(&version), &[("f", Some("2"))]).send(&stores).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(texts(&read_secret(&stores, &scope("acme")).await)["f"], "1");
    assert_eq!(read(&stores, &scope("acme")).await.head.revision, Revision(1));
}

fn mark(version: &str) -> Entry {
    Entry::Secret(SecretMark { version: version.to_owned(), fingerprint: Fingerprint::parse("0123456789ab").unwrap() })
}

pub async fn marks_in_the_log_tell_the_new_version(stores: Stores) {
    let change = |name, after| Difference { key: key(name), before: None, after: Some(after) };
    let told = vec![change("new", mark("")), change("old", mark("before"))];
    let draft = Draft::create("acme").secret(None, &[("new", Some("s"))]).telling(told);
    let version = draft.done(&stores).await.secret_version.unwrap();
    let logged = stores.revision(&scope("acme"), Revision(1)).await.unwrap().unwrap();
    assert_eq!(logged.changes, [change("new", mark(&version.0)), change("old", mark("before"))]);
}

pub async fn one_of_sixteen_secret_writers_wins(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    let write = |n: u8| {
        let stores = stores.clone();
        let write = secret_write(None, &[("f", Some(&n.to_string()))]);
        tokio::spawn(async move { stores.write_secret(&scope("acme"), write).await })
    };
    let tasks: Vec<_> = (0..16).map(write).collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(StoreError::SecretConflict) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(won, 1);
}

pub async fn a_blank_secret_is_refused(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    for blank in ["", " ", "\n\t"] {
        let refused = stores.write_secret(&scope("acme"), secret_write(None, &[("f", Some(blank))])).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
        let refused = Draft::change(scope("acme"), 1).secret(None, &[("f", Some(blank))]).send(&stores).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    assert!(stores.read_secret(&scope("acme")).await.unwrap().is_none());
}

pub async fn no_secret_shows_in_debug_output_or_log(stores: Stores) {
    let told = vec![Difference { key: key("f"), before: None, after: Some(mark("")) }];
    let write = secret_write(None, &[("f", Some("CANARY-acme"))]);
    let shown = format!("{write:?}");
    Draft::create("acme").secret(None, &[("f", Some("CANARY-acme"))]).telling(told).done(&stores).await;
    let stale = stores.write_secret(&scope("acme"), write).await.unwrap_err();
    let long = "CANARY-acme".repeat(6_000);
    let found = read_secret(&stores, &scope("acme")).await;
    let large = stores.write_secret(&scope("acme"), secret_write(Some(&found.version), &[("f", Some(&long))])).await;
    let shown = format!("{shown} {stale} {stale:?} {large:?} {found:?} {stores:?} {}", stores.describe());
    let (read, keys) = (stores.read(&scope("acme")).await.unwrap(), stores.keys().await.unwrap());
    let shown = format!("{shown} {read:?} {keys:?} {:?}", whole_log(&stores, &WHOLE_LOG).await);
    assert!(!shown.contains("CANARY"), "{shown}");
}

pub async fn the_derived_keys_stay_the_same(stores: Stores) {
    let (one, two) = (stores.keys().await.unwrap(), stores.keys().await.unwrap());
    let print = |keys: &crate::StoreKeys| keys.fingerprint.fingerprint(&scope("acme"), "f", &secret("s"));
    assert_eq!(print(&one), print(&two));
    assert_eq!(one.token.hash("id", "random"), two.token.hash("id", "random"));
    assert_ne!(one.token.hash("id", "random"), one.token.hash("id2", "random"));
}

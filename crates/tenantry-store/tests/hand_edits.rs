//! Stores that somebody changed by hand: whatever the cells hold, reading answers or names what it found.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test, in the functions around them, too")]

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tenantry_core::layer::Revision;
use tenantry_store::contract::acts::{Draft, key, log_of, read, read_secret, scope, secret_write, texts, value};
use tenantry_store::{Finding, OpenOptions, PageRequest, Severity, StoreError, StoreUrl, Stores};

/// A store with two tenants, and the file to be changed under it.
async fn store() -> (Stores, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let url = StoreUrl::Sqlite(path.clone());
    let (stores, _) = Stores::create(&url, &OpenOptions::default()).await.unwrap();
    for id in ["acme", "beta"] {
        let fields = [("f", Some(id)), ("g", Some("same length"))];
        Draft::create(id).set("a", 1).secret(None, &fields).take(&format!("slack:{id}")).done(&stores).await;
    }
    (stores, path, folder)
}

fn edit(path: &Path, sql: &str) {
    let hand = Connection::open(path).unwrap();
    hand.pragma_update(None, "foreign_keys", false).unwrap();
    hand.execute_batch(sql).unwrap();
}

async fn errors(stores: &Stores) -> Vec<Finding> {
    let mut findings = stores.check().await.unwrap();
    findings.retain(|finding| finding.severity == Severity::Error);
    findings
}

fn corrupt<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Corrupt { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_item_of_another_program_is_read_without_a_note() {
    let (stores, path, _folder) = store().await;
    edit(&path, "INSERT INTO items (scope, key, value) VALUES ('acme', 'by.hand', '{\"x\": 1.50}')");
    let found = read(&stores, &scope("acme")).await;
    let item = found.items.iter().find(|item| item.key == key("by.hand")).unwrap();
    assert_eq!((item.value.to_json().as_str(), &item.meta), (r#"{"x":1.5}"#, &None));
    assert!(found.odd.is_empty() && found.drift);
    let told = errors(&stores).await;
    assert!(told[0].message.contains("acme has 2 items, its head says 1"), "{told:?}");
    Draft::change(scope("acme"), 1).set("by.hand", 2).done(&stores).await;
    assert!(errors(&stores).await.is_empty(), "a managed write adopts it");
    assert!(!read(&stores, &scope("acme")).await.drift);
}

#[tokio::test]
async fn what_no_managed_write_can_have_left_is_drift() {
    let edits = [
        "UPDATE items SET updated_by = NULL",
        "UPDATE items SET revision = 2",
        "DELETE FROM items",
        "UPDATE scopes SET item_count = 7",
        "INSERT INTO items (scope, key, value) VALUES ('acme', 'odd', '')",
    ];
    for sql in edits {
        let (stores, path, _folder) = store().await;
        edit(&path, &format!("{sql}{}", if sql.starts_with("INSERT") { "" } else { " WHERE scope = 'acme'" }));
        assert!(read(&stores, &scope("acme")).await.drift, "{sql}");
        assert!(!read(&stores, &scope("beta")).await.drift, "{sql}");
    }
}

#[tokio::test]
async fn what_is_no_item_comes_back_as_odd_without_its_value() {
    let (stores, path, _folder) = store().await;
    let rows = [
        ("'no.json'", "'CANARY'"),
        ("'cut'", "'{\"CANARY\": '"),
        ("'null'", "'null'"),
        ("'twice'", "'{\"x\":\"CANARY\",\"x\":2}'"),
        ("'digits'", "'1234567890123456789012345678901234567890'"),
        ("'surrogate'", r#"'"\ud800"'"#),
        ("'bad key!'", "'1'"),
        ("''", "'1'"),
        ("'utf8'", "CAST(x'22ff22' AS TEXT)"),
        ("CAST(x'61ff' AS TEXT)", "'1'"),
        ("'nul'", "char(0)"),
    ];
    for (name, text) in rows {
        edit(&path, &format!("INSERT INTO items (scope, key, value) VALUES ('acme', {name}, {text})"));
    }
    let deep = "[".repeat(10_000);
    edit(&path, &format!("INSERT INTO items (scope, key, value) VALUES ('acme', 'deep', '{deep}')"));
    let found = read(&stores, &scope("acme")).await;
    assert_eq!(found.items.len(), 1, "{:?}", found.items);
    assert_eq!(found.odd.len(), rows.len() + 1);
    assert!(found.odd.iter().all(|odd| !odd.reason.is_empty() && !odd.reason.contains("CANARY")), "{:?}", found.odd);
    assert!(errors(&stores).await.iter().any(|finding| finding.subject == "items"));
    assert_eq!(read(&stores, &scope("beta")).await.odd, []);
}

#[tokio::test]
async fn a_strange_note_does_not_hide_the_value() {
    let (stores, path, _folder) = store().await;
    edit(&path, "UPDATE items SET revision = -1, updated_at = 9223372036854775807 WHERE scope = 'acme'");
    let found = read(&stores, &scope("acme")).await;
    assert_eq!((found.items[0].value.to_json().as_str(), &found.items[0].meta), ("1", &None));
}

#[tokio::test]
async fn a_strange_head_is_named_and_other_tenants_are_read() {
    let (stores, path, _folder) = store().await;
    let good = "UPDATE scopes SET revision = 1, status = 'active', display_name = 'x' WHERE scope = 'acme'";
    for (bad, column) in [
        ("revision = -1", "revision"),
        ("status = 'odd'", "status"),
        ("display_name = CAST(x'ff' AS TEXT)", "display_name"),
    ] {
        edit(&path, &format!("UPDATE scopes SET {bad} WHERE scope = 'acme'"));
        let what = corrupt(stores.read(&scope("acme")).await);
        assert!(what.contains("the head of acme") && what.contains(column) && what.contains("expected"), "{what}");
        assert_eq!(value(&stores, &scope("beta"), "a").await, Some(1.into()));
        corrupt(Draft::change(scope("acme"), 1).send(&stores).await);
        assert!(!errors(&stores).await.is_empty());
        edit(&path, good);
    }
}

#[tokio::test]
async fn a_scope_that_is_no_tenant_is_named() {
    let (stores, path, _folder) = store().await;
    edit(&path, "UPDATE scopes SET scope = 'Not A Tenant' WHERE scope = 'acme'");
    corrupt(stores.tenants(&PageRequest::first(9)).await);
    assert!(!errors(&stores).await.is_empty());
    assert_eq!(value(&stores, &scope("beta"), "a").await, Some(1.into()));
}

#[tokio::test]
async fn a_sealed_text_opens_in_no_other_row() {
    let moves = [
        "UPDATE secret_fields SET sealed = (SELECT sealed FROM secret_fields WHERE scope = 'beta' AND field = 'f') \
         WHERE scope = 'acme' AND field = 'f'",
        "UPDATE secret_fields SET sealed = (SELECT sealed FROM secret_fields WHERE scope = 'acme' AND field = 'g') \
         WHERE scope = 'acme' AND field = 'f'",
        "UPDATE secret_fields SET sealed = x'00' WHERE scope = 'acme' AND field = 'f'",
        "UPDATE secret_fields SET sealed = x'' WHERE scope = 'acme' AND field = 'f'",
    ];
    for sql in moves {
        let (stores, path, _folder) = store().await;
        edit(&path, sql);
        let found = read_secret(&stores, &scope("acme")).await;
        assert_eq!(texts(&found).into_iter().collect::<Vec<_>>(), [("g", "same length")], "{sql}");
        assert_eq!((found.odd.len(), found.odd[0].key.as_str()), (1, "f"));
        assert!(errors(&stores).await.iter().any(|finding| finding.subject == "secrets"));
        // A change of other fields leaves the odd one as it is; setting it mends it.
        let write = secret_write(Some(&found.version), &[("h", Some("new"))]);
        let version = stores.write_secret(&scope("acme"), write).await.unwrap();
        assert_eq!(read_secret(&stores, &scope("acme")).await.odd.len(), 1);
        stores.write_secret(&scope("acme"), secret_write(Some(&version), &[("f", Some("set"))])).await.unwrap();
        let mended = read_secret(&stores, &scope("acme")).await;
        assert_eq!((mended.odd.len(), texts(&mended)["f"]), (0, "set"));
        assert!(errors(&stores).await.is_empty());
    }
}

#[tokio::test]
async fn a_sealed_text_of_another_version_or_incarnation_does_not_open() {
    for sql in ["UPDATE secrets SET version = 7", "UPDATE scopes SET incarnation = 'other'"] {
        let (stores, path, _folder) = store().await;
        edit(&path, &format!("{sql} WHERE scope = 'acme'"));
        match stores.read_secret(&scope("acme")).await {
            Ok(found) => assert_eq!(found.unwrap().odd.len(), 2, "{sql}"),
            Err(StoreError::Corrupt { what, .. }) => assert!(what.contains("data key of acme"), "{what}"),
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(texts(&read_secret(&stores, &scope("beta")).await)["f"], "beta");
    }
}

#[tokio::test]
async fn a_missing_or_moved_data_key_is_named() {
    let moved = "UPDATE data_keys SET sealed = (SELECT sealed FROM data_keys WHERE scope = 'beta')";
    for sql in ["DELETE FROM data_keys", moved] {
        let (stores, path, _folder) = store().await;
        edit(&path, &format!("{sql} WHERE scope = 'acme'"));
        let what = corrupt(stores.read_secret(&scope("acme")).await);
        assert!(what.contains("acme"), "{what}");
        assert_eq!(texts(&read_secret(&stores, &scope("beta")).await)["f"], "beta");
        assert_eq!(value(&stores, &scope("acme"), "a").await, Some(1.into()));
    }
}

#[tokio::test]
async fn a_strange_log_entry_is_named() {
    let (stores, path, _folder) = store().await;
    for bad in ["changes = 'CANARY'", "action = 'CANARY'", "at = 9223372036854775807, revision = -1"] {
        edit(&path, &format!("UPDATE log SET {bad} WHERE scope = 'acme'"));
        let what = corrupt(stores.log(&log_of(&scope("acme")), &PageRequest::first(9)).await);
        assert!(what.contains("the log entry acme:1") && !what.contains("CANARY"), "{what}");
        edit(&path, "UPDATE log SET changes = '[]', action = 'create', revision = 1 WHERE scope = 'acme'");
    }
    assert!(stores.revision(&scope("beta"), Revision(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_row_without_its_parent_is_found_by_the_check() {
    let (stores, path, _folder) = store().await;
    edit(&path, "INSERT INTO items (scope, key, value) VALUES ('ghost', 'a', '1')");
    let told = errors(&stores).await;
    assert_eq!(told[0].subject, "integrity");
    assert!(told[0].message.contains("items"), "{told:?}");
}

#[tokio::test]
async fn a_missing_table_is_an_error_and_no_panic() {
    let (stores, path, _folder) = store().await;
    edit(&path, "DROP TABLE items");
    corrupt(stores.read(&scope("acme")).await);
    corrupt(Draft::change(scope("acme"), 1).set("a", 2).send(&stores).await);
    assert!(!errors(&stores).await.is_empty());
}

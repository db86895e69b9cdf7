//! Promises of items: what is written comes back, with the note of who wrote it.

use tenantry_core::layer::Revision;

use super::acts::{Draft, at, json, key, read, scope, value};
use crate::{ItemMeta, StoreError, Stores};

/// Writes values under keys of their own, and reads them back.
async fn come_back(stores: &Stores, values: &[String]) {
    let mut draft = Draft::create("acme");
    for (n, text) in values.iter().enumerate() {
        draft = draft.set(&format!("v.n{n}"), json(text));
    }
    draft.done(stores).await;
    for (n, text) in values.iter().enumerate() {
        let found = value(stores, &scope("acme"), &format!("v.n{n}")).await;
        assert!(found == Some(json(text)), "{}", text.chars().take(80).collect::<String>());
    }
}

pub async fn values_of_every_kind_come_back_as_written(stores: Stores) {
    let texts = [
        "true",
        "false",
        "0",
        "-17",
        "0.2",
        r#""""#,
        r#""text""#,
        "[]",
        "{}",
        r#"[1,"two",[true,{"three":3}]]"#,
        r#"{"a":{"b":[],"c":{"d":"e"}},"f":false}"#,
        r#"" \"quoted\" \\ back\n\t line ""#,
        r#""\u0000\u0001\u007f""#,
    ];
    come_back(&stores, &texts.map(str::to_owned)).await;
}

pub async fn numbers_keep_38_digits(stores: Stores) {
    let texts = [
        "12345678901234567890123456789012345678",
        "-0.12345678901234567890123456789012345678",
        "9223372036854775808",
        "18446744073709551616",
        "0.1",
        "1e125",
        "9.9e-130",
    ];
    come_back(&stores, &texts.map(str::to_owned)).await;
}

pub async fn texts_of_60_kib_in_any_language_come_back(stores: Stores) {
    let texts = ["Grüße, Ægir", "日本語", "مرحبا", "🦀👩‍👩‍👧‍👦", "e\u{301}", "\u{feff}\u{200b}", "' ; DROP TABLE items; --"];
    let mut quoted: Vec<_> = texts.iter().map(|text| serde_json::to_string(text).unwrap()).collect();
    quoted.push(format!(r#""{}""#, "x".repeat(60 * 1024)));
    quoted.push(format!(r#""{}""#, "ü".repeat(30 * 1024)));
    come_back(&stores, &quoted).await;
}

pub async fn items_come_back_in_the_order_of_their_keys(stores: Stores) {
    let mut keys = ["a-b", "a.b", "a", "a.b.c", "aB", "b", "a_b", "a.b-c", "Z", "a0"].map(key);
    let draft = keys.iter().fold(Draft::create("acme"), |draft, key| draft.set(key.as_str(), true));
    draft.done(&stores).await;
    keys.sort();
    let found: Vec<_> = read(&stores, &scope("acme")).await.items.into_iter().map(|item| item.key).collect();
    assert_eq!(found, keys);
}

async fn meta(stores: &Stores, name: &str) -> Option<ItemMeta> {
    read(stores, &scope("acme")).await.items.into_iter().find(|item| item.key == key(name)).unwrap().meta
}

pub async fn an_item_tells_who_wrote_it_when_and_over_which_default(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    Draft::change(scope("acme"), 1).set("a", 1).by("grace", 9).over_default(4).done(&stores).await;
    let noted = ItemMeta {
        revision: Revision(2),
        updated_at: at(9),
        updated_by: "grace".to_owned(),
        default_revision: Revision(4),
    };
    assert_eq!(meta(&stores, "a").await, Some(noted));
}

pub async fn an_item_that_is_not_written_keeps_its_note(stores: Stores) {
    Draft::create("acme").set("a", 1).by("grace", 1).done(&stores).await;
    let noted = meta(&stores, "a").await;
    Draft::change(scope("acme"), 1).set("b", 1).by("ada", 2).over_default(9).done(&stores).await;
    assert_eq!(meta(&stores, "a").await, noted);
    Draft::change(scope("acme"), 2).set("a", 1).by("ada", 3).done(&stores).await;
    assert_eq!(meta(&stores, "a").await.unwrap().revision, Revision(3));
}

pub async fn an_unset_item_is_gone(stores: Stores) {
    Draft::create("acme").set("a", 1).set("a.b", 2).set("ab", 3).done(&stores).await;
    Draft::change(scope("acme"), 1).unset("a").done(&stores).await;
    let left: Vec<_> = read(&stores, &scope("acme")).await.items.into_iter().map(|item| item.key).collect();
    assert_eq!(left, [key("a.b"), key("ab")]);
}

pub async fn unsetting_what_is_not_set_is_no_error(stores: Stores) {
    Draft::create("acme").set("a", 1).done(&stores).await;
    assert_eq!(Draft::change(scope("acme"), 1).unset("b").done(&stores).await.revision, Revision(2));
    assert_eq!(read(&stores, &scope("acme")).await.items.len(), 1);
}

pub async fn a_key_named_twice_is_refused(stores: Stores) {
    let refused = Draft::create("acme").set("a", 1).unset("a").send(&stores).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
}

//! Promises of limits: what is too large is refused before anything is written, and what just fits is taken.

use super::acts::{Draft, WHOLE_LOG, read, scope, secret_write, sight, whole_log};
use crate::{Committed, StoreError, Stores};

fn too_large(result: Result<Committed, StoreError>) -> (usize, usize) {
    match result {
        Err(StoreError::TooLarge { size, limit, .. }) => (size, limit),
        other => panic!("{other:?}"),
    }
}

pub async fn a_value_over_64_kib_is_refused(stores: Stores) {
    // The quotes are two bytes of its JSON.
    let text = |bytes: usize| "x".repeat(bytes - 2);
    Draft::create("acme").set("a", text(65_536).as_str()).done(&stores).await;
    let seen = sight(&stores, "acme").await;
    let refused = Draft::change(scope("acme"), 1).set("b", 1).set("a", text(65_537).as_str()).send(&stores).await;
    assert_eq!(too_large(refused), (65_537, 65_536));
    assert_eq!(sight(&stores, "acme").await, seen);
}

pub async fn a_scope_over_1000_items_is_refused(stores: Stores) {
    let many = |draft: Draft, from: usize, to: usize| {
        (from..to).fold(draft, |draft, n| draft.set(&format!("k.n{n}"), i64::try_from(n).unwrap()))
    };
    Draft::create("acme").done(&stores).await;
    for turn in 0..10 {
        let revision = u64::try_from(turn).unwrap() + 1;
        many(Draft::change(scope("acme"), revision), turn * 97, (turn + 1) * 97).done(&stores).await;
    }
    many(Draft::change(scope("acme"), 11), 970, 1_000).done(&stores).await;
    let refused = Draft::change(scope("acme"), 12).set("x", 1).set("y", 1).unset("k.n0").send(&stores).await;
    assert_eq!(too_large(refused), (1_001, 1_000));
    let found = read(&stores, &scope("acme")).await;
    assert_eq!((found.items.len(), found.head.revision.0), (1_000, 12));
    Draft::change(scope("acme"), 12).set("x", 1).unset("k.n0").done(&stores).await;
}

pub async fn a_secret_over_60_kib_is_refused(stores: Stores) {
    // {"a":"…","b":"…"} has 15 bytes beside the texts.
    let half = "x".repeat(30_000);
    let rest = "y".repeat(61_440 - 30_000 - 15);
    let fields = [("a", Some(&*half)), ("b", Some(&*rest))];
    let version = Draft::create("acme").secret(None, &fields).done(&stores).await.secret_version;
    let seen = sight(&stores, "acme").await;
    let more = format!("{rest}y");
    let refused =
        Draft::change(scope("acme"), 1).secret(version.as_ref(), &[("b", Some(&more))]).set("a", 1).send(&stores).await;
    assert_eq!(too_large(refused), (61_441, 61_440));
    let bare = stores.write_secret(&scope("acme"), secret_write(version.as_ref(), &[("c", Some("z"))])).await;
    assert!(matches!(bare, Err(StoreError::TooLarge { limit: 61_440, .. })), "{bare:?}");
    assert_eq!(sight(&stores, "acme").await, seen);
}

pub async fn a_change_set_over_97_items_is_refused(stores: Stores) {
    let many = |count: usize| (0..count).fold(Draft::create("acme"), |draft, n| draft.set(&format!("k.n{n}"), true));
    assert_eq!(too_large(many(98).send(&stores).await), (98, 97));
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
    assert!(whole_log(&stores, &WHOLE_LOG).await.is_empty());
    many(97).done(&stores).await;
}

//! Promises of the log: an entry for every change in the same transaction, newest first, whole over pages.

use std::collections::BTreeSet;

use tenantry_core::change::Difference;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_core::secret::{Fingerprint, SecretMark};

use super::acts::{Draft, WHOLE_LOG, at, entry, history_of, json, key, log_of, scope, whole_log};
use crate::{Action, Cursor, HeadChange, LogEntry, LogQuery, PageRequest, StoreError, Stores};

pub async fn each_revision_has_the_entry_of_its_commit(stores: Stores) {
    Draft::create("acme").by("ada", 1).done(&stores).await;
    Draft::change(scope("acme"), 1).by("grace", 2).because("asked for").done(&stores).await;
    let made = stores.revision(&scope("acme"), Revision(2)).await.unwrap().unwrap();
    assert_eq!((made.revision, made.at, made.actor.as_str()), (Some(Revision(2)), at(2), "grace"));
    assert_eq!((made.action, made.reason.as_deref()), (Action::Change, Some("asked for")));
    assert_eq!(made.scope, "acme");
}

pub async fn an_entry_comes_back_as_written(stores: Stores) {
    let mark = SecretMark { version: "5".to_owned(), fingerprint: Fingerprint::parse("0123456789ab").unwrap() };
    let changes = vec![
        Difference {
            key: key("a"),
            before: None,
            after: Some(Entry::Value(json("0.12345678901234567890123456789012345678"))),
        },
        Difference { key: key("b.c"), before: Some(Entry::Value(json(r#"["ü",[]]"#))), after: None },
        Difference { key: key("d"), before: Some(Entry::Secret(mark.clone())), after: Some(Entry::Secret(mark)) },
    ];
    Draft::create("acme").done(&stores).await;
    Draft::change(scope("acme"), 1).because("“why”\n🦀").telling(changes.clone()).done(&stores).await;
    let found = stores.revision(&scope("acme"), Revision(2)).await.unwrap().unwrap();
    assert_eq!(found.changes, changes);
    assert_eq!(found.reason.as_deref(), Some("“why”\n🦀"));
    let mut event = entry(&scope("acme"), Action::Bind);
    event.detail = Some("slack:T1".to_owned());
    stores.record(event).await.unwrap();
    assert_eq!(whole_log(&stores, &log_of(&scope("acme"))).await[0].detail.as_deref(), Some("slack:T1"));
}

pub async fn history_is_newest_first_and_of_one_scope(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    Draft::create("acme-corp").done(&stores).await;
    for revision in 1..8 {
        Draft::change(scope("acme"), revision).done(&stores).await;
        Draft::change(scope("acme-corp"), revision).done(&stores).await;
    }
    let found = whole_log(&stores, &history_of(&scope("acme"))).await;
    let revisions: Vec<_> = found.iter().map(|entry| entry.revision.unwrap().0).collect();
    assert_eq!(revisions, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert!(found.iter().all(|entry| entry.scope == "acme"));
}

pub async fn pages_are_complete_without_duplicates_while_others_write(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    for revision in 1..10 {
        Draft::change(scope("acme"), revision).done(&stores).await;
    }
    for query in [WHOLE_LOG, history_of(&scope("acme"))] {
        let (mut page, mut ids) = (PageRequest::first(3), BTreeSet::new());
        let before = whole_log(&stores, &query).await;
        let newest = before[0].revision.unwrap().0;
        for turn in 0.. {
            let read = stores.log(&query, &page).await.unwrap();
            assert!(read.items.len() <= 3);
            for entry in read.items {
                assert!(ids.insert(entry.id), "listed twice");
            }
            Draft::change(scope("acme"), newest + turn).done(&stores).await;
            let Some(cursor) = read.next else { break };
            page = page.behind(cursor);
        }
        assert!(before.iter().all(|entry| ids.contains(&entry.id)));
    }
}

pub async fn a_page_ends_where_its_entries_are_large(stores: Stores) {
    const LARGE: usize = 300 * 1024;
    let count = 2 * PageRequest::LARGEST_BYTES / LARGE;
    Draft::create("acme").done(&stores).await;
    for (_, revision) in (0..count).zip(1..) {
        let after = Some(Entry::Value("x".repeat(LARGE).as_str().into()));
        let change = Difference { key: key("persona.name"), before: None, after };
        Draft::change(scope("acme"), revision).telling(vec![change]).done(&stores).await;
    }
    for query in [WHOLE_LOG, history_of(&scope("acme"))] {
        let (mut page, mut ids, mut pages) = (PageRequest::first(PageRequest::LARGEST), BTreeSet::new(), 0);
        loop {
            let read = stores.log(&query, &page).await.unwrap();
            let said: usize = read.items.iter().map(LogEntry::size).sum();
            assert!(said < 3 * PageRequest::LARGEST_BYTES, "{said}");
            pages += 1;
            assert!(read.items.into_iter().all(|entry| ids.insert(entry.id)), "listed twice");
            let Some(cursor) = read.next else { break };
            page = page.behind(cursor);
        }
        assert_eq!(ids.len(), count + 1, "none is left out");
        assert!(pages > 1, "all of it in one page");
    }
}

pub async fn a_revision_is_found_by_its_number(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    Draft::create("beta").done(&stores).await;
    Draft::change(scope("acme"), 1).done(&stores).await;
    let found = stores.revision(&scope("acme"), Revision(1)).await.unwrap().unwrap();
    assert_eq!((found.scope.as_str(), found.action), ("acme", Action::Create));
    assert!(stores.revision(&scope("acme"), Revision(3)).await.unwrap().is_none());
    assert!(stores.revision(&scope("acme"), Revision(0)).await.unwrap().is_none());
    assert!(stores.revision(&scope("beta"), Revision(2)).await.unwrap().is_none());
}

pub async fn the_log_of_all_scopes_holds_every_entry(stores: Stores) {
    Draft::create_global().done(&stores).await;
    Draft::create("acme").done(&stores).await;
    Draft::change(scope("acme"), 1).head(HeadChange::Rename("New".to_owned())).done(&stores).await;
    Draft::change(Scope::Global, 1).done(&stores).await;
    stores.record(entry(&scope("acme"), Action::Bind)).await.unwrap();
    let found = whole_log(&stores, &WHOLE_LOG).await;
    let told: Vec<_> = found.iter().map(|entry| (entry.scope.as_str(), entry.revision.map(|r| r.0))).collect();
    assert_eq!(
        told,
        [("acme", None), ("#global", Some(2)), ("acme", Some(2)), ("acme", Some(1)), ("#global", Some(1))]
    );
    let ids: BTreeSet<_> = found.iter().map(|entry| &entry.id).collect();
    assert_eq!(ids.len(), found.len());
}

pub async fn a_recorded_event_makes_no_revision(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    stores.record(entry(&scope("acme"), Action::Bind)).await.unwrap();
    assert_eq!(whole_log(&stores, &log_of(&scope("acme"))).await.len(), 2);
    assert_eq!(whole_log(&stores, &history_of(&scope("acme"))).await.len(), 1);
    assert_eq!(stores.read(&scope("acme")).await.unwrap().unwrap().head.revision, Revision(1));
}

pub async fn a_cursor_of_another_listing_is_refused(stores: Stores) {
    for id in ["acme", "beta"] {
        Draft::create(id).done(&stores).await;
        Draft::change(scope(id), 1).done(&stores).await;
    }
    let one = PageRequest::first(1);
    let of_acme = stores.log(&log_of(&scope("acme")), &one).await.unwrap().next.unwrap();
    let of_tenants = stores.tenants(&one).await.unwrap().next.unwrap();
    let made_up = Cursor("../../etc/passwd".to_owned());
    let queries: [(LogQuery, &Cursor); 4] = [
        (log_of(&scope("beta")), &of_acme),
        (WHOLE_LOG, &of_acme),
        (log_of(&scope("acme")), &of_tenants),
        (log_of(&scope("acme")), &made_up),
    ];
    for (query, cursor) in queries {
        let refused = stores.log(&query, &one.behind(cursor.clone())).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{query:?} with {cursor:?}: {refused:?}");
    }
    for cursor in [of_acme, made_up] {
        let refused = stores.tenants(&one.behind(cursor)).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
}

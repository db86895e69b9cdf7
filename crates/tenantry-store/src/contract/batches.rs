//! Promises of commits that belong together: all of them are made, or none.

use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::acts::{Draft, WHOLE_LOG, binding, read, scope, sight, tenant, value, whole_log};
use crate::{BatchError, HeadChange, StoreError, Stores};

pub async fn commits_that_belong_together_are_all_made_and_answered_in_order(stores: Stores) {
    Draft::create("beta").done(&stores).await;
    let drafts = vec![
        Draft::create_global().set("g", 1),
        Draft::change(scope("beta"), 1).set("b", 2).secret(None, &[("f", Some("s"))]),
        Draft::create("acme").set("a", 3).take("slack:T1"),
    ];
    let committed = Draft::send_all(drafts, &stores).await.unwrap();
    assert_eq!(committed.iter().map(|made| made.revision.0).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(committed.iter().map(|made| made.secret_version.is_some()).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(value(&stores, &Scope::Global, "g").await, Some(1.into()));
    assert_eq!(value(&stores, &scope("beta"), "b").await, Some(2.into()));
    assert_eq!(value(&stores, &scope("acme"), "a").await, Some(3.into()));
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), Some(tenant("acme")));
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await.len(), 4);
}

pub async fn one_refused_commit_of_several_leaves_all_scopes_as_they_were(stores: Stores) {
    Draft::create_global().done(&stores).await;
    Draft::create("acme").take("slack:T1").done(&stores).await;
    Draft::create("beta").secret(None, &[("f", Some("s"))]).done(&stores).await;
    let before = (sight(&stores, "acme").await, sight(&stores, "beta").await, whole_log(&stores, &WHOLE_LOG).await);
    let refused = [
        Draft::change(scope("beta"), 7),
        Draft::change(scope("beta"), 1).take("slack:T1"),
        Draft::change(scope("beta"), 1).secret(None, &[("f", Some("t"))]),
        Draft::change(scope("beta"), 1).set("long", "x".repeat(70_000).as_str()),
        Draft::create("beta"),
    ];
    for refused in refused {
        for last in [true, false] {
            let mut drafts = vec![
                Draft::change(Scope::Global, 1).set("g", 1),
                Draft::change(scope("acme"), 1).set("a", 1).secret(None, &[("f", Some("s"))]).take("slack:T2"),
                Draft::create("new").take("slack:T3"),
            ];
            drafts.insert(if last { 3 } else { 0 }, refused.clone());
            let error = Draft::send_all(drafts, &stores).await.unwrap_err();
            assert_eq!(error.scope, Some(scope("beta")), "{error:?}");
            let after =
                (sight(&stores, "acme").await, sight(&stores, "beta").await, whole_log(&stores, &WHOLE_LOG).await);
            assert_eq!(after, before, "{error}");
        }
    }
    assert_eq!(read(&stores, &Scope::Global).await.head.revision, Revision(1));
    assert!(stores.read(&scope("new")).await.unwrap().is_none());
    for free in ["slack:T2", "slack:T3"] {
        assert_eq!(stores.bound(&binding(free)).await.unwrap(), None);
    }
}

pub async fn a_conflict_among_several_names_the_scope_that_moved(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    Draft::create("beta").done(&stores).await;
    Draft::change(scope("beta"), 1).by("grace", 7).done(&stores).await;
    let drafts = vec![Draft::change(scope("acme"), 1), Draft::change(scope("beta"), 1)];
    let BatchError { scope: moved, error } = Draft::send_all(drafts, &stores).await.unwrap_err();
    assert_eq!(moved, Some(scope("beta")));
    assert!(matches!(&error, StoreError::Conflict { current: Revision(2), by: Some(by), .. } if by == "grace"));
}

pub async fn a_binding_moves_from_one_tenant_to_another_in_whatever_order(stores: Stores) {
    Draft::create("acme").take("slack:T1").done(&stores).await;
    Draft::create("beta").take("slack:T2").done(&stores).await;
    let swap = |one: &str, other: &str, revision| {
        vec![
            Draft::change(scope("acme"), revision).take(other).release(one),
            Draft::change(scope("beta"), revision).take(one).release(other),
        ]
    };
    Draft::send_all(swap("slack:T1", "slack:T2", 1), &stores).await.unwrap();
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), Some(tenant("beta")));
    assert_eq!(stores.bound(&binding("slack:T2")).await.unwrap(), Some(tenant("acme")));
    let mut back = swap("slack:T2", "slack:T1", 2);
    back.reverse();
    Draft::send_all(back, &stores).await.unwrap();
    assert_eq!(stores.bindings(&tenant("acme")).await.unwrap(), [binding("slack:T1")]);
    assert_eq!(stores.bindings(&tenant("beta")).await.unwrap(), [binding("slack:T2")]);
}

pub async fn two_of_several_that_take_one_binding_are_refused(stores: Stores) {
    let drafts = vec![Draft::create("acme").take("slack:T1"), Draft::create("beta").take("slack:T1")];
    let error = Draft::send_all(drafts, &stores).await.unwrap_err();
    assert_eq!(error.scope, Some(scope("beta")));
    assert!(matches!(&error.error, StoreError::Taken(taken) if *taken == binding("slack:T1")), "{error:?}");
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), None);
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
}

pub async fn a_scope_that_several_commits_name_is_refused(stores: Stores) {
    let refused = Draft::send_all(vec![Draft::create("acme"), Draft::change(scope("acme"), 1)], &stores).await;
    assert!(matches!(refused, Err(BatchError { error: StoreError::Refused(_), .. })), "{refused:?}");
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
}

pub async fn a_scope_is_renamed_together_with_its_values(stores: Stores) {
    Draft::create("acme").set("a", 1).done(&stores).await;
    let rename = Draft::change(scope("acme"), 1).head(HeadChange::Rename("Other".to_owned()));
    let committed = rename.set("a", 2).secret(None, &[("f", Some("s"))]).done(&stores).await;
    assert_eq!(committed.revision, Revision(2));
    assert_eq!(read(&stores, &scope("acme")).await.head.display_name, "Other");
    assert_eq!(value(&stores, &scope("acme"), "a").await, Some(2.into()));
}

pub async fn no_commits_change_nothing(stores: Stores) {
    assert!(Draft::send_all(Vec::new(), &stores).await.unwrap().is_empty());
    assert!(whole_log(&stores, &WHOLE_LOG).await.is_empty());
}

pub async fn of_batches_over_the_same_scopes_one_wins_whole(stores: Stores) {
    for id in ["a", "b", "c"] {
        Draft::create(id).done(&stores).await;
    }
    let send = |n: i64| {
        let stores = stores.clone();
        tokio::spawn(async move {
            let drafts = ["a", "b", "c"].map(|id| Draft::change(scope(id), 1).set("winner", n));
            Draft::send_all(drafts.into(), &stores).await
        })
    };
    let tasks: Vec<_> = (0..8).map(send).collect();
    let mut won = Vec::new();
    for (n, task) in (0..).zip(tasks) {
        match task.await.unwrap() {
            Ok(_) => won.push(n),
            Err(BatchError { error: StoreError::Conflict { .. }, .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let [winner] = won[..] else { panic!("{won:?}") };
    for id in ["a", "b", "c"] {
        assert_eq!(value(&stores, &scope(id), "winner").await, Some(winner.into()));
        assert_eq!(read(&stores, &scope(id)).await.head.revision, Revision(2));
    }
}

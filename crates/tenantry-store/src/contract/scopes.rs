//! Promises of scopes as a whole: revisions, expectations, and nothing half done.

use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::acts::{Draft, WHOLE_LOG, at, binding, key, read, read_secret, scope, sight, texts, value, whole_log};
use crate::{HeadChange, Severity, StoreError, Stores, TenantStatus};

pub async fn an_unknown_scope_reads_as_none(stores: Stores) {
    for unknown in [scope("acme"), Scope::Global] {
        assert!(stores.read(&unknown).await.unwrap().is_none());
        assert!(stores.read_secret(&unknown).await.unwrap().is_none());
        assert!(stores.revision(&unknown, Revision(1)).await.unwrap().is_none());
    }
}

pub async fn a_created_scope_reads_back(stores: Stores) {
    let committed = Draft::create("acme").set("persona.name", "Ada").by("grace", 5).done(&stores).await;
    assert_eq!(committed.revision, Revision(1));
    assert_eq!(committed.secret_version, None);
    let found = read(&stores, &scope("acme")).await;
    assert_eq!(found.head.revision, Revision(1));
    assert_eq!(found.head.status, TenantStatus::Active);
    assert_eq!(found.head.display_name, "Company acme");
    assert!(!found.head.incarnation.is_empty());
    assert_eq!((found.head.created_at, found.head.updated_at), (at(5), at(5)));
    assert_eq!(found.head.updated_by, "grace");
    assert_eq!(found.items.len(), 1);
    assert!(found.odd.is_empty());
}

pub async fn creating_a_scope_again_is_a_conflict(stores: Stores) {
    Draft::create("acme").set("a", 1).done(&stores).await;
    let refused = Draft::create("acme").set("a", 2).send(&stores).await;
    assert!(matches!(refused, Err(StoreError::Conflict { current: Revision(1), .. })), "{refused:?}");
    assert_eq!(value(&stores, &scope("acme"), "a").await, Some(1.into()));
}

pub async fn changing_an_unknown_scope_is_a_conflict_at_revision_0(stores: Stores) {
    let refused = Draft::change(scope("acme"), 1).set("a", 1).send(&stores).await;
    let nowhere = StoreError::Conflict { current: Revision(0), by: None, at: None };
    assert_eq!(format!("{:?}", refused.unwrap_err()), format!("{nowhere:?}"));
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
}

pub async fn a_stale_write_is_refused_and_changes_nothing(stores: Stores) {
    let acme = scope("acme");
    let first = Draft::create("acme").set("a", 1).secret(None, &[("f", Some("old"))]).done(&stores).await;
    Draft::change(acme.clone(), 1).set("a", 2).take("slack:T1").done(&stores).await;
    let (seen, logged) = (sight(&stores, "acme").await, whole_log(&stores, &WHOLE_LOG).await);
    let stale = Draft::change(acme.clone(), 1)
        .head(HeadChange::Status(TenantStatus::Suspended))
        .set("a", 3)
        .set("b", 1)
        .secret(first.secret_version.as_ref(), &[("f", Some("new"))])
        .take("slack:T2")
        .release("slack:T1");
    let refused = stale.send(&stores).await;
    assert!(matches!(refused, Err(StoreError::Conflict { current: Revision(2), .. })), "{refused:?}");
    assert_eq!(sight(&stores, "acme").await, seen);
    assert_eq!(whole_log(&stores, &WHOLE_LOG).await, logged);
    assert_eq!(stores.bound(&binding("slack:T2")).await.unwrap(), None);
}

pub async fn a_conflict_tells_the_current_revision_its_author_and_its_time(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    Draft::change(scope("acme"), 1).by("grace", 7).done(&stores).await;
    let Err(StoreError::Conflict { current, by, at: when }) = Draft::change(scope("acme"), 1).send(&stores).await
    else {
        panic!("a stale write was taken");
    };
    assert_eq!((current, by.as_deref(), when), (Revision(2), Some("grace"), Some(at(7))));
}

/// Sends sixteen drafts at once, and counts those that were taken; all others must be conflicts.
async fn race(stores: &Stores, draft: impl Fn(usize) -> Draft) -> usize {
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let (stores, draft) = (stores.clone(), draft(n));
            tokio::spawn(async move { draft.send(&stores).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(StoreError::Conflict { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    won
}

pub async fn one_of_sixteen_writers_with_one_expectation_wins(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    for revision in 1..=3 {
        let draft = |n: usize| Draft::change(scope("acme"), revision).set("winner", n.to_string().as_str());
        assert_eq!(race(&stores, draft).await, 1);
        assert_eq!(read(&stores, &scope("acme")).await.head.revision, Revision(revision + 1));
    }
}

pub async fn one_of_sixteen_creators_wins(stores: Stores) {
    assert_eq!(race(&stores, |n| Draft::create("acme").set("winner", n.to_string().as_str())).await, 1);
    assert_eq!(read(&stores, &scope("acme")).await.head.revision, Revision(1));
}

pub async fn each_commit_makes_the_next_revision(stores: Stores) {
    Draft::create("acme").done(&stores).await;
    for revision in 1..5 {
        let committed = Draft::change(scope("acme"), revision).by("ada", 1).done(&stores).await;
        assert_eq!(committed.revision, Revision(revision + 1));
    }
    let head = read(&stores, &scope("acme")).await.head;
    assert_eq!((head.revision, head.created_at, head.updated_at), (Revision(5), at(0), at(1)));
}

pub async fn the_global_scope_is_kept_like_a_tenants(stores: Stores) {
    let first = Draft::create_global().set("a", 1).secret(None, &[("f", Some("s"))]).done(&stores).await;
    assert_eq!(first.revision, Revision(1));
    Draft::change(Scope::Global, 1).set("b", 2).done(&stores).await;
    let stale = Draft::change(Scope::Global, 1).unset("a").send(&stores).await;
    assert!(matches!(stale, Err(StoreError::Conflict { .. })));
    let found = read(&stores, &Scope::Global).await;
    let keys: Vec<_> = found.items.iter().map(|item| item.key.clone()).collect();
    assert_eq!(keys, [key("a"), key("b")]);
    assert_eq!(found.head.status, TenantStatus::Active);
    assert_eq!(texts(&read_secret(&stores, &Scope::Global).await)["f"], "s");
    assert!(stores.read(&scope("acme")).await.unwrap().is_none());
}

pub async fn the_global_scope_has_no_status_name_or_bindings(stores: Stores) {
    Draft::create_global().done(&stores).await;
    let change = || Draft::change(Scope::Global, 1);
    let status = HeadChange::Status(TenantStatus::Suspended);
    for draft in [change().head(status), change().head(HeadChange::Rename("x".to_owned())), change().take("slack:T1")] {
        let refused = draft.send(&stores).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    assert_eq!(read(&stores, &Scope::Global).await.head.revision, Revision(1));
}

pub async fn a_log_entry_about_another_scope_is_refused(stores: Stores) {
    let refused = Draft::create("acme").logged_about(scope("beta")).send(&stores).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert!(whole_log(&stores, &WHOLE_LOG).await.is_empty());
}

pub async fn creating_and_expecting_must_agree(stores: Stores) {
    let refused = Draft::create("acme").head(HeadChange::Keep).send(&stores).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    Draft::create("acme").done(&stores).await;
    let again = HeadChange::Create { display_name: "Other".to_owned() };
    let refused = Draft::change(scope("acme"), 1).head(again).send(&stores).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(read(&stores, &scope("acme")).await.head.display_name, "Company acme");
}

pub async fn writers_of_different_scopes_all_succeed(stores: Stores) {
    let write = |n: u8| {
        let (stores, id) = (stores.clone(), format!("t{n}"));
        tokio::spawn(async move {
            Draft::create(&id).set("a", 0).done(&stores).await;
            for revision in 1..5 {
                Draft::change(scope(&id), revision).set("a", i64::try_from(revision).unwrap()).done(&stores).await;
            }
        })
    };
    let tasks: Vec<_> = (0..8).map(write).collect();
    for task in tasks {
        task.await.unwrap();
    }
    for n in 0..8 {
        let of = scope(&format!("t{n}"));
        assert_eq!(read(&stores, &of).await.head.revision, Revision(5));
        assert_eq!(value(&stores, &of, "a").await, Some(4.into()));
    }
}

pub async fn a_healthy_store_checks_clean(stores: Stores) {
    Draft::create_global().set("a", 1).done(&stores).await;
    Draft::create("acme").set("a", 2).secret(None, &[("f", Some("s"))]).take("slack:T1").done(&stores).await;
    let findings = stores.check().await.unwrap();
    assert!(!findings.is_empty());
    assert!(findings.iter().all(|finding| finding.severity < Severity::Error), "{findings:?}");
}

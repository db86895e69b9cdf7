//! Promises of bindings: an outside identity belongs to one tenant, and who that is stays unknown to others.

use tenantry_core::layer::Revision;

use super::acts::{Draft, binding, entry, read, scope, tenant, value};
use crate::{Action, StoreError, Stores};

pub async fn a_binding_leads_to_its_tenant(stores: Stores) {
    Draft::create("acme").take("slack:T1").take("host:acme.example").done(&stores).await;
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), Some(tenant("acme")));
    assert_eq!(stores.bound(&binding("slack:T2")).await.unwrap(), None);
    assert_eq!(stores.bound(&binding("telegram:T1")).await.unwrap(), None);
    assert_eq!(stores.bindings(&tenant("acme")).await.unwrap(), [binding("slack:T1"), binding("host:acme.example")]);
    assert!(stores.bindings(&tenant("beta")).await.unwrap().is_empty());
}

pub async fn a_taken_binding_is_refused_without_naming_its_tenant(stores: Stores) {
    Draft::create("acme").take("slack:T1").done(&stores).await;
    Draft::create("beta").done(&stores).await;
    let refused = Draft::change(scope("beta"), 1).set("a", 1).take("slack:T0").take("slack:T1").send(&stores).await;
    let error = refused.unwrap_err();
    assert!(matches!(&error, StoreError::Taken(taken) if *taken == binding("slack:T1")), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("acme"));
    assert_eq!(stores.bound(&binding("slack:T0")).await.unwrap(), None);
    assert_eq!(value(&stores, &scope("beta"), "a").await, None);
    assert_eq!(read(&stores, &scope("beta")).await.head.revision, Revision(1));
}

pub async fn a_released_binding_is_free_for_others(stores: Stores) {
    Draft::create("acme").take("slack:T1").done(&stores).await;
    Draft::create("beta").done(&stores).await;
    Draft::change(scope("acme"), 1).release("slack:T1").done(&stores).await;
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), None);
    Draft::change(scope("beta"), 1).take("slack:T1").done(&stores).await;
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), Some(tenant("beta")));
}

pub async fn taking_what_one_has_changes_nothing(stores: Stores) {
    Draft::create("acme").take("slack:T1").done(&stores).await;
    Draft::change(scope("acme"), 1).take("slack:T1").done(&stores).await;
    assert_eq!(stores.bindings(&tenant("acme")).await.unwrap(), [binding("slack:T1")]);
}

pub async fn releasing_what_another_has_changes_nothing(stores: Stores) {
    Draft::create("acme").take("slack:T1").done(&stores).await;
    Draft::create("beta").release("slack:T1").release("slack:T9").done(&stores).await;
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), Some(tenant("acme")));
}

pub async fn one_of_many_takers_gets_a_binding(stores: Stores) {
    let take = |n: u8| {
        let stores = stores.clone();
        tokio::spawn(async move { Draft::create(&format!("t{n}")).take("slack:T1").send(&stores).await })
    };
    let tasks: Vec<_> = (0..8).map(take).collect();
    let mut won = Vec::new();
    for (n, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(_) => won.push(tenant(&format!("t{n}"))),
            Err(StoreError::Taken(_)) => assert!(stores.read(&scope(&format!("t{n}"))).await.unwrap().is_none()),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap().as_ref(), won.first());
}

pub async fn an_erased_tenants_bindings_are_free(stores: Stores) {
    Draft::create("acme").take("slack:T1").done(&stores).await;
    Draft::suspend("acme", 1).done(&stores).await;
    stores.erase(&tenant("acme"), Revision(2), entry(&scope("acme"), Action::Delete)).await.unwrap();
    Draft::create("beta").take("slack:T1").done(&stores).await;
    assert_eq!(stores.bound(&binding("slack:T1")).await.unwrap(), Some(tenant("beta")));
}

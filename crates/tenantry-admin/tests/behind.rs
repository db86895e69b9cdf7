//! Overrides whose default has moved on: found, compared, and settled.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use support::{Acme, context, key, tenant, value};
use tenantry_admin::service::{Merged, Seen, ServiceError, Settle};
use tenantry_core::change::ChangeSet;
use tenantry_core::layer::{Revision, Tier};
use tenantry_core::scope::Scope;

const BASE: &str = "Be polite.\nAnswer briefly.\nSay when you do not know.";
const NEW: &str = "Be polite.\nAnswer briefly.\nSay when you do not know, and ask.";
const OWN: &str = "Be polite and cheerful.\nAnswer briefly.\nSay when you do not know.";

fn text(text: &str) -> tenantry_core::value::Value {
    tenantry_core::value::Value::from(text)
}

/// The default prompt is BASE, acme writes OWN, and then the default becomes another one.
async fn moved_to(new: &str) -> Acme {
    let acme = Acme::new().await;
    acme.change(&Scope::Global, ChangeSet::default().set(key("prompts.rule"), text(BASE))).await.unwrap();
    acme.change(&acme.scope, ChangeSet::default().set(key("prompts.rule"), text(OWN))).await.unwrap();
    acme.change(&Scope::Global, ChangeSet::default().set(key("limit"), value("3"))).await.unwrap();
    acme.change(&Scope::Global, ChangeSet::default().set(key("prompts.rule"), text(new))).await.unwrap();
    acme
}

async fn settle(acme: &Acme, settle: Settle) -> Result<Revision, ServiceError> {
    let done =
        acme.service.settle_behind(&tenant("acme"), &key("prompts.rule"), settle, Seen::default(), &context()).await;
    done.map(|changed| changed.revision)
}

#[tokio::test]
async fn an_override_is_behind_when_its_default_moves_and_not_before() {
    let acme = moved_to(BASE).await;
    assert!(acme.service.review(&tenant("acme")).await.unwrap().behind.is_empty(), "other defaults moved");
    let acme = moved_to(NEW).await;
    let review = acme.service.review(&tenant("acme")).await.unwrap();
    let behind = &review.behind[0];
    assert_eq!(
        (behind.base.clone(), behind.own.clone(), behind.default.clone()),
        (Some(text(BASE)), text(OWN), Some(text(NEW)))
    );
    assert_eq!((behind.written_at, behind.moved_at), (Revision(1), Revision(3)));
    acme.change(&Scope::Global, ChangeSet::default().set(key("prompts.rule"), text(BASE))).await.unwrap();
    assert!(acme.service.review(&tenant("acme")).await.unwrap().behind.is_empty(), "it moved back");
}

#[tokio::test]
async fn a_built_in_default_that_the_operator_replaces_has_moved_too() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, ChangeSet::default().set(key("persona.name"), text("Ada"))).await.unwrap();
    acme.change(&Scope::Global, ChangeSet::default().set(key("persona.name"), text("Eve"))).await.unwrap();
    let review = acme.service.review(&tenant("acme")).await.unwrap();
    assert_eq!(
        (review.behind[0].base.clone(), review.behind[0].default.clone()),
        (Some(text("Built-in")), Some(text("Eve")))
    );
}

#[tokio::test]
async fn what_is_kept_stays_and_is_behind_no_more() {
    let acme = moved_to(NEW).await;
    settle(&acme, Settle::Keep).await.unwrap();
    assert_eq!(acme.shown("prompts.rule").await, (Tier::Tenant, text(OWN)));
    assert!(acme.service.review(&tenant("acme")).await.unwrap().behind.is_empty());
    assert!(matches!(settle(&acme, Settle::Keep).await, Err(ServiceError::NotBehind(_))));
}

#[tokio::test]
async fn what_is_taken_follows_the_default_again() {
    let acme = moved_to(NEW).await;
    settle(&acme, Settle::Take).await.unwrap();
    assert_eq!(acme.shown("prompts.rule").await, (Tier::Global, text(NEW)));
}

#[tokio::test]
async fn changes_of_different_lines_are_merged() {
    let acme = moved_to(NEW).await;
    settle(&acme, Settle::Merge).await.unwrap();
    let both = "Be polite and cheerful.\nAnswer briefly.\nSay when you do not know, and ask.";
    assert_eq!(acme.shown("prompts.rule").await, (Tier::Tenant, text(both)));
    assert!(acme.service.review(&tenant("acme")).await.unwrap().behind.is_empty());
}

#[tokio::test]
async fn a_text_of_one_line_is_kept_or_taken_and_not_merged() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, ChangeSet::default().set(key("persona.name"), text("Ada"))).await.unwrap();
    acme.change(&Scope::Global, ChangeSet::default().set(key("persona.name"), text("Eve"))).await.unwrap();
    let review = acme.service.review(&tenant("acme")).await.unwrap();
    assert_eq!(review.behind[0].merged, None);
}

#[tokio::test]
async fn changes_of_the_same_line_are_left_to_a_person() {
    let acme = moved_to("Be short.\nAnswer briefly.\nSay when you do not know.").await;
    let review = acme.service.review(&tenant("acme")).await.unwrap();
    let Some(Merged::Conflict(shown)) = &review.behind[0].merged else { panic!("{review:?}") };
    assert!(shown.contains("Be polite and cheerful.") && shown.contains("Be short."), "{shown}");
    assert!(matches!(settle(&acme, Settle::Merge).await, Err(ServiceError::NotMerged(_))));
    assert_eq!(acme.shown("prompts.rule").await, (Tier::Tenant, text(OWN)));
}

#[tokio::test]
async fn an_override_that_says_what_the_default_says_is_redundant() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, ChangeSet::default().set(key("persona.name"), text("Ada"))).await.unwrap();
    acme.change(&Scope::Global, ChangeSet::default().set(key("persona.name"), text("Ada"))).await.unwrap();
    let review = acme.service.review(&tenant("acme")).await.unwrap();
    assert_eq!((review.behind.len(), review.redundant), (0, vec![key("persona.name")]));
}

#[tokio::test]
async fn a_default_that_most_tenants_override_is_told() {
    let acme = Acme::new().await;
    for (id, name) in [("a", "Ada"), ("b", "Ada"), ("c", "Eve")] {
        acme.service.create_tenant(&tenant(id), id, &context()).await.unwrap();
        let change = ChangeSet::default().set(key("persona.name"), text(name));
        acme.change(&Scope::Tenant(tenant(id)), change).await.unwrap();
    }
    acme.change(&acme.scope, ChangeSet::default().set(key("persona.warmth"), value("1"))).await.unwrap();
    let (tenants, found) = acme.service.overridden().await.unwrap();
    assert_eq!((tenants, found.len(), found[0].tenants), (4, 1, 3), "{found:?}");
    assert_eq!((found[0].key.clone(), found[0].commonest.clone()), (key("persona.name"), (text("Ada"), 2)));
}

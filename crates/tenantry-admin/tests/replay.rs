//! Past configurations over the store in memory: made again of the log, whatever happened since.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use support::{Acme, SCHEMA, context, key, service, tenant, value};
use tenantry::RevisionVector;
use tenantry_admin::service::{Past, ServiceError};
use tenantry_core::change::ChangeSet;
use tenantry_core::layer::{Revision, Tier};
use tenantry_core::resolve::Resolved;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_core::template::Context as TemplateContext;
use tenantry_store::{SecretVersion, SecretWrite};

fn set(name: &str, json: &str) -> ChangeSet {
    ChangeSet::default().set(key(name), value(json))
}

fn secret(name: &str, text: &str) -> ChangeSet {
    ChangeSet::default().set_secret(key(name), SecretText::new(text.to_owned()))
}

/// The configuration of now, as a receipt would name it, and what it is.
async fn present(acme: &Acme) -> (Past, Resolved) {
    let version =
        async |scope: &Scope| acme.service.stores().read_secret(scope).await.unwrap().map(|secret| secret.version);
    let (global_secret, tenant_secret) = (version(&Scope::Global).await, version(&acme.scope).await);
    let resolved = acme.service.effective(&acme.scope).await.unwrap().resolved;
    let revision = |tier| resolved.revisions().find(|origin| origin.tier == tier).unwrap().revision;
    let revisions =
        RevisionVector { global: revision(Tier::Global), tenant: revision(Tier::Tenant), global_secret, tenant_secret };
    let incarnation = acme.service.tenant(&tenant("acme")).await.unwrap().incarnation;
    (Past { tenant: tenant("acme"), incarnation, revisions }, resolved)
}

#[track_caller]
fn assert_same(now: &Resolved, then: &Resolved) {
    assert_eq!(now.layers(), then.layers());
}

async fn replayed(acme: &Acme, past: &Past) -> Resolved {
    acme.service.replay(past).await.unwrap().resolved
}

#[tokio::test]
async fn every_past_configuration_is_made_again_whatever_was_changed_since() {
    let acme = Acme::new().await;
    let mut states = vec![present(&acme).await];
    let steps = [
        (&Scope::Global, set("persona.name", r#""Global""#).set(key("persona.warmth"), value("0.50"))),
        (&acme.scope, set("persona.name", r#""Ada""#).set(key("facts.a"), value(r#""x""#))),
        (&acme.scope, secret("model.api_key", "CANARY-one").set(key("facts.b"), value(r#""y""#))),
        (&Scope::Global, secret("model.api_key", "CANARY-operators")),
        (
            &acme.scope,
            secret("model.api_key", "CANARY-two")
                .set_secret(key("model.url"), SecretText::new("https://own.example/v1".to_owned())),
        ),
        (&acme.scope, ChangeSet::default().unset(key("facts.a")).unset_secret(key("model.url"))),
        (&acme.scope, ChangeSet::default().unset_secret(key("model.api_key"))),
        (&Scope::Global, ChangeSet::default().unset(key("persona.name"))),
        (&acme.scope, set("facts.a", r#""x""#)),
    ];
    for (scope, changes) in steps {
        acme.change(scope, changes).await.unwrap();
        states.push(present(&acme).await);
    }
    acme.service.restore(&acme.scope, Revision(2), None, &context()).await.unwrap();
    states.push(present(&acme).await);
    for (past, then) in &states {
        let again = acme.service.replay(past).await.unwrap();
        assert_same(then, &again.resolved);
        assert_eq!(again.rotated, [], "{past:?}");
        assert!(!format!("{again:?}").contains("CANARY"));
    }
}

#[tokio::test]
async fn a_prompt_is_rendered_as_it_was() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    let (past, _) = present(&acme).await;
    let later = set("persona.name", r#""Eve""#).set(key("prompts.hello"), value(r#""Go away.""#));
    acme.change(&acme.scope, later).await.unwrap();
    let then = replayed(&acme, &past).await;
    let filled = |resolved: &Resolved| {
        let name = resolved.leaf(&key("persona.name")).unwrap().entry.value().unwrap().clone();
        Ok(TemplateContext::new().with("persona.name", name).with("user.name", "Grace"))
    };
    let rendered = acme.service.render_in(&then, &key("prompts.hello"), filled).unwrap();
    assert_eq!(rendered.text(), "I am Ada, hello Grace.");
    let missing = acme.service.render_in(&then, &key("prompts.bye"), filled);
    assert!(matches!(missing, Err(ServiceError::NoSuchPrompt { .. })), "{missing:?}");
}

#[tokio::test]
async fn two_tenants_pasts_are_never_mixed() {
    let acme = Acme::new().await;
    acme.service.create_tenant(&tenant("beta"), "Beta", &context()).await.unwrap();
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    acme.change(&Scope::Tenant(tenant("beta")), set("persona.name", r#""Bruno""#)).await.unwrap();
    let (past, then) = present(&acme).await;
    assert_same(&then, &replayed(&acme, &past).await);
    let of_beta = Past { tenant: tenant("beta"), ..past.clone() };
    let refused = acme.service.replay(&of_beta).await;
    assert!(matches!(refused, Err(ServiceError::AnotherTenant(_))), "{refused:?}");
    let of_nobody = Past { tenant: tenant("nobody"), ..past };
    let refused = acme.service.replay(&of_nobody).await;
    assert!(matches!(refused, Err(ServiceError::UnknownTenant(_))), "{refused:?}");
}

#[tokio::test]
async fn a_tenant_erased_and_made_again_has_not_the_past_of_the_old_one() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, set("persona.name", r#""Old""#)).await.unwrap();
    let (past, _) = present(&acme).await;
    acme.service.suspend_tenant(&tenant("acme"), &context()).await.unwrap();
    acme.service.delete_tenant(&tenant("acme"), None, &context()).await.unwrap();
    assert!(matches!(acme.service.replay(&past).await, Err(ServiceError::UnknownTenant(_))));
    acme.service.create_tenant(&tenant("acme"), "Acme again", &context()).await.unwrap();
    let refused = acme.service.replay(&past).await;
    assert!(matches!(refused, Err(ServiceError::AnotherTenant(_))), "{refused:?}");
    // Not even by the new one's own name for itself.
    let (new, then) = present(&acme).await;
    let mixed = Past { incarnation: new.incarnation.clone(), ..past };
    match acme.service.replay(&mixed).await {
        Err(ServiceError::NoSuchRevision { .. }) => {}
        Ok(replayed) => assert!(!format!("{replayed:?}").contains("Old"), "{replayed:?}"),
        Err(other) => panic!("{other:?}"),
    }
    assert_same(&then, &replayed(&acme, &new).await);
}

#[tokio::test]
async fn a_revision_that_is_not_there_is_refused() {
    let acme = Acme::new().await;
    let (past, _) = present(&acme).await;
    let ahead = |global: u64, own: u64| Past {
        revisions: RevisionVector { global: Revision(global), tenant: Revision(own), ..past.revisions.clone() },
        ..past.clone()
    };
    for past in [ahead(0, 9), ahead(9, 1)] {
        let refused = acme.service.replay(&past).await;
        assert!(matches!(refused, Err(ServiceError::NoSuchRevision { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_secret_that_was_rotated_by_hand_is_told() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, secret("model.api_key", "CANARY-logged")).await.unwrap();
    let stores = acme.service.stores();
    let read = stores.read_secret(&acme.scope).await.unwrap().unwrap();
    let fields = [("model_api_key".to_owned(), Some(SecretText::new("CANARY-by-hand".to_owned())))].into();
    stores.write_secret(&acme.scope, SecretWrite { expected: Some(read.version), fields }).await.unwrap();
    let (past, then) = present(&acme).await;
    let again = acme.service.replay(&past).await.unwrap();
    assert_eq!(again.rotated, [Tier::Tenant]);
    assert_ne!(then.layers(), again.resolved.layers(), "the log does not know that fingerprint");
    let other = Some(SecretVersion("other".to_owned()));
    let other = Past { revisions: RevisionVector { tenant_secret: other, ..past.revisions.clone() }, ..past };
    assert_eq!(acme.service.replay(&other).await.unwrap().rotated, [Tier::Tenant]);
}

#[tokio::test]
async fn what_is_no_parameter_any_more_is_no_part_of_a_past_configuration() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, set("persona.name", r#""Ada""#).set(key("persona.warmth"), value("1"))).await.unwrap();
    let (past, _) = present(&acme).await;
    let later = service(acme.service.stores().clone(), &SCHEMA.replace("\"warmth\"", "\"heat\"")).await;
    let then = later.replay(&past).await.unwrap().resolved;
    assert_eq!(then.leaf(&key("persona.name")).unwrap().entry.value(), Some(&value(r#""Ada""#)));
    assert!(then.leaf(&key("persona.warmth")).is_none());
}

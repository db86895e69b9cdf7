//! Copying between stores: whole, verified, resumable, and never over what is there.
#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test, in the functions around them, too")]

mod support;

use std::sync::Arc;

use support::faulty::{Fault, Faulty};
use support::{Acme, context, key, now, tenant, value};
use tempfile::TempDir;
use tenantry::token::TokenText;
use tenantry_admin::access::Role;
use tenantry_admin::service::{CopiedScope, CopyOutcome, Copying, Part};
use tenantry_core::change::ChangeSet;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_store::memory::MemoryStore;
use tenantry_store::{Binding, OpenOptions, PageRequest, StoreError, StoreUrl, Stores};

const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn memory() -> Stores {
    Stores::new(Arc::new(MemoryStore::new()))
}

fn options() -> OpenOptions {
    OpenOptions { master_key: Some(SecretText::new(MASTER_KEY.to_owned())), ..OpenOptions::default() }
}

/// A store in a file.
async fn sqlite() -> (Stores, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("tenantry.db"));
    (Stores::create(&url, &options()).await.unwrap().0, folder)
}

fn scope(id: &str) -> Scope {
    Scope::Tenant(tenant(id))
}

/// A store with global values, and three tenants with histories, secrets, bindings and a suspension.
async fn filled(stores: Stores) -> Acme {
    let acme = Acme::over(stores).await;
    let set = |name: &str, json: &str| ChangeSet::default().set(key(name), value(json));
    let secret = |text: &str| ChangeSet::default().set_secret(key("model.api_key"), SecretText::new(text.to_owned()));
    acme.change(&Scope::Global, set("persona.name", r#""Global""#)).await.unwrap();
    acme.change(&Scope::Global, secret("CANARY-global")).await.unwrap();
    acme.change(&acme.scope, set("persona.warmth", "0.50")).await.unwrap();
    acme.change(&acme.scope, secret("CANARY-old")).await.unwrap();
    acme.change(&acme.scope, secret("CANARY-new")).await.unwrap();
    acme.change(&acme.scope, set("bucket", r#""acme-files""#)).await.unwrap();
    for id in ["beta", "gamma"] {
        acme.service.create_tenant(&tenant(id), id, &context()).await.unwrap();
        acme.change(&scope(id), set("persona.name", r#""Ada""#)).await.unwrap();
    }
    acme.service.bind(&tenant("beta"), Binding::parse("slack:T1").unwrap(), &context()).await.unwrap();
    acme.service.suspend_tenant(&tenant("gamma"), &context()).await.unwrap();
    acme
}

async fn make_token(acme: &Acme, scope: &Scope, role: Role) {
    let mut random = [0; TokenText::RANDOM_BYTES];
    getrandom::fill(&mut random).unwrap();
    let random = TokenText::from_random(&random);
    acme.service.create_token(scope, role, "till", 9, random, &now()).await.unwrap();
}

async fn copy_all(copying: &Copying) -> Vec<CopiedScope> {
    let mut copied = Vec::new();
    for scope in copying.scopes().await.unwrap() {
        copied.push(copying.copy(&scope).await.unwrap());
    }
    copied
}

fn outcomes(copied: &[CopiedScope]) -> Vec<(String, &'static str)> {
    let outcome = |copied: &CopiedScope| match copied.outcome {
        CopyOutcome::Copied => "copied",
        CopyOutcome::Missing => "missing",
        CopyOutcome::Same => "same",
        CopyOutcome::Different { .. } => "different",
        CopyOutcome::Refused(_) => "refused",
    };
    copied.iter().map(|copied| (copied.scope.to_string(), outcome(copied))).collect()
}

fn all(outcome: &'static str) -> Vec<(String, &'static str)> {
    ["#global", "acme", "beta", "gamma"].map(|scope| (scope.to_owned(), outcome)).to_vec()
}

#[tokio::test]
async fn a_store_is_copied_and_each_scope_is_the_same_afterwards() {
    let (to, _folder) = sqlite().await;
    let from = filled(memory()).await;
    let copying = Copying::between(from.service.stores().clone(), to.clone()).await.unwrap();
    assert_eq!(outcomes(&[copying.compare(&from.scope).await.unwrap()]), [("acme".to_owned(), "missing")]);
    let copied = copy_all(&copying).await;
    assert_eq!(outcomes(&copied), all("copied"));
    let extent = copied[1].extent;
    assert_eq!((extent.values, extent.secrets, extent.bindings, extent.revisions), (2, 1, 1, 5));
    for scope in copying.scopes().await.unwrap() {
        assert_eq!(outcomes(&[copying.compare(&scope).await.unwrap()])[0].1, "same", "{scope}");
    }
    assert_eq!(to.bound(&Binding::parse("slack:T1").unwrap()).await.unwrap(), Some(tenant("beta")));
    let copy = support::service(to.clone(), support::SCHEMA).await;
    assert_eq!(copy.history(&from.scope, &PageRequest::first(9)).await.unwrap().items.len(), 5);
    assert!(
        to.check()
            .await
            .unwrap()
            .iter()
            .all(|finding| finding.subject != "heads" || finding.message.contains("agrees"))
    );
}

#[tokio::test]
async fn an_interrupted_copy_goes_on_where_it_stopped() {
    for fault in [Fault::Lost, Fault::AnswerLost] {
        let (to, _folder) = sqlite().await;
        let from = filled(memory()).await.service.stores().clone();
        let faulty = Stores::new(Arc::new(Faulty::once(to.clone(), scope("beta"), fault)));
        let copying = Copying::between(from, faulty).await.unwrap();
        copying.copy(&Scope::Global).await.unwrap();
        copying.copy(&scope("acme")).await.unwrap();
        let stopped = copying.copy(&scope("beta")).await.unwrap_err();
        assert_eq!((stopped.place, stopped.error.is_transient()), ("to", true));
        assert_eq!(to.read(&scope("beta")).await.unwrap().is_some(), fault == Fault::AnswerLost);
        let beta = if fault == Fault::AnswerLost { "same" } else { "copied" };
        let again = outcomes(&copy_all(&copying).await);
        assert_eq!(again.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>(), ["same", "same", beta, "copied"]);
        assert_eq!(outcomes(&copy_all(&copying).await), all("same"));
    }
}

#[tokio::test]
async fn what_does_not_read_back_as_it_was_is_told() {
    let to = Stores::new(Arc::new(Faulty::once(memory(), scope("acme"), Fault::Falsified)));
    let copying = Copying::between(filled(memory()).await.service.stores().clone(), to).await.unwrap();
    let CopyOutcome::Different { parts, .. } = copying.copy(&scope("acme")).await.unwrap().outcome else {
        panic!("an item is missing")
    };
    assert_eq!(parts, [Part::Values]);
}

#[tokio::test]
async fn what_differs_is_left_as_it_is_and_others_go_on() {
    let (from, to) = (filled(memory()).await, Acme::over(memory()).await);
    let change = ChangeSet::default().set(key("persona.name"), value(r#""Mine""#));
    to.change(&to.scope, change).await.unwrap();
    let copying = Copying::between(from.service.stores().clone(), to.service.stores().clone()).await.unwrap();
    let copied = copy_all(&copying).await;
    let told: Vec<_> = outcomes(&copied).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(told, ["copied", "different", "copied", "copied"]);
    let CopyOutcome::Different { parts, from, to: there } = &copied[1].outcome else { panic!("{copied:?}") };
    assert_eq!(*parts, [Part::Head, Part::Values, Part::Secrets, Part::Bindings, Part::History]);
    assert_eq!((*from, *there), (Revision(5), Revision(2)));
    assert_eq!(to.shown("persona.name").await.1, value(r#""Mine""#));
}

#[tokio::test]
async fn a_taken_binding_is_told_before_and_refused() {
    let (from, to) = (filled(memory()).await, Acme::over(memory()).await);
    to.service.bind(&tenant("acme"), Binding::parse("slack:T1").unwrap(), &context()).await.unwrap();
    let copying = Copying::between(from.service.stores().clone(), to.service.stores().clone()).await.unwrap();
    for told in [copying.compare(&scope("beta")).await.unwrap(), copying.copy(&scope("beta")).await.unwrap()] {
        assert!(matches!(told.outcome, CopyOutcome::Refused(StoreError::Taken(_))), "{told:?}");
    }
    assert!(to.service.stores().read(&scope("beta")).await.unwrap().is_none());
}

#[tokio::test]
async fn what_cannot_be_read_is_not_copied_in_part() {
    let (from, folder) = sqlite().await;
    let acme = filled(from.clone()).await;
    let hand = rusqlite::Connection::open(folder.path().join("tenantry.db")).unwrap();
    hand.execute("INSERT INTO items (scope, key, value) VALUES ('acme', 'persona.x', 'CANARY{')", []).unwrap();
    hand.execute("UPDATE secret_fields SET sealed = x'00' WHERE scope = '#global'", []).unwrap();
    let to = memory();
    let copying = Copying::between(acme.service.stores().clone(), to.clone()).await.unwrap();
    let copied = copy_all(&copying).await;
    let told: Vec<_> = outcomes(&copied).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(told, ["refused", "refused", "copied", "copied"]);
    let CopyOutcome::Refused(error) = &copied[1].outcome else { panic!("{copied:?}") };
    assert!(error.to_string().contains("persona.x") && !error.to_string().contains("CANARY"), "{error}");
    assert!(to.read(&scope("acme")).await.unwrap().is_none());
}

#[tokio::test]
async fn an_unknown_tenant_is_told() {
    let copying = Copying::between(memory(), memory()).await.unwrap();
    let told = copying.copy(&scope("ghost")).await.unwrap();
    assert!(matches!(told.outcome, CopyOutcome::Refused(StoreError::Missing(_))), "{told:?}");
    assert!(copying.scopes().await.unwrap().is_empty());
}

#[tokio::test]
async fn tokens_go_along_where_the_keys_agree() {
    let (from, folder) = sqlite().await;
    // A backup is the one store that has another one's keys.
    let file = folder.path().join("backup.db");
    from.back_up(&file).await.unwrap();
    let to = Stores::open(&StoreUrl::Sqlite(file), &options()).await.unwrap();
    let acme = filled(from).await;
    let roles = [(Scope::Global, Role::Operator), (acme.scope.clone(), Role::TenantAdmin)];
    for (scope, role) in &roles {
        make_token(&acme, scope, *role).await;
    }
    let copying = Copying::between(acme.service.stores().clone(), to.clone()).await.unwrap();
    assert!(copying.keys_agree());
    copy_all(&copying).await;
    let scopes = copying.scopes().await.unwrap();
    assert_eq!(copying.compare_tokens(&scopes).await.unwrap().missing, 2);
    assert_eq!(copying.copy_tokens(&scopes).await.unwrap().copied, 2);
    let again = copying.copy_tokens(&scopes).await.unwrap();
    assert_eq!((again.copied, again.same, again.missing), (0, 2, 0));
    assert_eq!(to.tokens(None).await.unwrap(), acme.service.stores().tokens(None).await.unwrap());
    let id = to.tokens(Some(&acme.scope)).await.unwrap()[0].id.clone();
    support::service(to, support::SCHEMA).await.revoke_token(&acme.scope, &id, &now()).await.unwrap();
    assert_eq!(copying.compare_tokens(&scopes).await.unwrap().different, [id], "a revoked one is never valid again");
}

#[tokio::test]
async fn other_keys_leave_tokens_and_give_secrets_that_are_set_new_fingerprints() {
    let (from, to) = (filled(memory()).await, memory());
    make_token(&from, &from.scope, Role::TenantAdmin).await;
    let copying = Copying::between(from.service.stores().clone(), to.clone()).await.unwrap();
    assert!(!copying.keys_agree());
    let copied = copy_all(&copying).await;
    assert_eq!(copied[0].extent.strange_fingerprints, 0);
    // The old secret's, as what came and as what went.
    assert_eq!(copied[1].extent.strange_fingerprints, 2);
    let tokens = copying.copy_tokens(std::slice::from_ref(&from.scope)).await.unwrap();
    assert_eq!((tokens.left, tokens.copied), (1, 0));
    assert!(to.tokens(None).await.unwrap().is_empty());
    let there = support::service(to, support::SCHEMA).await;
    for scope in copying.scopes().await.unwrap() {
        assert!(there.drift(&scope).await.unwrap().is_none(), "{scope}: nobody changed a secret by hand");
    }
}

#[tokio::test]
async fn no_text_of_a_secret_shows_in_what_is_told() {
    let from = filled(memory()).await;
    let copying = Copying::between(from.service.stores().clone(), memory()).await.unwrap();
    assert!(!format!("{:?}", copy_all(&copying).await).contains("CANARY"));
}

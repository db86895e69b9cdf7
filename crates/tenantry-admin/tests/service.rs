//! The use cases over the store in memory.

mod support;

use support::{Acme, at, context, key, reasons, tenant, value};
use tenantry::token::TokenText;
use tenantry_admin::access::Role;
use tenantry_admin::service::{Bundle, Context, ServiceError, Verdict};
use tenantry_core::change::ChangeSet;
use tenantry_core::layer::{Entry, Revision, Tier};
use tenantry_core::resolve::Resolved;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_core::template::Context as TemplateContext;
use tenantry_core::validate::ViolationCode;
use tenantry_core::value::Value;
use tenantry_store::{Action, Binding, OpenOptions, PageRequest, StoreError, StoreUrl, Stores};

fn set(name: &str, json: &str) -> ChangeSet {
    ChangeSet::default().set(key(name), value(json))
}

fn secret(name: &str, text: &str) -> ChangeSet {
    ChangeSet::default().set_secret(key(name), SecretText::new(text.to_owned()))
}

#[tokio::test]
async fn a_tenants_value_hides_the_global_one_until_it_is_unset() {
    let acme = Acme::new().await;
    acme.change(&Scope::Global, set("persona.name", r#""Global""#)).await.unwrap();
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    assert_eq!(acme.shown("persona.name").await, (Tier::Tenant, value(r#""Ada""#)));
    acme.change(&acme.scope, ChangeSet::default().unset(key("persona.name"))).await.unwrap();
    assert_eq!(acme.shown("persona.name").await, (Tier::Global, value(r#""Global""#)));
}

#[tokio::test]
async fn a_change_after_which_all_is_as_it_was_makes_no_revision() {
    let acme = Acme::new().await;
    let first = acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    let again = acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    assert_eq!((again.revision, again.differences.len()), (first.revision, 0));
}

#[tokio::test]
async fn a_change_that_was_decided_on_an_older_revision_is_refused_with_who_and_when() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    let stale = acme.service.change(&acme.scope, &set("persona.name", r#""Eve""#), Some(Revision(1)), &context()).await;
    let Err(ServiceError::Conflict { expected, current, by, at: when, .. }) = stale else { panic!("{stale:?}") };
    assert_eq!((expected, current), (Some(Revision(1)), Revision(2)));
    assert_eq!((by.as_deref(), when), (Some("test"), Some(at())));
    assert_eq!(acme.shown("persona.name").await.1, value(r#""Ada""#));
}

#[tokio::test]
async fn all_violations_of_a_change_are_told_at_once_and_nothing_is_written() {
    let acme = Acme::new().await;
    let changes = set("persona.nmae", "1")
        .set(key("persona.warmth"), value("7"))
        .set(key("persona.name"), value("5"))
        .set(key("routes.r.prompt"), value(r#""nothing""#));
    let refused = acme.change(&acme.scope, changes).await;
    let codes: Vec<_> = reasons(refused).iter().map(|violation| violation.code.code()).collect();
    assert_eq!(codes, ["wrong_type", "unknown_parameter", "out_of_range", "broken_link"]);
    assert_eq!(acme.service.tenant(&tenant("acme")).await.unwrap().revision, Revision(1));
}

#[tokio::test]
async fn a_secret_is_shown_by_its_fingerprint_alone() {
    let acme = Acme::new().await;
    let changed = acme.change(&acme.scope, secret("model.api_key", "CANARY-acme")).await.unwrap();
    let effective = acme.service.effective(&acme.scope).await.unwrap();
    let leaf = effective.resolved.leaf(&key("model.api_key")).unwrap();
    assert!(matches!(leaf.entry, Entry::Secret(mark) if !mark.version.is_empty()), "{leaf:?}");
    let history = acme.service.history(&acme.scope, &PageRequest::first(9)).await.unwrap().items;
    assert_eq!(changed.differences[0].after.as_ref(), Some(leaf.entry), "the version that the commit made");
    assert_eq!(history[0].changes, changed.differences);
    let shown = format!("{changed:?} {effective:?} {history:?}");
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(!serde_json::to_string(&history).unwrap().contains("CANARY"));
}

#[tokio::test]
async fn a_secret_given_as_a_plain_value_is_refused_and_not_echoed() {
    let acme = Acme::new().await;
    let refused = acme.change(&acme.scope, set("model.api_key", r#""CANARY""#)).await;
    let text = refused.as_ref().unwrap_err().to_string();
    assert!(text.contains("model.api_key") && !text.contains("CANARY"), "{text}");
    let refused = acme.change(&acme.scope, set("persona.name", r#""sk-proj-CANARYCANARYCANARYCANARY""#)).await;
    assert!(!refused.as_ref().unwrap_err().to_string().contains("CANARY"));
    assert_eq!(reasons(refused)[0].code, ViolationCode::LooksLikeSecret);
}

#[tokio::test]
async fn the_field_of_a_connection_that_may_be_shown_is_kept_in_the_secret() {
    let acme = Acme::new().await;
    let both = set("model.url", r#""https://models.example/v1""#)
        .set_secret(key("model.api_key"), SecretText::new("CANARY-own".to_owned()));
    acme.change(&acme.scope, both).await.unwrap();
    assert_eq!(acme.shown("model.url").await, (Tier::Tenant, value(r#""https://models.example/v1""#)));
    let stored = acme.service.stores().read(&acme.scope).await.unwrap().unwrap();
    assert!(stored.items.is_empty());
    let fields = acme.service.stores().read_secret(&acme.scope).await.unwrap().unwrap().fields;
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["model_api_key", "model_url"]);
}

#[tokio::test]
async fn a_tenants_own_endpoint_needs_its_own_key() {
    let acme = Acme::new().await;
    acme.change(&Scope::Global, secret("model.api_key", "CANARY-platform")).await.unwrap();
    let refused = acme.change(&acme.scope, set("model.url", r#""https://evil.example/v1""#)).await;
    assert!(matches!(reasons(refused)[0].code, ViolationCode::ConnectionIncomplete { .. }));
}

#[tokio::test]
async fn unsetting_a_section_removes_its_secrets_as_well() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, secret("model.api_key", "CANARY")).await.unwrap();
    acme.change(&acme.scope, ChangeSet::default().unset(key("model"))).await.unwrap();
    let fields = acme.service.stores().read_secret(&acme.scope).await.unwrap().unwrap().fields;
    assert!(fields.is_empty());
}

#[tokio::test]
async fn a_link_to_what_does_not_exist_is_refused_by_name() {
    let acme = Acme::new().await;
    let refused = acme.change(&acme.scope, set("routes.sales", r#"{"prompt":"sales"}"#)).await;
    assert!(refused.as_ref().unwrap_err().to_string().contains("prompts.sales"), "{refused:?}");
    let both = set("routes.sales", r#"{"prompt":"sales"}"#).set(key("prompts.sales"), value(r#""Sell.""#));
    acme.change(&acme.scope, both).await.unwrap();
    let removed = acme.change(&acme.scope, ChangeSet::default().unset(key("prompts.sales"))).await;
    assert_eq!(reasons(removed)[0].code, ViolationCode::BrokenLink);
}

#[tokio::test]
async fn what_must_be_a_tenants_own_is_reserved_and_released() {
    let acme = Acme::new().await;
    acme.service.create_tenant(&tenant("beta"), "Beta", &context()).await.unwrap();
    let beta = Scope::Tenant(tenant("beta"));
    acme.change(&acme.scope, set("bucket", r#""shared-name""#)).await.unwrap();
    let taken = acme.change(&beta, set("bucket", r#""shared-name""#)).await.unwrap_err();
    assert!(matches!(taken, ServiceError::Taken(_)), "{taken}");
    assert!(!taken.to_string().contains("acme"), "{taken}");
    acme.change(&acme.scope, set("bucket", r#""other-name""#)).await.unwrap();
    acme.change(&beta, set("bucket", r#""shared-name""#)).await.unwrap();
}

#[tokio::test]
async fn what_only_the_operator_may_set_is_refused_at_a_tenant() {
    let acme = Acme::new().await;
    let refused = acme.change(&acme.scope, set("limit", "5")).await;
    assert_eq!(reasons(refused)[0].code, ViolationCode::OperatorOnly);
    acme.change(&Scope::Global, set("limit", "5")).await.unwrap();
    assert_eq!(acme.shown("limit").await, (Tier::Global, value("5")));
}

#[tokio::test]
async fn concurrent_changes_of_different_parameters_all_stay() {
    let acme = Acme::new().await;
    let changes = (0..6).map(|n| {
        let service = acme.service.clone();
        let scope = acme.scope.clone();
        tokio::spawn(
            async move { service.change(&scope, &set(&format!("facts.f{n}"), r#""x""#), None, &context()).await },
        )
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap().unwrap();
    }
    let facts = acme.service.effective(&acme.scope).await.unwrap();
    assert_eq!(facts.resolved.within(&key("facts")).len(), 6);
}

#[tokio::test]
async fn restoring_makes_the_old_values_a_new_revision_and_leaves_secrets() {
    let acme = Acme::new().await;
    let old = acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap().revision;
    acme.change(&acme.scope, set("persona.name", r#""Eve""#).set(key("facts.a"), value(r#""x""#))).await.unwrap();
    acme.change(&acme.scope, secret("model.api_key", "CANARY")).await.unwrap();
    let restored = acme.service.restore(&acme.scope, old, None, &context()).await.unwrap();
    assert_eq!(restored.changed.revision, Revision(5));
    assert_eq!(restored.secrets_left, [key("model.api_key")]);
    assert_eq!(acme.shown("persona.name").await.1, value(r#""Ada""#));
    assert_eq!(acme.service.effective(&acme.scope).await.unwrap().resolved.within(&key("facts")).len(), 0);
    let newest = acme.service.history(&acme.scope, &PageRequest::first(1)).await.unwrap().items.remove(0);
    assert_eq!((newest.action, newest.detail.as_deref()), (Action::Restore, Some("restored revision 2")));
    for missing in [0, 6] {
        let refused = acme.service.restore(&acme.scope, Revision(missing), None, &context()).await;
        assert!(matches!(refused, Err(ServiceError::NoSuchRevision { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_deleted_tenants_revisions_are_not_those_of_a_new_one_of_its_name() {
    let acme = Acme::new().await;
    let old = acme.change(&acme.scope, set("persona.name", r#""Old""#)).await.unwrap().revision;
    let refused = acme.service.delete_tenant(&tenant("acme"), None, &context()).await;
    assert!(matches!(refused, Err(ServiceError::NotSuspended(_))));
    acme.service.suspend_tenant(&tenant("acme"), &context()).await.unwrap();
    acme.service.delete_tenant(&tenant("acme"), None, &context()).await.unwrap();
    let gone = acme.service.effective(&acme.scope).await;
    assert!(matches!(gone, Err(ServiceError::UnknownTenant(_))));
    acme.service.create_tenant(&tenant("acme"), "Acme again", &context()).await.unwrap();
    assert_eq!(acme.shown("persona.name").await.0, Tier::Default);
    let refused = acme.service.restore(&acme.scope, old, None, &context()).await;
    assert!(matches!(refused, Err(ServiceError::NoSuchRevision { .. })), "{refused:?}");
}

#[tokio::test]
async fn two_tenants_differ_where_they_differ() {
    let acme = Acme::new().await;
    acme.service.create_tenant(&tenant("beta"), "Beta", &context()).await.unwrap();
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    let differences = acme.service.diff(&Scope::Global, &acme.scope).await.unwrap();
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].right, Some((Entry::Value(value(r#""Ada""#)), Tier::Tenant)));
    let same = acme.service.diff(&Scope::Global, &Scope::Tenant(tenant("beta"))).await.unwrap();
    assert!(same.is_empty());
}

#[tokio::test]
async fn a_fresh_tenant_is_incomplete_not_invalid() {
    let acme = Acme::new().await;
    let report = acme.service.validate(&acme.scope).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Incomplete, "{report:?}");
    acme.change(&acme.scope, secret("model.api_key", "CANARY")).await.unwrap();
    let report = acme.service.validate(&acme.scope).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Valid, "{report:?}");
    assert_eq!(acme.service.validate_all().await.unwrap().len(), 2);
}

const BUNDLE: &str = r#"{
    "global": {"values": {"persona": {"name": "Global"}}, "secrets": {}},
    "tenants": [
        {"tenant_id": "acme", "values": {"persona.name": "Ada", "facts": {"a": "x"}}, "secrets": {"model_api_key": "CANARY"}},
        {"tenant_id": "beta", "display_name": "Beta", "values": {"routes": {"r": {"prompt": "hello"}}}}
    ]
}"#;

#[tokio::test]
async fn a_bundle_creates_and_changes_tenants() {
    let acme = Acme::new().await;
    let bundle = Bundle::from_json(BUNDLE).unwrap();
    let would_be = acme.service.check_import(&bundle, &context()).await.unwrap();
    assert_eq!(acme.service.tenant_ids().await.unwrap(), [tenant("acme")], "checking changes nothing");
    let imported = acme.service.import(&bundle, &context()).await.unwrap();
    assert_eq!(would_be, imported);
    let tenants: Vec<_> = imported.tenants.iter().map(|t| (t.tenant_id.as_str(), t.created, t.revision.0)).collect();
    assert_eq!(tenants, [("acme", false, 2), ("beta", true, 1)]);
    assert_eq!(imported.global, Some(Revision(1)));
    assert_eq!(acme.shown("persona.name").await, (Tier::Tenant, value(r#""Ada""#)));
    let again = acme.service.import(&bundle, &context()).await.unwrap();
    assert!(again.tenants.iter().all(|tenant| tenant.differences == 0), "{again:?}");
}

#[tokio::test]
async fn a_bundle_may_come_before_the_secrets_that_its_values_need() {
    let acme = Acme::new().await;
    let refused = acme.change(&acme.scope, set("provider", r#""model""#)).await;
    assert_eq!(reasons(refused)[0].code, ViolationCode::ConnectionMissing);
    let text = r#"{"tenants": [{"tenant_id": "acme", "values": {"provider": "model"}, "secrets": null}]}"#;
    let imported = acme.service.import(&Bundle::from_json(text).unwrap(), &context()).await.unwrap();
    assert_eq!(imported.tenants[0].lacks[0].code, ViolationCode::ConnectionMissing);
}

#[tokio::test]
async fn null_in_a_bundle_removes_an_override() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    let text = r#"{"tenants": [{"tenant_id": "acme", "values": {"persona": {"name": null}}}]}"#;
    acme.service.import(&Bundle::from_json(text).unwrap(), &context()).await.unwrap();
    assert_eq!(acme.shown("persona.name").await.0, Tier::Default);
}

#[tokio::test]
async fn a_bundle_with_bad_rows_imports_nothing_and_lists_them_all() {
    let acme = Acme::new().await;
    let rows = (0..50).map(|n| {
        let (name, json) = if n % 20 == 7 { ("persona.nmae", "1") } else { ("persona.name", r#""x""#) };
        format!(r#"{{"tenant_id":"t{n}","values":{{"{name}":{json}}}}}"#)
    });
    let text = format!(r#"{{"tenants":[{}]}}"#, rows.collect::<Vec<_>>().join(","));
    let refused = acme.service.import(&Bundle::from_json(&text).unwrap(), &context()).await;
    let Err(ServiceError::InvalidImport(faults)) = refused else { panic!("{refused:?}") };
    assert_eq!(faults.iter().map(|fault| fault.scope.to_string()).collect::<Vec<_>>(), ["t7", "t27", "t47"]);
    assert_eq!(acme.service.tenant_ids().await.unwrap(), [tenant("acme")]);
}

#[test]
fn a_bundle_of_another_form_is_refused_with_every_place() {
    let text =
        r#"{"globl": {}, "tenants": [{"tenant_id": "Acme"}, {"tenant_id": "a", "vals": 1}, {"tenant_id": "a"}, 7]}"#;
    let faults = Bundle::from_json(text).unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| fault.to_string().split(':').next().unwrap().to_owned()).collect();
    assert_eq!(
        places,
        ["/globl", "/tenants/0/tenant_id", "/tenants/1/vals", "/tenants/2", "/tenants/3", "/tenants/3/tenant_id"]
    );
}

#[tokio::test]
async fn an_export_has_no_secret_and_imports_into_the_same_values() {
    let acme = Acme::new().await;
    acme.service.import(&Bundle::from_json(BUNDLE).unwrap(), &context()).await.unwrap();
    let exported = acme.service.export(&[Scope::Global, acme.scope.clone()]).await.unwrap().to_json();
    assert!(!exported.contains("CANARY"), "{exported}");
    assert!(exported.contains(r#""secrets_not_exported":["model.api_key"]"#), "{exported}");
    let other = Acme::new().await;
    other.service.import(&Bundle::from_json(&exported).unwrap(), &context()).await.unwrap();
    let shown = |acme: &Acme| {
        let service = acme.service.clone();
        async move { service.effective(&Scope::Tenant(tenant("acme"))).await.unwrap().resolved.document() }
    };
    assert_eq!(shown(&other).await, shown(&acme).await);
}

#[tokio::test]
async fn a_token_is_shown_once_and_stored_as_a_hash() {
    let acme = Acme::new().await;
    let random = TokenText::from_random(&[9; TokenText::RANDOM_BYTES]);
    let text = random.clone().into_secret();
    let made =
        acme.service.create_token(&acme.scope, Role::TenantAdmin, "laptop", 90, random, &context()).await.unwrap();
    assert_eq!(made.text.expose(), text.expose());
    let listed = acme.service.tokens(Some(&acme.scope)).await.unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].role.as_str()), ("laptop", "tenant-admin"));
    assert_eq!(listed[0].expires_at.to_string(), "2027-02-21T12:00:00Z");
    let other = Scope::Tenant(tenant("beta"));
    let hidden = acme.service.revoke_token(&other, &made.record.id, &context()).await;
    assert!(matches!(hidden, Err(ServiceError::NoSuchToken(_))));
    acme.service.revoke_token(&acme.scope, &made.record.id, &context()).await.unwrap();
    assert_eq!(acme.service.tokens(None).await.unwrap()[0].revoked_at, Some(at()));
}

#[tokio::test]
async fn a_company_has_so_many_tokens_that_hold_and_so_many_bindings() {
    let acme = Acme::new().await;
    let mut seed = 0_u16;
    let mut make = async || {
        seed += 1;
        let random = TokenText::from_random(&std::array::from_fn(|at| seed.to_be_bytes()[at % 2]));
        acme.service.create_token(&acme.scope, Role::TenantViewer, "x", 90, random, &context()).await
    };
    let mut ids = Vec::new();
    let refused = loop {
        match make().await {
            Ok(token) => ids.push(token.record.id),
            Err(error) => break error,
        }
        assert!(ids.len() < 1_000);
    };
    assert!(matches!(refused, ServiceError::Full { what: "tokens", most } if most == ids.len()), "{refused:?}");
    acme.service.revoke_token(&acme.scope, &ids[0], &context()).await.unwrap();
    assert!(make().await.is_ok(), "one that does not hold takes no room");

    let bind = async |number: usize| {
        acme.service.bind(&tenant("acme"), Binding::parse(&format!("slack:T{number}")).unwrap(), &context()).await
    };
    let mut bound = 0;
    while bind(bound).await.is_ok() {
        bound += 1;
        assert!(bound < 1_000);
    }
    assert!(matches!(bind(bound).await, Err(ServiceError::Full { what: "bindings", most }) if most == bound));
    assert!(bind(0).await.is_ok(), "what is bound already is no more");
}

#[tokio::test]
async fn a_token_whose_role_life_time_or_tenant_does_not_fit_is_refused() {
    let acme = Acme::new().await;
    let make = async |scope: &Scope, role, days| {
        let random = TokenText::from_random(&[9; TokenText::RANDOM_BYTES]);
        acme.service.create_token(scope, role, "x", days, random, &context()).await.unwrap_err()
    };
    assert!(make(&acme.scope, Role::Operator, 90).await.to_string().contains("tenant-admin"));
    assert!(make(&Scope::Global, Role::TenantViewer, 90).await.to_string().contains("operator"));
    assert!(make(&acme.scope, Role::TenantViewer, 0).await.to_string().contains("1 to 366 days"));
    let beta = Scope::Tenant(tenant("beta"));
    assert!(matches!(make(&beta, Role::TenantViewer, 1).await, ServiceError::UnknownTenant(_)));
}

#[tokio::test]
async fn a_rendered_prompt_tells_the_tier_of_each_piece() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    let context = |name: &str| {
        let name = name.to_owned();
        move |resolved: &Resolved| {
            let persona = resolved.leaf(&key("persona.name")).unwrap().entry.value().unwrap().clone();
            Ok(TemplateContext::new().with("persona.name", persona).with("user.name", Value::String(name)))
        }
    };
    let rendered = acme.service.render(&acme.scope, &key("prompts.hello"), context("Bo")).await.unwrap();
    assert_eq!(rendered.text(), "I am Ada, hello Bo.");
    let tiers: Vec<_> = rendered.spans.iter().map(|span| (span.text.as_str(), span.tier)).collect();
    let (default, own) = (Some(Tier::Default), Some(Tier::Tenant));
    assert_eq!(tiers, [("I am ", default), ("Ada", own), (", hello ", default), ("Bo", None), (".", default)]);
    let missing = acme.service.render(&acme.scope, &key("prompts.helo"), context("Bo")).await.unwrap_err();
    assert_eq!(missing.to_string(), "there is no prompt prompts.helo; nearest: prompts.hello");
}

#[tokio::test]
async fn a_change_of_more_items_than_a_store_takes_is_refused_before_anything_is_written() {
    let acme = Acme::new().await;
    let mut changes = ChangeSet::default();
    for n in 0..98 {
        changes = changes.set(key(&format!("facts.f{n}")), value(r#""x""#));
    }
    let refused = acme.change(&acme.scope, changes).await;
    assert!(
        matches!(refused, Err(ServiceError::Store(StoreError::TooLarge { size: 98, limit: 97, .. }))),
        "{refused:?}"
    );
    assert_eq!(acme.service.tenant(&tenant("acme")).await.unwrap().revision, Revision(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_dozen_changes_at_once_all_stay() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("store.db"));
    let acme = Acme::over(Stores::create(&url, &OpenOptions::default()).await.unwrap().0).await;
    let mut tasks = Vec::new();
    for n in 0..24 {
        let service = acme.service.clone();
        tasks.push(tokio::spawn(async move {
            let scope = Scope::Tenant(tenant("acme"));
            match n % 4 {
                0 => service.bind(&tenant("acme"), Binding::parse(&format!("slack:T{n}")).unwrap(), &context()).await,
                1 => service.rename_tenant(&tenant("acme"), &format!("Acme {n}"), None, &context()).await,
                _ => {
                    let change = set(&format!("facts.f{n}"), r#""x""#);
                    service.change(&scope, &change, None, &context()).await.map(|changed| changed.revision)
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(acme.service.tenant(&tenant("acme")).await.unwrap().revision, Revision(25));
}

#[tokio::test]
async fn reasons_names_and_bindings_hold_no_secret_and_are_one_visible_line() {
    let acme = Acme::new().await;
    let id = tenant("acme");
    for (words, code) in [
        ("sk-CANARY-0123456789", "looks_like_secret"),
        ("because xoxb-CANARY-123", "looks_like_secret"),
        ("one\nCANARY", "control_character"),
        ("\u{1b}[2JCANARY", "control_character"),
        ("CANARY\u{202e}", "control_character"),
        (&"CANARY".repeat(100), "too_large"),
    ] {
        let because = Context { reason: Some(words.to_owned()), ..context() };
        let changes = ChangeSet::default().set(key("persona.name"), value(r#""Ada""#));
        let random = || TokenText::from_random(&[7; TokenText::RANDOM_BYTES]);
        let mut refusals = vec![
            reasons(acme.service.change(&acme.scope, &changes, None, &because).await),
            reasons(acme.service.suspend_tenant(&id, &because).await),
            reasons(acme.service.create_token(&acme.scope, Role::TenantViewer, words, 9, random(), &context()).await),
            reasons(acme.service.create_token(&acme.scope, Role::TenantViewer, "x", 9, random(), &because).await),
        ];
        if code == "looks_like_secret" {
            refusals.push(reasons(acme.service.rename_tenant(&id, words, None, &context()).await));
        }
        for refusal in refusals {
            assert_eq!(refusal[0].code.code(), code);
            assert!(!format!("{refusal:?}").contains("CANARY"), "{refusal:?}");
        }
    }
    let slack = Binding::parse("slack:xoxb-123456789").unwrap();
    assert_eq!(reasons(acme.service.bind(&id, slack, &context()).await)[0].key, "binding");
    assert_eq!(acme.service.tenant(&id).await.unwrap().revision, Revision(1), "nothing was changed");
}

#[tokio::test]
async fn a_binding_is_released_by_its_own_tenant_alone_and_a_reservation_by_no_hand() {
    let acme = Acme::new().await;
    acme.service.create_tenant(&tenant("beta"), "Beta", &context()).await.unwrap();
    let team = Binding::parse("slack:T1").unwrap();
    let bound = acme.service.bind(&tenant("beta"), team.clone(), &context()).await.unwrap();
    assert_eq!(acme.service.bind(&tenant("beta"), team.clone(), &context()).await.unwrap(), bound, "nothing to do");
    let refused = acme.service.unbind(&tenant("acme"), team.clone(), &context()).await;
    assert!(matches!(refused, Err(ServiceError::NotBound { .. })), "{refused:?}");
    assert_eq!(acme.service.bindings(&tenant("beta")).await.unwrap(), [team]);
    acme.change(&acme.scope, set("bucket", r#""own-bucket""#)).await.unwrap();
    let reserved = Binding::parse("bucket:own-bucket").unwrap();
    for refused in [
        acme.service.unbind(&tenant("acme"), reserved.clone(), &context()).await,
        acme.service.bind(&tenant("beta"), Binding::parse("bucket:another").unwrap(), &context()).await,
    ] {
        assert!(matches!(refused, Err(ServiceError::BadRequest(_))), "{refused:?}");
    }
    assert_eq!(acme.service.bindings(&tenant("acme")).await.unwrap(), [reserved]);
}

#[tokio::test]
async fn a_prompt_that_reads_what_is_nowhere_set_is_refused_with_the_variable_and_what_to_do() {
    let acme = Acme::new().await;
    let refused = acme.change(&acme.scope, set("prompts.mine", r#""{{ facts.nosuch }}, {{ persona.warmth }}""#)).await;
    let told: Vec<_> = reasons(refused).into_iter().map(|one| (one.key.clone(), one.to_string(), one.hint)).collect();
    assert_eq!(told.len(), 2, "each variable is told: {told:?}");
    assert_eq!(
        (told[0].0.as_str(), &told[0].1[..]),
        ("prompts.mine", "prompts.mine: reads facts.nosuch, which is not set (tier tenant)")
    );
    assert!(told[0].2.as_deref().unwrap().contains("{% if facts.nosuch is defined %}"));
    let whole = set("prompts.mine", r#""{{ facts.nosuch }}""#).set(key("facts.nosuch"), value(r#""a""#));
    acme.change(&acme.scope, whole).await.unwrap();
    let removed = acme.change(&acme.scope, ChangeSet::default().unset(key("facts.nosuch"))).await;
    assert_eq!(reasons(removed)[0].code, ViolationCode::VariableUnset);
}

#[tokio::test]
async fn a_default_that_a_tenant_must_complete_is_accepted_and_told_of_the_tenant() {
    let acme = Acme::new().await;
    acme.change(&acme.scope, secret("model.api_key", "CANARY-acme")).await.unwrap();
    acme.change(&Scope::Global, set("prompts.park", r#""Park {{ facts.parking }}.""#)).await.unwrap();
    assert!(
        acme.service
            .validate(&Scope::Global)
            .await
            .unwrap()
            .violations
            .iter()
            .all(|one| one.code != ViolationCode::VariableUnset)
    );
    let report = acme.service.validate(&acme.scope).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Incomplete);
    assert_eq!(
        (report.violations[0].key.as_str(), &report.violations[0].code),
        ("prompts.park", &ViolationCode::VariableUnset)
    );
    acme.service.must_be_usable(std::slice::from_ref(&acme.scope)).await.unwrap();
    acme.service.effective(&acme.scope).await.unwrap();
    acme.change(&acme.scope, set("persona.name", r#""Ada""#)).await.unwrap();
    let own = acme.change(&acme.scope, set("prompts.park", r#""Please park {{ facts.parking }}.""#)).await;
    assert_eq!(reasons(own).len(), 1, "a tenant's own prompt is its own to complete");
    let nobody = acme.change(&Scope::Global, set("prompts.park", r#""{{ persona.name.first }}""#)).await;
    assert_eq!(reasons(nobody)[0].code, ViolationCode::VariableUnset, "what nobody can set is refused");
    acme.change(&acme.scope, set("facts.parking", r#""here""#)).await.unwrap();
    assert_eq!(acme.service.validate(&acme.scope).await.unwrap().verdict(), Verdict::Valid);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_removed() {
    let acme = Acme::new().await;
    let refused = reasons(acme.change(&acme.scope, ChangeSet::default().unset(key("persona.nmae"))).await);
    assert_eq!((refused[0].key.as_str(), &refused[0].code), ("persona.nmae", &ViolationCode::UnknownParameter));
    assert_eq!((refused[0].nearest[0].as_str(), refused[0].nearest.len()), ("persona.name", 3));
    for (key, code) in [
        ("model", ViolationCode::NotAParameter),
        ("persona.name", ViolationCode::Misplaced),
        ("model.kye", ViolationCode::UnknownParameter),
    ] {
        let refused = acme.change(&acme.scope, ChangeSet::default().unset_secret(support::key(key))).await;
        assert_eq!(reasons(refused)[0].code, code, "{key}");
    }
    for known in ["persona.name", "persona", "facts.none"] {
        acme.change(&acme.scope, ChangeSet::default().unset(key(known))).await.unwrap();
    }
    let stores = acme.service.stores().clone();
    acme.change(&acme.scope, set("facts.old", r#""left over""#)).await.unwrap();
    let newer = support::service(stores, &support::SCHEMA.replace(r#""facts": {"type""#, r#""wisdom": {"type""#)).await;
    let removed = newer.change(&acme.scope, &ChangeSet::default().unset(key("facts.old")), None, &context()).await;
    assert_eq!(removed.unwrap().differences, [], "it was no part of the configuration");
    assert!(
        newer.validate(&acme.scope).await.unwrap().oddities.is_empty(),
        "what an older catalog knew can be removed"
    );
}

//! Imports of bundles: whole or not at all, with every fault at once.
#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test, in the functions around them, too")]

mod support;

use support::{Acme, context, key, service, tenant, value};
use tenantry_admin::service::{Bundle, Imported, ServiceError};
use tenantry_core::change::ChangeSet;
use tenantry_core::layer::{Revision, Tier};
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_store::{Action, OpenOptions, PageRequest, StoreUrl, Stores};

async fn import(acme: &Acme, text: &str) -> Result<Imported, ServiceError> {
    let bundle = Bundle::from_json(text).unwrap();
    let would_be = acme.service.check_import(&bundle, &context()).await;
    let imported = acme.service.import(&bundle, &context()).await;
    assert_eq!(would_be.is_ok(), imported.is_ok(), "{would_be:?} {imported:?}");
    if let (Ok(would_be), Ok(imported)) = (&would_be, &imported) {
        assert_eq!(would_be, imported);
    }
    imported
}

/// What is wrong with an import: `scope key code`.
async fn faults(acme: &Acme, text: &str) -> Vec<String> {
    match import(acme, text).await {
        Err(ServiceError::InvalidImport(faults)) => faults
            .iter()
            .flat_map(|fault| fault.violations.iter().map(|v| format!("{} {} {}", fault.scope, v.key, v.code.code())))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn many(count: usize) -> String {
    (0..count).map(|n| format!(r#""f{n}":"x""#)).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn two_tenants_of_a_bundle_with_one_name_are_refused_before_anything_is_written() {
    let acme = Acme::new().await;
    let text = r#"{"global": {"values": {"persona": {"name": "G"}}}, "tenants": [
        {"tenant_id": "p1", "values": {"bucket": "shared"}},
        {"tenant_id": "p2", "values": {"bucket": "shared"}},
        {"tenant_id": "p3", "values": {"persona": {"name": "X"}}}]}"#;
    assert_eq!(faults(&acme, text).await, ["p1 bucket taken", "p2 bucket taken"]);
    assert_eq!(acme.service.tenant_ids().await.unwrap(), [tenant("acme")]);
    assert!(acme.service.effective(&Scope::Global).await.unwrap().head.is_none());
}

#[tokio::test]
async fn a_name_that_another_tenant_has_is_refused_by_key_without_naming_the_tenant() {
    let acme = Acme::new().await;
    let change = ChangeSet::default().set(key("bucket"), value(r#""shared""#));
    acme.change(&acme.scope, change).await.unwrap();
    let text = r#"{"tenants": [{"tenant_id": "q1", "values": {"facts": {"a": "x"}}},
        {"tenant_id": "q2", "values": {"bucket": "shared"}}]}"#;
    assert_eq!(faults(&acme, text).await, ["q2 bucket taken"]);
    let Err(ServiceError::InvalidImport(faults)) = import(&acme, text).await else { panic!("it is taken") };
    assert!(!faults[0].violations[0].to_string().contains("acme"));
    assert_eq!(acme.service.tenant_ids().await.unwrap(), [tenant("acme")]);
}

#[tokio::test]
async fn a_name_moves_between_tenants_of_one_bundle() {
    let acme = Acme::new().await;
    import(&acme, r#"{"tenants": [{"tenant_id": "acme", "values": {"bucket": "one"}}]}"#).await.unwrap();
    let swap = r#"{"tenants": [{"tenant_id": "beta", "values": {"bucket": "one"}},
        {"tenant_id": "acme", "values": {"bucket": "two"}}]}"#;
    import(&acme, swap).await.unwrap();
    assert_eq!(acme.shown("bucket").await, (Tier::Tenant, value(r#""two""#)));
}

#[tokio::test]
async fn an_import_renames_and_changes_in_one_revision() {
    let acme = Acme::new().await;
    let text = r#"{"tenants": [{"tenant_id": "acme", "display_name": "Other", "values": {"persona.name": "Ada"}}]}"#;
    let imported = import(&acme, text).await.unwrap();
    assert_eq!((imported.tenants[0].revision, imported.tenants[0].renamed), (Revision(2), true));
    let again = import(&acme, text).await.unwrap();
    assert_eq!((again.tenants[0].revision, again.tenants[0].renamed), (Revision(2), false));
    assert_eq!(acme.service.tenant(&tenant("acme")).await.unwrap().display_name, "Other");
    let alone = r#"{"tenants": [{"tenant_id": "acme", "display_name": "Third"}]}"#;
    assert_eq!(import(&acme, alone).await.unwrap().tenants[0].revision, Revision(3));
    let history = acme.service.history(&acme.scope, &PageRequest::first(2)).await.unwrap().items;
    let told: Vec<_> = history.iter().map(|entry| (entry.action, entry.detail.as_deref())).collect();
    assert_eq!(told, [(Action::Rename, None), (Action::Change, Some("renamed to Other"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_beside_many_changes_is_made_whole() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("store.db"));
    let acme = Acme::over(Stores::create(&url, &OpenOptions::default()).await.unwrap().0).await;
    let rows = |text: &str| {
        let rows = (0..30).map(|n| format!(r#"{{"tenant_id":"t{n}","values":{{"persona.name":"{text}"}}}}"#));
        let text = format!(r#"{{"tenants":[{}]}}"#, rows.collect::<Vec<_>>().join(","));
        Bundle::from_json(&text).unwrap()
    };
    acme.service.import(&rows("before"), &context()).await.unwrap();
    let busy = acme.service.clone();
    let beside = tokio::spawn(async move {
        for n in 0..20 {
            let change = ChangeSet::default().set(key("facts.n"), value(&format!(r#""{n}""#)));
            busy.change(&Scope::Tenant(tenant("t29")), &change, None, &context()).await.unwrap();
        }
    });
    acme.service.import(&rows("after"), &context()).await.unwrap();
    beside.await.unwrap();
    for n in 0..30 {
        let effective = acme.service.effective(&Scope::Tenant(tenant(&format!("t{n}")))).await.unwrap();
        let leaf = effective.resolved.leaf(&key("persona.name")).unwrap().entry.value().cloned();
        assert_eq!(leaf, Some(value(r#""after""#)));
    }
}

#[tokio::test]
async fn every_fault_of_every_scope_is_told_at_once() {
    let acme = Acme::new().await;
    let text = format!(
        r#"{{"global": {{"values": {{"limit": 0, "bad key": 1}}}}, "tenants": [
            {{"tenant_id": "z2", "values": {{"persona": {{"warmth": 9, "na me": 1, "tags": [null]}}}}}},
            {{"tenant_id": "z3", "values": {{"bad key": 1, "worse key": 2}}}},
            {{"tenant_id": "z4", "values": {{"persona.nmae": 1}}, "secrets": {{"nosuch_key": "CANARY"}}}},
            {{"tenant_id": "z5", "values": {{"facts": {{{}}}, "limit": 3}}}},
            {{"tenant_id": "z6", "values": {{"bucket": "no bucket"}}}}]}}"#,
        many(98)
    );
    let expected = [
        "#global bad key unknown_parameter",
        "#global limit out_of_range",
        "z2 persona.na me unknown_parameter",
        "z2 persona.tags.0 null",
        "z2 persona.warmth out_of_range",
        "z3 bad key unknown_parameter",
        "z3 worse key unknown_parameter",
        "z4 nosuch_key unknown_parameter",
        "z4 persona.nmae unknown_parameter",
        "z5 limit operator_only",
        "z5 values too_large",
        "z6 bucket pattern",
    ];
    let global = Scope::Global.to_string();
    assert_eq!(faults(&acme, &text).await, expected.map(|fault| fault.replacen("#global", &global, 1)));
    assert_eq!(acme.service.tenant_ids().await.unwrap(), [tenant("acme")]);
}

#[tokio::test]
async fn what_can_be_read_of_a_bundle_of_another_form_is_checked_too() {
    let acme = Acme::new().await;
    let text = r#"{"tenants": [{"tenant_id": "Z1"}, {"tenant_id": "z2", "values": {"persona": {"warmth": 9}}}]}"#;
    let (bundle, form) = Bundle::read(text);
    assert_eq!(form.len(), 1);
    let checked = acme.service.check_import(&bundle, &context()).await;
    let Err(ServiceError::InvalidImport(faults)) = checked else { panic!("{checked:?}") };
    assert_eq!(faults[0].scope, Scope::Tenant(tenant("z2")));
}

#[tokio::test]
async fn one_key_in_two_spellings_is_refused() {
    let acme = Acme::new().await;
    let text = r#"{"tenants": [
        {"tenant_id": "a", "values": {"persona_name": "A", "persona.name": "B", "persona": {"name": "C"}}},
        {"tenant_id": "b", "secrets": {"model_api_key": "CANARY-1", "model.api_key": "CANARY-2"}},
        {"tenant_id": "c", "values": {"model.url": "https://a.example"}, "secrets": {"model_url": "https://b.example"}},
        {"tenant_id": "d", "values": {"persona": {"name": "A"}, "persona.warmth": 1}}]}"#;
    assert_eq!(faults(&acme, text).await, ["a persona.name twice", "b model.api_key twice", "c model.url twice"]);
    let text = r#"{"global": {"secrets": {"model": {"api_key": "CANARY-1"}, "model.api_key": "CANARY-2"}}}"#;
    let form = Bundle::from_json(text).unwrap_err();
    assert!(form[0].to_string().contains("stands twice"), "{form:?}");
    assert!(!form[0].to_string().contains("CANARY"), "{form:?}");
}

const CREDENTIALS: &str = r#"{"title": "App", "type": "object", "properties": {
    "login": {"type": "string", "x-sensitivity": "credential"},
    "ext": {"type": "object", "properties": {
        "label": {"type": "string"},
        "note": {"type": "string"},
        "odoo": {"type": "object", "x-connection": true, "properties": {
            "url": {"type": "string", "x-sensitivity": "credential"}}}}}}}"#;

#[tokio::test]
async fn a_credential_is_never_stored_in_clear_wherever_it_stands_and_however_it_is_given() {
    let acme = Acme::new().await;
    let service = service(acme.service.stores().clone(), CREDENTIALS).await;
    let acme = Acme { service, scope: acme.scope };
    import(&acme, r#"{"tenants": [{"tenant_id": "acme", "values": {"login": "CANARY-login"}}]}"#).await.unwrap();
    acme.change(&acme.scope, ChangeSet::default().set(key("ext.note"), value(r#""old""#))).await.unwrap();
    let table = value(r#"{"label": "x", "odoo": {"url": "https://CANARY.example"}}"#);
    acme.change(&acme.scope, ChangeSet::default().set(key("ext"), table)).await.unwrap();
    let stores = acme.service.stores().clone();
    let items = || async { stores.read(&acme.scope).await.unwrap().unwrap().items };
    let keys: Vec<_> = items().await.into_iter().map(|item| item.key.to_string()).collect();
    assert_eq!(keys, ["ext.label"], "the table took the place of the note, and brought no credential");
    let fields = || async { stores.read_secret(&acme.scope).await.unwrap().unwrap().fields };
    assert_eq!(fields().await.keys().collect::<Vec<_>>(), ["ext_odoo_url", "login"]);
    acme.change(&acme.scope, ChangeSet::default().unset(key("login")).unset(key("ext"))).await.unwrap();
    assert!(items().await.is_empty() && fields().await.is_empty());
}

#[tokio::test]
async fn a_secret_given_beside_the_removal_of_its_section_is_kept() {
    let acme = Acme::new().await;
    let changes = ChangeSet::default()
        .unset(key("model"))
        .set_secret(key("model.api_key"), SecretText::new("CANARY-new".to_owned()));
    acme.change(
        &acme.scope,
        ChangeSet::default().set_secret(key("model.api_key"), SecretText::new("CANARY-old".to_owned())),
    )
    .await
    .unwrap();
    acme.change(&acme.scope, changes).await.unwrap();
    let fields = acme.service.stores().read_secret(&acme.scope).await.unwrap().unwrap().fields;
    assert_eq!(fields["model_api_key"].expose(), "CANARY-new");
}

//! What a change of the defaults does to every tenant, told before it is made, and made as it was told.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use support::{Acme, context, key, tenant, value};
use tenantry_admin::service::{Plan, Service, ServiceError, TenantEffect};
use tenantry_core::change::{ChangeSet, diff};
use tenantry_core::layer::Entry;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_core::validate::ViolationCode;

/// The tenants acme, beta, gamma and delta: beta has a name, a prompt and a route of its own, gamma a key, delta nothing.
async fn world() -> Acme {
    let acme = Acme::new().await;
    for id in ["beta", "gamma", "delta"] {
        acme.service.create_tenant(&tenant(id), id, &context()).await.unwrap();
    }
    let global = ChangeSet::default()
        .set(key("facts.parking"), value(r#""behind the house""#))
        .set(key("prompts.greet"), value(r#""Hi, {{ user.name }}.""#))
        .set(key("routes.greet.prompt"), value(r#""greet""#));
    acme.change(&Scope::Global, global).await.unwrap();
    let beta = ChangeSet::default()
        .set(key("persona.name"), value(r#""Bea""#))
        .set(key("prompts.own"), value(r#""I am {{ persona.name }}.""#))
        .set(key("routes.mine.prompt"), value(r#""greet""#));
    acme.change(&Scope::Tenant(tenant("beta")), beta).await.unwrap();
    let gamma = ChangeSet::default().set_secret(key("model.api_key"), SecretText::new("CANARY".to_owned()));
    acme.change(&Scope::Tenant(tenant("gamma")), gamma).await.unwrap();
    acme
}

async fn plan(service: &Service, changes: &ChangeSet) -> (Plan, Vec<TenantEffect>) {
    let mut planning = service.plan(changes, &context()).await.unwrap();
    let mut effects = Vec::new();
    while let Some(page) = planning.next().await.unwrap() {
        effects.extend(page);
    }
    (planning.finish(), effects)
}

fn of<'a>(effects: &'a [TenantEffect], id: &str) -> &'a TenantEffect {
    effects.iter().find(|effect| effect.tenant_id.as_str() == id).unwrap()
}

#[tokio::test]
async fn who_sets_something_of_its_own_does_not_notice() {
    let acme = world().await;
    let (plan, effects) = plan(&acme.service, &ChangeSet::default().set(key("persona.name"), value(r#""Ada""#))).await;
    assert_eq!((plan.counts.tenants, plan.counts.changed, plan.counts.overridden, plan.counts.broken), (4, 3, 1, 0));
    let beta = of(&effects, "beta");
    assert_eq!((beta.changes.len(), beta.overridden.as_slice()), (0, &[key("persona.name")][..]));
    let change = &of(&effects, "delta").changes[0];
    let shown = |entry: &Option<Entry>| entry.as_ref().unwrap().value().unwrap().as_str().unwrap().to_owned();
    assert_eq!((shown(&change.before), shown(&change.after)), ("Built-in".to_owned(), "Ada".to_owned()));
}

#[tokio::test]
async fn a_connection_of_its_own_hides_every_field_of_the_platforms() {
    let acme = world().await;
    let change = ChangeSet::default()
        .set(key("model.url"), value(r#""https://platform.example/v1""#))
        .set_secret(key("model.api_key"), SecretText::new("CANARY-platform".to_owned()));
    let (_, effects) = plan(&acme.service, &change).await;
    assert!(of(&effects, "gamma").changes.is_empty(), "{effects:?}");
    assert_eq!(of(&effects, "delta").changes.len(), 2);
    assert!(!format!("{effects:?}").contains("CANARY"));
}

#[tokio::test]
async fn routes_that_would_break_are_told_of_whoever_names_them() {
    let acme = world().await;
    let change = ChangeSet::default().unset(key("prompts.greet")).unset(key("routes.greet"));
    let (plan, effects) = plan(&acme.service, &change).await;
    assert_eq!(plan.counts.broken, 1);
    let finding = &of(&effects, "beta").findings[0];
    assert_eq!((finding.key.as_str(), &finding.code), ("routes.mine.prompt", &ViolationCode::BrokenLink));
}

#[tokio::test]
async fn a_prompt_that_reads_what_is_taken_away_is_told() {
    let acme = world().await;
    let service = acme.service.clone();
    let own = ChangeSet::default().set(key("prompts.own"), value(r#""Park {{ facts.parking }}.""#));
    service.change(&Scope::Tenant(tenant("beta")), &own, None, &context()).await.unwrap();
    let own = ChangeSet::default().set(key("facts.parking"), value(r#""here""#));
    service.change(&Scope::Tenant(tenant("gamma")), &own, None, &context()).await.unwrap();
    let (plan, effects) = plan(&service, &ChangeSet::default().unset(key("facts.parking"))).await;
    assert_eq!(plan.counts.broken, 1, "{effects:?}");
    let finding = &of(&effects, "beta").findings[0];
    assert_eq!((finding.key.as_str(), &finding.code), ("prompts.own", &ViolationCode::VariableUnset));
    assert_eq!(of(&effects, "gamma").overridden, [key("facts.parking")]);

    let global = ChangeSet::default().set(key("prompts.hello"), value(r#""Park {{ facts.parking }}.""#));
    service.change(&Scope::Global, &global, None, &context()).await.unwrap();
    let (plan, effects) = self::plan(&service, &ChangeSet::default().unset(key("facts.parking"))).await;
    assert_eq!(plan.counts.broken, 3, "all but the one that sets it itself: {effects:?}");
}

#[tokio::test]
async fn a_default_prompt_that_tenants_cannot_render_is_told_and_not_refused() {
    let acme = world().await;
    let own = ChangeSet::default().set(key("facts.city"), value(r#""Delft""#));
    acme.change(&Scope::Tenant(tenant("gamma")), own).await.unwrap();
    let prompt = |text: &str| ChangeSet::default().set(key("prompts.hello"), text.into());
    let (plan, effects) = plan(&acme.service, &prompt("Come to {{ facts.city }}.")).await;
    assert_eq!((plan.counts.tenants - plan.counts.broken, of(&effects, "gamma").findings.len()), (1, 0), "{effects:?}");
    let finding = &of(&effects, "beta").findings[0];
    assert_eq!((finding.key.as_str(), &finding.code), ("prompts.hello", &ViolationCode::VariableUnset));
    let guarded = prompt("{% if facts.city is defined %}Come to {{ facts.city }}.{% endif %}");
    assert_eq!(self::plan(&acme.service, &guarded).await.0.counts.broken, 0);

    acme.change(&Scope::Global, prompt("Come to {{ facts.city }}.")).await.unwrap();
    let warmer = prompt("Do come to {{ facts.city }}.");
    assert_eq!(self::plan(&acme.service, &warmer).await.0.counts.broken, 0, "it is so already");
}

#[tokio::test]
async fn what_is_wrong_with_the_defaults_themselves_is_refused_at_once() {
    let acme = world().await;
    let change = ChangeSet::default().set(key("persona.warmth"), value("9"));
    assert!(matches!(acme.service.plan(&change, &context()).await, Err(ServiceError::Invalid(_))));
}

#[tokio::test]
async fn a_plan_changes_nothing_and_what_was_planned_is_made_if_nothing_moved() {
    let acme = world().await;
    let change = ChangeSet::default().set(key("persona.name"), value(r#""Ada""#));
    let (first, _) = plan(&acme.service, &change).await;
    let (second, _) = plan(&acme.service, &change).await;
    assert_eq!(first, second, "a plan leaves no trace");
    let other = ChangeSet::default().set(key("persona.name"), value(r#""Eve""#));
    let apply = async |change: &ChangeSet, hash: &str| acme.service.apply(change, hash, false, &context()).await;
    assert!(matches!(apply(&other, &first.hash).await, Err(ServiceError::PlanStale { .. })), "another change");
    acme.service.rename_tenant(&tenant("delta"), "Delta", None, &context()).await.unwrap();
    let Err(ServiceError::PlanStale { current }) = apply(&change, &first.hash).await else { panic!("a tenant moved") };
    let made = apply(&change, &current).await.unwrap();
    assert_eq!((made.revision, made.differences), (first.revision.next(), first.changes));
    assert!(matches!(apply(&change, &current).await, Err(ServiceError::PlanStale { .. })), "the defaults moved");
}

#[tokio::test]
async fn a_change_that_breaks_tenants_is_made_only_if_that_is_meant() {
    let acme = world().await;
    let change = ChangeSet::default().unset(key("prompts.greet")).unset(key("routes.greet"));
    let (plan, _) = plan(&acme.service, &change).await;
    let refused = acme.service.apply(&change, &plan.hash, false, &context()).await;
    assert!(matches!(refused, Err(ServiceError::PlanBreaks { tenants: 1 })));
    acme.service.apply(&change, &plan.hash, true, &context()).await.unwrap();
}

/// The short ways of a plan say what the long way says: each tenant resolved and validated before and after.
#[tokio::test]
async fn a_plan_tells_exactly_what_comes_of_it() {
    for change in [
        ChangeSet::default().set(key("persona"), value(r#"{"name": "Ada", "warmth": 1}"#)),
        ChangeSet::default().unset(key("prompts.greet")).unset(key("routes")),
        ChangeSet::default().set(key("model.url"), value(r#""https://platform.example/v1""#)),
        ChangeSet::default().set(key("routes.other.prompt"), value(r#""greet""#)).unset(key("facts")),
        ChangeSet::default().set(key("limit"), value("3")),
        ChangeSet::default().set(key("prompts.hello"), value(r#""{{ facts.nosuch }}, {{ persona.warmth }}""#)),
    ] {
        let acme = world().await;
        let (plan, effects) = plan(&acme.service, &change).await;
        let mut before = Vec::new();
        for effect in &effects {
            let scope = Scope::Tenant(effect.tenant_id.clone());
            let report = acme.service.validate(&scope).await.unwrap();
            before.push((acme.service.effective(&scope).await.unwrap().resolved, report.violations));
        }
        acme.service.apply(&change, &plan.hash, true, &context()).await.unwrap();
        for (effect, (was, wrong)) in effects.iter().zip(before) {
            let scope = Scope::Tenant(effect.tenant_id.clone());
            let is = acme.service.effective(&scope).await.unwrap().resolved;
            let entries = |resolved: &tenantry_core::resolve::Resolved| {
                resolved.iter().map(|leaf| (leaf.key.clone(), leaf.entry.clone())).collect::<Vec<_>>()
            };
            assert_eq!(effect.changes.to_vec(), diff(&entries(&was), &entries(&is)), "{} {change:?}", effect.tenant_id);
            let new = acme.service.validate(&scope).await.unwrap().violations;
            let new: Vec<_> = new.into_iter().filter(|violation| !wrong.contains(violation)).collect();
            assert_eq!(effect.findings, new, "{} {change:?}", effect.tenant_id);
        }
    }
}

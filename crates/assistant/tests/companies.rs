//! The sample companies are sound: they can be stored as they stand, and each gets the answer that it is meant to show.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a test that fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use assistant::conversation::{Channel, Draft, Incoming, Sender};
use assistant::settings::Settings;
use serde::Deserialize;
use serde_json::Value as Json;
use tenantry_core::assemble::{SecretFields, assemble};
use tenantry_core::catalog::Catalog;
use tenantry_core::key::Key;
use tenantry_core::layer::{Layer, Revision, Tier};
use tenantry_core::resolve::{Resolved, resolve};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::{FingerprintKey, SecretText};
use tenantry_core::settings::build;
use tenantry_core::validate::Validator;
use tenantry_core::value::Value;
use tenantry_integrations::egress::check_url;
use tenantry_integrations::llm::Provider;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Companies {
    global: Values,
    tenants: Vec<Company>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    values: BTreeMap<String, Json>,
    secrets: BTreeMap<String, SecretText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Company {
    tenant_id: TenantId,
    display_name: String,
    values: BTreeMap<String, Json>,
    secrets: BTreeMap<String, SecretText>,
}

struct Configured {
    resolved: Resolved,
    settings: Settings,
}

fn layer(
    catalog: &Catalog,
    scope: &Scope,
    values: &BTreeMap<String, Json>,
    secrets: &BTreeMap<String, SecretText>,
) -> (Layer, BTreeMap<Key, SecretText>) {
    let items = values.iter().map(|(key, value)| (catalog.key(key).unwrap(), Value::try_from(value).unwrap()));
    let field = |spelling: &String| catalog.secret_field(&catalog.key(spelling).unwrap()).unwrap().to_owned();
    let fields = secrets.iter().map(|(spelling, text)| (field(spelling), text.clone())).collect();
    let secret = SecretFields { version: "1", fields: &fields };
    let assembled = assemble(catalog, &FingerprintKey::new([0; 32]), scope, Revision(1), items, Some(secret));
    assert_eq!(assembled.oddities, [], "{scope}");
    (assembled.layer, assembled.secrets)
}

/// Every company as it is configured, checked as a write would be.
fn configured() -> BTreeMap<String, Configured> {
    let catalog = Arc::new(Catalog::of::<Settings>().unwrap());
    let validator = Validator::new(Arc::clone(&catalog))
        .with_url_rule(|url| check_url(url).map(drop).map_err(|rule| rule.to_string()));
    let file = include_str!("../../../examples/companies.yaml");
    let companies: Companies = serde_saphyr::from_str(file).unwrap();
    let (global, global_secrets) = layer(&catalog, &Scope::Global, &companies.global.values, &companies.global.secrets);
    let global = Arc::new(global);
    let configure = |company: &Company| {
        assert!(!company.display_name.is_empty());
        let scope = Scope::Tenant(company.tenant_id.clone());
        let (own, own_secrets) = layer(&catalog, &scope, &company.values, &company.secrets);
        for (key, text) in global_secrets.iter().chain(&own_secrets) {
            assert_eq!(validator.check_secret(key, text), [], "{key}");
        }
        let layers = vec![Arc::clone(catalog.defaults()), Arc::clone(&global), Arc::new(own)];
        let resolved = resolve(layers, catalog.connections());
        assert_eq!(validator.check(&resolved), [], "{}", company.tenant_id);
        let text = |key: &Key, tier: Tier| match tier {
            Tier::Default => None,
            Tier::Global => global_secrets.get(key),
            Tier::Tenant => own_secrets.get(key),
        };
        let built = build::<Settings>(&resolved, text).unwrap();
        assert_eq!(built.left_out, [], "{}", company.tenant_id);
        let settings = built.settings;
        (company.tenant_id.to_string(), Configured { resolved, settings })
    };
    companies.tenants.iter().map(configure).collect()
}

/// What would be sent for the question that the demo asks every company, as its time zone has it.
fn asked(configured: &Configured, intent: &str) -> Draft {
    let incoming = Incoming {
        text: "When are you open on Saturday?".to_owned(),
        intent: None,
        channel: Channel::Http,
        user_name: None,
        sender: Sender::Member,
        conversation: None,
        attachments: Vec::new(),
    };
    Draft::new(&configured.settings, intent, &incoming, "2026-11-23T17:04:00Z".parse().unwrap()).unwrap()
}

#[test]
fn one_question_gets_three_different_requests() {
    let companies = configured();
    let check = |tenant: &str, provider, model: &str, temperature, knows: &[&str]| {
        let draft = asked(&companies[tenant], "question_answering");
        let request = &draft.request;
        assert_eq!(
            (request.provider, request.model.as_str(), request.temperature),
            (provider, model, Some(temperature))
        );
        for text in knows {
            assert!(draft.prompt.text.contains(text), "{tenant}: {text} is not in\n{}", draft.prompt.text);
        }
    };
    check(
        "sonnkorn",
        Provider::OpenAi,
        "gpt-4.1",
        0.5,
        &["Frau Brösel", "Samstag 6:00 bis 14:00", "18:04 (Europe/Berlin)"],
    );
    check(
        "sonrisa",
        Provider::Cerebras,
        "gpt-oss-120b",
        0.1,
        &["Lupita", "sábado de 9:00 a 14:00", "11:04 (America/Mexico_City)"],
    );
    check(
        "brightwell",
        Provider::OpenRouter,
        "openai/gpt-4.1-mini",
        0.2,
        &["Walter", "Saturday 9:00 to 12:00", "Polite and brief"],
    );
}

#[test]
fn each_company_has_a_route_with_a_prompt_of_its_own() {
    let companies = configured();
    for (tenant, intent, prompt) in [
        ("sonnkorn", "vorbestellung", "prompts.vorbestellung"),
        ("sonrisa", "question_answering", "prompts.question_answering"),
        ("brightwell", "pump_advice", "prompts.pump_advice"),
    ] {
        let draft = asked(&companies[tenant], intent);
        assert_eq!(draft.prompt.key.as_str(), prompt);
        let origin = companies[tenant].resolved.leaf(&draft.prompt.key).unwrap().origin;
        assert_eq!(origin.tier, Tier::Tenant, "{tenant}");
    }
}

#[test]
fn who_brings_no_key_uses_the_operators() {
    let companies = configured();
    assert!(companies["brightwell"].settings.connection(Provider::OpenRouter).is_some());
    assert!(companies["brightwell"].settings.connection(Provider::OpenAi).is_none());
    assert!(companies["sonnkorn"].settings.connection(Provider::Cerebras).is_none(), "another company's key");
}

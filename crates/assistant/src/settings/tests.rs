//! What the catalog of the assistant must hold.

use std::sync::Arc;

use tenantry_core::catalog::{Catalog, Sensitivity, SetBy};
use tenantry_core::key::Key;
use tenantry_core::resolve::{Resolved, resolve};
use tenantry_core::settings::build;
use tenantry_core::template::{Template, TemplateLimits, TemplateRules, lint, locked_blocks};
use tenantry_core::validate::{Validator, ViolationCode};

use super::*;

/// The parameters that are kept in the tenant's secret: key, whether it may be shown, field. Other programs read these
/// names: they never change.
const IN_THE_SECRET: [(&str, Sensitivity, &str); 21] = [
    ("odoo.url", Sensitivity::Credential, "odoo_url"),
    ("odoo.db", Sensitivity::Credential, "odoo_db"),
    ("odoo.login", Sensitivity::Credential, "odoo_login"),
    ("odoo.password", Sensitivity::Secret, "odoo_password"),
    ("slack.bot_token", Sensitivity::Secret, "slack_bot_token"),
    ("slack.signing_secret", Sensitivity::Secret, "slack_signing_secret"),
    ("telegram.bot_token", Sensitivity::Secret, "telegram_bot_token"),
    ("telegram.webhook_secret", Sensitivity::Secret, "telegram_webhook_secret"),
    ("erpnext.url", Sensitivity::Credential, "erpnext_url"),
    ("erpnext.api_key", Sensitivity::Secret, "erpnext_api_key"),
    ("erpnext.api_secret", Sensitivity::Secret, "erpnext_api_secret"),
    ("google.api_key", Sensitivity::Secret, "google_api_key"),
    ("google.calendar_id", Sensitivity::Credential, "calendar_id"),
    ("weaviate.url", Sensitivity::Credential, "weaviate_url"),
    ("weaviate.api_key", Sensitivity::Secret, "weaviate_api_key"),
    ("openai.api_key", Sensitivity::Secret, "openai_api_key"),
    ("openai.base_url", Sensitivity::Credential, "openai_base_url"),
    ("openrouter.api_key", Sensitivity::Secret, "openrouter_api_key"),
    ("openrouter.base_url", Sensitivity::Credential, "openrouter_base_url"),
    ("cerebras.api_key", Sensitivity::Secret, "cerebras_api_key"),
    ("cerebras.base_url", Sensitivity::Credential, "cerebras_base_url"),
];

const PLAIN: [&str; 30] = [
    "access.telegram_chats",
    "ai.default.max_output_tokens",
    "ai.default.model",
    "ai.default.provider",
    "ai.default.temperature",
    "ai.default.top_p",
    "ai.tasks.*.max_output_tokens",
    "ai.tasks.*.model",
    "ai.tasks.*.provider",
    "ai.tasks.*.temperature",
    "ai.tasks.*.top_p",
    "company.description",
    "company.facts.*",
    "company.name",
    "company.timezone",
    "company.website",
    "email_notifications.chat_id",
    "email_notifications.enabled",
    "email_notifications.user_id",
    "persona.communication_style",
    "persona.description",
    "persona.language",
    "persona.name",
    "prompts.*",
    "routing.fallback",
    "routing.routes.*.description",
    "routing.routes.*.enabled",
    "routing.routes.*.prompt",
    "routing.routes.*.task",
    "routing.routes.*.tools",
];

const OPERATORS: [&str; 4] =
    ["limits.history_turns", "limits.max_message_chars", "limits.monthly_tokens", "limits.request_timeout_ms"];

const UNIQUE: [(&str, &str); 2] = [("storage.dynamodb_table_prefix", "prefix"), ("storage.s3_buckets.*", "bucket")];

fn catalog() -> Catalog {
    Catalog::of::<Settings>().unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

#[test]
fn every_parameter_of_the_secret_has_its_field_and_sensitivity() {
    let catalog = catalog();
    for (name, sensitivity, field) in IN_THE_SECRET {
        let parameter = catalog.parameter(&key(name)).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(parameter.sensitivity, sensitivity, "{name}");
        assert_eq!(parameter.secret_field.as_deref(), Some(field), "{name}");
        assert_eq!(catalog.key(field).unwrap(), key(name), "the flat spelling is understood");
        assert!(parameter.connection.is_some(), "{name} belongs to a connection");
    }
}

#[test]
fn the_catalog_has_every_parameter_and_no_other() {
    let catalog = catalog();
    let mut expected: Vec<&str> = IN_THE_SECRET.iter().map(|(name, ..)| *name).collect();
    expected.extend(PLAIN.iter().chain(&OPERATORS));
    expected.extend(UNIQUE.iter().map(|(name, _)| *name));
    expected.sort_unstable();
    let mut found: Vec<String> = catalog.parameters().map(|parameter| parameter.pattern.to_string()).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn limits_are_the_operators_and_nothing_else_is() {
    for parameter in catalog().parameters() {
        let expected =
            if OPERATORS.contains(&parameter.pattern.to_string().as_str()) { SetBy::Operator } else { SetBy::Tenant };
        assert_eq!(parameter.set_by, expected, "{}", parameter.pattern);
    }
}

#[test]
fn buckets_and_prefixes_belong_to_one_tenant_alone() {
    let catalog = catalog();
    let unique: Vec<_> = catalog
        .parameters()
        .filter_map(|parameter| Some((parameter.pattern.to_string(), parameter.unique.clone()?)))
        .collect();
    assert_eq!(unique, UNIQUE.map(|(name, namespace)| (name.to_owned(), namespace.to_owned())));
}

#[test]
fn every_parameter_is_documented_for_a_companys_admin() {
    for parameter in catalog().parameters() {
        let name = &parameter.pattern;
        assert!(!parameter.title.is_empty() && parameter.title.len() < 60, "{name}: {:?}", parameter.title);
        assert!(parameter.description.ends_with('.'), "{name}: {:?}", parameter.description);
    }
}

/// What a company gets that sets nothing.
fn bare() -> Resolved {
    let catalog = catalog();
    resolve(vec![catalog.defaults().clone()], catalog.connections())
}

#[test]
fn the_catalogs_defaults_are_the_structs_own() {
    let built = build::<Settings>(&bare(), |_, _| None).unwrap();
    assert!(built.left_out.is_empty());
    assert_eq!(format!("{:?}", built.settings), format!("{:?}", Settings::default()));
    let empty: Settings = serde_json::from_str("{}").unwrap();
    assert_eq!(format!("{empty:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn a_route_set_field_by_field_never_breaks_the_settings() {
    let settings: Settings =
        serde_json::from_str(r#"{"routing":{"routes":{"sales":{"description":"Offers"}}}}"#).unwrap();
    let sales = &settings.routing.routes["sales"];
    assert!(settings.prompts.0.contains_key(&sales.prompt) && settings.ai.tasks.contains_key(&sales.task));
}

#[test]
fn every_built_in_prompt_compiles_and_uses_only_what_it_may() {
    let catalog = catalog();
    for (name, source) in BUILT_IN_PROMPTS {
        let parameter = catalog.parameter(&key(&format!("prompts.{name}"))).unwrap();
        let rules = TemplateRules { variables: parameter.template.clone().unwrap() };
        assert_eq!(lint(source, &rules, None), [], "{name}");
        assert!(Template::compile(source, &TemplateLimits::default()).is_ok(), "{name}");
    }
}

#[test]
fn prompts_whose_answers_state_facts_lock_their_rules() {
    let locks = |name: &str| {
        let source = BUILT_IN_PROMPTS.iter().find(|(built_in, _)| *built_in == name).unwrap().1;
        locked_blocks(source).iter().map(|block| block.name.clone()).collect::<Vec<_>>()
    };
    for name in ["question_answering", "scheduling", "erp_lookup", "email_summary"] {
        assert_eq!(locks(name), ["honesty"], "{name}");
    }
    assert_eq!(locks(ROUTER_PROMPT), ["answer"]);
    assert!(locks("chitchat").is_empty() && locks("writing").is_empty());
}

#[test]
fn the_defaults_lack_nothing_but_a_key_for_the_model() {
    let violations = Validator::new(Arc::new(catalog())).check(&bare());
    let found: Vec<_> = violations.iter().map(|violation| (violation.key.as_str(), &violation.code)).collect();
    assert_eq!(found, [("ai.default.provider", &ViolationCode::ConnectionMissing)]);
}

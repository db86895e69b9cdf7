//! What the settings sections declare, as the catalog will read it.

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};
use tenantry_integrations::erpnext::ErpNext;
use tenantry_integrations::google_calendar::GoogleCalendar;
use tenantry_integrations::llm::{Cerebras, OpenAi, OpenRouter};
use tenantry_integrations::odoo::Odoo;
use tenantry_integrations::slack::Slack;
use tenantry_integrations::telegram::Telegram;
use tenantry_integrations::weaviate::Weaviate;

fn schema<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}

fn sections() -> Vec<(&'static str, Value)> {
    vec![
        ("cerebras", schema::<Cerebras>()),
        ("erpnext", schema::<ErpNext>()),
        ("google", schema::<GoogleCalendar>()),
        ("odoo", schema::<Odoo>()),
        ("openai", schema::<OpenAi>()),
        ("openrouter", schema::<OpenRouter>()),
        ("slack", schema::<Slack>()),
        ("telegram", schema::<Telegram>()),
        ("weaviate", schema::<Weaviate>()),
    ]
}

fn fields() -> Vec<(String, Value)> {
    let of = |section: &str, schema: &Value| -> Vec<_> {
        let properties = schema["properties"].as_object().unwrap().clone();
        properties.into_iter().map(|(name, field)| (format!("{section}.{name}"), field)).collect()
    };
    sections().iter().flat_map(|(section, schema)| of(section, schema)).collect()
}

fn keys(holds: impl Fn(&Value) -> bool) -> Vec<String> {
    let mut keys: Vec<_> = fields().into_iter().filter(|(_, field)| holds(field)).map(|(key, _)| key).collect();
    keys.sort();
    keys
}

#[test]
fn every_section_is_a_connection() {
    for (section, schema) in sections() {
        assert_eq!(schema["x-connection"], true, "{section}");
    }
}

#[test]
fn every_section_and_field_has_a_title_line_and_a_description() {
    let all = sections().into_iter().map(|(section, schema)| (section.to_owned(), schema)).chain(fields());
    for (name, schema) in all {
        let (title, rest) = schema["description"].as_str().unwrap().split_once("\n\n").unwrap();
        assert!(!title.contains('\n') && !title.ends_with('.') && rest.ends_with('.'), "{name}: {title}");
    }
}

#[test]
fn sensitivities_are_those_of_the_catalog() {
    let credentials = [
        "cerebras.base_url",
        "erpnext.url",
        "google.calendar_id",
        "odoo.db",
        "odoo.login",
        "odoo.url",
        "openai.base_url",
        "openrouter.base_url",
        "weaviate.url",
    ];
    let secrets = [
        "cerebras.api_key",
        "erpnext.api_key",
        "erpnext.api_secret",
        "google.api_key",
        "odoo.password",
        "openai.api_key",
        "openrouter.api_key",
        "slack.bot_token",
        "slack.signing_secret",
        "telegram.bot_token",
        "telegram.webhook_secret",
        "weaviate.api_key",
    ];
    assert_eq!(keys(|field| field["x-sensitivity"] == "credential"), credentials);
    assert_eq!(keys(|field| field["x-sensitivity"] == "secret"), secrets);
    assert_eq!(fields().len(), credentials.len() + secrets.len());
}

#[test]
fn every_url_is_judged_when_it_is_written() {
    let urls =
        ["cerebras.base_url", "erpnext.url", "odoo.url", "openai.base_url", "openrouter.base_url", "weaviate.url"];
    assert_eq!(keys(|field| field["x-egress"] == true), urls);
    assert_eq!(keys(|field| field["format"] == "uri"), urls);
}

#[test]
fn only_the_public_endpoints_have_defaults() {
    assert_eq!(
        keys(|field| field.get("default").is_some()),
        ["cerebras.base_url", "openai.base_url", "openrouter.base_url"]
    );
    assert_eq!(schema::<OpenAi>()["properties"]["base_url"]["default"], "https://api.openai.com/v1");
    assert_eq!(schema::<OpenAi>()["required"], json!(["api_key"]));
}

#[test]
fn the_calendar_keeps_its_name_in_the_secret() {
    assert_eq!(keys(|field| field.get("x-secret-field").is_some()), ["google.calendar_id"]);
    assert_eq!(schema::<GoogleCalendar>()["properties"]["calendar_id"]["x-secret-field"], "calendar_id");
}

#[test]
fn tokens_have_the_shapes_that_people_can_check() {
    assert_eq!(schema::<Slack>()["properties"]["bot_token"]["pattern"], "^xoxb-[!-~]+$");
    assert_eq!(schema::<Telegram>()["properties"]["bot_token"]["pattern"], "^[0-9]+:[A-Za-z0-9_-]+$");
}

#[test]
fn api_keys_and_passwords_are_no_longer_than_what_is_looked_for_in_answers() {
    let is_key = |key: &str| key.contains(".api_") || key.ends_with(".password");
    let expected: Vec<_> =
        keys(|field| field["x-sensitivity"] == "secret").into_iter().filter(|key| is_key(key)).collect();
    assert_eq!(keys(|field| field["maxLength"] == 512), expected);
    assert_eq!(expected.len(), 8);
}

#[test]
fn a_whole_section_is_read_and_its_secrets_stay_hidden() {
    let odoo: Odoo = serde_json::from_value(json!({
        "url": "https://acme.odoo.com", "db": "acme", "login": "assistant@acme.example", "password": "CANARY",
    }))
    .unwrap();
    assert_eq!(odoo.password.expose(), "CANARY");
    assert!(!format!("{odoo:?}").contains("CANARY"));
}

#[test]
fn a_section_lacking_a_field_is_refused() {
    assert!(serde_json::from_value::<Slack>(json!({"bot_token": "xoxb-1"})).is_err());
    assert!(serde_json::from_value::<GoogleCalendar>(json!({"api_key": "k"})).is_err());
}

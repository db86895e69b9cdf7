//! Fills prompts in: what a template may see, and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tenantry_core::key::Key;
use tenantry_core::template::{Context, Template, TemplateLimits};
use tenantry_core::value::Value;

use super::Incoming;
use super::refusal::Refusal;
use crate::settings::{Company, Persona, Settings};

/// A prompt, filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Which prompt.
    pub key: Key,
    /// The text for the model.
    pub text: String,
}

/// Fills a prompt in; `asked_by` is the parameter that names it, for the error.
pub fn render(settings: &Settings, name: &str, asked_by: &str, context: &Context) -> Result<Rendered, Refusal> {
    let missing = || Refusal::broken(asked_by, "prompts", name);
    let source = settings.prompts.0.get(name).ok_or_else(missing)?;
    let key = Key::parse(&format!("prompts.{name}")).map_err(|_| missing())?;
    let template = Template::compile(&source.0, &TemplateLimits::default()).map_err(|issues| {
        let issue = issues.first().map(ToString::to_string).unwrap_or_default();
        Refusal::PromptInvalid { prompt: key.clone(), issue }
    })?;
    match template.render(context) {
        Ok(text) => Ok(Rendered { key, text: text.trim().to_owned() }),
        Err(error) => Err(Refusal::PromptFailed { prompt: key, error: error.to_string() }),
    }
}

/// What a prompt may see: persona, company, user, channel, the time at the company, and the enabled intents.
///
/// What is not known is an empty text, because templates refuse names without a value. No secret is in it.
pub fn context(settings: &Settings, incoming: &Incoming, now: Timestamp) -> Context {
    let context = Context::new()
        .with("user.name", incoming.user_name.as_deref().unwrap_or_default())
        .with("channel", incoming.channel.name())
        .with("now", Value::String(local_time(&settings.company.timezone, now)))
        .with("intents", intents(settings));
    with_company(with_persona(context, &settings.persona), &settings.company)
}

fn with_persona(context: Context, persona: &Persona) -> Context {
    context
        .with("persona.name", persona.name.as_str())
        .with("persona.description", persona.description.as_str())
        .with("persona.communication_style", persona.communication_style.as_str())
        .with("persona.language", persona.language.as_str())
}

fn with_company(context: Context, company: &Company) -> Context {
    let facts = company.facts.iter().map(|(name, fact)| (name.clone(), Value::String(fact.0.clone()))).collect();
    context
        .with("company.name", company.name.as_str())
        .with("company.description", company.description.as_str())
        .with("company.website", company.website.as_deref().unwrap_or_default())
        .with("company.timezone", company.timezone.as_str())
        .with("company.facts", Value::Table(facts))
}

fn intents(settings: &Settings) -> Value {
    let enabled = settings.routing.routes.iter().filter(|(_, route)| route.enabled);
    let text = |text: &str| Value::String(text.to_owned());
    let entry = |(name, description): (&str, &str)| {
        Value::Table(BTreeMap::from([("name".to_owned(), text(name)), ("description".to_owned(), text(description))]))
    };
    Value::Array(enabled.map(|(name, route)| entry((name, &route.description))).collect())
}

/// The time at the company: `Monday, 23 November 2026, 18:04 (Europe/Berlin)`.
///
/// A time zone that does not exist gives the time in UTC, named so: a slip in one text must not silence the assistant.
fn local_time(time_zone: &str, now: Timestamp) -> String {
    let (zone, name) = match TimeZone::get(time_zone) {
        Ok(zone) => (zone, time_zone),
        Err(_) => (TimeZone::UTC, "UTC"),
    };
    format!("{} ({name})", now.to_zoned_datetime(zone).strftime("%A, %-d %B %Y, %H:%M"))
}

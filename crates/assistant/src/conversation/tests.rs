//! What becomes of a message, setting by setting.

use tenantry_core::scope::TenantId;
use tenantry_integrations::llm::{Provider, Role};

use super::*;
use crate::settings::{Fact, Prompt, Task};

/// 23 November 2026, 17:04 in UTC: a Monday.
fn now() -> Timestamp {
    "2026-11-23T17:04:00Z".parse().unwrap()
}

fn incoming(text: &str, intent: Option<&str>) -> Incoming {
    Incoming {
        text: text.to_owned(),
        intent: intent.map(str::to_owned),
        channel: Channel::Http,
        user_name: None,
        sender: Sender::Member,
        conversation: None,
        attachments: Vec::new(),
    }
}

fn draft(settings: &Settings, intent: &str) -> Draft {
    Draft::new(settings, intent, &incoming("Hi", None), now()).unwrap()
}

fn refused(settings: &Settings, text: &str, intent: Option<&str>) -> String {
    direct(settings, &incoming(text, intent), now()).unwrap_err().to_string()
}

#[test]
fn a_named_intent_is_the_route() {
    let direction = direct(&Settings::default(), &incoming("Hi", Some("writing")), now()).unwrap();
    assert_eq!(direction, Direction::To(routed("writing", ChosenBy::Sender)));
}

#[test]
fn without_an_intent_a_model_is_asked_which_sees_the_enabled_routes_alone() {
    let direction = direct(&Settings::default(), &incoming("Hi", None), now()).unwrap();
    let Direction::AskRouter(draft) = direction else { panic!("{direction:?}") };
    let prompt = &draft.request.messages[0].content;
    assert!(prompt.contains("- writing: A text is to be written"), "{prompt}");
    assert!(!prompt.contains("erp_lookup"), "{prompt}");
    assert_eq!(draft.request.temperature, Some(0.0));
    assert_eq!(draft.request.messages[1].content, "Hi");
}

#[test]
fn of_one_route_no_model_is_asked() {
    let mut settings = Settings::default();
    settings.routing.routes.retain(|intent, _| intent == "writing");
    let direction = direct(&settings, &incoming("Hi", None), now()).unwrap();
    assert_eq!(direction, Direction::To(routed("writing", ChosenBy::OnlyRoute)));
}

#[test]
fn an_intent_that_cannot_be_asked_for_is_refused_with_those_that_can() {
    let settings = Settings::default();
    assert_eq!(
        refused(&settings, "Hi", Some("wrting")),
        "there is no such intent; enabled are: chitchat, question_answering, writing"
    );
    assert_eq!(
        refused(&settings, "Hi", Some("scheduling")),
        "the intent scheduling is not enabled; enabled are: chitchat, question_answering, writing. To enable it, set \
         routing.routes.scheduling.enabled to true"
    );
}

#[test]
fn a_text_that_is_blank_or_too_long_is_refused_with_the_limit() {
    let mut settings = Settings::default();
    assert_eq!(refused(&settings, " \n\t", None), "the text is blank: write a message");
    settings.limits.max_message_chars = 3;
    assert!(direct(&settings, &incoming("äöü", None), now()).is_ok(), "characters count, not bytes");
    assert_eq!(
        refused(&settings, "äöüß", None),
        "the text has 4 characters, the limit is 3 (limits.max_message_chars)"
    );
}

#[test]
fn a_model_may_name_an_enabled_route_and_nothing_else() {
    let settings = Settings::default();
    let intent = |answer| named_route(&settings, answer).map(|routed| routed.intent);
    assert_eq!(intent("writing").as_deref(), Some("writing"));
    assert_eq!(intent(" `Writing`.\n").as_deref(), Some("writing"));
    for nonsense in ["", "scheduling", "writing or chitchat", "I think it is writing", "routing.routes.writing"] {
        assert_eq!(intent(nonsense), None, "{nonsense}");
    }
}

#[test]
fn the_fallback_must_be_there_and_enabled() {
    let mut settings = Settings::default();
    let taken = fallback(&settings, WhyFallback::DryRun).unwrap();
    assert_eq!((taken.intent.as_str(), taken.chosen_by), ("question_answering", ChosenBy::Fallback));
    settings.routing.fallback = "scheduling".to_owned();
    let refusal = fallback(&settings, WhyFallback::DryRun).unwrap_err();
    assert!(matches!(refusal, Refusal::FallbackDisabled { .. }), "{refusal}");
    settings.routing.fallback = "sales".to_owned();
    let refusal = fallback(&settings, WhyFallback::DryRun).unwrap_err().to_string();
    assert_eq!(refusal, "routing.fallback -> routing.routes.sales does not exist: add it, or name another one");
}

#[test]
fn a_task_inherits_what_it_does_not_set_and_each_value_knows_its_parameter() {
    let mut settings = Settings::default();
    settings.ai.default.top_p = Some(0.9);
    let own = Task { provider: Some(Provider::Cerebras), temperature: Some(1.5), ..Task::default() };
    settings.ai.tasks.insert("writing".to_owned(), own);
    let draft = draft(&settings, "writing");
    let request = &draft.request;
    assert_eq!((request.provider, request.temperature, request.top_p), (Provider::Cerebras, Some(1.5), Some(0.9)));
    assert_eq!((request.model.as_str(), request.max_output_tokens), ("gpt-4.1-mini", Some(800)));
    let choice = &draft.choice;
    assert_eq!(choice.temperature.key.as_str(), "ai.tasks.writing.temperature");
    assert_eq!(choice.model.key.as_str(), "ai.default.model");
    assert_eq!(choice.top_p.as_ref().unwrap().key.as_str(), "ai.default.top_p");
}

#[test]
fn a_broken_link_is_named_whole() {
    let mut settings = Settings::default();
    let route = settings.routing.routes.get_mut("writing").unwrap();
    "sales".clone_into(&mut route.prompt);
    let refusal = Draft::new(&settings, "writing", &incoming("Hi", None), now()).unwrap_err().to_string();
    assert_eq!(refusal, "routing.routes.writing.prompt -> prompts.sales does not exist: add it, or name another one");
    let route = settings.routing.routes.get_mut("writing").unwrap();
    "no such.task".clone_into(&mut route.task);
    let refusal = Draft::new(&settings, "writing", &incoming("Hi", None), now()).unwrap_err();
    assert_eq!(refusal.code(), "broken_link");
}

#[test]
fn a_prompt_sees_persona_company_time_and_channel() {
    let mut settings = Settings::default();
    settings.company.name = "Sonnkorn".to_owned();
    settings.company.timezone = "Europe/Berlin".to_owned();
    settings.company.facts.insert("opening_hours".to_owned(), Fact("6 to 18".to_owned()));
    let text = "{{ persona.name }}|{{ company.name }}|{{ company.facts.opening_hours }}|{{ now }}|{{ channel }}|{{ user.name }}|";
    settings.prompts.0.insert("writing".to_owned(), Prompt(text.to_owned()));
    let draft = draft(&settings, "writing");
    assert_eq!(draft.prompt.text, "Ada|Sonnkorn|6 to 18|Monday, 23 November 2026, 18:04 (Europe/Berlin)|http||");
    assert_eq!(draft.request.messages[0].role, Role::System);
}

#[test]
fn values_are_data_and_never_templates() {
    let mut settings = Settings::default();
    settings.persona.name = "{{ 7 * 7 }}".to_owned();
    let message = incoming("{{ company.name }}", None);
    let draft = Draft::new(&settings, "chitchat", &message, now()).unwrap();
    assert!(draft.request.messages[0].content.starts_with("You are {{ 7 * 7 }}, "));
    assert_eq!(draft.request.messages[1].content, "{{ company.name }}");
}

#[test]
fn a_time_zone_that_does_not_exist_gives_utc_and_says_so() {
    let mut settings = Settings::default();
    settings.company.timezone = "Europe/Atlantis".to_owned();
    settings.prompts.0.insert("writing".to_owned(), Prompt("{{ now }}".to_owned()));
    assert_eq!(draft(&settings, "writing").prompt.text, "Monday, 23 November 2026, 17:04 (UTC)");
}

#[test]
fn a_prompt_that_cannot_be_filled_in_is_refused_by_name_and_line() {
    let mut settings = Settings::default();
    for (source, code) in [("one\n{{ secret }}", "template_invalid"), ("{% if %}", "template_invalid")] {
        settings.prompts.0.insert("writing".to_owned(), Prompt(source.to_owned()));
        let refusal = Draft::new(&settings, "writing", &incoming("Hi", None), now()).unwrap_err();
        assert_eq!(refusal.code(), code);
        assert!(refusal.to_string().starts_with("prompts.writing: line "), "{refusal}");
    }
}

#[test]
fn without_a_key_the_refusal_names_the_parameter_and_the_next_step() {
    let acme = TenantId::parse("acme").unwrap();
    let refusal = connection(&Settings::default(), Provider::OpenRouter, &acme).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "openrouter.api_key is not set for acme: set it with `tenantry -t acme set openrouter.api_key -`"
    );
}

#[test]
fn what_a_dry_run_shows_has_a_masked_key_and_the_connections_own_endpoint() {
    let openai = r#"{"openai": {"api_key": "CANARY-acme", "base_url": "https://llm.acme.example/v1"}}"#;
    let settings: Settings = serde_json::from_str(openai).unwrap();
    let shown = serde_json::to_string(&draft(&settings, "chitchat").masked(&settings)).unwrap();
    assert!(shown.contains("https://llm.acme.example/v1/chat/completions") && shown.contains("Bearer ***"), "{shown}");
    assert!(!shown.contains("CANARY"));
    let public = serde_json::to_string(&draft(&Settings::default(), "chitchat").masked(&Settings::default())).unwrap();
    assert!(public.contains("https://api.openai.com/v1/chat/completions"));
}

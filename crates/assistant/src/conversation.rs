//! Decides how a message is answered: which route, which prompt, which model. Pure: it reads settings and sends nothing.
//!
//! [`direct`] finds the route, or says that a model must be asked for it; [`Draft::new`] makes the request of the route.

mod draft;
mod email;
mod model;
mod prompt;
mod refusal;
mod router;

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use draft::{Draft, connection};
pub use email::email_draft;
pub use model::{Chosen, ModelChoice};
pub use prompt::{Rendered, context, render};
pub use refusal::Refusal;
pub use router::{named_route, router_draft};

use crate::files::Attachment;
use crate::settings::{Route, Settings};

/// A message that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// What the person wrote.
    pub text: String,
    /// The route that the sender asks for, if it names one.
    pub intent: Option<String>,
    /// The way by which it came.
    pub channel: Channel,
    /// Who wrote it, if the channel knows.
    pub user_name: Option<String>,
    /// Whether that is somebody who may be told of the company's own data.
    pub sender: Sender,
    /// The conversation that it belongs to, such as `slack:C012:1712.0001`; none if it stands by itself.
    pub conversation: Option<String>,
    /// What came with it.
    pub attachments: Vec<Attachment>,
}

/// What is known of whoever wrote a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// Somebody of the company: nothing is kept from him that the assistant can look up.
    #[default]
    Member,
    /// Somebody who may be anybody: he is answered without tools.
    Guest,
}

impl Sender {
    /// Whether it is somebody of the company.
    pub fn is_member(&self) -> bool {
        *self == Self::Member
    }
}

/// A way by which messages come and answers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// `POST /assistant/messages`.
    Http,
    /// Slack's Events API.
    Slack,
    /// A Telegram bot.
    Telegram,
    /// Incoming e-mail.
    Email,
}

impl Channel {
    /// The name that prompts see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Email => "email",
        }
    }
}

/// Where a message goes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Direction {
    /// To this route.
    To(Routed),
    /// To a model, which is asked for the intent with this draft.
    AskRouter(Box<Draft>),
}

/// A message's route, and why it is that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Routed {
    /// The name of the route.
    pub intent: String,
    /// Why this one.
    pub chosen_by: ChosenBy,
    /// Why the fallback had to be taken, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<WhyFallback>,
}

/// Who chose a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// The sender named it.
    Sender,
    /// It is the only one that is enabled.
    OnlyRoute,
    /// A model chose it.
    Router,
    /// `routing.fallback`.
    Fallback,
}

/// Why the fallback was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyFallback {
    /// Nothing is sent in a dry run.
    DryRun,
    /// The model that was asked named no enabled route.
    NotAnIntent,
    /// The model that chooses routes could not be asked.
    RouterFailed,
    /// The connection of the model that chooses routes is not set.
    RouterNotConnected,
}

impl fmt::Display for WhyFallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DryRun => "no intent was given, and a dry run asks no model for it",
            Self::NotAnIntent => "the model that was asked for the intent named no enabled route",
            Self::RouterFailed => "the model could not be asked for the intent",
            Self::RouterNotConnected => "the connection of the task routing is not set, so no model was asked",
        })
    }
}

impl Serialize for WhyFallback {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Finds out where a message goes: to the route that the sender names, to the only one there is, or to the router.
pub fn direct(settings: &Settings, incoming: &Incoming, now: Timestamp) -> Result<Direction, Refusal> {
    check_text(settings, &incoming.text)?;
    if let Some(intent) = &incoming.intent {
        enabled_route(settings, intent)?;
        return Ok(Direction::To(routed(intent, ChosenBy::Sender)));
    }
    let mut enabled = enabled_intents(settings);
    match (enabled.next(), enabled.next()) {
        (Some(only), None) => Ok(Direction::To(routed(only, ChosenBy::OnlyRoute))),
        _ => Ok(Direction::AskRouter(Box::new(router_draft(settings, incoming, now)?))),
    }
}

/// The route for messages that fit no other one, if it is enabled.
pub fn fallback(settings: &Settings, because: WhyFallback) -> Result<Routed, Refusal> {
    let intent = &settings.routing.fallback;
    match settings.routing.routes.get(intent) {
        Some(route) if route.enabled => Ok(Routed { because: Some(because), ..routed(intent, ChosenBy::Fallback) }),
        Some(_) => Err(Refusal::FallbackDisabled { intent: intent.clone() }),
        None => Err(Refusal::broken("routing.fallback", "routing.routes", intent)),
    }
}

/// The names of the enabled routes, in order.
pub fn enabled_intents(settings: &Settings) -> impl Iterator<Item = &str> {
    settings.routing.routes.iter().filter(|(_, route)| route.enabled).map(|(intent, _)| intent.as_str())
}

fn routed(intent: &str, chosen_by: ChosenBy) -> Routed {
    Routed { intent: intent.to_owned(), chosen_by, because: None }
}

fn enabled_route<'a>(settings: &'a Settings, intent: &str) -> Result<&'a Route, Refusal> {
    let enabled = || enabled_intents(settings).map(str::to_owned).collect();
    match settings.routing.routes.get(intent) {
        Some(route) if route.enabled => Ok(route),
        Some(_) => Err(Refusal::IntentDisabled { intent: intent.to_owned(), enabled: enabled() }),
        None => Err(Refusal::IntentUnknown { enabled: enabled() }),
    }
}

fn check_text(settings: &Settings, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::TextBlank);
    }
    let limit = settings.limits.max_message_chars as usize;
    let length = text.chars().count();
    if length > limit { Err(Refusal::TextTooLong { length, limit }) } else { Ok(()) }
}

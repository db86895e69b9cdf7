//! Asks a model for the intent of a message, and reads what it says.

use jiff::Timestamp;

use super::draft::{Draft, Source};
use super::refusal::Refusal;
use super::{ChosenBy, Incoming, Routed, enabled_intents, routed};
use crate::settings::{ROUTER_PROMPT, ROUTING_TASK, Settings};

/// Makes the request that asks a model for the intent.
pub fn router_draft(settings: &Settings, incoming: &Incoming, now: Timestamp) -> Result<Draft, Refusal> {
    let source = Source { prompt: ROUTER_PROMPT, task: ROUTING_TASK, asked_by: "routing" };
    Draft::from_source(settings, &source, incoming, now)
}

/// Finds the enabled route that a model named. Quotes and a full stop around the name are forgiven, nothing else.
pub fn named_route(settings: &Settings, answer: &str) -> Option<Routed> {
    let is_edge = |c: char| c.is_whitespace() || "\"'`*.".contains(c);
    let name = answer.trim_matches(is_edge);
    let found = enabled_intents(settings).find(|intent| intent.eq_ignore_ascii_case(name))?;
    Some(routed(found, ChosenBy::Router))
}

//! What kinds of messages there are, and what answers each kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Routing
///
/// What kinds of messages there are, and what answers each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Routing {
    /// Fallback
    ///
    /// The route for messages that fit no other one.
    #[schemars(length(min = 1, max = 64), extend("x-refers-to" = "routing.routes"))]
    pub fallback: String,

    /// Routes
    ///
    /// One for each kind of message; its name is the intent.
    pub routes: BTreeMap<String, Route>,
}

/// Route
///
/// What answers one kind of message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-enabled-by" = "enabled"))]
pub struct Route {
    /// Description
    ///
    /// Which messages this route is for: what a model reads to choose among the routes.
    #[schemars(length(max = 500), extend("x-examples" = ["Questions about orders that are on their way"]))]
    pub description: String,

    /// Prompt
    ///
    /// The name of the prompt.
    #[schemars(length(min = 1, max = 64), extend("x-refers-to" = "prompts"))]
    pub prompt: String,

    /// Task
    ///
    /// The task whose model answers.
    #[schemars(length(min = 1, max = 64), extend("x-refers-to" = "ai.tasks"))]
    pub task: String,

    /// Tools
    ///
    /// What the assistant may look up for such messages. Each tool needs the connection of its system.
    #[schemars(extend(
        "uniqueItems" = true,
        "x-requires" = {
            "find_partner": ["odoo", "erpnext"],
            "list_open_invoices": ["odoo", "erpnext"],
            "get_stock": ["odoo", "erpnext"],
            "list_events": ["google"],
            "search_knowledge": ["weaviate"]
        }
    ))]
    pub tools: Vec<Tool>,

    /// Enabled
    ///
    /// Whether messages are answered by this route.
    pub enabled: bool,
}

/// Tool
///
/// What the assistant may look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Tool {
    /// Finds customers and suppliers in the ERP system.
    FindPartner,
    /// Lists invoices that are not paid, from the ERP system.
    ListOpenInvoices,
    /// Tells how much of an item there is, from the ERP system.
    GetStock,
    /// Lists events of the calendar.
    ListEvents,
    /// Searches the company's knowledge.
    SearchKnowledge,
}

impl Tool {
    /// All tools.
    pub const ALL: [Self; 5] =
        [Self::FindPartner, Self::ListOpenInvoices, Self::GetStock, Self::ListEvents, Self::SearchKnowledge];

    /// The name in settings, by which models call it too.
    pub fn name(self) -> &'static str {
        match self {
            Self::FindPartner => "find_partner",
            Self::ListOpenInvoices => "list_open_invoices",
            Self::GetStock => "get_stock",
            Self::ListEvents => "list_events",
            Self::SearchKnowledge => "search_knowledge",
        }
    }
}

/// A route of which a company sets only some fields answers as the route for questions does.
impl Default for Route {
    fn default() -> Self {
        Self {
            description: String::new(),
            prompt: QUESTIONS.to_owned(),
            task: QUESTIONS.to_owned(),
            tools: Vec::new(),
            enabled: true,
        }
    }
}

const QUESTIONS: &str = "question_answering";

impl Default for Routing {
    fn default() -> Self {
        let routes = [
            ("chitchat", "Greetings, thanks, small talk, feelings, jokes", vec![], true),
            ("writing", "A text is to be written, translated, shortened, improved or corrected", vec![], true),
            (QUESTIONS, "A question about the company, its products and services, or about the world", vec![], true),
            ("scheduling", "Appointments, meetings, free times, the calendar", vec![Tool::ListEvents], false),
            (
                "erp_lookup",
                "Customers, suppliers, open invoices or stock in the business system",
                vec![Tool::FindPartner, Tool::ListOpenInvoices, Tool::GetStock],
                false,
            ),
        ];
        Self { fallback: QUESTIONS.to_owned(), routes: routes.into_iter().map(built_in).collect() }
    }
}

/// Built-in routes have a prompt and a task of their own name. Those with tools wait for the company's connection, so
/// that no built-in link is broken.
fn built_in((name, description, tools, enabled): (&str, &str, Vec<Tool>, bool)) -> (String, Route) {
    let route =
        Route { description: description.to_owned(), prompt: name.to_owned(), task: name.to_owned(), tools, enabled };
    (name.to_owned(), route)
}

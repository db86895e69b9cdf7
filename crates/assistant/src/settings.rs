//! The assistant's settings: the whole catalog, one field a section.
//!
//! A field is a parameter. Its doc comment is what a company's admin reads (first line: title), its `Default` is the
//! built-in value, and the `x-…` extensions say what the catalog must know of it. Nothing is declared anywhere else.

mod access;
mod ai;
mod company;
mod email_notifications;
mod limits;
mod persona;
mod prompts;
mod routing;
mod storage;

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_integrations::erpnext::ErpNext;
use tenantry_integrations::google_calendar::GoogleCalendar;
use tenantry_integrations::llm::{Cerebras, Connection, OpenAi, OpenRouter, Provider};
use tenantry_integrations::odoo::Odoo;
use tenantry_integrations::slack::Slack;
use tenantry_integrations::telegram::Telegram;
use tenantry_integrations::weaviate::Weaviate;

pub use access::Access;
pub use ai::{Ai, ModelDefaults, ModelId, ROUTING_TASK, Task};
pub use company::{Company, Fact};
pub use email_notifications::EmailNotifications;
pub use limits::Limits;
pub use persona::Persona;
pub use prompts::{BUILT_IN as BUILT_IN_PROMPTS, EMAIL_PROMPT, Prompt, Prompts, ROUTER_PROMPT};
pub use routing::{Route, Routing, Tool};
pub use storage::{Bucket, Storage};

/// The assistant's settings
///
/// What an assistant for many companies can be told: who it is, for whom it works, how it answers which messages, with
/// which models, and which systems of the company it may ask.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Persona
    ///
    /// Who the assistant is and how it talks.
    pub persona: Persona,

    /// Company
    ///
    /// For whom the assistant works, and what it may take for true.
    pub company: Company,

    /// Prompts
    ///
    /// The instructions that a model gets before the message: templates, each under a name. Change a built-in one or add
    /// one of your own and let a route name it.
    pub prompts: Prompts,

    /// Models
    ///
    /// Which model answers, and how it is tuned.
    pub ai: Ai,

    /// Routing
    ///
    /// What kinds of messages there are, and what answers each kind.
    pub routing: Routing,

    /// E-mail notifications
    ///
    /// Summaries of incoming e-mail in Slack.
    pub email_notifications: EmailNotifications,

    /// Access
    ///
    /// Who may ask for the company's own data. Members of its Slack workspace and holders of its tokens always may; people of
    /// other workspaces, in channels that are shared with them, never may.
    pub access: Access,

    /// Data storage
    ///
    /// Where the company's files and conversations are kept.
    pub storage: Storage,

    /// Limits
    ///
    /// Bounds that the operator of the service sets for everybody.
    pub limits: Limits,

    /// OpenAI
    pub openai: Option<OpenAi>,

    /// OpenRouter
    pub openrouter: Option<OpenRouter>,

    /// Cerebras
    pub cerebras: Option<Cerebras>,

    /// Odoo
    pub odoo: Option<Odoo>,

    /// ERPNext
    pub erpnext: Option<ErpNext>,

    /// Slack
    pub slack: Option<Slack>,

    /// Telegram
    pub telegram: Option<Telegram>,

    /// Google Calendar
    pub google: Option<GoogleCalendar>,

    /// Weaviate
    pub weaviate: Option<Weaviate>,
}

impl Settings {
    /// Endpoint and key of a provider of models, if its connection is set.
    pub fn connection(&self, provider: Provider) -> Option<Connection> {
        match provider {
            Provider::OpenAi => self.openai.as_ref().map(Connection::from),
            Provider::OpenRouter => self.openrouter.as_ref().map(Connection::from),
            Provider::Cerebras => self.cerebras.as_ref().map(Connection::from),
        }
    }
}

#[cfg(test)]
mod tests;

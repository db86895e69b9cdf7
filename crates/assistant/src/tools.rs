//! What the assistant can look up for a model: in the company's own systems, and in no other's.
//!
//! A tool is offered where its route names it and a connection for it is set. Partners, invoices and stock come from Odoo, or
//! from ERPNext where Odoo is not set.

mod arguments;
mod definition;
mod systems;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tenantry_integrations::bases::Bases;
use tenantry_integrations::call::CallError;
use tenantry_integrations::egress::Egress;
use tenantry_integrations::erpnext::ErpNextClient;
use tenantry_integrations::google_calendar::CalendarClient;
use tenantry_integrations::llm::ToolCall;
use tenantry_integrations::odoo::OdooClient;
use tenantry_integrations::weaviate::WeaviateClient;
use thiserror::Error;
use tracing::{info, warn};

use self::arguments::Arguments;
pub use self::definition::definition;
use self::systems::Erp;
pub use self::systems::Systems;
use crate::settings::Tool;

/// The most bytes of a result that a model is shown.
const LONGEST_RESULT: usize = 16 * 1024;

/// The clients of the systems that tools ask; a clone shares their connections.
#[derive(Clone, Debug)]
pub struct Tools {
    odoo: OdooClient,
    erpnext: ErpNextClient,
    calendar: CalendarClient,
    weaviate: WeaviateClient,
}

/// Why a tool has no result. Each is a sentence that a model can act on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ToolError {
    /// There is no such tool for this route.
    #[error("there is no such tool; there are: {0}")]
    Unknown(String),
    /// The arguments are not what the tool takes.
    #[error("{0}")]
    Arguments(String),
    /// The system is set, and its secret cannot be read for now.
    #[error("the {system} cannot be asked for now: say so, and that it can be tried again in some minutes")]
    Away {
        /// The system, as people call it.
        system: &'static str,
    },
    /// The system gave no answer.
    #[error("the {system} gave no answer: {error}")]
    System {
        /// The system, as people call it.
        system: &'static str,
        /// Why not.
        error: CallError,
    },
}

/// The tools of a list whose connections are set. One whose secret cannot be read for now is told of all the same: called, it
/// says so.
pub fn offered<'a>(systems: impl Into<Systems<'a>>, tools: &[Tool]) -> Vec<Tool> {
    let systems = systems.into();
    tools.iter().copied().filter(|tool| systems.serve(*tool)).collect()
}

impl Tools {
    /// Tools that ask through `egress`.
    pub fn new(egress: &Egress, bases: &Bases) -> Self {
        Self {
            odoo: OdooClient::new(egress.clone()),
            erpnext: ErpNextClient::new(egress.clone()),
            calendar: CalendarClient::new(egress.clone(), bases.google_calendar.clone()),
            weaviate: WeaviateClient::new(egress.clone()),
        }
    }

    /// Does what a model asks for, if it is one of the offered tools, and writes the result down for the model: what was
    /// found, or what is wrong.
    pub async fn answer(
        &self,
        systems: impl Into<Systems<'_>>,
        offered: &[Tool],
        call: &ToolCall,
        now: Timestamp,
    ) -> String {
        match self.run(systems.into(), offered, call, now).await {
            Ok(found) => shortened(&json!({ "found": found })),
            Err(error) => {
                warn!(%error, "a tool has no result");
                json!({ "error": error.to_string() }).to_string()
            }
        }
    }

    async fn run(
        &self,
        systems: Systems<'_>,
        offered: &[Tool],
        call: &ToolCall,
        now: Timestamp,
    ) -> Result<Value, ToolError> {
        let tool = offered.iter().copied().find(|tool| tool.name() == call.name).ok_or_else(|| unknown(offered))?;
        let arguments = Arguments::parse(&call.arguments)?;
        info!(tool = tool.name(), "looking up");
        match tool {
            Tool::FindPartner => self.find_partner(systems.erp()?, &arguments.text("query")?).await,
            Tool::ListOpenInvoices => {
                self.open_invoices(systems.erp()?, arguments.optional_text("partner")?.as_deref()).await
            }
            Tool::GetStock => self.stock(systems.erp()?, &arguments.text("item")?).await,
            Tool::ListEvents => {
                let (from, to) = arguments.span(now, &systems.settings.company.timezone)?;
                told(CALENDAR, self.calendar.events(systems.calendar()?, from, to).await)
            }
            Tool::SearchKnowledge => {
                let (query, most) = (arguments.text("query")?, arguments.number("k", 1, 10, 4)?);
                told(KNOWLEDGE, self.weaviate.search(systems.knowledge()?, &query, most).await)
            }
        }
    }

    async fn find_partner(&self, erp: Erp<'_>, query: &str) -> Result<Value, ToolError> {
        match erp {
            Erp::Odoo(odoo) => told(ERP, self.odoo.find_partner(odoo, query).await),
            Erp::ErpNext(erpnext) => told(ERP, self.erpnext.find_partner(erpnext, query).await),
        }
    }

    async fn open_invoices(&self, erp: Erp<'_>, partner: Option<&str>) -> Result<Value, ToolError> {
        match erp {
            Erp::Odoo(odoo) => told(ERP, self.odoo.open_invoices(odoo, partner).await),
            Erp::ErpNext(erpnext) => told(ERP, self.erpnext.open_invoices(erpnext, partner).await),
        }
    }

    async fn stock(&self, erp: Erp<'_>, item: &str) -> Result<Value, ToolError> {
        match erp {
            Erp::Odoo(odoo) => told(ERP, self.odoo.stock(odoo, item).await),
            Erp::ErpNext(erpnext) => told(ERP, self.erpnext.stock(erpnext, item).await),
        }
    }
}

/// What a model is told the ERP system is.
const ERP: &str = "business system";
/// What it is told the calendar is.
const CALENDAR: &str = "calendar";
/// What it is told Weaviate is.
const KNOWLEDGE: &str = "knowledge base";

fn unknown(offered: &[Tool]) -> ToolError {
    let names: Vec<_> = offered.iter().map(|tool| tool.name()).collect();
    ToolError::Unknown(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
}

fn told<T: Serialize>(system: &'static str, found: Result<T, CallError>) -> Result<Value, ToolError> {
    let found = found.map_err(|error| ToolError::System { system, error })?;
    Ok(serde_json::to_value(found).expect("what systems tell is JSON"))
}

/// The result as a text of bounded length; one that is cut says so.
fn shortened(result: &Value) -> String {
    let text = result.to_string();
    if text.len() <= LONGEST_RESULT {
        return text;
    }
    let end = (0..=LONGEST_RESULT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{} … (cut: ask for less)", &text[..end])
}

#[cfg(test)]
mod tests {
    use tenantry_core::key::Key;
    use tenantry_core::settings::{LeftOut, WhyLeftOut};

    use super::*;
    use crate::settings::Settings;

    fn settings(json: Value) -> Settings {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_tool_is_offered_where_its_connection_is_set() {
        let all = [Tool::FindPartner, Tool::ListEvents, Tool::SearchKnowledge];
        assert!(offered(&Settings::default(), &all).is_empty());
        let google = settings(json!({"google": {"api_key": "k", "calendar_id": "c"}}));
        assert_eq!(offered(&google, &all), [Tool::ListEvents]);
        assert!(offered(&google, &[Tool::FindPartner]).is_empty(), "and nowhere else");
    }

    #[test]
    fn a_tool_whose_secret_cannot_be_read_for_now_is_offered_and_one_that_is_not_set_up_is_not() {
        let key = |text: &str| Key::parse(text).unwrap();
        let left_out = [
            LeftOut { section: key("google"), why: WhyLeftOut::SecretUnavailable(key("google.api_key")) },
            LeftOut { section: key("weaviate"), why: WhyLeftOut::Incomplete(vec![key("weaviate.api_key")]) },
        ];
        let systems = Systems { settings: &Settings::default(), left_out: &left_out };
        assert_eq!(offered(systems, &Tool::ALL), [Tool::ListEvents]);
    }

    #[test]
    fn each_tool_has_a_definition_that_is_an_object_schema() {
        for tool in Tool::ALL {
            let definition = definition(tool);
            assert_eq!(definition.name, tool.name());
            assert_eq!(definition.parameters["type"], "object", "{}", definition.name);
            assert_eq!(definition.parameters["additionalProperties"], false, "{}", definition.name);
        }
    }

    #[tokio::test]
    async fn a_tool_that_is_not_offered_is_not_run() {
        let tools = Tools::new(&Egress::builder().build(), &Bases::default());
        let call = ToolCall { id: "1".to_owned(), name: "find_partner".to_owned(), arguments: "{}".to_owned() };
        let told = tools.answer(&Settings::default(), &[Tool::ListEvents], &call, Timestamp::UNIX_EPOCH).await;
        assert_eq!(told, r#"{"error":"there is no such tool; there are: list_events"}"#);
    }

    #[test]
    fn a_long_result_is_cut_between_characters_and_says_so() {
        let text = shortened(&json!("ä".repeat(LONGEST_RESULT)));
        assert!(text.len() < LONGEST_RESULT + 40 && text.ends_with("(cut: ask for less)"));
    }
}

//! What a model is told of each tool.

use serde_json::{Value, json};
use tenantry_integrations::llm::ToolDefinition;

use crate::settings::Tool;

/// The tool, as a model is told of it.
pub fn definition(tool: Tool) -> ToolDefinition {
    let (description, parameters) = match tool {
        Tool::FindPartner => (
            "Finds customers and suppliers in the company's business system by a part of their name.",
            object(&json!({"query": text("A part of the name")}), &["query"]),
        ),
        Tool::ListOpenInvoices => (
            "Lists invoices to customers that are not paid yet, with amount and due date.",
            object(&json!({"partner": text("A part of the customer's name; leave it out for all customers")}), &[]),
        ),
        Tool::GetStock => (
            "Tells how much of an item there is.",
            object(&json!({"item": text("A part of the item's name or code")}), &["item"]),
        ),
        Tool::ListEvents => (
            "Lists the events of the company's calendar in a span of time.",
            object(
                &json!({
                    "from": text("The first day, such as 2026-11-27, or a time such as 2026-11-27T09:00:00, by the company's clocks unless it has an offset; today if left out"),
                    "to": text("The last day or the time of the end, written likewise; a week later if left out"),
                }),
                &[],
            ),
        ),
        Tool::SearchKnowledge => (
            "Searches the company's knowledge base for passages that fit a question.",
            object(
                &json!({
                    "query": text("What is looked for, in the words of the question"),
                    "k": {"type": "integer", "minimum": 1, "maximum": 10, "description": "How many passages; 4 if left out"},
                }),
                &["query"],
            ),
        ),
    };
    ToolDefinition { name: tool.name().to_owned(), description: description.to_owned(), parameters }
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

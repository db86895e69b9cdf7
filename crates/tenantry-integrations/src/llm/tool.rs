//! What a model may call, and what it calls.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// The most tools that one answer may call: more is nonsense.
pub(super) const MOST_CALLS: usize = 32;

/// A tool, as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// Its arguments, as a JSON Schema of an object.
    pub parameters: Value,
}

impl ToolDefinition {
    pub(super) fn to_json(&self) -> Value {
        let Self { name, description, parameters } = self;
        json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
    }
}

/// A call that a model asks for. All of it is the model's word, and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// What the model calls it: the result is sent back under this id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: JSON, if the model does as it was told.
    pub arguments: String,
}

impl Serialize for ToolCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, name, arguments } = self;
        json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}).serialize(serializer)
    }
}

impl ToolCall {
    /// Reads the calls of a message, [`MOST_CALLS`] at the most. Some providers give the arguments as an object.
    pub(super) fn all(message: &Value) -> Vec<Self> {
        message["tool_calls"].as_array().into_iter().flatten().filter_map(Self::read).take(MOST_CALLS).collect()
    }

    fn read(call: &Value) -> Option<Self> {
        let function = &call["function"];
        Some(Self {
            id: call["id"].as_str()?.to_owned(),
            name: function["name"].as_str()?.to_owned(),
            arguments: match &function["arguments"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
        })
    }
}

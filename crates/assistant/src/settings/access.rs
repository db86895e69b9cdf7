//! Who may ask for the company's own data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Access
///
/// Who may ask for the company's own data. Members of its Slack workspace and holders of its tokens always may; people of
/// other workspaces, in channels that are shared with them, never may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Access {
    /// Telegram chats
    ///
    /// The ids of the Telegram chats in which the assistant may look things up for the company. Anybody can write to a bot:
    /// in all other chats it answers without its tools. The id of a chat is in the log when somebody writes there.
    #[schemars(length(max = 500), extend("x-examples" = [[123_456_789, -1_001_234_567_890_i64]]))]
    pub telegram_chats: Vec<i64>,
}

//! Summaries of incoming e-mail in Slack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// E-mail notifications
///
/// Summaries of incoming e-mail in Slack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EmailNotifications {
    /// Enabled
    ///
    /// Whether summaries of incoming e-mail are posted to Slack. The connection to Slack must be set.
    #[schemars(extend("x-requires" = { "true": ["slack"] }))]
    pub enabled: bool,

    /// Channel
    ///
    /// Where they are posted: the ID of a Slack channel, at the bottom of the channel's details.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("pattern" = "^[CDG][A-Z0-9]{2,}$", "x-examples" = ["C0123456789"]))]
    pub chat_id: Option<String>,

    /// Person
    ///
    /// Who is mentioned: the ID of a Slack member, in the menu of the member's profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("pattern" = "^[UW][A-Z0-9]{2,}$", "x-examples" = ["U0123456789"]))]
    pub user_id: Option<String>,
}

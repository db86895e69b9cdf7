//! The messenger Slack: settings of the connection, the client, and what comes from Slack.
//!
//! [`SlackClient`] asks who the token is and posts messages; [`signature::check`] proves that an event is Slack's;
//! [`event::read`] reads one.
//!
//! Sources: docs.slack.dev, "auth.test", "chat.postMessage", "Events API", "Verifying requests from Slack".

mod client;
pub mod event;
pub mod signature;

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

pub use client::{Post, SlackClient, Team, escape};

/// Slack
///
/// The Slack app by which the assistant reads messages that mention it and answers them. Both values are on the app's
/// own pages at api.slack.com/apps.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct Slack {
    /// Bot token
    ///
    /// At api.slack.com/apps choose the app, then OAuth & Permissions: Bot User OAuth Token, after the app was
    /// installed to the workspace. It begins with `xoxb-`.
    #[schemars(extend("pattern" = r"^xoxb-[!-~]+$", "x-examples" = ["xoxb-your-token"]))]
    pub bot_token: SecretText,

    /// Signing secret
    ///
    /// At api.slack.com/apps choose the app, then Basic Information, App Credentials: Signing Secret. It proves that
    /// an event really comes from Slack.
    #[schemars(extend("pattern" = r"^[!-~]+$"))]
    pub signing_secret: SecretText,
}

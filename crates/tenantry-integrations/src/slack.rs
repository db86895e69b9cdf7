//! Settings of the messenger Slack.

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

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

//! The messenger Telegram: settings of the connection, the client, and what comes from Telegram.
//!
//! [`TelegramClient`] asks who the bot is and sends messages; [`update::is_genuine`] proves that an update is Telegram's;
//! [`update::read`] reads one. The bot's token is a part of every URL: no error, log or `Debug` shows one.
//!
//! Source: core.telegram.org/bots/api.

mod client;
pub mod update;

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

pub use client::{Bot, TelegramClient};

/// Telegram
///
/// The Telegram bot by which the assistant reads messages and answers them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct Telegram {
    /// Bot token
    ///
    /// In Telegram talk to @BotFather: `/newbot` makes a bot and `/token` shows the token of one that exists. It is a
    /// number, a colon and 35 characters.
    #[schemars(extend("pattern" = r"^[0-9]+:[A-Za-z0-9_-]+$", "x-examples" = ["123456789:your-token"]))]
    pub bot_token: SecretText,

    /// Webhook secret
    ///
    /// A random text of your own, 1 to 256 letters, digits, `_` and `-`: Telegram sends it with every message, which
    /// proves that the message really comes from Telegram.
    #[schemars(extend("pattern" = r"^[A-Za-z0-9_-]{1,256}$"))]
    pub webhook_secret: SecretText,
}

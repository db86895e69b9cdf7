//! Says in one word which configuration made an answer, so that it can be shown again later.
//!
//! A receipt is `rcpt_` and the base64url of one line of JSON. No secret is in it, and nothing of the message. It proves
//! nothing by itself: `tenantry replay` compares it with what the store knows of the same revisions.

mod digests;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};
use tenantry::{RevisionVector, TenantConfig};
use tenantry_core::key::Key;
use tenantry_core::scope::TenantId;
use tenantry_integrations::llm::Provider;
use thiserror::Error;

pub use digests::{Comparison, Digests};

use crate::conversation::{Channel, Draft, Incoming, Sender};
use crate::settings::Settings;

/// How a receipt begins.
pub const PREFIX: &str = "rcpt_";

/// The longest text that is read as a receipt, in bytes; those that are made are a tenth of it.
pub const LONGEST: usize = 16 * 1024;

/// The most characters of a person's name that are kept: it comes from outside.
const LONGEST_NAME: usize = 256;

/// The format that is written; others are refused.
const FORMAT: u64 = 1;

/// Which configuration made an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Whose configuration.
    pub tenant: TenantId,
    /// Tells the tenant from an earlier one of the same name, whose receipts mean nothing for it.
    pub incarnation: String,
    /// When, to the second: prompts see the time to the minute.
    pub at: Timestamp,
    /// The way by which the message came.
    pub channel: Channel,
    /// Who wrote it, if the channel knows; cut if it is very long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Whether he may be told of the company's own data.
    #[serde(default, skip_serializing_if = "Sender::is_member")]
    pub sender: Sender,
    /// The route's name.
    pub intent: String,
    /// The prompt's parameter.
    pub prompt: Key,
    /// Who ran the model.
    pub provider: Provider,
    /// The model, as it is configured.
    pub model: String,
    /// The revisions, and the versions of the secrets, of which the configuration was made.
    pub revisions: RevisionVector,
    /// The version of the program that answered: the built-in defaults are its own.
    pub program: String,
    /// What the configuration was.
    pub digests: Digests,
}

impl Receipt {
    /// The receipt of an answer that is made by a draft.
    pub fn of(
        config: &TenantConfig<Settings>,
        incoming: &Incoming,
        intent: &str,
        draft: &Draft,
        now: Timestamp,
    ) -> Self {
        Self {
            tenant: config.tenant().clone(),
            incarnation: config.incarnation().to_owned(),
            // Rounding cannot fail but at the end of time, where it is not needed.
            at: now
                .round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor))
                .unwrap_or(now),
            channel: incoming.channel,
            user_name: incoming.user_name.as_ref().map(|name| name.chars().take(LONGEST_NAME).collect()),
            sender: incoming.sender,
            intent: intent.to_owned(),
            prompt: draft.prompt.key.clone(),
            provider: draft.request.provider,
            model: draft.request.model.clone(),
            revisions: config.revisions().clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            digests: Digests::of(config.resolved()),
        }
    }

    /// The message as far as prompts see it: what it says is not known.
    pub fn incoming(&self) -> Incoming {
        Incoming {
            text: String::new(),
            intent: Some(self.intent.clone()),
            channel: self.channel,
            user_name: self.user_name.clone(),
            sender: self.sender,
            conversation: None,
            attachments: Vec::new(),
        }
    }
}

/// What stands in the base64url: members in this order and no white space, so that one receipt is one text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: u64,
    receipt: Receipt,
    /// Tells a receipt that was not copied whole, or in which a character changed. Whoever wants to can make one.
    check: String,
}

/// The one member that every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wire = Wire { format: FORMAT, receipt: self.clone(), check: check_of(self) };
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json_of(&wire)))
    }
}

fn check_of(receipt: &Receipt) -> String {
    blake3::hash(json_of(receipt).as_bytes()).to_hex().chars().take(8).collect()
}

fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and tables with names are always JSON")
}

/// Why a text is no receipt. The text is not repeated: whatever was given for one may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoReceipt {
    /// It does not begin as one.
    #[error("this is no receipt: one begins with {PREFIX}")]
    Beginning,
    /// It is longer than any receipt.
    #[error("this is no receipt: it has {0} bytes, the longest that is read has {LONGEST}")]
    TooLong(usize),
    /// Something is missing or was changed.
    #[error("the receipt is not whole, or was changed: copy all of it, from {PREFIX} to its last character")]
    Torn,
    /// Another version of the program made it.
    #[error(
        "the receipt has format {0}, and format {FORMAT} is read here: use the version of the program that made it"
    )]
    Format(u64),
}

impl FromStr for Receipt {
    type Err = NoReceipt;

    /// Reads what [`fmt::Display`] writes, and no other spelling of it.
    fn from_str(text: &str) -> Result<Self, NoReceipt> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NoReceipt::Beginning)?;
        if text.len() > LONGEST {
            return Err(NoReceipt::TooLong(text.len()));
        }
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| NoReceipt::Torn)?;
        let AnyFormat { format } = serde_json::from_slice(&json).map_err(|_| NoReceipt::Torn)?;
        if format != FORMAT {
            return Err(NoReceipt::Format(format));
        }
        let wire: Wire = serde_json::from_slice(&json).map_err(|_| NoReceipt::Torn)?;
        let is_whole = wire.check == check_of(&wire.receipt) && json_of(&wire).as_bytes() == json;
        if is_whole { Ok(wire.receipt) } else { Err(NoReceipt::Torn) }
    }
}

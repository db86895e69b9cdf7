//! Answers a message with a company's configuration: reads, lets [`crate::conversation`] decide, asks the model.

mod shown;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tenantry::TenantConfig;
use tenantry_core::key::Key;
use tenantry_core::settings::WhyLeftOut;
use tenantry_integrations::call::CallError;
use tenantry_integrations::egress::{Egress, MaskedRequest};
use tenantry_integrations::llm::{ChatAnswer, ChatClient, Connection, Provider, Usage};
use thiserror::Error;
use tracing::{info, warn};

pub use shown::{ConfigurationShown, Reason, RouteShown, Why};

use crate::conversation::{self, Direction, Draft, Incoming, Refusal, Routed, WhyFallback};
use crate::settings::Settings;

/// The longest time that choosing a route may take: the answer itself still has to come.
const ROUTER_LIMIT: Duration = Duration::from_secs(5);

/// Answers messages; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct Assistant {
    chat: ChatClient,
}

/// An answer, and what made it.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// What the model says.
    pub text: String,
    /// The route's name.
    pub intent: String,
    /// The route, and why it was taken.
    pub route: RouteShown,
    /// The model that answered.
    pub model: String,
    /// Who ran it.
    pub provider: Provider,
    /// Why the answer ended: `stop`, `length` (it was cut), or another word of the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// What it cost, if the provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The configuration that made it.
    pub configuration: ConfigurationShown,
}

/// What would be sent for a message, and why. Nothing was.
#[derive(Clone, Debug, Serialize)]
pub struct DryRun {
    /// Always true.
    pub dry_run: bool,
    /// The route's name.
    pub intent: String,
    /// The route, and why it was taken.
    pub route: RouteShown,
    /// The model that would be asked.
    pub model: String,
    /// Who runs it.
    pub provider: Provider,
    /// Exactly what would be sent, the key masked.
    pub request: MaskedRequest,
    /// Where prompt, provider, model and tuning came from.
    pub why: Why,
    /// What stands in the way of sending it, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// The configuration that made it.
    pub configuration: ConfigurationShown,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ReplyError {
    /// Message or configuration is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key is stored, but cannot be read for now.
    #[error("{0} is set but cannot be read for now: try again later")]
    SecretUnavailable(Key),
    /// The model gave no answer.
    #[error("{provider} gave no answer")]
    Model {
        /// Who was asked.
        provider: Provider,
        /// Why not.
        #[source]
        source: CallError,
    },
}

impl Assistant {
    /// An assistant that asks models through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { chat: ChatClient::new(egress) }
    }

    /// Answers a message.
    pub async fn answer(
        &self,
        config: &TenantConfig<Settings>,
        incoming: &Incoming,
        now: Timestamp,
    ) -> Result<Answer, ReplyError> {
        let routed = match conversation::direct(config, incoming, now)? {
            Direction::To(routed) => routed,
            Direction::AskRouter(draft) => self.ask_router(config, *draft).await?,
        };
        let draft = Draft::new(config, &routed.intent, incoming, now)?;
        let connection = connection(config, draft.request.provider)?;
        match self.chat.send(&draft.request, &connection).await {
            Ok(answer) => Ok(shape(config, routed, draft, answer)),
            Err(source) => {
                let provider = draft.request.provider;
                warn!(tenant = %config.tenant(), %provider, error = %source, "the model gave no answer");
                Err(ReplyError::Model { provider, source })
            }
        }
    }

    /// Asks a model for the route. If it cannot be asked or answers nonsense, the fallback is taken.
    async fn ask_router(&self, config: &TenantConfig<Settings>, mut draft: Draft) -> Result<Routed, Refusal> {
        let Some(connection) = config.connection(draft.request.provider) else {
            return conversation::fallback(config, WhyFallback::RouterNotConnected);
        };
        draft.request.limit = draft.request.limit.map(|limit| limit.min(ROUTER_LIMIT));
        match self.chat.send(&draft.request, &connection).await {
            Ok(answer) => match conversation::named_route(config, &answer.text) {
                Some(routed) => Ok(routed),
                None => conversation::fallback(config, WhyFallback::NotAnIntent),
            },
            Err(error) => {
                let provider = draft.request.provider;
                warn!(tenant = %config.tenant(), %provider, %error, "the model could not be asked for the intent");
                conversation::fallback(config, WhyFallback::RouterFailed)
            }
        }
    }
}

/// Tells what would be sent for a message, and why. Needs no key and sends nothing.
pub fn dry_run(config: &TenantConfig<Settings>, incoming: &Incoming, now: Timestamp) -> Result<DryRun, Refusal> {
    let routed = match conversation::direct(config, incoming, now)? {
        Direction::To(routed) => routed,
        Direction::AskRouter(_) => conversation::fallback(config, WhyFallback::DryRun)?,
    };
    let draft = Draft::new(config, &routed.intent, incoming, now)?;
    let provider = draft.request.provider;
    Ok(DryRun {
        dry_run: true,
        why: Why::of(config.resolved(), &draft),
        request: draft.masked(config),
        obstacle: connection(config, provider).err().map(|error| error.to_string()),
        configuration: ConfigurationShown::of(config),
        model: draft.request.model.clone(),
        provider,
        route: RouteShown::new(&routed, draft),
        intent: routed.intent,
    })
}

fn shape(config: &TenantConfig<Settings>, routed: Routed, draft: Draft, answer: ChatAnswer) -> Answer {
    let (model, provider) = (answer.model.unwrap_or_else(|| draft.request.model.clone()), draft.request.provider);
    info!(tenant = %config.tenant(), intent = routed.intent, %provider, model, "answered");
    Answer {
        text: answer.text,
        route: RouteShown::new(&routed, draft),
        intent: routed.intent,
        model,
        provider,
        finish_reason: answer.finish_reason,
        usage: answer.usage,
        configuration: ConfigurationShown::of(config),
    }
}

/// The provider's connection, told apart: not set, or set and not readable for now.
fn connection(config: &TenantConfig<Settings>, provider: Provider) -> Result<Connection, ReplyError> {
    let left_out = config.unavailable().iter().find(|left_out| left_out.section.as_str() == provider.name());
    match left_out.map(|left_out| &left_out.why) {
        Some(WhyLeftOut::SecretUnavailable(key)) => Err(ReplyError::SecretUnavailable(key.clone())),
        Some(WhyLeftOut::Incomplete(_)) | None => Ok(conversation::connection(config, provider, config.tenant())?),
    }
}

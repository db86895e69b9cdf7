//! Answers a message with a company's configuration: reads, lets [`crate::conversation`] decide, asks the model, which may
//! look things up, and keeps what was said.

mod apology;
mod rounds;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use tenantry::TenantConfig;
use tenantry_core::key::Key;
use tenantry_integrations::call::CallError;
use tenantry_integrations::egress::MaskedRequest;
use tenantry_integrations::llm::{ChatAnswer, ChatClient, Connection, Message, Provider, Usage};
use thiserror::Error;
use tracing::{error, info, warn};

pub use apology::apology;
pub use rounds::{Listener, Piece};
pub use shown::{ConfigurationShown, Reason, RouteShown, Why};

use self::rounds::{Outcome, Rounds, Spent};
use crate::app::App;
use crate::conversation::{self, Direction, Draft, Incoming, Refusal, Routed, WhyFallback};
use crate::conversations::{Conversations, ConversationsError, Month, Place, Turn};
use crate::files::{self, FilePlace, Files, Kept};
use crate::job::Email;
use crate::receipt::Receipt;
use crate::settings::Settings;
use crate::tools::Tools;
use crate::unreadable::unreadable;

/// The longest time that choosing a route may take: the answer itself still has to come.
const ROUTER_LIMIT: Duration = Duration::from_secs(5);

/// Answers messages; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct Assistant {
    chat: ChatClient,
    tools: Tools,
    conversations: Arc<dyn Conversations>,
    files: Arc<dyn Files>,
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
    /// What it cost, with all that was asked on the way, if the provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The tools that the model called, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools_called: Vec<String>,
    /// What became of the message's attachments, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Kept>,
    /// The configuration that made it.
    pub configuration: ConfigurationShown,
    /// Which configuration that was, in one word: `tenantry replay` shows it again.
    pub receipt: String,
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
    /// What was agreed for the month is used up.
    #[error("the {limit} tokens of this month are used up (limits.monthly_tokens); they begin anew on {renews}")]
    OverLimit {
        /// What was agreed.
        limit: u64,
        /// The first day of the next month, in UTC.
        renews: Date,
    },
    /// A limit is set, and what was spent cannot be looked up until something is set up differently.
    #[error(
        "it cannot be looked up how much of limits.monthly_tokens is used up: the operator of the service is to look at the \
         storage of conversations"
    )]
    LimitUnknown(#[source] ConversationsError),
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
    /// The assistant of an application.
    pub fn new(app: &App) -> Self {
        Self {
            chat: ChatClient::new(app.egress.clone()),
            tools: Tools::new(&app.egress, &app.bases),
            conversations: Arc::clone(&app.conversations),
            files: Arc::clone(&app.files),
        }
    }

    /// Answers a message.
    pub async fn answer(
        &self,
        config: &TenantConfig<Settings>,
        incoming: &Incoming,
        now: Timestamp,
    ) -> Result<Answer, ReplyError> {
        self.answer_aloud(config, incoming, now, None).await
    }

    /// Answers a message in a channel of people: where there is no answer they are told so, in the tenant's language.
    pub async fn answer_or_apologise(
        &self,
        config: &TenantConfig<Settings>,
        incoming: &Incoming,
        now: Timestamp,
    ) -> String {
        match self.answer(config, incoming, now).await {
            Ok(answer) => answer.text,
            Err(error) => {
                let (tenant, channel) = (config.tenant(), incoming.channel.name());
                warn!(%tenant, channel, error = &error as &dyn std::error::Error, "apologising");
                apology(config, &error)
            }
        }
    }

    /// Answers a message while somebody listens: the pieces of the text come as the model says them.
    pub async fn answer_aloud(
        &self,
        config: &TenantConfig<Settings>,
        incoming: &Incoming,
        now: Timestamp,
        listener: Option<&Listener>,
    ) -> Result<Answer, ReplyError> {
        let place = Place::of(config);
        self.check_limit(config, &place, now).await?;
        let mut spent = Spent::default();
        let answered = self.routed(config, incoming, now, listener, &mut spent).await;
        // What was asked is paid for, whether or not there is an answer.
        self.count(&place, now, spent).await;
        let answer = answered?;
        if let Some(conversation) = &incoming.conversation {
            let turn = Turn {
                at: now,
                said: files::mentioned(&incoming.text, &incoming.attachments),
                answered: answer.text.clone(),
            };
            if let Err(error) = self.conversations.add(&place, conversation, &turn).await {
                error!(tenant = %place.tenant, error = &error as &dyn std::error::Error, "a turn is not kept");
            }
        }
        Ok(answer)
    }

    /// Summarises an e-mail.
    pub async fn summarise(
        &self,
        config: &TenantConfig<Settings>,
        email: &Email,
        now: Timestamp,
    ) -> Result<String, ReplyError> {
        let place = Place::of(config);
        self.check_limit(config, &place, now).await?;
        let draft = conversation::email_draft(config, email, now)?;
        let provider = draft.request.provider;
        let answer = self.chat.send(&draft.request, &connection(config, provider)?).await;
        let failed = |source| ReplyError::Model { provider, source };
        let answer = answer.map_err(failed)?;
        let mut spent = Spent::default();
        spent.add(answer.usage);
        self.count(&place, now, spent).await;
        Ok(answer.spoken().map_err(failed)?.text)
    }

    async fn routed(
        &self,
        config: &TenantConfig<Settings>,
        incoming: &Incoming,
        now: Timestamp,
        listener: Option<&Listener>,
        spent: &mut Spent,
    ) -> Result<Answer, ReplyError> {
        let routed = match conversation::direct(config, incoming, now)? {
            Direction::To(routed) => routed,
            Direction::AskRouter(draft) => self.ask_router(config, *draft, spent).await?,
        };
        let mut draft = Draft::new(config, &routed.intent, incoming, now)?;
        let connection = connection(config, draft.request.provider)?;
        let receipt = Receipt::of(config, incoming, &routed.intent, &draft, now).to_string();
        self.remember(config, incoming, &mut draft).await;
        let (place, conversation) = (FilePlace::of(config), incoming.conversation.as_deref());
        let attachments = files::keep_all(&*self.files, &place, conversation, &incoming.attachments, now).await;
        let (chat, tools, connection) = (&self.chat, &self.tools, &connection);
        let rounds = Rounds { chat, tools, systems: config.into(), offered: &draft.offered, connection, listener, now };
        let Outcome { answer, spent: of_rounds, called } = rounds.run(draft.request.clone()).await;
        spent.add(of_rounds.usage());
        match answer {
            Ok(answer) => {
                let (tenant, provider) = (config.tenant(), draft.request.provider);
                info!(%tenant, intent = routed.intent, %provider, model = draft.request.model, receipt, "answered");
                let made = Made { spent: spent.usage(), tools_called: called, receipt };
                Ok(Answer { attachments, ..shape(config, routed, draft, answer, made) })
            }
            Err(source) => {
                let provider = draft.request.provider;
                warn!(tenant = %config.tenant(), %provider, error = %source, "the model gave no answer");
                Err(ReplyError::Model { provider, source })
            }
        }
    }

    /// Asks a model for the route. If it cannot be asked or answers nonsense, the fallback is taken.
    async fn ask_router(
        &self,
        config: &TenantConfig<Settings>,
        mut draft: Draft,
        spent: &mut Spent,
    ) -> Result<Routed, Refusal> {
        let Some(connection) = config.connection(draft.request.provider) else {
            return conversation::fallback(config, WhyFallback::RouterNotConnected);
        };
        draft.request.limit = draft.request.limit.map(|limit| limit.min(ROUTER_LIMIT));
        match self.chat.send(&draft.request, &connection).await {
            Ok(answer) => {
                spent.add(answer.usage);
                match conversation::named_route(config, &answer.text) {
                    Some(routed) => Ok(routed),
                    None => conversation::fallback(config, WhyFallback::NotAnIntent),
                }
            }
            Err(error) => {
                let provider = draft.request.provider;
                warn!(tenant = %config.tenant(), %provider, %error, "the model could not be asked for the intent");
                conversation::fallback(config, WhyFallback::RouterFailed)
            }
        }
    }

    /// Puts the earlier turns of the conversation before the message. An assistant without memory is better than none, so
    /// turns that cannot be read are left out.
    async fn remember(&self, config: &TenantConfig<Settings>, incoming: &Incoming, draft: &mut Draft) {
        let (Some(conversation), most @ 1..) = (&incoming.conversation, config.limits.history_turns) else { return };
        match self.conversations.turns(&Place::of(config), conversation, most).await {
            Ok(turns) => {
                let said = |turn: Turn| [Message::user(turn.said), Message::assistant(turn.answered)];
                let message = draft.request.messages.len() - 1;
                draft.request.messages.splice(message..message, turns.into_iter().flat_map(said));
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(tenant = %config.tenant(), error, "answering without the earlier turns");
            }
        }
    }

    /// Refuses where the tokens of the month are used up. What was spent by messages at the same time is seen by the next.
    ///
    /// A store that is out for a while lets messages through. One that refuses, such as for want of the tenant's table, would do so
    /// for ever, and nothing would be counted either.
    async fn check_limit(
        &self,
        config: &TenantConfig<Settings>,
        place: &Place,
        now: Timestamp,
    ) -> Result<(), ReplyError> {
        let Some(limit) = config.limits.monthly_tokens else { return Ok(()) };
        match self.conversations.spent(place, &Month::of(now)).await {
            Ok(spent) if spent >= limit => Err(ReplyError::OverLimit { limit, renews: next_month(now) }),
            Ok(_) => Ok(()),
            Err(error @ ConversationsError::Refused(_)) => {
                error!(tenant = %place.tenant, %error, "a limit is set, and what was spent cannot be looked up");
                Err(ReplyError::LimitUnknown(error))
            }
            Err(error @ ConversationsError::Unavailable(_)) => {
                let error = &error as &dyn std::error::Error;
                warn!(tenant = %place.tenant, error, "answering although it is not known what was spent");
                Ok(())
            }
        }
    }

    async fn count(&self, place: &Place, now: Timestamp, spent: Spent) {
        let Some(usage) = spent.usage().filter(|usage| usage.total > 0) else { return };
        if let Err(error) = self.conversations.spend(place, &Month::of(now), usage.total).await {
            let error = &error as &dyn std::error::Error;
            error!(tenant = %place.tenant, tokens = usage.total, error, "tokens are not counted");
        }
    }
}

fn next_month(now: Timestamp) -> Date {
    let today = now.to_zoned_datetime(TimeZone::UTC).date();
    today.first_of_month().checked_add(1.month()).unwrap_or(Date::MAX)
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

/// How an answer was made.
struct Made {
    spent: Option<Usage>,
    tools_called: Vec<String>,
    receipt: String,
}

fn shape(config: &TenantConfig<Settings>, routed: Routed, draft: Draft, answer: ChatAnswer, made: Made) -> Answer {
    let (model, provider) = (answer.model.unwrap_or_else(|| draft.request.model.clone()), draft.request.provider);
    Answer {
        text: answer.text,
        route: RouteShown::new(&routed, draft),
        intent: routed.intent,
        model,
        provider,
        finish_reason: answer.finish_reason,
        usage: made.spent,
        tools_called: made.tools_called,
        attachments: Vec::new(),
        configuration: ConfigurationShown::of(config),
        receipt: made.receipt,
    }
}

/// The provider's connection, told apart: not set, or set and not readable for now.
fn connection(config: &TenantConfig<Settings>, provider: Provider) -> Result<Connection, ReplyError> {
    match unreadable(config.unavailable(), provider.name()) {
        Some(key) => Err(ReplyError::SecretUnavailable(key.clone())),
        None => Ok(conversation::connection(config, provider, config.tenant())?),
    }
}

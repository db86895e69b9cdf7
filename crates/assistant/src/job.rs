//! What is left to do for an event once its sender has been answered.
//!
//! A job is made only of an event that was verified, for the tenant that it was verified to belong to. It can wait in
//! this process or in a queue that only the assistant can write to; it holds no secret.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenantry::{LoadError, TenantConfig};
use tenantry_core::key::Key;
use tenantry_core::scope::TenantId;
use tenantry_integrations::call::CallError;
use tracing::{error, info, warn};

use crate::app::App;
use crate::channels;
use crate::conversation::Sender;
use crate::conversations::{Claim, ConversationsError, Place};
use crate::later::{Cut, QueueError};
use crate::settings::Settings;
use crate::unreadable::unreadable;

/// Something to do for a tenant, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The tenant to whom the event was verified to belong.
    pub tenant: TenantId,
    /// Tells the tenant from a later one of the same name, for whom the event is not; none where nobody knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// What its sender calls the event, with the channel in front, such as `slack:Ev0123`: it is acted on once.
    pub event: String,
    /// When it arrived.
    pub at: Timestamp,
    /// What to do.
    pub work: Work,
}

impl Job {
    /// What is to be done for the tenant by whose configuration an event was verified.
    pub fn of(config: &TenantConfig<Settings>, event: String, at: Timestamp, work: Work) -> Self {
        Self { tenant: config.tenant().clone(), incarnation: Some(config.incarnation().to_owned()), event, at, work }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Answer a message in its Slack thread.
    Slack(SlackMessage),
    /// Answer a message in its Telegram chat.
    Telegram(TelegramMessage),
    /// Tell about an e-mail in the tenant's Slack channel.
    Email(Email),
}

/// A message to the assistant in Slack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackMessage {
    /// The channel's ID.
    pub channel: String,
    /// The `ts` of the thread's first message: answers go there.
    pub thread: String,
    /// Who wrote it, as Slack's user ID.
    pub user: String,
    /// Whether that is somebody of the company.
    #[serde(default, skip_serializing_if = "Sender::is_member")]
    pub sender: Sender,
    /// The text, without the mention of the assistant.
    pub text: String,
}

/// A message to the assistant in Telegram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelegramMessage {
    /// The chat's id.
    pub chat: i64,
    /// The message's id within the chat.
    pub message: i64,
    /// Who wrote it, as people are shown it.
    pub user_name: Option<String>,
    /// The text.
    pub text: String,
}

/// An e-mail that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// The subject line.
    pub subject: String,
    /// The text, as plain as it could be had.
    pub text: String,
}

/// What came of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// It is done.
    Now,
    /// It was done before: the event was sent again.
    Before,
    /// Somebody else is at it: it may still fail there.
    Elsewhere,
}

/// What is kept of a job from one try of it to the next.
#[derive(Debug, Default)]
pub(crate) struct Effort {
    /// Tells when the process stops.
    pub(crate) cut: Cut,
    /// The text that is ready to be delivered: to make it anew would ask a model again, and tell the conversation twice.
    composed: Option<String>,
}

impl Effort {
    pub(crate) fn until(cut: Cut) -> Self {
        Self { cut, composed: None }
    }
}

/// Why a job is not done.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// There is no configuration to do it with.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It cannot be known whether it was done.
    #[error(transparent)]
    Conversations(#[from] ConversationsError),
    /// The answer cannot be delivered.
    #[error("the answer cannot be delivered by {channel}")]
    Delivery {
        /// The way by which it goes.
        channel: &'static str,
        /// Why not.
        #[source]
        source: CallError,
    },
    /// The tenant has no connection by which it could be answered.
    #[error("{0} is not set")]
    NotConnected(&'static str),
    /// It has one, and its secret cannot be read for now.
    #[error("{0} is set but cannot be read for now")]
    SecretUnavailable(Key),
    /// The event is one of an earlier tenant of the same name.
    #[error("the event belongs to an earlier tenant of the same name")]
    AnotherTenant,
    /// Somebody else is at it, and may still fail.
    #[error("the event is being acted on")]
    InProgress,
    /// So many are under way that this one finds no room.
    #[error("there are as many events to act on as this process takes on at once")]
    Busy,
    /// The process stopped before anything was delivered.
    #[error("the process stops")]
    Cut,
    /// The process stopped while the answer was being delivered: it may have arrived.
    #[error("the process stopped before it was known whether the answer arrived")]
    CutInDelivery,
    /// It does not fit into the queue, or the queue is out.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// When it is worth trying again, where nothing says so.
const RETRY: Duration = Duration::from_secs(5);

impl WorkError {
    /// Why a tenant is without the connection of a section.
    pub(crate) fn without(section: &'static str, config: &TenantConfig<Settings>) -> Self {
        match unreadable(config.unavailable(), section) {
            Some(key) => Self::SecretUnavailable(key.clone()),
            None => Self::NotConnected(section),
        }
    }

    /// Whether it may work later without anything being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Load(LoadError::Store { .. })
            | Self::Conversations(ConversationsError::Unavailable(_))
            | Self::SecretUnavailable(_)
            | Self::InProgress
            | Self::Busy
            | Self::Cut => true,
            Self::Load(_)
            | Self::NotConnected(_)
            | Self::AnotherTenant
            | Self::CutInDelivery
            | Self::Conversations(ConversationsError::Refused(_)) => false,
            Self::Queue(error) => error.is_transient,
            Self::Delivery { source, .. } => source.is_transient(),
        }
    }

    /// Whether another try can deliver what was not delivered, and not deliver it twice. What a messenger refuses, such as a
    /// person who blocked the bot, it would refuse again, and each try asks a model.
    fn is_worth_another_try(&self) -> bool {
        match self {
            Self::Delivery { source, .. } => source.is_transient() && !source.may_be_done(),
            Self::CutInDelivery => false,
            Self::Load(_)
            | Self::Conversations(_)
            | Self::NotConnected(_)
            | Self::SecretUnavailable(_)
            | Self::AnotherTenant
            | Self::InProgress
            | Self::Busy
            | Self::Cut
            | Self::Queue(_) => true,
        }
    }

    /// How long to wait before trying again.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Load(error) => error.retry_after().unwrap_or(RETRY),
            Self::Delivery { source: CallError::RateLimited { retry_after: Some(wait) }, .. } => *wait,
            Self::Delivery { .. }
            | Self::Conversations(_)
            | Self::NotConnected(_)
            | Self::SecretUnavailable(_)
            | Self::AnotherTenant
            | Self::InProgress
            | Self::Busy
            | Self::Cut
            | Self::CutInDelivery
            | Self::Queue(_) => RETRY,
        }
    }
}

impl App {
    /// Does a job with its tenant's own configuration, once, however often it is asked to.
    pub async fn work(&self, job: &Job) -> Result<Worked, WorkError> {
        self.try_to_work(job, &mut Effort::default()).await
    }

    /// The same for who will try again, and keeps what was made so far.
    pub(crate) async fn try_to_work(&self, job: &Job, effort: &mut Effort) -> Result<Worked, WorkError> {
        let config = self.loader.load(&job.tenant).await?;
        if job.incarnation.as_deref().is_some_and(|incarnation| incarnation != config.incarnation()) {
            return Err(WorkError::AnotherTenant);
        }
        let place = Place::of(&config);
        match self.conversations.claim(&place, &job.event, Timestamp::now()).await? {
            Claim::Taken => {}
            Claim::InProgress => return Ok(Worked::Elsewhere),
            Claim::Done => {
                info!(tenant = %job.tenant, event = job.event, "the event was acted on before");
                return Ok(Worked::Before);
            }
        }
        // In a box of its own: all that it takes to ask a model is nested too deeply for the futures around it.
        if let Err(failure) = Box::pin(self.perform(&config, job, effort)).await {
            if !failure.is_worth_another_try() {
                undelivered(job, &failure);
                self.mark(&place, &job.event).await;
                return Ok(Worked::Now);
            }
            // Nothing was said yet, so the next one who is sent the event may try.
            if let Err(error) = self.conversations.release(&place, &job.event).await {
                let error = &error as &dyn std::error::Error;
                warn!(tenant = %job.tenant, event = job.event, error, "an event stays claimed for some minutes");
            }
            return Err(failure);
        }
        self.mark(&place, &job.event).await;
        Ok(Worked::Now)
    }

    async fn perform(&self, config: &TenantConfig<Settings>, job: &Job, effort: &mut Effort) -> Result<(), WorkError> {
        let Effort { cut, composed } = effort;
        if composed.is_none() {
            let made = cut.unless_told(channels::compose(self, config, job)).await;
            *composed = made.unwrap_or(Err(WorkError::Cut))?;
        }
        let Some(text) = composed else { return Ok(()) };
        let delivered = cut.even_if_told(channels::deliver(self, config, job, text)).await;
        delivered.unwrap_or(Err(WorkError::CutInDelivery))
    }

    /// Marks an event as acted on. A mark that cannot be set must not have it acted on twice by way of an error.
    async fn mark(&self, place: &Place, event: &str) {
        if let Err(error) = self.conversations.finish(place, event, Timestamp::now()).await {
            let error = &error as &dyn std::error::Error;
            warn!(tenant = %place.tenant, event, error, "it is not marked that the event was acted on");
        }
    }
}

fn undelivered(job: &Job, failure: &WorkError) {
    let error = failure as &dyn std::error::Error;
    error!(tenant = %job.tenant, event = job.event, error, "an answer did not arrive, or it is not known");
}

//! The ways by which messages come and answers go.

pub(crate) mod email;
pub mod http;
mod slack;
mod telegram;
mod webhook;

use axum::Router;
use tenantry::TenantConfig;

use crate::app::App;
use crate::job::{Job, Work, WorkError};
use crate::settings::Settings;

/// All channels as one router; every request is that of one tenant, and no other one's.
pub fn router(app: &App) -> Router {
    http::router(app).merge(slack::router(app)).merge(telegram::router(app)).merge(email::router(app))
}

/// Makes the text that a job asks for; none if there is nothing to say.
pub(crate) async fn compose(
    app: &App,
    config: &TenantConfig<Settings>,
    job: &Job,
) -> Result<Option<String>, WorkError> {
    match &job.work {
        Work::Slack(message) => slack::compose(app, config, message, job.at).await.map(Some),
        Work::Telegram(message) => telegram::compose(app, config, message, job.at).await.map(Some),
        Work::Email(email) => email::compose(app, config, email, job.at).await,
    }
}

/// Delivers the text that was made for a job.
pub(crate) async fn deliver(
    app: &App,
    config: &TenantConfig<Settings>,
    job: &Job,
    text: &str,
) -> Result<(), WorkError> {
    match &job.work {
        Work::Slack(message) => slack::deliver(app, config, message, text).await,
        Work::Telegram(message) => telegram::deliver(app, config, message, text).await,
        Work::Email(_) => email::deliver(app, config, text).await,
    }
}

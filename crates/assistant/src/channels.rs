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

/// Does what a job asks for, by the channel that it came from.
pub(crate) async fn perform(app: &App, config: &TenantConfig<Settings>, job: &Job) -> Result<(), WorkError> {
    match &job.work {
        Work::Slack(message) => slack::answer(app, config, message, job.at).await,
        Work::Telegram(message) => telegram::answer(app, config, message, job.at).await,
        Work::Email(email) => email::tell(app, config, email, job.at).await,
    }
}

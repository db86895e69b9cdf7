//! The ways by which messages come and answers go.

pub mod http;

use axum::Router;

use crate::app::App;

/// All channels as one router; every request is that of one tenant, and no other one's.
pub fn router(app: &App) -> Router {
    http::router(app)
}

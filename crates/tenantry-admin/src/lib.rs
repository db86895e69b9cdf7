//! Managing configuration: the use cases, and the HTTP API over them.
//!
//! The admin knows no provider: catalog and rules are handed to it by the program that composes it.

pub mod access;
mod answer;
mod api;
pub mod application;
mod asked;
mod caller;
mod error;
mod frame;
mod hot;
mod idempotency;
mod limits;
mod metrics;
pub mod oidc;
pub mod openapi;
mod operation;
mod routes;
mod seats;
pub mod service;
mod serving;
mod shortcut;
mod watchers;

pub use asked::About;
pub use frame::{Framed, framed};
pub use hot::HOT_BYTES;
pub use limits::{Limits, Rate};
pub use metrics::Metrics;
pub use routes::{Api, router};
pub use serving::{MOST_CONNECTIONS, serve};

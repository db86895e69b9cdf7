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
pub mod openapi;
mod operation;
mod request_id;
mod routes;
pub mod service;

pub use request_id::with_request_ids;
pub use routes::{Api, router};

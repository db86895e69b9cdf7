//! Managing configuration: the use cases, and the HTTP API over them.
//!
//! The admin knows no provider: catalog and rules are handed to it by the program that composes it.

pub mod access;
mod api;
mod caller;
mod error;
mod routes;
pub mod service;

pub use routes::{Api, router};

//! Managing configuration: the use cases, and the HTTP API over them.

pub mod access;
pub mod service;

//! The ways by which messages come and answers go.

pub mod http;

//! The API through its router, in process.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;
mod world;

mod changes;
mod configuration;
mod document;
mod oidc;
mod openfeature;
mod sweep;
mod tenants;
mod traffic;

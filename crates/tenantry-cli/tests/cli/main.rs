//! Runs the real binary on temporary stores: what each command does, what it refuses, and what people read.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod api;
mod aws;
mod by_hand;
mod cloud;
mod copying;
mod defaults;
mod demo;
mod deploy;
mod documented;
mod drifting;
mod files;
mod help;
mod isolation;
mod oidc;
mod processes;
mod program;
mod reading;
mod refusals;
mod replaying;
mod secrets;
mod serve;
mod storage;
mod tenants;
#[cfg(target_os = "linux")]
mod terminal;
mod tokens;
#[cfg(feature = "otlp")]
mod traces;
mod values;
mod verify;

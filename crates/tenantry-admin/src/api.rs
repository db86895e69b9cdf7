//! The handlers: each extracts, makes one call into the use cases, and answers.

pub(crate) mod configuration;
pub(crate) mod health;

//! The handlers, one file a noun. Each takes what was [`asked`](crate::asked::Asked), makes one call of a use case, and answers.

pub(crate) mod audit;
pub(crate) mod behind;
pub(crate) mod bindings;
pub(crate) mod catalog;
pub(crate) mod configuration;
pub(crate) mod connections;
pub(crate) mod health;
pub(crate) mod ofrep;
pub(crate) mod overrides;
pub(crate) mod plan;
mod problems;
pub(crate) mod prompts;
pub(crate) mod revisions;
pub(crate) mod secrets;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod watch;

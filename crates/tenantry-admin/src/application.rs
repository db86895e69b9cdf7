//! What the API must be told by the application whose configuration it manages: how its prompts are filled in, and whom to ask
//! whether its connections work. The admin itself knows no provider.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use tenantry_core::resolve::Resolved;
use tenantry_core::template::Context;

use crate::service::Candidate;

/// An application, as far as the API must know it.
#[async_trait]
pub trait Application: fmt::Debug + Send + Sync + 'static {
    /// What a prompt is rendered with: values of the configuration, and those that a request would bring along.
    fn prompt_context(&self, resolved: &Resolved, variables: &BTreeMap<String, String>) -> Result<Context, String>;

    /// The connections that can be verified.
    fn sections(&self) -> &[&'static str];

    /// Asks the providers of these sections at once, and gives their answers in the same order.
    async fn verify(&self, candidate: &Candidate, sections: &[&str]) -> Vec<Verdict>;
}

/// What a provider said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[schemars(rename = "Verification")]
pub enum Verdict {
    /// Nothing is set.
    NotConfigured,
    /// It works.
    Verified {
        /// As whom.
        whom: String,
        /// What else is to be known.
        notes: Vec<String>,
    },
    /// The provider says no.
    Rejected {
        /// The provider's reason.
        reason: String,
    },
    /// There was no answer.
    Unreachable {
        /// Why not.
        reason: String,
    },
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An application without prompts and connections.
    #[derive(Debug)]
    pub(crate) struct Nothing;

    #[async_trait]
    impl Application for Nothing {
        fn prompt_context(&self, _: &Resolved, _: &BTreeMap<String, String>) -> Result<Context, String> {
            Ok(Context::new())
        }

        fn sections(&self) -> &[&'static str] {
            &[]
        }

        async fn verify(&self, _: &Candidate, _: &[&str]) -> Vec<Verdict> {
            Vec::new()
        }
    }
}

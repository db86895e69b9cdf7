//! Asks the provider of each connection whether it works: the one list of what can be verified.

use tenantry_core::settings::{LeftOut, WhyLeftOut};
#[cfg(feature = "aws")]
use tenantry_integrations::aws::Aws;
use tenantry_integrations::bases::Bases;
use tenantry_integrations::call::CallError;
#[cfg(feature = "aws")]
use tenantry_integrations::dynamodb::Tables;
use tenantry_integrations::egress::Egress;
use tenantry_integrations::erpnext::ErpNextClient;
use tenantry_integrations::google_calendar::CalendarClient;
use tenantry_integrations::llm::{ChatClient, Provider};
use tenantry_integrations::odoo::OdooClient;
#[cfg(feature = "aws")]
use tenantry_integrations::s3::Buckets;
use tenantry_integrations::slack::{Slack, SlackClient};
use tenantry_integrations::telegram::TelegramClient;
use tenantry_integrations::verify::{Identity, Verdict};
use tenantry_integrations::weaviate::WeaviateClient;
use tenantry_store::{Binding, BindingKind};

use crate::settings::Settings;

/// The sections that can be verified, in the order in which they are shown.
pub const SECTIONS: [&str; 9] =
    ["openai", "openrouter", "cerebras", "odoo", "erpnext", "slack", "telegram", "google", "weaviate"];

/// What can be verified of the tenant's places on AWS: sections of parameters that are no connections.
pub const STORAGE: [&str; 2] = ["storage.s3_buckets", "storage.dynamodb_table_prefix"];

/// Settings to be verified, and what else is known of whose they are.
#[derive(Debug)]
pub struct Subject {
    /// The settings, with their secrets.
    pub settings: Settings,
    /// The connections that could not be part of them.
    pub left_out: Vec<LeftOut>,
    /// The outside identities that belong to the tenant; none for the global scope, which cannot have any.
    pub bindings: Option<Vec<Binding>>,
}

/// Asks providers; a clone shares connections.
#[derive(Clone, Debug)]
pub struct Verifier {
    egress: Egress,
    bases: Bases,
    #[cfg(feature = "aws")]
    aws: Option<Aws>,
}

impl Verifier {
    /// A verifier that asks through `egress`.
    pub fn new(egress: Egress, bases: Bases) -> Self {
        Self {
            egress,
            bases,
            #[cfg(feature = "aws")]
            aws: None,
        }
    }

    /// The same, which can look at buckets and tables of this account too.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn with_aws(mut self, aws: Aws) -> Self {
        self.aws = Some(aws);
        self
    }

    /// Asks the provider of a section, which is one of [`SECTIONS`] or of [`STORAGE`].
    pub async fn verify(&self, subject: &Subject, section: &str) -> Verdict {
        #[cfg(feature = "aws")]
        if STORAGE.contains(&section) {
            return self.storage(&subject.settings, section).await;
        }
        if let Some(left_out) = subject.left_out.iter().find(|left_out| left_out.section.as_str() == section) {
            return incomplete(&left_out.why);
        }
        self.ask(subject, section).await.map_or(Verdict::NotConfigured, Verdict::from)
    }

    /// None if the section is not set.
    async fn ask(&self, subject: &Subject, section: &str) -> Option<Result<Identity, CallError>> {
        let (settings, egress) = (&subject.settings, self.egress.clone());
        Some(match section {
            "odoo" => OdooClient::new(egress).verify(settings.odoo.as_ref()?).await,
            "erpnext" => ErpNextClient::new(egress).verify(settings.erpnext.as_ref()?).await,
            "slack" => self.slack(settings.slack.as_ref()?, subject.bindings.as_deref()).await,
            "telegram" => {
                let client = TelegramClient::new(egress, self.bases.telegram.clone());
                client.verify(settings.telegram.as_ref()?).await
            }
            "google" => {
                let client = CalendarClient::new(egress, self.bases.google_calendar.clone());
                client.verify(settings.google.as_ref()?).await
            }
            "weaviate" => WeaviateClient::new(egress).verify(settings.weaviate.as_ref()?).await,
            model => {
                let provider = Provider::ALL.into_iter().find(|provider| provider.name() == model)?;
                let connection = settings.connection(provider)?;
                ChatClient::new(egress).verify(provider, &connection, &models(settings, provider)).await
            }
        })
    }

    /// Looks at the tenant's buckets, or at its table.
    #[cfg(feature = "aws")]
    async fn storage(&self, settings: &Settings, section: &str) -> Verdict {
        let storage = &settings.storage;
        let names: Vec<_> = storage.s3_buckets.values().map(|bucket| bucket.0.as_str()).collect();
        let is_set = if section == STORAGE[0] { !names.is_empty() } else { storage.dynamodb_table_prefix.is_some() };
        if !is_set {
            return Verdict::NotConfigured;
        }
        let Some(aws) = &self.aws else {
            let reason = "no account of AWS is set up here: set AWS_REGION, and credentials if they are not there";
            return Verdict::Unreachable { reason: reason.to_owned() };
        };
        if let (Some(prefix), true) = (&storage.dynamodb_table_prefix, section == STORAGE[1]) {
            return Tables::new(aws.clone()).verify(prefix).await.into();
        }
        let buckets = Buckets::new(aws.clone());
        let mut all = Identity::new(names.join(", "));
        for name in names {
            match buckets.verify(name).await {
                Ok(found) => all.notes.extend(found.notes),
                Err(error) => return named(name, error),
            }
        }
        Ok(all).into()
    }

    /// The token must be that of the workspace that is bound to the tenant: events of another one would lead elsewhere.
    async fn slack(&self, slack: &Slack, bindings: Option<&[Binding]>) -> Result<Identity, CallError> {
        let client = SlackClient::new(self.egress.clone(), self.bases.slack.clone());
        let team = client.team(slack).await?;
        let identity = team.identity();
        let Some(bindings) = bindings else { return Ok(identity) };
        let bound: Vec<_> = bindings.iter().filter(|binding| binding.kind() == BindingKind::Slack).collect();
        if bound.is_empty() {
            let note = format!("its events lead nowhere yet: `tenantry binding add slack:{}`", team.id);
            return Ok(identity.with_note(note));
        }
        if bound.iter().any(|binding| binding.name() == team.id) {
            return Ok(identity);
        }
        let reason = format!("the token is one of the workspace {}, and the company is bound to {}", team.id, bound[0]);
        Err(CallError::Rejected { status: 200, reason })
    }
}

/// Which of several buckets an answer is about.
#[cfg(feature = "aws")]
fn named(bucket: &str, error: CallError) -> Verdict {
    match error.into() {
        Verdict::Rejected { reason } => Verdict::Rejected { reason: format!("{bucket}: {reason}") },
        Verdict::Unreachable { reason } => Verdict::Unreachable { reason: format!("{bucket}: {reason}") },
        other @ (Verdict::NotConfigured | Verdict::Verified { .. }) => other,
    }
}

fn incomplete(why: &WhyLeftOut) -> Verdict {
    match why {
        WhyLeftOut::Incomplete(missing) => {
            let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
            Verdict::Rejected { reason: format!("it is not complete: {} is not set", missing.join(", ")) }
        }
        WhyLeftOut::SecretUnavailable(key) => Verdict::Unreachable { reason: format!("{key} cannot be read for now") },
    }
}

/// The models that are asked of a provider, each once.
fn models(settings: &Settings, provider: Provider) -> Vec<&str> {
    let default = &settings.ai.default;
    let mut models = Vec::new();
    if default.provider == provider {
        models.push(default.model.0.as_str());
    }
    for task in settings.ai.tasks.values() {
        let model = task.model.as_ref().map_or(default.model.0.as_str(), |model| model.0.as_str());
        if task.provider.unwrap_or(default.provider) == provider && !models.contains(&model) {
            models.push(model);
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_connection_of_the_settings_can_be_verified() {
        let catalog = tenantry_core::catalog::Catalog::of::<Settings>().unwrap();
        let mut connections: Vec<_> = catalog.connections().iter().map(|one| one.section.to_string()).collect();
        let mut sections = SECTIONS.map(str::to_owned);
        connections.sort();
        sections.sort();
        assert_eq!(connections, sections);
    }

    #[test]
    fn the_models_of_a_provider_are_those_that_tasks_ask() {
        let settings: Settings = serde_json::from_value(json!({"ai": {
            "default": {"provider": "openai", "model": "a"},
            "tasks": {"writing": {"model": "b"}, "routing": {"provider": "cerebras", "model": "c"}, "chitchat": {}},
        }}))
        .unwrap();
        assert_eq!(models(&settings, Provider::OpenAi), ["a", "b"]);
        assert_eq!(models(&settings, Provider::Cerebras), ["c"]);
        assert!(models(&settings, Provider::OpenRouter).is_empty());
    }
}

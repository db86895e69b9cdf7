//! The application whose configuration is managed: how its prompts are filled in, and whom to ask whether its connections work.

use std::collections::BTreeMap;
use std::sync::Arc;

use assistant::conversation::{self, Channel, Incoming, Sender};
use assistant::settings::Settings;
use assistant::verify::{SECTIONS, STORAGE, Subject, Verifier};
use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_admin::application::{Application, Verdict};
use tenantry_admin::oidc::Fetch;
use tenantry_admin::service::Candidate;
use tenantry_core::key::Key;
use tenantry_core::resolve::Resolved;
use tenantry_core::settings::{Built, build};
use tenantry_core::template::Context;
use tenantry_core::value::Value;
use tenantry_integrations::aws::{Aws, AwsOptions};
use tenantry_integrations::bases::Bases;
use tenantry_integrations::egress::{Egress, Request};
use tenantry_integrations::verify::Verdict as Said;

/// All that the assistant can verify.
pub(crate) const EVERY: [&str; SECTIONS.len() + STORAGE.len()] = {
    let mut every = [""; SECTIONS.len() + STORAGE.len()];
    let mut at = 0;
    while at < every.len() {
        every[at] = if at < SECTIONS.len() { SECTIONS[at] } else { STORAGE[at - SECTIONS.len()] };
        at += 1;
    }
    every
};

/// The assistant.
#[derive(Clone, Debug)]
pub(crate) struct TheAssistant {
    verifier: Verifier,
}

impl TheAssistant {
    /// The assistant that asks providers through `egress`.
    pub(crate) async fn new(egress: Egress, bases: Bases) -> Self {
        let verifier = Verifier::new(egress, bases);
        // Without a region there is no account to look at, which is told where somebody has something there.
        let verifier = match Aws::open(AwsOptions::default()).await {
            Ok(aws) => verifier.with_aws(aws),
            Err(_) => verifier,
        };
        Self { verifier }
    }

    /// Asks the providers of these sections at once; `answered` is called with each answer. They come in the order of the
    /// sections.
    pub(crate) async fn ask(&self, subject: Subject, sections: &[&str], answered: impl Fn()) -> Vec<Said> {
        let subject = Arc::new(subject);
        let mut asking = tokio::task::JoinSet::new();
        for (at, section) in sections.iter().enumerate() {
            let (verifier, subject, section) = (self.verifier.clone(), Arc::clone(&subject), (*section).to_owned());
            asking.spawn(async move { (at, verifier.verify(&subject, &section).await) });
        }
        // One that ends without an answer is told, not left out.
        let unanswered = Said::Unreachable { reason: "it could not be asked".to_owned() };
        let mut answers = vec![unanswered; sections.len()];
        while let Some(answer) = asking.join_next().await {
            answered();
            if let Ok((at, said)) = answer {
                answers[at] = said;
            }
        }
        answers
    }
}

#[async_trait]
impl Application for TheAssistant {
    fn prompt_context(&self, resolved: &Resolved, variables: &BTreeMap<String, String>) -> Result<Context, String> {
        Ok(with_variables(assistants(resolved, None)?, variables))
    }

    fn sections(&self) -> &[&'static str] {
        &EVERY
    }

    async fn verify(&self, candidate: &Candidate, sections: &[&str]) -> Vec<Verdict> {
        let Built { settings, left_out } = match candidate.build::<Settings>() {
            Ok(built) => built,
            Err(error) => {
                let reason = format!("the configuration cannot be used: {error}");
                return vec![Verdict::Rejected { reason }; sections.len()];
            }
        };
        let subject = Subject { settings, left_out, bindings: candidate.bindings.clone() };
        self.ask(subject, sections, || ()).await.into_iter().map(verdict).collect()
    }
}

fn verdict(said: Said) -> Verdict {
    match said {
        Said::NotConfigured => Verdict::NotConfigured,
        Said::Verified { whom, notes } => Verdict::Verified { whom, notes },
        Said::Rejected { reason } => Verdict::Rejected { reason },
        Said::Unreachable { reason } => Verdict::Unreachable { reason },
    }
}

/// An application of which nothing but its catalog is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnotherOne;

#[async_trait]
impl Application for AnotherOne {
    fn prompt_context(&self, resolved: &Resolved, variables: &BTreeMap<String, String>) -> Result<Context, String> {
        Ok(with_variables(plain_values(resolved, None), variables))
    }

    fn sections(&self) -> &[&'static str] {
        &[]
    }

    async fn verify(&self, _: &Candidate, _: &[&str]) -> Vec<Verdict> {
        Vec::new()
    }
}

fn with_variables(context: Context, variables: &BTreeMap<String, String>) -> Context {
    variables.iter().fold(context, |context, (name, value)| context.with(name, value.as_str()))
}

/// What the assistant would fill a prompt in with.
pub(crate) fn assistants(resolved: &Resolved, user_name: Option<String>) -> Result<Context, String> {
    let settings: Settings = build(resolved, |_, _| None).map_err(|error| error.to_string())?.settings;
    let incoming = Incoming {
        text: String::new(),
        intent: None,
        channel: Channel::Http,
        user_name,
        sender: Sender::Member,
        conversation: None,
        attachments: Vec::new(),
    };
    Ok(conversation::context(&settings, &incoming, Timestamp::now()))
}

/// A context for an application that is not the assistant: every value that may be shown, under its key.
pub(crate) fn plain_values(resolved: &Resolved, user_name: Option<String>) -> Context {
    let values = resolved.iter().filter_map(|leaf| Some((leaf.key, leaf.entry.value()?)));
    let context =
        values.fold(Context::new(), |context, (key, value): (&Key, &Value)| context.with(key.as_str(), value.clone()));
    context
        .with("user.name", user_name.unwrap_or_default().as_str())
        .with("now", Timestamp::now().to_string().as_str())
        .with("channel", "http")
}

/// Documents of an identity provider, by the outbound rules.
#[derive(Clone, Debug)]
pub(crate) struct ByEgress(pub(crate) Egress);

#[async_trait]
impl Fetch for ByEgress {
    async fn fetch(&self, url: &str) -> Result<serde_json::Value, String> {
        let url = self.0.check_url(url).map_err(|rule| format!("{url}: {rule}"))?;
        let response = self.0.send(Request::get(url)).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("it answers {}", response.status()));
        }
        response.json().map_err(|error| error.to_string())
    }
}

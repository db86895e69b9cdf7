//! `tenantry replay`: the configuration and the prompt that made a past answer, made again of the history.

use assistant::conversation;
use assistant::receipt::{Comparison, Receipt};
use assistant::settings::Settings;
use clap::Args;
use serde::Serialize;
use tenantry_admin::service::{Past, Rendered, Replayed};
use tenantry_core::layer::Tier;
use tenantry_core::resolve::Resolved;
use tenantry_core::scope::Scope;
use tenantry_core::settings::build;
use tenantry_core::template::Context;

use super::get::{self, Shown};
use super::render;
use crate::cli::Global;
use crate::exit::{Exit, Trouble};
use crate::input::value_from_stdin;
use crate::output::{Output, Tone, visible};
use crate::session::Session;
use crate::shown;

/// Show the configuration and the prompt that made a past answer
#[derive(Debug, Args)]
#[command(after_help = "\
Every answer of the assistant carries a receipt, and its log line too. The configuration is made
again of the history, at the receipt's revisions, and compared with the receipt's hash: that it is
exactly the one of then is said, or what makes it another one (exit code 5). Old texts of secrets
are not kept; their versions and fingerprints are. The message is in no receipt.

Examples:
  tenantry replay rcpt_…
  tenantry replay - < receipt.txt                  (from standard input)
  tenantry -t acme replay rcpt_… --output json     (refused unless it is acme's)")]
pub(crate) struct Replay {
    /// The receipt, or - for standard input
    receipt: String,
}

/// The configuration of a past answer.
#[derive(Serialize)]
struct Replica<'a> {
    receipt: &'a Receipt,
    exact: bool,
    /// What makes it another configuration than the one of then, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<String>,
    #[serde(flatten)]
    values: Shown,
    #[serde(flatten)]
    prompt: Prompt,
}

/// The prompt of then, or why it cannot be had.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Prompt {
    Prompt(Rendered),
    PromptProblem(String),
}

impl Replay {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        // Before the store is opened: what is no receipt needs none.
        let receipt = self.read()?;
        check_scope(global, &receipt)?;
        let session = Session::open(global).await?;
        let past = Past {
            tenant: receipt.tenant.clone(),
            incarnation: receipt.incarnation.clone(),
            revisions: receipt.revisions.clone(),
        };
        let replayed = session.service.replay(&past).await?;
        let differences = differences(&receipt, &replayed);
        let resolved = &replayed.resolved;
        let prompt = session.service.render_in(resolved, &receipt.prompt, |resolved| context(&receipt, resolved));
        let prompt = prompt.map_or_else(|error| Prompt::PromptProblem(error.to_string()), Prompt::Prompt);
        let scope = Scope::Tenant(receipt.tenant.clone());
        let leaves: Vec<_> = resolved.iter().collect();
        let values = Shown::new(&scope, &leaves);
        let exact = differences.is_empty();
        let replica = Replica { receipt: &receipt, exact, differences, values, prompt };
        session.output.show(&replica, |output| {
            let parts = [heading(&replica, output), get::table(&leaves, output), prompt_text(&replica, output)];
            parts.join("\n\n")
        })?;
        Ok(if exact { Exit::Done } else { Exit::Conflict })
    }

    fn read(&self) -> anyhow::Result<Receipt> {
        let text = if self.receipt == "-" { value_from_stdin()? } else { self.receipt.clone() };
        text.trim().parse().map_err(|error| {
            let trouble = Trouble::usage("the receipt cannot be read").because(error);
            trouble.help("it stands in the answer as `receipt`, and in the assistant's log").into()
        })
    }
}

/// Refuses a scope that is not the receipt's, and a catalog that is not the assistant's.
fn check_scope(global: &Global, receipt: &Receipt) -> anyhow::Result<()> {
    if global.catalog.is_some() {
        let trouble = Trouble::usage("receipts are the assistant's: it has its own catalog");
        return Err(trouble.help("leave --catalog and TENANTRY_CATALOG out").into());
    }
    match global.scope_if_any()? {
        None => Ok(()),
        Some(Scope::Tenant(tenant)) if tenant == receipt.tenant => Ok(()),
        Some(Scope::Tenant(tenant)) => {
            let trouble = Trouble::refused(format!("this receipt is not one of {tenant}"));
            Err(trouble.help("leave -t and TENANTRY_TENANT out: a receipt names its tenant itself").into())
        }
        Some(Scope::Global) => Err(Trouble::usage("a receipt is a tenant's").help("leave --global out").into()),
    }
}

/// What the prompt was filled in with.
fn context(receipt: &Receipt, resolved: &Resolved) -> Result<Context, String> {
    let settings: Settings = build(resolved, |_, _| None).map_err(|error| error.to_string())?.settings;
    Ok(conversation::context(&settings, &receipt.incoming(), receipt.at))
}

/// What makes the configuration another one than that of then, a sentence each; none if it is the same.
fn differences(receipt: &Receipt, replayed: &Replayed) -> Vec<String> {
    match receipt.digests.compare(&replayed.resolved) {
        Comparison::Exact => Vec::new(),
        Comparison::Differs(tiers) if tiers.is_empty() => {
            vec![format!("every tier is the same, but {} merges them otherwise", programs(receipt))]
        }
        Comparison::Differs(tiers) => {
            tiers.into_iter().map(|tier| difference(tier, receipt, replayed.rotated.contains(&tier))).collect()
        }
    }
}

fn difference(tier: Tier, receipt: &Receipt, is_rotated: bool) -> String {
    let revision = match tier {
        Tier::Default => return format!("the built-in defaults are not those of then: {}", programs(receipt)),
        Tier::Global => receipt.revisions.global,
        Tier::Tenant => receipt.revisions.tenant,
    };
    let why = if is_rotated {
        "its secret had another version than the history knows of that revision"
    } else {
        "something was changed by hand before the answer, or this store has another master key"
    };
    format!("tier {tier} was not what the history knows of its revision {revision}: {why}")
}

fn programs(receipt: &Receipt) -> String {
    let (then, now) = (visible(&receipt.program), env!("CARGO_PKG_VERSION"));
    format!("version {then} answered, this is version {now}")
}

fn heading(replica: &Replica<'_>, output: &Output) -> String {
    let (receipt, paint) = (replica.receipt, output.paint());
    let asked_by = receipt.user_name.as_deref().map(|name| format!(", asked by {}", visible(name))).unwrap_or_default();
    let mut lines = vec![
        format!(
            "{}: an answer of {} UTC by {}{asked_by}",
            paint.tone(Tone::Strong, receipt.tenant.as_str()),
            shown::time(receipt.at),
            receipt.channel.name()
        ),
        format!(
            "intent {}, prompt {}, model {} of {}",
            visible(&receipt.intent),
            receipt.prompt,
            visible(&receipt.model),
            receipt.provider
        ),
        format!(
            "built-in defaults of version {}, then {} r{}, then {} r{}",
            visible(&receipt.program),
            paint.tier(Tier::Global),
            receipt.revisions.global,
            paint.tier(Tier::Tenant),
            receipt.revisions.tenant
        ),
    ];
    if replica.exact {
        lines.push(format!("{} exactly the configuration of then", paint.tone(Tone::Good, "✓")));
    }
    let cross = paint.tone(Tone::Bad, "✗");
    lines.extend(replica.differences.iter().map(|difference| format!("{cross} {difference}")));
    lines.join("\n")
}

fn prompt_text(replica: &Replica<'_>, output: &Output) -> String {
    match &replica.prompt {
        Prompt::Prompt(rendered) => render::text(rendered, replica.receipt.tenant.as_str(), output),
        Prompt::PromptProblem(problem) => format!("{} {}", output.paint().tone(Tone::Bad, "✗"), visible(problem)),
    }
}

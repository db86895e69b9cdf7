//! `tenantry verify`: asks providers whether connections work, saved or not.

use std::path::Path;

use assistant::settings::Settings;
use assistant::verify::Subject;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use tenantry_core::change::ChangeSet;
use tenantry_core::scope::Scope;
use tenantry_core::settings::Built;
use tenantry_integrations::egress::Egress;
use tenantry_integrations::verify::Verdict;

use super::set::{Given, add, given};
use crate::application::{EVERY, TheAssistant};
use crate::exit::{Exit, Trouble, scope_flag};
use crate::input::{can_ask, value_from_file};
use crate::output::{Output, Tone};
use crate::session::{Session, allow_list, bases, key};
use crate::shown;

/// Ask the providers of connections whether they work
#[derive(Debug, Args)]
#[command(after_help = "\
Each provider is asked with a request that only reads, all of them at once. The answers are
`verified`, with the account; `rejected`, with the provider's reason; `unreachable`; and
`not configured`. A secret is never shown. The exit code is 4 if anything is rejected, else 1 if
anything is unreachable.

--with tries a value without saving it; a secret comes from standard input or a prompt. An
endpoint that is tried is never asked with a key of another tier.

Examples:
  tenantry -t acme verify
  tenantry -t acme verify odoo slack
  tenantry -t acme verify --all --output json
  pass show acme/openai | tenantry -t acme verify openai --with openai.api_key=-")]
pub(crate) struct Verify {
    /// The connections to verify [default: those that are set]
    #[arg(value_name = "SECTION")]
    sections: Vec<String>,
    /// Verify every connection, and tell which are not set
    #[arg(long, conflicts_with = "sections")]
    all: bool,
    /// Try a value that is not saved: KEY=VALUE, KEY=- for standard input, or KEY to be asked for it
    #[arg(long, value_name = "KEY[=VALUE]")]
    with: Vec<String>,
    /// Try what stands in a file as a value that is not saved
    #[arg(long, value_name = "KEY=FILE")]
    with_file: Vec<String>,
}

/// What a provider said.
#[derive(Serialize)]
struct Row {
    section: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

impl Verify {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<Exit> {
        if session.global.catalog.is_some() {
            let trouble = Trouble::usage("connections of another application's catalog cannot be verified here");
            return Err(trouble.help("leave --catalog out").into());
        }
        let sections = self.wanted()?;
        let scope = session.global.scope()?;
        let candidate =
            session.service.candidate(&scope, &self.changes(session)?, &sections, &session.context()).await?;
        let Built { settings, left_out } = candidate.build::<Settings>()?;
        let subject = Subject { settings, left_out, bindings: candidate.bindings };
        let egress = Egress::builder().allow_list(allow_list(&session.global)?).build();
        let assistant = TheAssistant::new(egress, bases(&session.global)?).await;
        let mut rows = ask(&assistant, subject, &sections).await;
        if self.sections.is_empty() && !self.all {
            rows.retain(|row| row.verdict != Verdict::NotConfigured);
        }
        session.output.show(&rows, |output| text(&scope, &rows, output))?;
        Ok(exit(&rows))
    }

    fn wanted(&self) -> anyhow::Result<Vec<&'static str>> {
        if self.sections.is_empty() {
            return Ok(EVERY.to_vec());
        }
        let known = |wanted: &String| {
            EVERY.into_iter().find(|section| section == wanted).ok_or_else(|| {
                Trouble::usage(format!("there is no connection {}", crate::output::visible(wanted)))
                    .help(format!("there are: {}", EVERY.join(", ")))
            })
        };
        Ok(self.sections.iter().map(known).collect::<Result<_, _>>()?)
    }

    fn changes(&self, session: &Session) -> anyhow::Result<ChangeSet> {
        if self.with.iter().filter(|pair| pair.ends_with("=-")).count() > 1 {
            return Err(Trouble::usage("standard input can be the value of one KEY alone").into());
        }
        let catalog = session.catalog();
        let mut changes = ChangeSet::default();
        let new = |changes: &ChangeSet, name: &str| {
            let key = key(catalog, name)?;
            let is_new = changes.keys().all(|known| *known != key);
            if is_new { Ok(key) } else { Err(anyhow::Error::from(Trouble::usage(format!("{key} is given twice")))) }
        };
        for pair in &self.with {
            let (name, value) = match pair.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (pair.as_str(), None),
            };
            let key = new(&changes, name)?;
            if value.is_none() && !can_ask() {
                let trouble = Trouble::usage(format!("{key} needs a value, and there is no terminal to ask at"));
                let help = format!("--with {key}=- reads standard input, --with-file {key}=FILE a file");
                return Err(trouble.help(help).into());
            }
            let given = given(catalog, &key, value.as_ref())?;
            changes = add(catalog, changes, key, given)?;
        }
        for pair in &self.with_file {
            let Some((name, file)) = pair.split_once('=') else {
                return Err(Trouble::usage("--with-file takes KEY=FILE").into());
            };
            let key = new(&changes, name)?;
            changes = add(catalog, changes, key, Given::Text(value_from_file(Path::new(file))?))?;
        }
        Ok(changes)
    }
}

/// Asks all providers at once, and shows how far that is.
async fn ask(assistant: &TheAssistant, subject: Subject, sections: &[&'static str]) -> Vec<Row> {
    let bar = ProgressBar::with_draw_target(Some(sections.len() as u64), ProgressDrawTarget::stderr());
    let said = assistant.ask(subject, sections, || bar.inc(1)).await;
    bar.finish_and_clear();
    sections.iter().zip(said).map(|(section, verdict)| Row { section, verdict }).collect()
}

fn exit(rows: &[Row]) -> Exit {
    let any = |is: fn(&Verdict) -> bool| rows.iter().any(|row| is(&row.verdict));
    if any(|verdict| matches!(verdict, Verdict::Rejected { .. })) {
        Exit::Invalid
    } else if any(|verdict| matches!(verdict, Verdict::Unreachable { .. })) {
        Exit::Failure
    } else {
        Exit::Done
    }
}

fn text(scope: &Scope, rows: &[Row], output: &Output) -> String {
    if rows.is_empty() {
        return format!("{}: no connection is set", shown::scope(scope));
    }
    let width = rows.iter().map(|row| row.section.len()).max().unwrap_or_default().max(11);
    let mut lines = Vec::new();
    for row in rows {
        let (mark, tone, said) = match &row.verdict {
            Verdict::Verified { whom, .. } => ("✓", Tone::Good, format!("verified: {whom}")),
            Verdict::Rejected { reason } => ("✗", Tone::Bad, format!("rejected: {reason}")),
            Verdict::Unreachable { reason } => ("!", Tone::Warn, format!("unreachable: {reason}")),
            Verdict::NotConfigured => ("-", Tone::Dim, "not configured".to_owned()),
        };
        lines.push(format!("{} {:<width$} {said}", output.paint().tone(tone, mark), row.section));
        lines.extend(next_steps(scope, row).into_iter().map(|step| format!("              {step}")));
    }
    lines.join("\n")
}

/// What to do about an answer, or what else it says.
fn next_steps(scope: &Scope, row: &Row) -> Vec<String> {
    match &row.verdict {
        Verdict::Verified { notes, .. } => notes.clone(),
        Verdict::Rejected { .. } => {
            let scope = scope_flag(scope);
            vec![format!("change it and try it unsaved: `tenantry {scope} verify {0} --with {0}.…`", row.section)]
        }
        Verdict::Unreachable { .. } => vec!["try again later, or check the address".to_owned()],
        Verdict::NotConfigured => Vec::new(),
    }
}

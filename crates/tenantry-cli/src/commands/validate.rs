//! `tenantry validate`: whether what is stored is valid and complete.

use clap::Args;
use serde::Serialize;
use tenantry_admin::service::{ScopeReport, Verdict};
use tenantry_core::assemble::Oddity;
use tenantry_core::usable::Fault;
use tenantry_core::validate::Violation;

use crate::exit::Exit;
use crate::output::{Output, Tone};
use crate::session::Session;
use crate::shown;

/// Check what is stored, merged with the tiers below it
#[derive(Debug, Args)]
#[command(after_help = "\
`incomplete` is no error: a connection that is not set yet, or something stored that the catalog
does not know. The exit code is 4 if anything is invalid.

Examples:
  tenantry -t acme validate
  tenantry validate --all --output json")]
pub(crate) struct Validate {
    /// Check the operator's defaults and every tenant
    #[arg(long)]
    all: bool,
}

/// How a scope's configuration is.
#[derive(Serialize)]
struct Report<'a> {
    scope: String,
    verdict: &'static str,
    violations: &'a [Violation],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unusable: &'a [Fault],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    oddities: &'a [Oddity],
}

impl Validate {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<Exit> {
        let reports = if self.all {
            session.service.validate_all().await?
        } else {
            vec![session.service.validate(&session.global.scope()?).await?]
        };
        let documents: Vec<_> = reports.iter().map(document).collect();
        session.output.show(&documents, |output| {
            reports.iter().map(|report| text(report, output)).collect::<Vec<_>>().join("\n")
        })?;
        let worst = reports.iter().map(ScopeReport::verdict).max().unwrap_or(Verdict::Valid);
        Ok(if worst == Verdict::Invalid { Exit::Invalid } else { Exit::Done })
    }
}

fn document(report: &ScopeReport) -> Report<'_> {
    Report {
        scope: shown::scope(&report.scope),
        verdict: name(report.verdict()),
        violations: &report.violations,
        unusable: &report.unusable,
        oddities: &report.oddities,
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Incomplete => "incomplete",
        Verdict::Invalid => "invalid",
    }
}

fn text(report: &ScopeReport, output: &Output) -> String {
    let paint = output.paint();
    let verdict = report.verdict();
    let (mark, tone) = match verdict {
        Verdict::Valid => ("✓", Tone::Good),
        Verdict::Incomplete => ("!", Tone::Warn),
        Verdict::Invalid => ("✗", Tone::Bad),
    };
    let scope = paint.tone(Tone::Strong, &shown::scope(&report.scope));
    let mut lines = vec![format!("{} {scope}: {}", paint.tone(tone, mark), name(verdict))];
    for violation in &report.violations {
        lines.push(format!("    {violation}"));
        lines.extend(violation.hint.iter().map(|hint| format!("      {}", paint.tone(Tone::Dim, hint))));
    }
    lines.extend(report.unusable.iter().map(|fault| format!("    {fault}")));
    lines.extend(report.oddities.iter().map(|oddity| format!("    {} {}", oddity.place, oddity.reason)));
    lines.join("\n")
}

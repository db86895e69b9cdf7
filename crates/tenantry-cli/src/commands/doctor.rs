//! `tenantry doctor`: looks the store over.

use clap::Args;
use tenantry_admin::service::{ScopeReport, Service, Verdict};
use tenantry_store::{Finding, Severity};

use crate::cli::Global;
use crate::exit::Exit;
use crate::output::{Output, Tone};
use crate::session::Session;
use crate::shown;

/// Look the store over: is it whole, can everything be read, is anything at risk?
#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 7 if anything must be mended. Nothing is changed, but in a store on AWS changes and erasures that were
interrupted are finished or undone, and told.

Examples:
  tenantry doctor
  tenantry doctor --output json")]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let session = Session::open(global).await?;
        let mut findings = vec![finding(Severity::Ok, "store", session.service.stores().describe())];
        findings.extend(session.service.stores().check().await?);
        findings.push(configurations(&session.service).await?);
        findings.push(tokens(&session.service).await?);
        session.output.show(&findings, |output| text(&findings, output))?;
        let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
        Ok(if worst == Severity::Error { Exit::Store } else { Exit::Done })
    }
}

fn finding(severity: Severity, subject: &str, message: impl Into<String>) -> Finding {
    Finding { severity, subject: subject.to_owned(), message: message.into() }
}

async fn configurations(service: &Service) -> anyhow::Result<Finding> {
    let reports = service.validate_all().await?;
    let tenants = shown::count(reports.len() - 1, "tenant");
    let invalid = |report: &&ScopeReport| report.verdict() == Verdict::Invalid;
    let invalid: Vec<_> = reports.iter().filter(invalid).map(|report| shown::scope(&report.scope)).collect();
    Ok(if invalid.is_empty() {
        finding(Severity::Ok, "configurations", format!("valid for the operator's defaults and {tenants}"))
    } else {
        let message = format!("not valid: {}; `tenantry validate --all` tells why", invalid.join(", "));
        finding(Severity::Warning, "configurations", message)
    })
}

async fn tokens(service: &Service) -> anyhow::Result<Finding> {
    let now = jiff::Timestamp::now();
    let tokens = service.tokens(None).await?;
    let valid = tokens.iter().filter(|token| token.revoked_at.is_none() && token.expires_at > now).count();
    Ok(finding(Severity::Ok, "tokens", format!("{valid} valid, {} in all", tokens.len())))
}

fn text(findings: &[Finding], output: &Output) -> String {
    let lines = findings.iter().map(|finding| {
        let (mark, tone) = match finding.severity {
            Severity::Ok => ("✓", Tone::Good),
            Severity::Warning => ("!", Tone::Warn),
            Severity::Error => ("✗", Tone::Bad),
        };
        format!("{} {:<16} {}", output.paint().tone(tone, mark), finding.subject, finding.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

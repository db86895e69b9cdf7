//! `tenantry drift`: what was changed by hand, past Tenantry; adopts it or puts back what was there.

use clap::Args;
use serde::Serialize;
use tenantry_admin::service::{Drift as Found, HandChange, HandChangeKind};
use tenantry_core::assemble::Oddity;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use crate::exit::{Exit, Trouble, scope_flag};
use crate::output::{Output, Tone, note};
use crate::session::Session;
use crate::shown;

/// Show what was changed by hand since the last managed write
#[derive(Debug, Args)]
#[command(after_help = "\
What is stored is compared with what the history says should be; secrets by their fingerprints. The
exit code is 5 if anything differs, or is left to differ.

--adopt makes what was changed by hand a part of the history: a new revision in which no value
changes. --restore makes a new revision with the old values; the old texts of secrets are not kept,
so they are named to be set again. What is stored and belongs to no parameter is told and left.

Examples:
  tenantry -t acme drift
  tenantry drift --all --output json
  tenantry -t acme drift --adopt --reason 'changed in the console during the outage'
  tenantry -t acme drift --restore --reason 'nobody knows who did that'")]
pub(crate) struct Drift {
    /// Look at the operator's defaults and every tenant
    #[arg(long)]
    all: bool,
    /// Make what was changed by hand a part of the history
    #[arg(long, conflicts_with = "restore")]
    adopt: bool,
    /// Put back what was there before
    #[arg(long)]
    restore: bool,
}

/// What was found in a scope, and what was done about it.
#[derive(Serialize)]
struct Report {
    scope: String,
    /// The revision at which it was looked at.
    revision: Revision,
    #[serde(skip)]
    flag: String,
    changes: Vec<HandChange>,
    /// Whether the store tells of a hand although no value differs.
    labelled: bool,
    oddities: Vec<Oddity>,
    /// The revision that adopted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    adopted: Option<Revision>,
    /// The revision that put back what was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<Revision>,
    /// Secrets that must be set again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets_left: Vec<Key>,
    /// Whether anything still differs.
    drifts: bool,
}

impl Drift {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<Exit> {
        let mut reports = Vec::new();
        for scope in self.scopes(session).await? {
            reports.push(self.report(session, &scope).await?);
        }
        session.output.show(&reports, |output| text(&reports, output))?;
        for report in &reports {
            tell_next_steps(report);
        }
        Ok(if reports.iter().any(|report| report.drifts) { Exit::Conflict } else { Exit::Done })
    }

    async fn scopes(&self, session: &Session) -> anyhow::Result<Vec<Scope>> {
        if !self.all {
            return Ok(vec![session.global.scope()?]);
        }
        if session.global.has_scope_flag() {
            return Err(Trouble::usage("--all is about every scope: leave out -t and --global").into());
        }
        let tenants = session.service.tenant_ids().await?;
        Ok(std::iter::once(Scope::Global).chain(tenants.into_iter().map(Scope::Tenant)).collect())
    }

    async fn report(&self, session: &Session, scope: &Scope) -> anyhow::Result<Report> {
        let found = session.service.drift(scope).await?;
        let mut report = Report::of(&found);
        if found.is_none() || !(self.adopt || self.restore) {
            return Ok(report);
        }
        if self.adopt {
            let adopted = session.service.adopt(scope, &session.context()).await?.revision;
            report.adopted = (adopted != found.revision).then_some(adopted);
        } else {
            let back = session.service.put_back(scope, &session.context()).await?;
            report.restored = (back.revision != found.revision).then_some(back.revision);
            report.secrets_left = back.secrets_left;
        }
        report.drifts = !session.service.drift(scope).await?.is_none();
        Ok(report)
    }
}

impl Report {
    fn of(found: &Found) -> Self {
        Self {
            scope: shown::scope(&found.scope),
            revision: found.revision,
            flag: scope_flag(&found.scope),
            changes: found.changes.clone(),
            labelled: found.labelled,
            oddities: found.oddities.clone(),
            adopted: None,
            restored: None,
            secrets_left: Vec::new(),
            drifts: !found.is_none(),
        }
    }

    /// The first line: what was found, and what was done about it.
    fn summary(&self) -> String {
        let Self { scope, revision, .. } = self;
        let values = match self.changes.len() {
            0 if !self.labelled => return format!("{scope}, revision {revision}: as the last managed write left it"),
            0 => "something was written by hand, and all values are as they were".to_owned(),
            1 => "1 value was changed by hand".to_owned(),
            more => format!("{more} values were changed by hand"),
        };
        let done = match (self.adopted, self.restored) {
            (Some(revision), _) => format!("; adopted as revision {revision}"),
            (None, Some(revision)) => format!("; put back as revision {revision}"),
            (None, None) => String::new(),
        };
        format!("{scope}, revision {revision}: {values}{done}")
    }
}

fn text(reports: &[Report], output: &Output) -> String {
    reports.iter().map(|report| one(report, output)).collect::<Vec<_>>().join("\n")
}

fn one(report: &Report, output: &Output) -> String {
    let paint = output.paint();
    let (mark, tone) = if report.drifts { ("!", Tone::Warn) } else { ("✓", Tone::Good) };
    let mut lines = vec![format!("{} {}", paint.tone(tone, mark), report.summary())];
    if !report.changes.is_empty() {
        let rows: Vec<_> = report.changes.iter().map(|change| row(change, output)).collect();
        let table = output.table(&["KEY", "BY HAND", "BEFORE", "NOW", "LAST MANAGED WRITE"], &rows);
        lines.extend(table.lines().map(|line| format!("  {line}")));
    }
    lines.extend(report.oddities.iter().map(|odd| format!("  odd: {} {}", odd.place.escape_debug(), odd.reason)));
    lines.join("\n")
}

fn row(change: &HandChange, output: &Output) -> Vec<String> {
    let (what, tone) = match change.kind {
        HandChangeKind::Added => ("added", Tone::Good),
        HandChangeKind::Changed => ("changed", Tone::Warn),
        HandChangeKind::Removed => ("removed", Tone::Bad),
        HandChangeKind::Unusable => ("unusable", Tone::Bad),
    };
    let now = change.reason.clone().unwrap_or_else(|| shown::entry_or_none(change.found.as_ref()));
    let write = change.last_write.as_ref();
    let write = write.map(|write| format!("{}, {} by {}", write.revision, shown::time(write.at), write.actor));
    vec![
        output.paint().tone(Tone::Strong, change.key.as_str()),
        output.paint().tone(tone, what),
        shown::entry_or_none(change.expected.as_ref()),
        now,
        write.unwrap_or_else(|| "never".to_owned()),
    ]
}

fn tell_next_steps(report: &Report) {
    let flag = &report.flag;
    if !report.secrets_left.is_empty() {
        let keys: Vec<_> = report.secrets_left.iter().map(Key::as_str).collect();
        note(&format!(
            "not put back: {}; old texts of secrets are not kept, so set what it should be again with `tenantry {flag} \
             set KEY`, or keep what is there with `tenantry {flag} drift --adopt`",
            keys.join(", ")
        ));
    } else if report.drifts {
        note(&format!(
            "help: `tenantry {flag} drift --adopt` keeps it, `tenantry {flag} drift --restore` puts back what was there"
        ));
    }
}

//! `tenantry history`: the revisions of a scope, and what each changed.

use clap::Args;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;
use tenantry_store::{LogEntry, PageRequest};

use crate::output::{Output, Tone, visible};
use crate::session::Session;
use crate::shown;

/// Show the revisions of a scope, newest first, or what one revision changed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenantry -t acme history
  tenantry -t acme history 7                       (what revision 7 changed)
  tenantry --global history --limit 100 --output json")]
pub(crate) struct History {
    /// A revision to show in full
    revision: Option<u64>,
    /// How many revisions to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

impl History {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        match self.revision {
            Some(revision) => show_one(session, &scope, Revision(revision)).await,
            None => list(session, &scope, self.limit).await,
        }
    }
}

async fn list(session: &Session, scope: &Scope, limit: usize) -> anyhow::Result<()> {
    let mut entries = Vec::new();
    let mut request = PageRequest::first(limit);
    while entries.len() < limit {
        let page = session.service.history(scope, &request).await?;
        entries.extend(page.items);
        match page.next {
            Some(cursor) => request = request.behind(cursor),
            None => break,
        }
    }
    entries.truncate(limit);
    session.output.show(&entries, |output| table(&entries, output))
}

fn table(entries: &[LogEntry], output: &Output) -> String {
    if entries.is_empty() {
        return "nothing was ever changed here".to_owned();
    }
    let rows = entries.iter().map(|entry| {
        vec![
            output.paint().tone(Tone::Strong, &entry.revision.unwrap_or_default().to_string()),
            shown::time(entry.at),
            entry.actor.clone(),
            action(entry),
            summary(entry),
            entry.reason.clone().unwrap_or_default(),
        ]
    });
    output.table(&["REVISION", "WHEN (UTC)", "WHO", "WHAT", "CHANGES", "WHY"], &rows.collect::<Vec<_>>())
}

/// What was done, as the log's documents spell it.
pub(super) fn action(entry: &LogEntry) -> String {
    let name = serde_json::to_value(entry.action).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ")
}

/// What an entry changed, in a few words.
pub(super) fn summary(entry: &LogEntry) -> String {
    if let Some(detail) = &entry.detail {
        return detail.clone();
    }
    match entry.changes.as_slice() {
        [] => String::new(),
        [only] => only.key.to_string(),
        [first, second] => format!("{}, {}", first.key, second.key),
        [first, second, more @ ..] => format!("{}, {} and {} more", first.key, second.key, more.len()),
    }
}

async fn show_one(session: &Session, scope: &Scope, revision: Revision) -> anyhow::Result<()> {
    let entry = session.service.revision(scope, revision).await?;
    session.output.show(&entry, |output| {
        let (when, what) = (shown::time(entry.at), action(&entry));
        let mut lines =
            vec![format!("{}, revision {revision}: {what} by {} at {when} UTC", shown::scope(scope), entry.actor)];
        lines.extend(entry.reason.iter().map(|reason| format!("because: {}", visible(reason))));
        lines.extend(entry.detail.as_deref().map(visible));
        lines.extend(entry.changes.iter().map(|d| format!("  {}", shown::difference(d, output.paint()))));
        lines.join("\n")
    })
}

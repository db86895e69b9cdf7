//! `tenantry log`: who did what, when and why.

use clap::Args;
use tenantry_store::{LogEntry, LogQuery, PageRequest};

use super::history::{action, summary};
use crate::output::{Output, Tone};
use crate::session::Session;
use crate::shown;

/// Show the log: who did what, when and why
#[derive(Debug, Args)]
#[command(after_help = "\
All scopes, or the one of -t ID or --global. It tells of tokens and bindings, too; `history`
tells of revisions alone.

Examples:
  tenantry log
  tenantry -t acme log --limit 100 --output json")]
pub(crate) struct Log {
    /// How many entries to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

impl Log {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let query = LogQuery { scope: session.global.scope_if_any()?, revisions_only: false };
        let mut entries = Vec::new();
        let mut request = PageRequest::first(self.limit);
        while entries.len() < self.limit {
            let page = session.service.stores().log(&query, &request).await?;
            entries.extend(page.items);
            match page.next {
                Some(cursor) => request = request.behind(cursor),
                None => break,
            }
        }
        entries.truncate(self.limit);
        session.output.show(&entries, |output| table(&entries, output))
    }
}

fn table(entries: &[LogEntry], output: &Output) -> String {
    if entries.is_empty() {
        return "the log is empty".to_owned();
    }
    let rows = entries.iter().map(|entry| {
        vec![
            shown::time(entry.at),
            entry.actor.clone(),
            output.paint().tone(Tone::Strong, entry.scope.trim_start_matches('#')),
            action(entry),
            summary(entry),
            entry.reason.clone().unwrap_or_default(),
        ]
    });
    output.table(&["WHEN (UTC)", "WHO", "SCOPE", "WHAT", "CHANGES", "WHY"], &rows.collect::<Vec<_>>())
}

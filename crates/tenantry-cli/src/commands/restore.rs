//! `tenantry restore`: makes an old revision's values the newest ones.

use clap::Args;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;

use crate::output::{Tone, note};
use crate::session::Session;
use crate::shown;

/// Make an old revision's values the newest ones
#[derive(Debug, Args)]
#[command(after_help = "\
It makes a new revision; none is lost. Secrets stay as they are, because old texts are not kept:
those that were others at that revision are named.

Examples:
  tenantry -t acme history
  tenantry -t acme restore 7 --reason 'the new prompt was worse'")]
pub(crate) struct Restore {
    /// The revision
    revision: u64,
}

impl Restore {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        let revision = Revision(self.revision);
        let restored = session.service.restore(&scope, revision, session.global.expected(), &session.context()).await?;
        let changed = &restored.changed;
        let document = serde_json::json!({
            "scope": shown::scope(&scope),
            "restored": revision,
            "revision": changed.revision,
            "changes": changed.differences,
            "secrets_left": restored.secrets_left,
        });
        session.output.show(&document, |output| {
            let at = format!("{}, revision {}", shown::scope(&scope), changed.revision);
            if changed.differences.is_empty() {
                return format!("{at}: the values are those of revision {revision} already");
            }
            let mut lines = vec![format!("{at}: the values of revision {revision} again")];
            lines.extend(changed.differences.iter().map(|d| format!("  {}", shown::difference(d, output.paint()))));
            lines.join("\n")
        })?;
        if !restored.secrets_left.is_empty() {
            let keys: Vec<_> = restored.secrets_left.iter().map(Key::as_str).collect();
            let warning = session.output.paint().tone(Tone::Warn, "warning:");
            let (was, it) = if keys.len() == 1 { ("was another value", "it") } else { ("were other values", "them") };
            note(&format!(
                "{warning} not restored: {} {was} at revision {revision}; set {it} again if you want the old {}",
                keys.join(", "),
                if keys.len() == 1 { "one" } else { "ones" }
            ));
        }
        Ok(())
    }
}

//! `tenantry unset`: removes overrides, so that the tier below shows again.

use clap::Args;
use tenantry_core::change::ChangeSet;

use super::set::{keys, show_changed};
use crate::session::Session;

/// Remove overrides, so that the tier below shows again
#[derive(Debug, Args)]
#[command(after_help = "\
A section's key removes all that the scope sets below it, secrets too.

Examples:
  tenantry -t acme unset persona.name
  tenantry -t acme unset openai --reason 'the key was stolen'")]
pub(crate) struct Unset {
    /// The keys
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

impl Unset {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        let mut wanted = ChangeSet::default();
        for key in keys(session.catalog(), &self.keys)? {
            wanted = match session.catalog().secret_field(&key) {
                Some(_) => wanted.unset_secret(key),
                None => wanted.unset(key),
            };
        }
        let changed = session.service.change(&scope, &wanted, session.global.expected(), &session.context()).await?;
        show_changed(session, &scope, &changed)
    }
}

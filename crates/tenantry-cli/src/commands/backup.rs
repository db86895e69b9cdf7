//! `tenantry backup`: copies the store while others go on using it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::exit::{Exit, Trouble};
use crate::output::note;
use crate::session::Session;

/// Copy the store into a new file while others go on using it
#[derive(Debug, Args)]
#[command(after_help = "\
The copy can be opened as a store. It needs the same master key, which is not in it: keep that
elsewhere.

Examples:
  tenantry backup tenantry-2026-11-23.db
  tenantry --store sqlite:tenantry-2026-11-23.db tenant list")]
pub(crate) struct Backup {
    /// The new file
    file: PathBuf,
}

impl Backup {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let file = self.file.display().to_string();
        if self.file.exists() {
            let trouble = Trouble::new(Exit::Conflict, format!("{file} is there already, and is not overwritten"));
            return Err(trouble.help("name another file").into());
        }
        let target = std::path::absolute(&self.file).with_context(|| format!("{file} is no path"))?;
        session.service.stores().back_up(&target).await?;
        session.output.show(&serde_json::json!({ "backup": file }), |_| format!("copied to {file}"))?;
        note("the copy needs the same master key, which is not in it");
        Ok(())
    }
}

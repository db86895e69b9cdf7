//! `tenantry backup`: copies the store while others go on using it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use tenantry_store::StoreUrl;

use crate::exit::{Exit, Trouble};
use crate::output::note;
use crate::session::{Session, open_options, store_url};

/// Copy the store into a new file while others go on using it
#[derive(Debug, Args)]
#[command(after_help = "\
The copy can be opened as a store. It needs the same master key, which is not in it: keep that
elsewhere, and name its file.

Examples:
  tenantry backup tenantry-2026-11-23.db
  tenantry --store sqlite:tenantry-2026-11-23.db --master-key-file tenantry.db.key tenant list")]
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
        note(&format!("the copy needs the same master key, which is not in it: {}", key_of(session)?));
        Ok(())
    }
}

/// How the master key of the open store is given to its copy.
fn key_of(session: &Session) -> anyhow::Result<String> {
    let options = open_options(&session.global)?;
    Ok(match (options.master_key, options.master_key_file, store_url(&session.global)?) {
        (Some(_), _, _) => "give it in TENANTRY_MASTER_KEY, as now".to_owned(),
        (None, Some(file), _) => format!("open it with --master-key-file {}", file.display()),
        // Opening the store found the key where making the store put it.
        (None, None, StoreUrl::Sqlite(store)) => format!("open it with --master-key-file {}.key", store.display()),
        // A store on AWS makes no copy of this kind.
        (None, None, StoreUrl::Aws(_)) => "it stays in its secret".to_owned(),
        (None, None, StoreUrl::Memory) => "it is gone with this process".to_owned(),
    })
}

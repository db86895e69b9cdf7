//! `tenantry init`: makes the store.

use clap::Args;
use serde::Serialize;
use tenantry_store::Stores;

use crate::cli::Global;
use crate::output::{Output, Tone, note};
use crate::session::{open_options, store_url};

/// Make the store, unless it is there already
#[derive(Debug, Args)]
#[command(after_help = "\
Run again, it changes nothing and tells where the store is.

Examples:
  tenantry init
  tenantry --store sqlite:/var/lib/tenantry/tenantry.db init
  tenantry --store 'aws:?environment=production' init      (tables, and a secret with the master key)
  TENANTRY_MASTER_KEY=… tenantry init             (with a master key of your own, so that no file is made)")]
pub(crate) struct Init {}

#[derive(Serialize)]
struct Made {
    store: String,
    existed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_key_file: Option<String>,
    /// What was made on AWS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    created: Vec<String>,
    /// What AWS, or what stands in for it, did not do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacking: Vec<String>,
}

impl Init {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<()> {
        let (stores, created) = Stores::create(&store_url(global)?, &open_options(global)?).await?;
        let made = Made {
            store: stores.describe(),
            existed: created.existed,
            master_key_file: created.master_key_file.map(|file| file.display().to_string()),
            created: created.made,
            lacking: created.lacking,
        };
        let output = Output::new(global.output);
        output.show(&made, |output| text(&made, output))?;
        for lacking in &made.lacking {
            note(&format!("{} {lacking}", output.paint().tone(Tone::Warn, "warning:")));
        }
        if let Some(file) = &made.master_key_file {
            note(&format!(
                "{} {file} opens every secret in the store. Move it away from the store and its backups, and name it \
                 with --master-key-file or TENANTRY_MASTER_KEY_FILE. Without it no secret can be read again.",
                output.paint().tone(Tone::Warn, "warning:")
            ));
        }
        Ok(())
    }
}

fn text(made: &Made, output: &Output) -> String {
    let mut lines = vec![if made.existed {
        format!("store       {} (was there already, nothing was changed)", made.store)
    } else {
        format!("store       {} (new)", made.store)
    }];
    lines.extend(made.created.iter().map(|name| format!("created     {name}")));
    lines.extend(made.master_key_file.iter().map(|file| format!("master key  {file}")));
    lines.push(String::new());
    lines.push(format!("next: {}", output.paint().tone(Tone::Strong, "tenantry tenant create ID --name 'A company'")));
    lines.join("\n")
}

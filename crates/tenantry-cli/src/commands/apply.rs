//! `tenantry apply`: imports the values of many scopes from a file, whole or not at all.

use std::path::PathBuf;

use clap::Args;
use tenantry_admin::service::{Bundle, BundleError, Imported};

use crate::exit::{Exit, Trouble};
use crate::input::whole;
use crate::output::{Output, Tone};
use crate::session::Session;
use crate::shown;
use crate::yaml;

/// Import the values of many scopes from a file, whole or not at all
#[derive(Debug, Args)]
#[command(after_help = "\
What the file names is set, and what it does not name stays. Tenants that do not exist are
created. If anything is not valid, nothing is imported and every fault is listed. The
connections that values need must be in the file or the store.

The file is YAML or JSON:
  global:
    values: {persona: {language: en}}
  tenants:
    - tenant_id: acme
      display_name: Acme Bakery
      values: {persona.name: Ada, company: {facts: {opening_hours: 6 to 18}}}
      secrets: {openai_api_key: …}

Examples:
  tenantry apply -f companies.yaml --dry-run
  tenantry apply -f companies.yaml --reason 'first customers'
  tenantry -t acme export | tenantry --store sqlite:staging.db apply -f -")]
pub(crate) struct Apply {
    /// The file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Check everything, change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Apply {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let bundle = read(&whole(&self.file)?)?;
        let imported = if self.dry_run {
            session.service.check_import(&bundle, &session.context()).await?
        } else {
            session.service.import(&bundle, &session.context()).await?
        };
        let document = serde_json::json!({
            "dry_run": self.dry_run,
            "global": imported.global,
            "tenants": imported.tenants,
        });
        session.output.show(&document, |output| text(&imported, self.dry_run, output))
    }
}

/// Reads a bundle from YAML, of which JSON is a part.
pub(super) fn read(text: &str) -> anyhow::Result<Bundle> {
    let help = "`tenantry apply --help` shows the form of the file";
    let json = yaml::to_json(text)
        .map_err(|error| Trouble::new(Exit::Invalid, "the file cannot be read as YAML").help(help).because(error))?;
    Bundle::from_json(&json).map_err(|faults| {
        let message = format!("the file is no bundle, so nothing was imported\n{}", list(&faults));
        Trouble::new(Exit::Invalid, message).help(help).into()
    })
}

fn list(faults: &[BundleError]) -> String {
    faults.iter().map(|fault| format!("  - {fault}")).collect::<Vec<_>>().join("\n")
}

fn text(imported: &Imported, dry_run: bool, output: &Output) -> String {
    let paint = output.paint();
    let mut lines = Vec::new();
    lines.extend(imported.global.map(|revision| format!("{} revision {revision}", paint.tone(Tone::Strong, "global"))));
    for tenant in &imported.tenants {
        let done = match (tenant.created, tenant.differences) {
            (true, _) => paint.tone(Tone::Good, "created"),
            (false, 0) => "as it was".to_owned(),
            (false, _) => paint.tone(Tone::Warn, "changed"),
        };
        let id = paint.tone(Tone::Strong, tenant.tenant_id.as_str());
        let values = shown::count(tenant.differences, "value");
        lines.push(format!("{id} {done}, revision {}, {values}", tenant.revision));
        lines.extend(tenant.lacks.iter().map(|lack| format!("  {} {lack}", paint.tone(Tone::Warn, "lacks"))));
    }
    if lines.is_empty() {
        lines.push("nothing to import".to_owned());
    }
    lines.extend(dry_run.then(|| "everything is valid; nothing was changed, because of --dry-run".to_owned()));
    lines.join("\n")
}

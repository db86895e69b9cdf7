//! `tenantry apply`: imports the values of many scopes from a file, whole or not at all.

use std::path::PathBuf;

use clap::Args;
use tenantry_admin::service::{Bundle, BundleError, Imported, ServiceError};

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
        let bundle = checked(session, &whole(&self.file)?).await?;
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

const HELP: &str = "`tenantry apply --help` shows the form of the file";

/// Reads a bundle from YAML, of which JSON is a part.
pub(super) fn read(text: &str) -> anyhow::Result<Bundle> {
    let (bundle, faults) = parts(text)?;
    if faults.is_empty() { Ok(bundle) } else { Err(misshapen(&faults).into()) }
}

/// Reads a bundle. If its form is not right, what is wrong with the values that can be read is told as well.
async fn checked(session: &Session, text: &str) -> anyhow::Result<Bundle> {
    let (bundle, faults) = parts(text)?;
    if faults.is_empty() {
        return Ok(bundle);
    }
    let trouble = misshapen(&faults);
    Err(match session.service.check_import(&bundle, &session.context()).await {
        Err(invalid @ ServiceError::InvalidImport(_)) => trouble.because(invalid).into(),
        Ok(_) | Err(_) => trouble.into(),
    })
}

/// What can be read of a bundle, and what is wrong with its form.
fn parts(text: &str) -> anyhow::Result<(Bundle, Vec<BundleError>)> {
    let unreadable = |error| Trouble::new(Exit::Invalid, "the file cannot be read as YAML").help(HELP).because(error);
    Ok(Bundle::read(&yaml::to_json(text).map_err(unreadable)?))
}

fn misshapen(faults: &[BundleError]) -> Trouble {
    let message = format!("the file is no bundle, so nothing was imported\n{}", list(faults));
    Trouble::new(Exit::Invalid, message).help(HELP)
}

fn list(faults: &[BundleError]) -> String {
    faults.iter().map(|fault| format!("  - {fault}")).collect::<Vec<_>>().join("\n")
}

fn text(imported: &Imported, dry_run: bool, output: &Output) -> String {
    let paint = output.paint();
    let mut lines = Vec::new();
    lines.extend(imported.global.map(|revision| format!("{} revision {revision}", paint.tone(Tone::Strong, "global"))));
    for tenant in &imported.tenants {
        let done = match (tenant.created, tenant.renamed, tenant.differences) {
            (true, _, _) => paint.tone(Tone::Good, "created"),
            (false, false, 0) => "as it was".to_owned(),
            (false, true, 0) => paint.tone(Tone::Warn, "renamed"),
            (false, true, _) => paint.tone(Tone::Warn, "renamed, changed"),
            (false, false, _) => paint.tone(Tone::Warn, "changed"),
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

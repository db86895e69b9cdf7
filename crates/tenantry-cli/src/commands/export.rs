//! `tenantry export`: writes what scopes set as a file for `apply`, without secrets.

use clap::Args;
use tenantry_core::scope::Scope;

use crate::output::{Format, Tone, note, print};
use crate::session::Session;
use crate::yaml;

/// Write what scopes set as a file for `apply`, without secrets
#[derive(Debug, Args)]
#[command(after_help = "\
YAML, or JSON with --output json. Only what is set at the scope's own tier is written. Secrets
are named under secrets_not_exported: add them under `secrets` where the file goes to a store
that does not have them. If anything that is stored cannot be used, nothing is written: the
command fails with exit code 4 and names it.

Examples:
  tenantry -t acme export > acme.yaml
  tenantry export --all --output json > everything.json")]
pub(crate) struct Export {
    /// The operator's defaults and every tenant
    #[arg(long)]
    all: bool,
}

impl Export {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scopes = if self.all {
            let tenants = session.service.tenant_ids().await?;
            std::iter::once(Scope::Global).chain(tenants.into_iter().map(Scope::Tenant)).collect()
        } else {
            vec![session.global.scope()?]
        };
        session.service.must_be_usable(&scopes).await?;
        let bundle = session.service.export(&scopes).await?;
        match session.output.format() {
            Format::Table | Format::Yaml => print(&yaml::to_string(&bundle)?)?,
            Format::Json | Format::JsonSchema | Format::Markdown => session.output.show(&bundle, |_| String::new())?,
        }
        if bundle.to_json().contains("\"secrets_not_exported\"") {
            let warning = session.output.paint().tone(Tone::Warn, "warning:");
            note(&format!("{warning} secrets are not exported; secrets_not_exported names them"));
        }
        Ok(())
    }
}

//! `tenantry binding`: outside identities that belong to one tenant alone.

use clap::{Args, Subcommand};
use tenantry_core::layer::Revision;
use tenantry_core::scope::TenantId;
use tenantry_store::Binding as Identity;

use crate::exit::Trouble;
use crate::session::Session;

/// Bind outside identities (a Slack team, a Telegram bot, a host name) to a tenant
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tenantry -t acme binding add slack:T0123ABCD
  tenantry -t acme binding list
  tenantry -t acme binding remove slack:T0123ABCD")]
pub(crate) enum Binding {
    /// Bind an identity; it must not be another tenant's
    Add(One),
    /// Release an identity
    Remove(One),
    /// List what is bound
    List,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// slack:TEAM, telegram:NAME, email:ADDRESS or host:NAME
    #[arg(value_name = "KIND:NAME")]
    identity: String,
}

impl One {
    fn parse(&self) -> anyhow::Result<Identity> {
        let parsed = Identity::parse(&self.identity);
        Ok(parsed.map_err(|error| Trouble::usage(error.to_string()).help("for example slack:T0123ABCD"))?)
    }
}

impl Binding {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let tenant = session.global.tenant()?;
        let context = session.context();
        match self {
            Self::Add(one) => {
                let identity = one.parse()?;
                let revision = session.service.bind(&tenant, identity.clone(), &context).await?;
                show(session, &tenant, &identity, "bound", revision)
            }
            Self::Remove(one) => {
                let identity = one.parse()?;
                let revision = session.service.unbind(&tenant, identity.clone(), &context).await?;
                show(session, &tenant, &identity, "released", revision)
            }
            Self::List => {
                let bindings = session.service.bindings(&tenant).await?;
                let names: Vec<_> = bindings.iter().map(ToString::to_string).collect();
                session.output.show(&names, |_| {
                    if names.is_empty() { format!("nothing is bound to {tenant}") } else { names.join("\n") }
                })
            }
        }
    }
}

fn show(session: &Session, tenant: &TenantId, identity: &Identity, done: &str, at: Revision) -> anyhow::Result<()> {
    let document = serde_json::json!({
        "tenant_id": tenant,
        "binding": identity.to_string(),
        "done": done,
        "revision": at,
    });
    session.output.show(&document, |_| format!("{identity} is {done}: {tenant}, revision {at}"))
}

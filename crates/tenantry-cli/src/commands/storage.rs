//! `tenantry storage`: the tables in which the assistant keeps conversations.

use clap::{Args, Subcommand};
use serde::Serialize;
use tenantry_core::key::Key;
use tenantry_core::layer::Entry;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::value::Value;
use tenantry_integrations::aws::{Aws, AwsOptions};
use tenantry_integrations::call::CallError;
use tenantry_integrations::dynamodb::{Tables, table_name};
use tenantry_store::StoreUrl;

use crate::exit::{Exit, Trouble};
use crate::session::{Session, store_url};

/// The parameter that names a tenant's own tables.
const PREFIX: &str = "storage.dynamodb_table_prefix";

/// Make the tables in which conversations are kept
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tenantry storage init
  tenantry -t acme storage init")]
pub(crate) enum Storage {
    Init(Init),
}

/// Make the table of conversations on AWS, unless it is there already
#[derive(Debug, Args)]
#[command(after_help = "\
Without a tenant it is the platform's table, for tenants without a prefix of their own. A tenant's is
the one under its storage.dynamodb_table_prefix. What is kept in it goes by itself after its time.
Run again, it changes nothing. A store in one file needs no table.

Examples:
  tenantry storage init
  tenantry -t acme set storage.dynamodb_table_prefix acme-
  tenantry -t acme storage init")]
pub(crate) struct Init {}

#[derive(Serialize)]
struct Made {
    table: String,
    existed: bool,
}

impl Storage {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Self::Init(Init {}) = self;
        let prefix = prefix(session).await?;
        let made = Tables::new(aws().await?).create(&prefix).await.map_err(trouble)?;
        let made = Made { table: table_name(&prefix), existed: !made };
        session.output.show(&made, |_| {
            let told = if made.existed { "was there already, its rows were not changed" } else { "new" };
            format!("table  {} ({told})", made.table)
        })
    }
}

/// The clients with the caller's own credentials: making tables is no tenant's to do.
async fn aws() -> anyhow::Result<Aws> {
    Ok(Aws::open(AwsOptions::default()).await.map_err(trouble)?)
}

/// The prefix of the table: the tenant's own, or the platform's.
async fn prefix(session: &Session) -> anyhow::Result<String> {
    let platforms = match store_url(&session.global)? {
        StoreUrl::Aws(url) => url.table_prefix().to_owned(),
        StoreUrl::Sqlite(_) | StoreUrl::Memory => return Err(needs_no_table().into()),
    };
    match session.global.scope_if_any()? {
        None | Some(Scope::Global) => Ok(platforms),
        Some(Scope::Tenant(tenant)) => own_prefix(session, &tenant).await,
    }
}

async fn own_prefix(session: &Session, tenant: &TenantId) -> anyhow::Result<String> {
    let key = Key::parse(PREFIX)?;
    let effective = session.service.effective(&Scope::Tenant(tenant.clone())).await?;
    effective.must_be_usable(session.catalog(), Some(&key))?;
    match effective.resolved.leaf(&key).map(|leaf| leaf.entry) {
        Some(Entry::Value(Value::String(prefix))) => Ok(prefix.clone()),
        _ => Err(Trouble::new(Exit::NotFound, format!("{tenant} has no tables of its own: {PREFIX} is not set"))
            .help(format!(
                "its conversations are in the platform's table, which `tenantry storage init` makes; `tenantry -t {tenant} \
                 set {PREFIX} {tenant}-` gives it its own"
            ))
            .into()),
    }
}

fn needs_no_table() -> Trouble {
    Trouble::refused("the conversations of this store are in a file beside it, and need no table")
        .help("this is for a store on AWS: --store 'aws:?environment=NAME'")
}

fn trouble(error: CallError) -> Trouble {
    let exit = match error {
        CallError::Rejected { .. } | CallError::Unauthorized | CallError::NotAllowed(_) => Exit::Refused,
        CallError::RateLimited { .. }
        | CallError::Unreachable { .. }
        | CallError::TimedOut { .. }
        | CallError::TooLarge { .. }
        | CallError::Malformed { .. } => Exit::Store,
    };
    Trouble::new(exit, "the table cannot be made").because(error)
}

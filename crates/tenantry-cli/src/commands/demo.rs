//! `tenantry demo`: three companies, one question, and why each gets another answer.

mod marked;
mod scenes;

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use dialoguer::Confirm;
use tenantry_admin::Limits;
use tenantry_admin::access::Role;
use tenantry_admin::service::Bundle;
use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;
use tenantry_integrations::bases::Bases;
use tenantry_integrations::egress::AllowList;
use tenantry_store::{OpenOptions, StoreUrl, Stores};
use tokio::sync::oneshot;

use self::scenes::Stage;
use super::serve::FRESH_FOR;
use crate::cli::Global;
use crate::exit::Trouble;
use crate::output::{note, print};
use crate::server::{Plan, Server, asked_to_stop};
use crate::session::Session;

/// The companies of the demo.
const COMPANIES: &str = include_str!("../../../../examples/companies.yaml");
/// The name of the demo's tokens.
const TOKEN_NAME: &str = "demo";
/// The demo's tokens live for a day.
const TOKEN_DAYS: u16 = 1;

/// Show three companies that get three answers to one question, and why
#[derive(Debug, Args)]
#[command(after_help = "\
It makes a store of three made-up companies in a folder of its own, starts the server on
loopback, asks it the same question for each company, and stays until Ctrl-C, so that you can
change a prompt and see the next answer change. Everything is real but the credentials, which
are plainly examples: no model is called. It opens and removes only a store that it made itself.

Examples:
  tenantry demo
  tenantry demo --fresh --once                     (begin anew, print, and end)")]
pub(crate) struct Demo {
    /// The folder of the demo's store
    #[arg(long, value_name = "FOLDER", default_value = ".demo")]
    dir: PathBuf,
    /// Where to listen; any free port if that one is taken
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Begin anew, without asking
    #[arg(long)]
    fresh: bool,
    /// Print, and end
    #[arg(long)]
    once: bool,
}

/// A company of the demo, and the token by which it asks.
struct Company {
    tenant: TenantId,
    name: String,
    token: SecretText,
}

impl Demo {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<()> {
        if !self.listen.ip().is_loopback() {
            return Err(Trouble::refused("the demo listens on loopback alone").help("--listen 127.0.0.1:8080").into());
        }
        let file = self.dir.join("demo.db");
        let was_there = self.prepare(&file)?;
        let session = open(global, &file).await?;
        let bundle = super::apply::read(COMPANIES)?;
        if session.service.tenant_ids().await?.is_empty() {
            session
                .service
                .import(&bundle, &session.context())
                .await
                .context("the sample companies cannot be imported")?;
        }
        let companies = companies(&session, &bundle).await?;
        let plan = Plan {
            service: session.service.clone(),
            oidc: None,
            limits: Limits::default(),
            fresh_for: Duration::from_secs(FRESH_FOR),
            assistant: Some(AllowList::default()),
            bases: Bases::default(),
            store: StoreUrl::Sqlite(file.clone()),
        };
        let server = bind(self.listen, plan).await?;
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.run(async move { drop(stopped.await) }));
        let stage = Stage { session: &session, server: address, file: &file, was_there, stays: !self.once };
        print(&scenes::play(&stage, &companies).await?)?;
        if !self.once {
            let asked = asked_to_stop()?;
            note("serving until Ctrl-C …");
            asked.await;
        }
        drop(stop);
        serving.await.context("the server stopped by itself")?
    }

    /// Makes sure that a demo store is there or can be made, and tells whether it was there.
    fn prepare(&self, file: &Path) -> anyhow::Result<bool> {
        if !marked::is_there(file)? {
            return Ok(false);
        }
        if self.fresh || (!self.once && begin_anew(&self.dir)?) {
            marked::remove(file)?;
            return Ok(false);
        }
        Ok(true)
    }
}

/// Asks whether a demo store that is there is thrown away; without a terminal it is used as it is.
fn begin_anew(dir: &Path) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    let question = format!("There is a demo store in {} already. Begin anew?", dir.display());
    Confirm::new().with_prompt(question).default(false).interact().context("the prompt was left")
}

/// Opens or makes the demo store. The master key is always the demo's own.
async fn open(global: &Global, file: &Path) -> anyhow::Result<Session> {
    let url = StoreUrl::Sqlite(file.to_owned());
    let (stores, created) = Stores::create(&url, &OpenOptions::default()).await?;
    if !created.existed {
        marked::mark(file)?;
    }
    let mut global = global.clone();
    global.catalog = None;
    Session::over(&global, stores).await
}

/// Makes a token for each company, in the place of those that an earlier run made. A company that somebody deleted
/// meanwhile is left out.
async fn companies(session: &Session, bundle: &Bundle) -> anyhow::Result<Vec<Company>> {
    let there = session.service.tenant_ids().await?;
    let mut companies = Vec::new();
    for tenant in bundle.tenants.iter().map(|tenant| &tenant.tenant_id).filter(|tenant| there.contains(tenant)) {
        revoke_tokens(session, tenant).await?;
        let name = session.service.tenant(tenant).await?.display_name;
        let scope = tenant.clone().into();
        let made = super::token::make(session, &scope, Role::TenantAdmin, TOKEN_NAME, TOKEN_DAYS).await?;
        companies.push(Company { tenant: tenant.clone(), name, token: made.text });
    }
    Ok(companies)
}

async fn revoke_tokens(session: &Session, tenant: &TenantId) -> anyhow::Result<()> {
    let scope = tenant.clone().into();
    for token in session.service.tokens(Some(&scope)).await? {
        if token.name == TOKEN_NAME && token.revoked_at.is_none() {
            session.service.revoke_token(&scope, &token.id, &session.context()).await?;
        }
    }
    Ok(())
}

/// Takes the port, or any free one if somebody else has it.
async fn bind(listen: SocketAddr, plan: Plan) -> anyhow::Result<Server> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let taken = listen.port() != 0 && std::net::TcpListener::bind(listen).is_err();
    if taken {
        note(&format!("{listen} is taken, so any free port is used"));
    }
    Server::bind(if taken { any } else { listen }, plan).await
}

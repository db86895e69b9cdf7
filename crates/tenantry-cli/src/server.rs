//! The server: the admin's API and the assistant on one port, stopped gracefully.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use assistant::app::App;
use assistant::later::{Later, Tasks};
use assistant::settings::Settings;
use tenantry::token::Tokens;
use tenantry::{Freshness, Loader};
use tenantry_admin::oidc::{Oidc, OidcSettings};
use tenantry_admin::service::Service;
use tenantry_admin::{Api, Framed, HOT_BYTES, Limits, MOST_CONNECTIONS, framed, serve};
use tenantry_integrations::bases::Bases;
use tenantry_integrations::egress::{AllowList, Egress};
use tenantry_store::StoreUrl;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::application::{AnotherOne, ByEgress, TheAssistant};
use crate::exit::{Exit, Trouble};
use crate::traces;

/// How long requests under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// What the server is made of.
pub(crate) struct Plan {
    /// The use cases.
    pub(crate) service: Service,
    /// Whose tokens are accepted beside API tokens, and by which way out its keys are fetched.
    pub(crate) oidc: Option<(OidcSettings, AllowList)>,
    /// How often may be asked.
    pub(crate) limits: Limits,
    /// For how long a configuration is served without looking whether it changed.
    pub(crate) fresh_for: Duration,
    /// Origins that the outbound rules allow beyond public https; none if the assistant is not served, because the
    /// catalog is another application's.
    pub(crate) assistant: Option<AllowList>,
    /// Where the providers are that all tenants share.
    pub(crate) bases: Bases,
    /// Where the store is: what the assistant keeps stands beside it.
    pub(crate) store: StoreUrl,
}

/// A server that listens, and does not answer yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    framed: Framed,
    api: Api,
    /// What is still done for messages whose senders were answered.
    tasks: Tasks,
}

impl Server {
    /// Takes the port, and gets everything ready.
    pub(crate) async fn bind(listen: SocketAddr, plan: Plan) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Trouble::new(Exit::Failure, format!("{listen} cannot be listened on"))
                .help("another port: --listen 127.0.0.1:0 takes any free one")
                .because(error)
        })?;
        let address = listener.local_addr().context("the port is not known")?;
        let tasks = Tasks::default();
        let (framed, api) = answers(plan, &tasks).await?;
        Ok(Self { listener, address, framed, api, tasks })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until told to stop. Then requests under way, and after them the jobs that their senders do not wait for, have
    /// ten seconds to end; jobs that have not are left for the next start.
    pub(crate) async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let (stopping, mut stopped) = watch::channel(None);
        let api = self.api;
        let signal = async move {
            stop.await;
            api.stop();
            stopping.send_replace(Some(Instant::now()));
        };
        let served = serve(self.listener, self.framed, most_connections(), signal);
        let out_of_time = async {
            // An error is the end of the signal's task, which ends when the server does.
            let Ok(since) = stopped.wait_for(Option::is_some).await.map(|since| since.unwrap_or_else(Instant::now))
            else {
                return std::future::pending().await;
            };
            tokio::time::sleep_until(since + DRAIN).await;
        };
        tokio::select! {
            () = served => {}
            () = out_of_time => tracing::warn!("connections were still open after ten seconds; they are cut"),
        }
        let since = stopped.borrow().unwrap_or_else(Instant::now);
        self.tasks.stop((since + DRAIN).saturating_duration_since(Instant::now())).await;
        Ok(())
    }
}

/// How many connections the process may have open, beside its files and its own connections to others.
fn most_connections() -> usize {
    const OTHERS: u64 = 256;
    let wanted = MOST_CONNECTIONS as u64 + OTHERS;
    let files = rlimit::increase_nofile_limit(wanted).unwrap_or(1_024);
    if files < wanted {
        tracing::warn!(
            files,
            wanted,
            "few files may be open at once, and so few connections: raise the limit (nofile)"
        );
    }
    // Of very few files, half are for others.
    let left = files - OTHERS.min(files / 2);
    usize::try_from(left).map_or(MOST_CONNECTIONS, |left| left.min(MOST_CONNECTIONS))
}

/// The same API that accepts tokens of an identity provider, if one is named.
fn with_oidc(api: Api, oidc: Option<(OidcSettings, AllowList)>) -> Api {
    match oidc {
        Some((settings, allow_list)) => {
            let egress = Egress::builder().allow_list(allow_list).build();
            api.with_oidc(Oidc::new(settings, Arc::new(ByEgress(egress))))
        }
        None => api,
    }
}

/// What answers requests, and the API among it.
async fn answers(plan: Plan, tasks: &Tasks) -> anyhow::Result<(Framed, Api)> {
    let stores = plan.service.stores().clone();
    let tokens = Tokens::open(&stores).await?;
    let Some(allow_list) = plan.assistant else {
        let api = with_oidc(
            Api::new(plan.service, tokens, Arc::new(AnotherOne))
                .with_limits(plan.limits)
                .keeping(HOT_BYTES, plan.fresh_for),
            plan.oidc,
        );
        return Ok((traces::served(framed(&api, tenantry_admin::router(api.clone()))), api));
    };
    let egress = Egress::builder().allow_list(allow_list).build();
    let application = Arc::new(TheAssistant::new(egress.clone(), plan.bases.clone()).await);
    let api = with_oidc(
        Api::new(plan.service, tokens.clone(), application).with_limits(plan.limits).keeping(HOT_BYTES, plan.fresh_for),
        plan.oidc,
    );
    let freshness =
        Freshness { parameters_fresh: plan.fresh_for, secrets_fresh: plan.fresh_for, ..Freshness::default() };
    let loader = Loader::<Settings>::builder(&stores).freshness(freshness).build();
    let loader = loader.context("the assistant's settings are no catalog")?;
    let mut app = App::new(loader, tokens, stores.parameters(), egress);
    app.bases = plan.bases;
    app.keep_beside(&plan.store).await.context("what the assistant keeps cannot be opened")?;
    app.later = Later::Spawned(tasks.clone());
    tasks.resume(&app).await.context("the jobs that an earlier process has left cannot be read")?;
    let router = tenantry_admin::router(api.clone()).merge(assistant::router(&app));
    Ok((traces::served(framed(&api, router)), api))
}

/// Listens for Ctrl-C and SIGTERM from now on: what it returns ends when somebody asks the program to stop. To be called
/// before the address is told, so that no signal finds the program unprepared.
#[cfg(unix)]
pub(crate) fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be listened for")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be listened for")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Listens for Ctrl-C: what it returns ends when somebody asks the program to stop.
#[cfg(not(unix))]
pub(crate) fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

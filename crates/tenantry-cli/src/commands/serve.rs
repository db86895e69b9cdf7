//! `tenantry serve`: the API and the assistant on one port.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tenantry_admin::oidc::OidcSettings;
use tenantry_admin::{Limits, Rate};

use crate::exit::Trouble;
use crate::output::{Tone, note};
use crate::server::{Plan, Server, asked_to_stop};
use crate::session::{Session, allow_list, bases, store_url};

/// Serve the API and the assistant
#[derive(Debug, Args)]
#[command(after_help = "\
The first line on standard output is `listening on http://ADDRESS`. SIGTERM or Ctrl-C stops it:
requests under way have ten seconds to end, and the exit code is 0. What is written by this
program or another one is served after --fresh-for.

  GET  /healthz, /readyz
  GET  /openapi.json                               the API below /v1, which this document lists
  POST /ofrep/v1/evaluate/flags                    OpenFeature's remote evaluation protocol
  POST /assistant/messages                         {\"text\": …, \"intent\": …, \"conversation\": …, \"dry_run\": true}
  POST /assistant/slack/events                     Slack's Events API
  POST /assistant/telegram/NAME                    updates for the bot bound as telegram:NAME
  POST /assistant/email                            {\"from\": …, \"to\": …, \"subject\": …, \"text\": …}

TENANTRY_LOG=info logs a line for each request, TENANTRY_LOG_FORMAT=json as JSON; GET /metrics, with an
operator's token, counts them for Prometheus.
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 exports traces of them to a collector.

Examples:
  tenantry serve
  tenantry serve --listen 127.0.0.1:0              (any free port)
  tenantry serve --listen 0.0.0.0:8080 --allow-remote")]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "TENANTRY_LISTEN",
        hide_env_values = true
    )]
    listen: SocketAddr,
    /// Let others than this machine connect; put something that speaks TLS in front
    #[arg(long, env = "TENANTRY_ALLOW_REMOTE", hide_env_values = true)]
    allow_remote: bool,
    /// Seconds for which a configuration is served without looking whether it changed
    #[arg(long, value_name = "SECONDS", default_value_t = FRESH_FOR, env = "TENANTRY_FRESH_FOR", hide_env_values = true)]
    fresh_for: u64,
    /// Requests in a second that all callers of one company may make together, twice as many at once; 0 is no limit
    #[arg(long, value_name = "NUMBER", default_value_t = TENANT_RATE, env = "TENANTRY_TENANT_RATE", hide_env_values = true)]
    tenant_rate: u32,
    /// Requests in a second without a credential that holds that one address may make; 0 is no limit
    #[arg(long, value_name = "NUMBER", default_value_t = ADDRESS_RATE, env = "TENANTRY_ADDRESS_RATE", hide_env_values = true)]
    address_rate: u32,
    /// The issuer of an identity provider (OpenID Connect) whose tokens the API accepts, too
    #[arg(long, value_name = "URL", requires = "oidc_audience", env = "TENANTRY_OIDC_ISSUER", hide_env_values = true)]
    oidc_issuer: Option<String>,
    /// For whom its tokens must be meant (`aud`)
    #[arg(long, value_name = "NAME", env = "TENANTRY_OIDC_AUDIENCE", hide_env_values = true)]
    oidc_audience: Option<String>,
    /// The claim that names the tenant; an operator's token has none
    #[arg(
        long,
        value_name = "CLAIM",
        default_value = "tenantry_tenant",
        env = "TENANTRY_OIDC_TENANT_CLAIM",
        hide_env_values = true
    )]
    oidc_tenant_claim: String,
    /// The claim that names the role: operator, tenant-admin, tenant-editor or tenant-viewer
    #[arg(
        long,
        value_name = "CLAIM",
        default_value = "tenantry_role",
        env = "TENANTRY_OIDC_ROLE_CLAIM",
        hide_env_values = true
    )]
    oidc_role_claim: String,
}

/// The usual limits, in requests a second.
const TENANT_RATE: u32 = 200;
const ADDRESS_RATE: u32 = 10;

/// The usual freshness, in seconds: reading one local file is cheap, so changes are soon seen.
pub(super) const FRESH_FOR: u64 = 2;

impl Serve {
    pub(crate) async fn run(self, session: Session) -> anyhow::Result<()> {
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            let message =
                format!("{} can be reached by other machines, and the API speaks plain HTTP", self.listen.ip());
            let help = "listen on 127.0.0.1, or put something that speaks TLS in front and add --allow-remote";
            return Err(Trouble::refused(message).help(help).into());
        }
        let assistant = match session.global.catalog {
            None => Some(allow_list(&session.global)?),
            Some(_) => None,
        };
        let is_assistant = assistant.is_some();
        let fresh_for = Duration::from_secs(self.fresh_for);
        let oidc = match (self.oidc_issuer, self.oidc_audience) {
            (Some(issuer), Some(audience)) => {
                let (tenant_claim, role_claim) = (self.oidc_tenant_claim, self.oidc_role_claim);
                Some((OidcSettings { issuer, audience, tenant_claim, role_claim }, allow_list(&session.global)?))
            }
            (_, _) => None,
        };
        let plan = Plan {
            oidc,
            service: session.service.clone(),
            fresh_for,
            limits: Limits { tenant: Rate::of(self.tenant_rate), address: Rate::of(self.address_rate) },
            assistant,
            bases: bases(&session.global)?,
            store: store_url(&session.global)?,
        };
        let server = Server::bind(self.listen, plan).await?;
        let stop = asked_to_stop()?;
        announce(&session, server.address(), is_assistant)?;
        if session.service.tokens(None).await?.is_empty() {
            let warning = session.output.paint().tone(Tone::Warn, "warning:");
            note(&format!("{warning} nobody has a token yet: `tenantry -t ID token create --role tenant-admin`"));
        }
        server.run(stop).await?;
        note("stopped");
        Ok(())
    }
}

fn announce(session: &Session, address: SocketAddr, is_assistant: bool) -> anyhow::Result<()> {
    let url = format!("http://{address}");
    let mut routes = vec![
        "GET /healthz",
        "GET /readyz",
        "GET /openapi.json",
        "GET /v1/tenants/{id}/configuration",
        "POST /ofrep/v1/evaluate/flags",
    ];
    if is_assistant {
        routes.extend([
            "POST /assistant/messages",
            "POST /assistant/slack/events",
            "POST /assistant/telegram/{name}",
            "POST /assistant/email",
        ]);
    }
    let document = serde_json::json!({ "listening": url, "routes": routes });
    session.output.show(&document, |output| {
        let mut lines = vec![format!("listening on {}", output.paint().tone(Tone::Strong, &url))];
        lines.extend(routes.iter().map(|route| format!("  {route}")));
        lines.push("Ctrl-C stops it".to_owned());
        lines.join("\n")
    })
}

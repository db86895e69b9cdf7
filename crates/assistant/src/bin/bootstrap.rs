//! The Lambda function: the assistant behind API Gateway, a load balancer, a Function URL or direct invocation.
//!
//! It is told by its environment:
//!
//! | variable | what |
//! |---|---|
//! | `TENANTRY_STORE` | where the configurations are, such as `sqlite:/mnt/tenantry/tenantry.db`; required |
//! | `TENANTRY_MASTER_KEY` | the store's master key, 64 hexadecimal digits |
//! | `TENANTRY_MASTER_KEY_FILE` | a file that holds it; without either, the file beside the store |
//! | `TENANTRY_ALLOW_ORIGINS` | origins that may be called beyond the rules for outbound requests, separated by commas |
//! | `TENANTRY_PROVIDERS` | other addresses of providers that all share, such as `slack=https://gateway.example/slack` |
//! | `TENANTRY_QUEUE` | the URL of the SQS queue by which messages are answered behind their senders' backs; without it they wait |
//! | `TENANTRY_LOG` | what is logged, as in `RUST_LOG`; `info` if it is not set |
//!
//! Everything is opened before the first event, so that a function that cannot work says so at once.

use anyhow::{Context, anyhow};
use assistant::app::App;
use assistant::lambda::{EventText, Events};
use assistant::later::Later;
#[cfg(feature = "aws")]
use assistant::later::SqsJobs;
use assistant::settings::Settings;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tenantry::Loader;
use tenantry::token::Tokens;
use tenantry_core::secret::SecretText;
use tenantry_integrations::bases::Bases;
use tenantry_integrations::egress::Egress;
use tenantry_store::{OpenOptions, StoreUrl, Stores};
use tracing::{Level, Metadata, error, info};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

// One event at a time is all that a function gets.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_as_json()?;
    let events = match start().await {
        Ok(events) => events,
        Err(cause) => {
            error!(error = format!("{cause:#}"), "the function cannot start");
            return Err(cause.into());
        }
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<EventText>| answer(&events, event))).await
}

async fn answer(events: &Events, event: LambdaEvent<EventText>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    Ok(events.answer(&payload, context.tenant_id).await?)
}

async fn start() -> anyhow::Result<Events> {
    let url = variable("TENANTRY_STORE")?.ok_or_else(|| {
        anyhow!("TENANTRY_STORE is not set: set it to the store's URL, such as sqlite:/mnt/tenantry/tenantry.db")
    })?;
    let url = StoreUrl::parse(&url)?;
    let stores = Stores::open(&url, &options()?).await.context("TENANTRY_STORE cannot be opened")?;
    let loader = Loader::<Settings>::builder(&stores).build()?;
    let mut app = App::new(loader, Tokens::open(&stores).await?, stores.parameters(), egress()?);
    app.bases = Bases::parse(&variable("TENANTRY_PROVIDERS")?.unwrap_or_default()).context("TENANTRY_PROVIDERS")?;
    app.keep_beside(&url).await.context("what the assistant keeps cannot be opened")?;
    app.later = later().await?;
    info!(store = stores.describe(), conversations = ?app.conversations, later = ?app.later, "ready");
    Ok(Events::new(app))
}

/// Where jobs wait: without a queue their senders wait for them.
async fn later() -> anyhow::Result<Later> {
    let Some(url) = variable("TENANTRY_QUEUE")? else { return Ok(Later::Inline) };
    #[cfg(feature = "aws")]
    return Ok(Later::Queue(std::sync::Arc::new(SqsJobs::open(&url).await.context("TENANTRY_QUEUE")?)));
    #[cfg(not(feature = "aws"))]
    Err(anyhow!("TENANTRY_QUEUE is {url}, and this program was built without queues"))
}

fn options() -> anyhow::Result<OpenOptions> {
    Ok(OpenOptions {
        master_key: variable("TENANTRY_MASTER_KEY")?.map(SecretText::new),
        master_key_file: variable("TENANTRY_MASTER_KEY_FILE")?.map(Into::into),
        ..OpenOptions::default()
    })
}

fn egress() -> anyhow::Result<Egress> {
    let mut builder = Egress::builder();
    let origins = variable("TENANTRY_ALLOW_ORIGINS")?.unwrap_or_default();
    for origin in origins.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
        builder = builder.allow_origin(origin).context("TENANTRY_ALLOW_ORIGINS")?;
    }
    Ok(builder.build())
}

/// A variable of the environment; an empty one counts as not set. Its value is in no error.
fn variable(name: &'static str) -> anyhow::Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(anyhow!("{name} is not UTF-8")),
    }
}

/// Logs go to standard error, a JSON object a line, as the log groups of functions like them.
fn log_as_json() -> anyhow::Result<()> {
    let directives = variable("TENANTRY_LOG")?.unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(directives).context("TENANTRY_LOG")?;
    let log = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).finish();
    log.with(filter_fn(|metadata| !shows_events(metadata))).init();
    Ok(())
}

/// The runtime traces whole events, and with them the tokens of those who sent them: no filter may ask for that.
fn shows_events(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("lambda_runtime") && *metadata.level() > Level::INFO
}

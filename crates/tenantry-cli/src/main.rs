//! The command line of Tenantry: one file a command, composed of the use cases, the loader and the assistant.

mod application;
mod cli;
mod columns;
mod commands;
mod exit;
mod http;
mod input;
mod output;
mod server;
mod session;
mod shown;
#[cfg(feature = "otlp")]
mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "traces/absent.rs"]
mod traces;
mod yaml;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, Command};
use crate::exit::{Exit, Trouble};
use crate::traces::Traces;

/// The system's allocator makes a server's threads wait for each other:
/// docs/decisions/0014-the-program-brings-its-allocator.md.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && holds_secret() => return fail(&not_repeated()),
        // A wish for the help text ends with 0, everything else that clap finds with 2.
        Err(error) => error.exit(),
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => fail(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let wanted = matches!(cli.command, Command::Serve(_));
    let traces = if wanted { Traces::from_environment(runtime.handle())? } else { None };
    start_logging(cli.global.verbose, traces.as_ref());
    let ended = runtime.block_on(commands::run(cli));
    if let Some(traces) = traces {
        traces.stop();
    }
    ended
}

fn fail(error: &anyhow::Error) -> ExitCode {
    exit::report(error);
    exit::code(error).into()
}

/// Whether any argument looks like a secret: then what clap says of them must not be repeated.
fn holds_secret() -> bool {
    let looks = |argument: &str| input::looks_like_secret(argument.trim_start_matches('-'));
    std::env::args_os().skip(1).any(|argument| argument.to_str().is_some_and(looks))
}

fn not_repeated() -> anyhow::Error {
    let message = "the command line cannot be understood, and is not shown: an argument looks like a secret";
    let help = "arguments are visible to other users, so change that secret; it is read from standard input, a prompt or \
                --from-file";
    Trouble::refused(message).help(help).into()
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Logs to standard error: warnings, or with `--verbose` all that Tenantry does. `TENANTRY_LOG` may say it in full, and
/// `TENANTRY_LOG_FORMAT=json` makes a JSON document of each line.
///
/// Spans of the target [`traces::TARGET`] are for traces and no part of the log; what is logged is no part of traces.
fn start_logging(verbose: bool, traces: Option<&Traces>) {
    let usual =
        if verbose { "warn,tenantry=debug,tenantry_admin=debug,tenantry_store=debug,assistant=debug" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TENANTRY_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let ansi = output::Paint::when(std::io::IsTerminal::is_terminal(&std::io::stderr())).is_on();
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi);
    let is_json = std::env::var("TENANTRY_LOG_FORMAT").is_ok_and(|form| form == "json");
    let log = if is_json { log.json().flatten_event(true).boxed() } else { log.boxed() };
    let log = log.with_filter(filter.and(filter_fn(|metadata| metadata.target() != traces::TARGET)));
    tracing_subscriber::registry().with(log).with(traces.map(Traces::layer)).init();
}

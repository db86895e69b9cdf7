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
mod yaml;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::Trouble;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && holds_secret() => return fail(&not_repeated()),
        // A wish for the help text ends with 0, everything else that clap finds with 2.
        Err(error) => error.exit(),
    };
    start_logging(cli.global.verbose);
    let ended = runtime().and_then(|runtime| runtime.block_on(commands::run(cli)));
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => fail(&error),
    }
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
fn start_logging(verbose: bool) {
    let usual =
        if verbose { "warn,tenantry=debug,tenantry_admin=debug,tenantry_store=debug,assistant=debug" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TENANTRY_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let ansi = output::Paint::when(std::io::IsTerminal::is_terminal(&std::io::stderr())).is_on();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi);
    if std::env::var("TENANTRY_LOG_FORMAT").is_ok_and(|form| form == "json") {
        log.json().flatten_event(true).init();
    } else {
        log.init();
    }
}

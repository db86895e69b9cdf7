//! The command line: global flags, and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

use crate::commands;
use crate::exit::{CODES, Trouble};
use crate::output::Format;

/// Gives every request exactly its own tenant's configuration.
///
/// Values are merged from three tiers: built-in defaults, what the operator sets for everybody (--global), and what a
/// tenant sets for itself (-t ID). `tenantry demo` shows all of it in a minute.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, max_term_width = 100, after_help = CODES, after_long_help = long_help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn long_help() -> String {
    format!(
        "Examples:
  tenantry init
  tenantry tenant create acme --name 'Acme Bakery'
  tenantry -t acme set persona.name Ada persona.language de
  tenantry -t acme set openai.api_key              (asks without showing what is typed)
  tenantry -t acme explain persona

What programs may rely on:
  --output json and yaml print one document on standard output; everything else goes to standard
  error. A secret shows as {{\"secret\": {{\"version\", \"fingerprint\"}}}}, never as its text; other values
  as {{\"value\": …}}. YAML holds what JSON holds, with every digit of a number.
  Members may be added, none is renamed.

Secrets are read from standard input, a prompt, or --from-file; never from an argument.
TENANTRY_MASTER_KEY may hold the store's master key (64 hexadecimal digits); no flag does.
TENANTRY_TENANT stands in for -t. NO_COLOR turns colours off.

{CODES}"
    )
}

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The store: sqlite:PATH or aws:?environment=NAME [default: tenantry.db in the user's data directory]
    #[arg(long, value_name = "URL", env = "TENANTRY_STORE", hide_env_values = true, global = true)]
    pub(crate) store: Option<String>,

    /// The tenant whose configuration it is about [env: TENANTRY_TENANT]
    #[arg(short, long, value_name = "ID", conflicts_with = "operator", global = true)]
    tenant: Option<TenantId>,

    /// The defaults that the operator sets for every tenant
    #[arg(id = "operator", long = "global", global = true)]
    operator: bool,

    /// The form of what is printed
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORM",
        default_value = "table",
        env = "TENANTRY_OUTPUT",
        hide_env_values = true,
        hide_possible_values = true,
        help = "The form of what is printed: table, json or yaml",
        global = true
    )]
    pub(crate) output: Format,

    /// Why a change is made: kept in the history and the log
    #[arg(long, value_name = "TEXT", env = "TENANTRY_REASON", hide_env_values = true, global = true)]
    pub(crate) reason: Option<String>,

    /// Set, unset, restore or settle only if the scope is still at this revision
    #[arg(long, value_name = "REVISION", global = true)]
    expected: Option<u64>,

    /// The file with the store's master key [default: the one that `init` made]
    #[arg(long, value_name = "FILE", env = "TENANTRY_MASTER_KEY_FILE", hide_env_values = true, global = true)]
    pub(crate) master_key_file: Option<PathBuf>,

    /// The parameters of another application, as a JSON Schema [default: the assistant's]
    #[arg(long, value_name = "FILE", env = "TENANTRY_CATALOG", hide_env_values = true, global = true)]
    pub(crate) catalog: Option<PathBuf>,

    /// An origin that connections may have although the outbound rules refuse it, such as http://127.0.0.1:1234
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "TENANTRY_ALLOW_ORIGINS",
        value_delimiter = ',',
        hide_env_values = true,
        global = true
    )]
    pub(crate) allow_origin: Vec<String>,

    /// Other addresses of slack, telegram or google_calendar, separated by commas
    #[arg(long, value_name = "NAME=URL", env = "TENANTRY_PROVIDERS", hide_env_values = true, global = true)]
    pub(crate) providers: Option<String>,

    /// Tell on standard error what is done
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

impl Global {
    /// The scope that the command is about: a flag, or else `TENANTRY_TENANT`.
    pub(crate) fn scope(&self) -> anyhow::Result<Scope> {
        self.scope_if_any()?.ok_or_else(|| {
            Trouble::usage("it is not said whose configuration this is about")
                .help("name a tenant with -t ID, or the operator's defaults with --global")
                .into()
        })
    }

    /// The scope, where a command can also be about all of them.
    pub(crate) fn scope_if_any(&self) -> anyhow::Result<Option<Scope>> {
        if self.operator {
            return Ok(Some(Scope::Global));
        }
        if let Some(tenant) = &self.tenant {
            return Ok(Some(Scope::Tenant(tenant.clone())));
        }
        match std::env::var("TENANTRY_TENANT") {
            Ok(id) if !id.is_empty() => match TenantId::parse(&id) {
                Ok(tenant) => Ok(Some(Scope::Tenant(tenant))),
                Err(error) => Err(Trouble::usage(format!("TENANTRY_TENANT: {error}")).into()),
            },
            _ => Ok(None),
        }
    }

    /// Whether a flag names a scope, whatever `TENANTRY_TENANT` says.
    pub(crate) fn has_scope_flag(&self) -> bool {
        self.operator || self.tenant.is_some()
    }

    /// The tenant that the command is about, where the global scope makes no sense.
    pub(crate) fn tenant(&self) -> anyhow::Result<TenantId> {
        match self.scope()? {
            Scope::Tenant(tenant) => Ok(tenant),
            Scope::Global => Err(Trouble::usage("this needs a tenant").help("name one with -t ID").into()),
        }
    }

    /// The revision at which a change expects the scope.
    pub(crate) fn expected(&self) -> Option<Revision> {
        self.expected.map(Revision)
    }
}

/// What can be done. Each command is a file in `commands/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::Init),
    #[command(subcommand)]
    Tenant(commands::tenant::Tenant),
    Set(commands::set::Set),
    Unset(commands::unset::Unset),
    Plan(commands::plan::Plan),
    Behind(commands::behind::Behind),
    Get(commands::get::Get),
    Explain(commands::explain::Explain),
    Diff(commands::diff::Diff),
    History(commands::history::History),
    Restore(commands::restore::Restore),
    Validate(commands::validate::Validate),
    Verify(commands::verify::Verify),
    Catalog(commands::catalog::Catalog),
    Render(commands::render::Render),
    Replay(commands::replay::Replay),
    Apply(commands::apply::Apply),
    Export(commands::export::Export),
    #[command(subcommand)]
    Binding(commands::binding::Binding),
    #[command(subcommand)]
    Token(commands::token::Token),
    Log(commands::log::Log),
    Drift(commands::drift::Drift),
    Backup(commands::backup::Backup),
    Copy(commands::copy::Copy),
    #[command(subcommand)]
    Storage(commands::storage::Storage),
    Serve(commands::serve::Serve),
    Demo(commands::demo::Demo),
    Doctor(commands::doctor::Doctor),
    #[command(subcommand)]
    Deploy(commands::deploy::Deploy),
    ProveIsolation(commands::prove_isolation::ProveIsolation),
    Completions(commands::completions::Completions),
}

impl Command {
    /// Whether it changes a scope's values only if they are still at the revision of `--expected`.
    pub(crate) fn minds_revision(&self) -> bool {
        matches!(self, Self::Set(_) | Self::Unset(_) | Self::Restore(_) | Self::Behind(_))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_but_those_of_one_run_has_a_variable() {
        let command = Cli::command();
        let without: Vec<_> =
            command.get_arguments().filter(|arg| arg.get_env().is_none()).map(|arg| arg.get_id().as_str()).collect();
        assert_eq!(without, ["tenant", "operator", "expected", "verbose"]);
    }
}

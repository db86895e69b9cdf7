//! `tenantry copy`: takes whole tenants from one store to another.

mod report;

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tenantry_admin::service::{CopiedScope, CopiedTokens, CopyStopped, Copying};
use tenantry_core::scope::Scope;
use tenantry_store::{OpenOptions, StoreError, StoreUrl, Stores};

use crate::cli::Global;
use crate::exit::{Exit, Trouble, code_of_store};
use crate::output::Output;
use crate::session::{master_key, open_options};
use crate::shown;
use report::{Report, Task};

/// Take tenants, whole with their history, from one store to another
#[derive(Debug, Args)]
#[command(after_help = "\
Values, secrets, bindings and history are copied as they are: the operator's first, then tenant by
tenant, or -t ID alone. Each is read back and compared by digest. What is in the other store already
is never overwritten: it is the same, or it is told in what it differs, and the exit code is 5. So
an interrupted copy goes on when it is made again.

Let nobody write to the first store meanwhile. API tokens go along to a store with the same keys,
which a backup has; for any other store they must be made anew. Deleted tenants are not copied.

--master-key-file and TENANTRY_MASTER_KEY are for the store to copy to; what the other one needs is
given by --from-master-key-file, or as a key in TENANTRY_FROM_MASTER_KEY.

Examples:
  tenantry copy --from sqlite:tenantry.db --to sqlite:/var/lib/tenantry/tenantry.db --dry-run
  tenantry copy --from sqlite:tenantry.db --to 'aws:?environment=production'
  tenantry copy --from sqlite:backup.db --to sqlite:tenantry.db -t acme
  tenantry copy --from sqlite:tenantry.db --to 'aws:?environment=production' --verify-only")]
pub(crate) struct Copy {
    /// The store to copy from
    #[arg(long, value_name = "URL")]
    from: String,
    /// The store to copy to; it must exist
    #[arg(long, value_name = "URL")]
    to: String,
    /// The file with the master key of the store to copy from [default: the one that `init` made]
    #[arg(long, value_name = "FILE", env = "TENANTRY_FROM_MASTER_KEY_FILE", hide_env_values = true)]
    from_master_key_file: Option<PathBuf>,
    /// Tell what would be copied, and write nothing
    #[arg(long, conflicts_with = "verify_only")]
    dry_run: bool,
    /// Compare both stores, and write nothing; the exit code is 5 if anything is missing or differs
    #[arg(long)]
    verify_only: bool,
}

impl Copy {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (from, to) = (StoreUrl::parse(&self.from)?, StoreUrl::parse(&self.to)?);
        if is_same(&from, &to) {
            let trouble = Trouble::usage("--from and --to name the same store");
            return Err(trouble.help("a copy of a store in one file is made by `tenantry backup`").into());
        }
        let master_key = master_key("TENANTRY_FROM_MASTER_KEY")?;
        let options =
            OpenOptions { master_key, master_key_file: self.from_master_key_file.clone(), ..OpenOptions::default() };
        let source = open(&from, &options).await.map_err(|error| cannot_open_source(&from, error))?;
        let target = open(&to, &open_options(global)?).await.map_err(|error| cannot_open_target(&to, error))?;
        let copying = Copying::between(source, target).await.map_err(stopped)?;
        let report = self.report(&copying, global).await?;
        Output::new(global.output).show(&report.document(), |output| report.text(output))?;
        report.tell_next_steps();
        Ok(if report.is_good() { Exit::Done } else { Exit::Conflict })
    }

    fn task(&self) -> Task {
        match (self.dry_run, self.verify_only) {
            (true, _) => Task::Plan,
            (false, true) => Task::Verify,
            (false, false) => Task::Copy,
        }
    }

    async fn report(&self, copying: &Copying, global: &Global) -> anyhow::Result<Report> {
        let asked = global.scope_if_any()?;
        let leaves_entries = asked.is_none() && copying.leaves_entries().await.map_err(stopped)?;
        let scopes = match asked {
            Some(scope) => vec![scope],
            None => copying.scopes().await.map_err(stopped)?,
        };
        let task = self.task();
        let copied = copy_scopes(copying, &scopes, task).await?;
        let there: Vec<_> = copied.iter().filter(|copied| task == Task::Plan || copied.outcome.is_there()).collect();
        let there: Vec<_> = there.into_iter().map(|copied| copied.scope.clone()).collect();
        let tokens = copy_tokens(copying, &there, task).await.map_err(stopped)?;
        let (from, to) = (self.from.clone(), self.to.clone());
        Ok(Report { from, to, task, scopes: copied, tokens, leaves_entries })
    }
}

async fn copy_scopes(copying: &Copying, scopes: &[Scope], task: Task) -> anyhow::Result<Vec<CopiedScope>> {
    let bar = progress(scopes.len());
    let mut copied = Vec::with_capacity(scopes.len());
    for scope in scopes {
        bar.set_message(shown::scope(scope));
        let done = match task {
            Task::Copy => copying.copy(scope).await,
            Task::Plan | Task::Verify => copying.compare(scope).await,
        };
        match done {
            Ok(done) => copied.push(done),
            Err(error) => {
                bar.abandon();
                return Err(stopped_behind(error, copied.len(), scopes.len()).into());
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(copied)
}

async fn copy_tokens(copying: &Copying, scopes: &[Scope], task: Task) -> Result<CopiedTokens, CopyStopped> {
    match task {
        Task::Copy => copying.copy_tokens(scopes).await,
        Task::Plan | Task::Verify => copying.compare_tokens(scopes).await,
    }
}

/// A bar on standard error, if that is a terminal.
fn progress(scopes: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(scopes as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Opens a store; `None` if there is no file.
async fn open(url: &StoreUrl, options: &OpenOptions) -> Result<Stores, Option<StoreError>> {
    match url {
        StoreUrl::Sqlite(path) if !path.exists() => Err(None),
        StoreUrl::Sqlite(_) | StoreUrl::Memory | StoreUrl::Aws(_) => Stores::open(url, options).await.map_err(Some),
    }
}

fn cannot_open_source(url: &StoreUrl, error: Option<StoreError>) -> anyhow::Error {
    let Some(error) = error else {
        let trouble = Trouble::new(Exit::Store, format!("there is no store at {url} to copy from"));
        return trouble.help("name the store that has the tenants: --from sqlite:PATH").into();
    };
    match error {
        // The general next step for this names the flag of the other store.
        StoreError::CannotOpen(what) if what.contains(" master key") => Trouble::new(
            Exit::Store,
            format!("the store to copy from cannot be opened: {what}"),
        )
        .help(
            "name the key's file with --from-master-key-file or TENANTRY_FROM_MASTER_KEY_FILE, or give the key in \
                     TENANTRY_FROM_MASTER_KEY",
        )
        .into(),
        error => anyhow::Error::from(error).context("the store to copy from cannot be opened"),
    }
}

fn cannot_open_target(url: &StoreUrl, error: Option<StoreError>) -> anyhow::Error {
    match error {
        None => Trouble::new(Exit::Store, format!("there is no store at {url} to copy to"))
            .help(format!("make it first: `tenantry --store {url} init`"))
            .into(),
        Some(error) => anyhow::Error::from(error).context("the store to copy to cannot be opened"),
    }
}

fn stopped(error: CopyStopped) -> Trouble {
    Trouble::new(code_of_store(&error.error), "nothing was copied").because(error)
}

fn stopped_behind(error: CopyStopped, done: usize, scopes: usize) -> Trouble {
    let scopes = shown::count(scopes, "scope");
    Trouble::new(code_of_store(&error.error), format!("stopped behind {done} of {scopes}"))
        .help("run the same command again: what is there and the same is passed over")
        .because(error)
}

/// Whether two URLs name one store, however its path is spelled.
fn is_same(from: &StoreUrl, to: &StoreUrl) -> bool {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    match (from, to) {
        (StoreUrl::Sqlite(from), StoreUrl::Sqlite(to)) => {
            from == to || real(from).is_some_and(|from| real(to) == Some(from))
        }
        (from, to) => from == to && *from != StoreUrl::Memory,
    }
}

//! The commands, one file each, and the one place where they are told apart.

pub(crate) mod apply;
pub(crate) mod backup;
pub(crate) mod behind;
pub(crate) mod binding;
pub(crate) mod catalog;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod log;
pub(crate) mod plan;
pub(crate) mod prove_isolation;
pub(crate) mod render;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod set;
pub(crate) mod storage;
pub(crate) mod tenant;
pub(crate) mod token;
pub(crate) mod unset;
pub(crate) mod validate;
pub(crate) mod verify;

use crate::cli::{Cli, Command};
use crate::exit::{Exit, Trouble};
use crate::session::Session;

/// Runs a command; its answer is printed when it ends.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let global = &cli.global;
    if global.expected().is_some() && !cli.command.minds_revision() {
        return Err(Trouble::usage("--expected is for set, unset, restore and behind").into());
    }
    let open = async || Session::open(global).await;
    match cli.command {
        Command::Init(init) => init.run(global).await?,
        Command::Tenant(tenant) => tenant.run(&open().await?).await?,
        Command::Set(set) => set.run(&open().await?).await?,
        Command::Unset(unset) => unset.run(&open().await?).await?,
        Command::Plan(plan) => return plan.run(&open().await?).await,
        Command::Behind(behind) => behind.run(&open().await?).await?,
        Command::Get(get) => get.run(&open().await?).await?,
        Command::Explain(explain) => explain.run(&open().await?).await?,
        Command::Diff(diff) => diff.run(&open().await?).await?,
        Command::History(history) => history.run(&open().await?).await?,
        Command::Restore(restore) => restore.run(&open().await?).await?,
        Command::Validate(validate) => return validate.run(&open().await?).await,
        Command::Verify(verify) => return verify.run(&open().await?).await,
        Command::Catalog(catalog) => catalog.run(global)?,
        Command::Render(render) => render.run(&open().await?).await?,
        Command::Replay(replay) => return replay.run(global).await,
        Command::Apply(apply) => apply.run(&open().await?).await?,
        Command::Export(export) => export.run(&open().await?).await?,
        Command::Binding(binding) => binding.run(&open().await?).await?,
        Command::Token(token) => token.run(&open().await?).await?,
        Command::Log(log) => log.run(&open().await?).await?,
        Command::Drift(drift) => return drift.run(&open().await?).await,
        Command::Backup(backup) => backup.run(&open().await?).await?,
        Command::Copy(copy) => return copy.run(global).await,
        Command::Storage(storage) => storage.run(&open().await?).await?,
        Command::Serve(serve) => Box::pin(serve.run(open().await?)).await?,
        Command::Demo(demo) => Box::pin(demo.run(global)).await?,
        Command::Deploy(deploy) => deploy.run(global)?,
        Command::Doctor(doctor) => return doctor.run(global).await,
        Command::ProveIsolation(prove) => return prove.run(global).await,
        Command::Completions(completions) => completions.run()?,
    }
    Ok(Exit::Done)
}

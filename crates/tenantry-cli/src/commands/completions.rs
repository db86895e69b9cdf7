//! `tenantry completions`: what a shell needs to complete command lines.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::output::print;

/// Print what a shell needs to complete command lines
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenantry completions bash > ~/.local/share/bash-completion/completions/tenantry
  tenantry completions fish > ~/.config/fish/completions/tenantry.fish
  tenantry completions zsh > ~/.zfunc/_tenantry")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "tenantry", &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}

//! Checks CloudFormation templates as AWS's schemas of resources have them.

use std::path::Path;
use std::process::Command;

use crate::tools;

/// The command that checks a template, ready to be run: it ends with 0 and says nothing if there is nothing to say, not
/// even a hint.
///
/// # Panics
///
/// If cfn-lint is not there: `make tools` installs it.
pub fn cfn_lint(template: &Path) -> Command {
    // By Python and not by the script itself, whose first line names the folder that it was installed in.
    let mut command = Command::new(tools::find("python/bin/python"));
    command.arg(tools::find("python/bin/cfn-lint")).args(["--include-checks", "I", "--"]).arg(template);
    command
}

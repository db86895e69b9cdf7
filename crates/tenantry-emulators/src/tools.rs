//! Finds the programs that `make tools` installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names another folder than `.tools` in the workspace.
const FOLDER_VARIABLE: &str = "TENANTRY_TOOLS";

/// The file at `path` in the folder of tools.
///
/// # Panics
///
/// If it is not there: a test without its emulator fails; it is not passed over.
pub(crate) fn find(path: &str) -> PathBuf {
    let tool = folder().join(path);
    assert!(tool.is_file(), "{} is missing: run `make tools`, which installs what tests need", tool.display());
    tool
}

/// The file at `path` in the packages of the tools' Python, whatever its version.
///
/// # Panics
///
/// If it is not there.
pub(crate) fn find_package_file(path: &str) -> PathBuf {
    let library = folder().join("python/lib");
    let versions = std::fs::read_dir(&library).into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("site-packages").join(path)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{path} is missing in {}: run `make tools`", library.display()))
}

/// The tools' Python, ready to be given a script; nothing of the caller's environment reaches it.
///
/// # Panics
///
/// If it is not there.
pub fn python() -> Command {
    let mut command = Command::new(find("python/bin/python"));
    command.env_clear().arg("-B");
    command
}

/// schemathesis, which asks an API all that its document allows and more; ready to be given arguments.
///
/// # Panics
///
/// If it is not there.
pub fn schemathesis() -> Command {
    let mut command = Command::new(find("python/bin/python"));
    command.env_clear().arg("-B").arg(find("python/bin/schemathesis"));
    command
}

fn folder() -> PathBuf {
    env::var_os(FOLDER_VARIABLE)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools"), PathBuf::from)
}

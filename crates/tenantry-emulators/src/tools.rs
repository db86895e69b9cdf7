//! Finds the programs that `make tools` installed.

use std::env;
use std::path::{Path, PathBuf};

/// Names another folder than `.tools` in the workspace.
const FOLDER_VARIABLE: &str = "TENANTRY_TOOLS";

/// The file at `path` in the folder of tools.
///
/// # Panics
///
/// If it is not there: a test without its emulator fails; it is not passed over.
pub(crate) fn find(path: &str) -> PathBuf {
    let tool = folder().join(path);
    assert!(
        tool.is_file(),
        "{} is missing: run `make tools`, which installs what stands in for AWS in tests",
        tool.display()
    );
    tool
}

fn folder() -> PathBuf {
    env::var_os(FOLDER_VARIABLE)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools"), PathBuf::from)
}

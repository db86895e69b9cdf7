//! The committed parameter reference and schema are those of today's settings; `make bless` rewrites them.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;
use std::{env, fs};

use assistant::settings::Settings;
use tenantry_core::catalog::Catalog;

/// Compares a generated text with the committed one, or rewrites that one if asked to.
fn check(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    if env::var_os("TENANTRY_BLESS").is_some() {
        return fs::write(path, generated).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == generated, "docs/{file} is not that of today's settings: run `make bless`");
}

#[test]
fn the_parameter_reference_is_fresh() {
    check("parameters.md", &Catalog::of::<Settings>().unwrap().to_markdown());
}

#[test]
fn the_schema_is_fresh() {
    let schema = serde_json::to_string_pretty(Catalog::of::<Settings>().unwrap().schema()).unwrap();
    check("parameters.schema.json", &format!("{schema}\n"));
}

//! What a cached tenant takes, by each way of keeping it; a fresh process for each.

use std::process::Command;

use tenantry_bench::rounds::Effort;
use tenantry_bench::table::{Row, Table, Target, Unit};
use tenantry_bench::workload::overrides_json;

fn main() {
    let sizes: &[usize] = Effort::of_environment().choose(&[10_000], &[10_000, 100_000, 1_000_000]);
    let mut table = Table::new("memory per tenant");
    for tenants in sizes {
        compare(&mut table, *tenants);
    }
    table.finish();
}

fn compare(table: &mut Table, tenants: usize) {
    let json = bytes("json", tenants);
    let mut row = |what: &str, ours: f64, other: &str, theirs: f64, target| {
        table.row(Row {
            what: format!("{tenants} tenants, {what}"),
            ours,
            other: other.to_owned(),
            theirs,
            ratio: ours / theirs,
            unit: Unit::Bytes,
            target,
        });
    };
    let packed = bytes("packed", tenants);
    row("packed", packed, "a map of the overrides' JSON", json, Target::AtMost(1.3));
    row("packed", packed, "the JSON's text alone", text(tenants), Target::None);
    // A million ready configurations would take what nobody gives them: the hot set is there to bound it.
    if tenants > 100_000 {
        return;
    }
    row("packed", packed, "a merged map for each tenant", bytes("merged", tenants), Target::None);
    let hot = bytes("hot", tenants);
    row("ready in the hot set", hot, "a map of the typed settings alone", bytes("typed", tenants), Target::None);
    row("ready in the hot set", hot, "a map of the overrides' JSON", json, Target::None);
}

fn bytes(way: &str, tenants: usize) -> f64 {
    let output = Command::new(env!("CARGO_BIN_EXE_memory")).args([way, &tenants.to_string()]).output();
    let output = output.expect("the program is built with the benchmark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("it prints a number")
}

/// The mean length of the overrides' JSON.
fn text(tenants: usize) -> f64 {
    let sample = tenants.min(10_000);
    let total: usize = (0..sample).map(|number| overrides_json(number).len()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a sample is small")]
    let mean = total as f64 / sample as f64;
    mean
}

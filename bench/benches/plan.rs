//! Planning a change of a default for all tenants of a store on disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use tenantry_admin::service::{Context, PlanCounts, Service};
use tenantry_bench::rounds::{Effort, Side, in_turns};
use tenantry_bench::table::{Table, Target};
use tenantry_bench::tenant_file::{TenantFile, bare_connection};
use tenantry_bench::workload::{OVERRIDES, Settings};
use tenantry_core::catalog::Catalog;
use tenantry_core::change::ChangeSet;
use tenantry_core::key::Key;
use tenantry_core::validate::Validator;
use tenantry_core::value::Value;
use tokio::runtime::Runtime;

/// All that the store holds of the tenants' parameters.
const ITEMS: &str = "SELECT scope, key, value FROM items ORDER BY scope";

fn main() {
    let effort = Effort::of_environment();
    let runtime = Runtime::new().expect("a runtime starts");
    let tenants = effort.choose(2_000, 100_000);
    let file = TenantFile::of_many(tenants, &runtime);
    let connection = bare_connection(&file.path());
    let catalog = Arc::new(Catalog::of::<Settings>().expect("the settings are a catalog"));
    let service = Service::open(file.stores.clone(), catalog.clone(), Validator::new(catalog));
    let service = runtime.block_on(service).expect("the store has its keys");
    let change = ChangeSet::default().set(key("persona.title"), Value::from("A new title"));

    let mut sides = [
        Side::timed("plan", 1, |(): &()| {
            timed(|| {
                let counts = runtime.block_on(planned(&service, &change));
                assert_eq!(counts.tenants, tenants as u64);
                assert!(counts.changed + counts.overridden == counts.tenants, "{counts:?}");
            })
        }),
        Side::timed("reading the same rows by one bare statement", 1, |(): &()| {
            timed(|| assert_eq!(bare(&connection), tenants * OVERRIDES))
        }),
    ];
    let figures = in_turns(effort.choose(3, 7), &mut || (), &mut sides);
    let mut table = Table::new("plan of a default");
    table.compare(&format!("{tenants} tenants"), &figures, 1, Target::None);
    table.finish();
}

async fn planned(service: &Service, change: &ChangeSet) -> PlanCounts {
    let context = Context { actor: "operator".to_owned(), reason: None, at: Timestamp::now() };
    let mut planning = service.plan(change, &context).await.expect("the change is valid");
    while planning.next().await.expect("the file can be read").is_some() {}
    planning.finish().counts
}

fn bare(connection: &Connection) -> usize {
    let mut statement = connection.prepare_cached(ITEMS).expect("the table is there");
    let mut rows = statement.query([]).expect("the file can be read");
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next().expect("the file can be read") {
        bytes += (0..3).map(|at| row.get_ref(at).expect("a cell").as_str().expect("a text").len()).sum::<usize>();
        count += 1;
    }
    assert!(bytes > count);
    count
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("it is a key")
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

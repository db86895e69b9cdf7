//! A change that has reached the disk when it is acknowledged, with its log entry.

use std::cell::Cell;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tenantry_bench::rounds::{Effort, Side, in_turns, with_criterion};
use tenantry_bench::table::{Table, Target};
use tenantry_bench::tenant_file::{TenantFile, bare_connection, change, scope};
use tenantry_bench::workload::{OVERRIDES, overrides};
use tenantry_core::layer::Revision;
use tokio::runtime::Runtime;

/// The tenant that is changed again and again.
const TENANT: usize = 0;

fn main() {
    let effort = Effort::of_environment();
    let runtime = Runtime::new().expect("a runtime starts");
    // As many as it takes for the store's write-ahead log to reach its full size.
    let file = TenantFile::of(150, &runtime);
    let writer = Writer::of(&file, &runtime);
    let bare_file = grown(bare_connection(&file.beside("bare.db")));
    let appended = File::create(file.beside("appended.log")).expect("it is new");
    let overwritten = full(File::create(file.beside("overwritten.log")).expect("it is new"));
    let [one, ten] = [1, OVERRIDES].map(|fields| payload(fields));

    let mut table = Table::new("durable write");
    for (what, fields, payload) in [("1 field", 1, &one), ("10 fields in one change set", OVERRIDES, &ten)] {
        let mut sides = [
            Side::timed("commit", 1, |()| writer.commit(fields)),
            Side::timed("bare SQLite transaction of one row", 1, |()| insert(&bare_file, payload)),
            Side::timed("fsync of bytes written in place", 1, |()| write(&overwritten, payload, 0)),
            Side::timed("fsync of bytes appended", 1, |()| append(&appended, payload)),
        ];
        let figures = in_turns(effort.choose(30, 500), || (), &mut sides);
        for other in figures.others() {
            table.compare(what, &figures, other, Target::AtMost(1.5));
        }
        with_criterion(&format!("durable write, {what}"), || (), &mut sides);
    }
    let mut sides = [
        Side::timed("commit of 10 fields", 1, |()| writer.commit(OVERRIDES)),
        Side::timed("commit of 1 field", 1, |()| writer.commit(1)),
    ];
    let figures = in_turns(effort.choose(30, 500), || (), &mut sides);
    table.compare("10 fields in one change set", &figures, 1, Target::None);
    table.finish();
}

/// Writes to one tenant, revision after revision.
struct Writer<'a> {
    file: &'a TenantFile,
    runtime: &'a Runtime,
    revision: Cell<Revision>,
}

impl<'a> Writer<'a> {
    fn of(file: &'a TenantFile, runtime: &'a Runtime) -> Self {
        let stored = runtime.block_on(file.stores.read(&scope(TENANT))).expect("the file can be read");
        let revision = Cell::new(stored.expect("the tenant is there").head.revision);
        Self { file, runtime, revision }
    }

    fn commit(&self, fields: usize) -> Duration {
        let commit = change(TENANT, self.revision.get(), overrides(TENANT).take(fields).collect());
        let start = Instant::now();
        let committed = self.runtime.block_on(self.file.stores.commit(commit)).expect("nobody else writes");
        let taken = start.elapsed();
        self.revision.set(committed.revision);
        taken
    }
}

/// What a commit of so many fields has to say: the values, and the log entry that tells of them.
fn payload(fields: usize) -> String {
    let commit = change(TENANT, Revision(1), overrides(TENANT).take(fields).collect());
    let said = |item: &tenantry_store::ItemChange| {
        let value = item.value.as_ref().map_or_else(String::new, tenantry_core::value::Value::to_json);
        format!("{}={value}", item.key)
    };
    let values: Vec<_> = commit.items.iter().map(said).collect();
    values.join(",") + &serde_json::to_string(&commit.entry.changes).expect("differences are JSON")
}

fn insert(connection: &Connection, payload: &str) -> Duration {
    let start = Instant::now();
    let mut statement = connection.prepare_cached("INSERT INTO rows (row) VALUES (?1)").expect("the table is there");
    statement.execute([payload]).expect("the disk takes it");
    start.elapsed()
}

fn append(mut file: &File, payload: &str) -> Duration {
    let start = Instant::now();
    file.write_all(payload.as_bytes()).and_then(|()| file.sync_data()).expect("the disk takes it");
    start.elapsed()
}

fn write(file: &File, payload: &str, at: u64) -> Duration {
    let start = Instant::now();
    file.write_all_at(payload.as_bytes(), at).and_then(|()| file.sync_data()).expect("the disk takes it");
    start.elapsed()
}

/// Lets the write-ahead log reach its full size: while it grows, the file system has more to write than the rows.
fn grown(connection: Connection) -> Connection {
    connection
        .execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, row TEXT NOT NULL) STRICT")
        .expect("it is new");
    let long = "x".repeat(8 << 20);
    connection.execute("INSERT INTO rows (row) VALUES (?1)", [long]).expect("the disk takes it");
    // From here on the log is written from its beginning, over what is there.
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).expect("nobody else reads");
    connection
}

/// Writes a file once over, so that writing to it again changes nothing but its bytes.
fn full(file: File) -> File {
    file.write_all_at(&vec![0; 1 << 16], 0).and_then(|()| file.sync_all()).expect("the disk takes it");
    file
}

//! Reading one tenant from the store on disk: ten overrides, and a secret of three fields.

use std::hint::black_box;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement};
use tenantry_bench::rounds::{Effort, Side, in_turns, with_criterion};
use tenantry_bench::table::{Table, Target};
use tenantry_bench::tenant_file::{SECRETS, TenantFile, bare_connection, scope};
use tenantry_bench::workload::{Draw, OVERRIDES};
use tenantry_core::scope::{Scope, TenantId};
use tokio::runtime::Runtime;

const READS: u32 = 50;

/// Head and items, by one statement: what the store keeps of a scope.
const SCOPE: &str = "SELECT s.revision, s.status, s.display_name, s.incarnation, s.created_at, s.updated_at, s.updated_by, \
     i.key, i.value, i.revision, i.updated_at, i.updated_by, i.default_revision \
     FROM scopes AS s LEFT JOIN items AS i ON i.scope = s.scope WHERE s.scope = ?1";
/// How many columns of it are the head's: copied once, not with each item.
const OF_HEAD: usize = 7;
/// The secret's version and data key, and its fields, sealed.
const SECRET: &str = "SELECT x.version, d.sealed, f.field, f.sealed \
     FROM secrets AS x JOIN data_keys AS d ON d.scope = x.scope JOIN secret_fields AS f ON f.scope = x.scope \
     WHERE x.scope = ?1";
/// How many columns of it are those of all fields.
const OF_SECRET: usize = 2;

fn main() {
    let effort = Effort::of_environment();
    let runtime = Runtime::new().expect("a runtime starts");
    let tenants = effort.choose(100, 1_000);
    let file = TenantFile::of(tenants, &runtime);
    let connection = bare_connection(&file.path());
    let mut draw = Draw::new(3);
    let mut prepare = || (0..READS).map(|_| scope(draw.below(tenants))).collect::<Vec<Scope>>();
    let rounds = effort.choose(50, 1_000);
    let mut table = Table::new("cold embedded read");

    let mut bare = Bare::on(&connection);
    let mut sides = [
        Side::timed("read", READS, |scopes: &Vec<Scope>| {
            timed(|| {
                runtime.block_on(async {
                    for scope in scopes {
                        let read = file.stores.read(scope).await.expect("the file can be read");
                        assert_eq!(read.expect("the tenant is there").items.len(), OVERRIDES);
                    }
                });
            })
        }),
        Side::timed("bare prepared statement", READS, |scopes: &Vec<Scope>| {
            timed(|| scopes.iter().for_each(|scope| assert_eq!(bare.scope(scope).len(), OVERRIDES)))
        }),
    ];
    let figures = in_turns(rounds, &mut prepare, &mut sides);
    table.compare("10 parameters", &figures, 1, Target::AtMost(1.5));
    with_criterion("cold read, parameters", &mut prepare, &mut sides);

    let (mut bare, mut opening) = (Bare::on(&connection), Bare::on(&connection));
    let envelopes = Envelopes::new();
    let mut sides = [
        Side::timed("read and read_secret", READS, |scopes: &Vec<Scope>| {
            timed(|| {
                runtime.block_on(async {
                    for scope in scopes {
                        black_box(file.stores.read(scope).await.expect("the file can be read"));
                        let secret = file.stores.read_secret(scope).await.expect("the file can be read");
                        assert_eq!(secret.expect("the tenant has one").fields.len(), SECRETS.len());
                    }
                });
            })
        }),
        Side::timed("two bare statements, and four envelopes opened", READS, |scopes: &Vec<Scope>| {
            timed(|| {
                for scope in scopes {
                    black_box(opening.scope(scope));
                    assert_eq!(opening.secret(scope).len(), SECRETS.len());
                    envelopes.open();
                }
            })
        }),
        Side::timed("two bare statements, nothing opened", READS, |scopes: &Vec<Scope>| {
            timed(|| {
                for scope in scopes {
                    black_box(bare.scope(scope));
                    black_box(bare.secret(scope));
                }
            })
        }),
    ];
    let figures = in_turns(rounds, &mut prepare, &mut sides);
    table.compare("10 parameters and 3 secret fields", &figures, 1, Target::AtMost(1.5));
    table.compare("the same", &figures, 2, Target::None);
    table.finish();
    with_criterion("cold read, parameters and secret", &mut prepare, &mut sides);
}

fn timed(work: impl FnOnce()) -> std::time::Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

/// The same rows with nothing made of them but copies of their cells.
struct Bare<'a> {
    scope: Statement<'a>,
    secret: Statement<'a>,
}

impl<'a> Bare<'a> {
    fn on(connection: &'a Connection) -> Self {
        let prepare = |sql| connection.prepare(sql).expect("the tables are there");
        Self { scope: prepare(SCOPE), secret: prepare(SECRET) }
    }

    fn scope(&mut self, scope: &Scope) -> Vec<[Value; 6]> {
        rows(&mut self.scope, tenant(scope), OF_HEAD)
    }

    fn secret(&mut self, scope: &Scope) -> Vec<[Value; 2]> {
        rows(&mut self.secret, tenant(scope), OF_SECRET)
    }
}

fn tenant(scope: &Scope) -> &TenantId {
    match scope {
        Scope::Tenant(tenant) => tenant,
        Scope::Global => unreachable!("only tenants are drawn"),
    }
}

/// Copies of the cells: those that all rows share once, the others of every row.
fn rows<const N: usize>(statement: &mut Statement<'_>, tenant: &TenantId, shared: usize) -> Vec<[Value; N]> {
    let mut found = statement.query([tenant.as_str()]).expect("the statement can be run");
    let mut rows = Vec::new();
    while let Some(row) = found.next().expect("the file can be read") {
        let cell = |column: usize| -> Value { row.get(column).expect("the column is there") };
        if rows.is_empty() {
            (0..shared).for_each(|column| drop(black_box(cell(column))));
        }
        rows.push(std::array::from_fn(|column| cell(shared + column)));
    }
    rows
}

/// Texts sealed as those of a tenant are: a data key, and the fields under it.
struct Envelopes {
    cipher: XChaCha20Poly1305,
    sealed: Vec<Vec<u8>>,
}

/// About as long as what names the place of an envelope.
const PLACE: [u8; 150] = [0; 150];

impl Envelopes {
    fn new() -> Self {
        let cipher = XChaCha20Poly1305::new(&[7; 32].into());
        let data_key = "0123456789abcdef0123456789abcdef";
        let texts = std::iter::once(data_key).chain(SECRETS.iter().map(|(_, text)| *text));
        let seal = |text: &str| {
            let payload = Payload { msg: text.as_bytes(), aad: &PLACE };
            cipher.encrypt(&[9; 24].into(), payload).expect("a short text can be sealed")
        };
        let sealed = texts.map(seal).collect();
        Self { cipher, sealed }
    }

    fn open(&self) {
        for sealed in &self.sealed {
            let payload = Payload { msg: sealed.as_slice(), aad: &PLACE };
            black_box(self.cipher.decrypt(&[9; 24].into(), payload).expect("it was sealed like that"));
        }
    }
}

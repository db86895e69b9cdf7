//! The tenants of the workload in a store on disk, each with three secret fields.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use tenantry_core::change::Difference;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_core::value::Value;
use tenantry_store::{
    Action, Commit, Expected, HeadChange, ItemChange, NewLogEntry, OpenOptions, SecretWrite, StoreUrl, Stores,
};
use tokio::runtime::Runtime;

use crate::workload;

/// The fields of each tenant's secret, with their texts.
pub const SECRETS: [(&str, &str); 3] = [
    ("odoo_login", "assistant@company.example"),
    ("odoo_password", "example-b7f2a90c44d1e6835f"),
    ("odoo_url", "https://odoo.company.example"),
];

/// How many tenants are made in one transaction, where there are very many.
const AT_ONCE: usize = 1_000;

/// A store in a folder of its own, which goes with it. It is beside the build and not where temporary files are: those may
/// be kept in memory, where nothing is durable.
pub struct TenantFile {
    folder: TempDir,
    /// The open store.
    pub stores: Stores,
}

impl TenantFile {
    /// Makes a store with so many tenants.
    pub fn of(tenants: usize, runtime: &Runtime) -> Self {
        let file = Self::empty(runtime);
        for number in 0..tenants {
            runtime.block_on(file.stores.commit(creation(number))).expect("the tenant can be created");
        }
        file
    }

    /// The same in large transactions: a store of very many tenants is made in good time.
    pub fn of_many(tenants: usize, runtime: &Runtime) -> Self {
        let file = Self::empty(runtime);
        for first in (0..tenants).step_by(AT_ONCE) {
            let commits = (first..tenants.min(first + AT_ONCE)).map(creation).collect();
            runtime.block_on(file.stores.commit_all(commits)).expect("the tenants can be created");
        }
        file
    }

    fn empty(runtime: &Runtime) -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        let folder = tempfile::tempdir_in(target).expect("the target folder can be written to");
        let url = StoreUrl::Sqlite(folder.path().join("tenants.db"));
        let opened = runtime.block_on(Stores::create(&url, &OpenOptions::default()));
        let (stores, _) = opened.expect("a store can be made");
        Self { folder, stores }
    }

    /// The store's file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("tenants.db")
    }

    /// A place on the same disk for something to compare with.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A connection as bare as can be, set up like the store's own.
pub fn bare_connection(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("the file can be opened");
    for (pragma, value) in [("trusted_schema", "0"), ("foreign_keys", "1"), ("secure_delete", "1")] {
        connection.pragma_update(None, pragma, value).expect("the pragma is known");
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).expect("the mode can be set");
    assert_eq!(mode, "wal");
    connection.pragma_update(None, "synchronous", "FULL").expect("the pragma is known");
    connection
}

/// The scope of a tenant.
pub fn scope(number: usize) -> Scope {
    Scope::Tenant(workload::tenant(number))
}

/// The creation of a tenant with its overrides and secrets.
pub fn creation(number: usize) -> Commit {
    let fields: BTreeMap<_, _> =
        SECRETS.iter().map(|(name, text)| ((*name).to_owned(), Some(SecretText::new((*text).to_owned())))).collect();
    let items = workload::overrides(number).collect();
    Commit {
        expected: Expected::Absent,
        head: HeadChange::Create { display_name: format!("Company {number}") },
        secret: Some(SecretWrite { expected: None, fields }),
        ..change(number, Revision(0), items)
    }
}

/// A change of a tenant that is at a revision: sets values, and logs it.
pub fn change(number: usize, at: Revision, values: Vec<(Key, Value)>) -> Commit {
    let scope = scope(number);
    let difference = |(key, value): &(Key, Value)| Difference {
        key: key.clone(),
        before: None,
        after: Some(Entry::Value(value.clone())),
    };
    let entry = NewLogEntry {
        scope: scope.clone(),
        at: Timestamp::now(),
        actor: "operator".to_owned(),
        action: Action::Change,
        reason: None,
        changes: values.iter().map(difference).collect(),
        detail: None,
    };
    Commit {
        scope,
        expected: Expected::At(at),
        head: HeadChange::Keep,
        items: values.into_iter().map(|(key, value)| ItemChange { key, value: Some(value) }).collect(),
        secret: None,
        claims: Vec::new(),
        default_revision: Revision(0),
        entry,
    }
}

//! What promises do over and over: drafts of commits, and looks at all that a store shows of a scope. Other tests may
//! use it, too.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use tenantry_core::change::Difference;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretText;
use tenantry_core::value::Value;

use crate::{
    Action, BatchError, Binding, ClaimChange, Commit, Committed, Expected, HeadChange, ItemChange, LogEntry, LogQuery,
    NewLogEntry, PageRequest, ScopeCopy, SecretVersion, SecretWrite, StoreError, StoredScope, StoredSecret, Stores,
    TenantStatus,
};

/// A moment, told by seconds from an arbitrary one, with nanoseconds that a store must keep.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_750_000_000 + seconds, 123_456_789).unwrap()
}

pub fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

pub fn scope(id: &str) -> Scope {
    Scope::Tenant(tenant(id))
}

pub fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

pub fn json(text: &str) -> Value {
    Value::from_json(text).unwrap()
}

pub fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

pub fn binding(text: &str) -> Binding {
    Binding::parse(text).unwrap()
}

pub fn entry(scope: &Scope, action: Action) -> NewLogEntry {
    NewLogEntry {
        scope: scope.clone(),
        at: at(0),
        actor: "ada".to_owned(),
        action,
        reason: None,
        changes: Vec::new(),
        detail: None,
    }
}

/// A write of a scope's secret.
pub fn secret_write(expected: Option<&SecretVersion>, fields: &[(&str, Option<&str>)]) -> SecretWrite {
    let fields = fields.iter().map(|(name, text)| ((*name).to_owned(), text.map(secret)));
    SecretWrite { expected: expected.cloned(), fields: fields.collect() }
}

/// A commit in the making.
#[must_use]
#[derive(Clone)]
pub struct Draft(Commit);

impl Draft {
    fn new(scope: Scope, expected: Expected, head: HeadChange, action: Action) -> Self {
        let entry = entry(&scope, action);
        let (items, secret, claims, default_revision) = (Vec::new(), None, Vec::new(), Revision(0));
        Self(Commit { scope, expected, head, items, secret, claims, default_revision, entry })
    }

    /// The creation of a tenant that is called like its id.
    pub fn create(id: &str) -> Self {
        let head = HeadChange::Create { display_name: format!("Company {id}") };
        Self::new(scope(id), Expected::Absent, head, Action::Create)
    }

    pub fn create_global() -> Self {
        Self::new(Scope::Global, Expected::Absent, HeadChange::Create { display_name: String::new() }, Action::Create)
    }

    pub fn change(scope: Scope, revision: u64) -> Self {
        Self::new(scope, Expected::At(Revision(revision)), HeadChange::Keep, Action::Change)
    }

    pub fn suspend(id: &str, revision: u64) -> Self {
        Self::change(scope(id), revision).head(HeadChange::Status(TenantStatus::Suspended))
    }

    pub fn head(mut self, head: HeadChange) -> Self {
        self.0.head = head;
        self
    }

    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.items.push(ItemChange { key: key(name), value: Some(value.into()) });
        self
    }

    pub fn unset(mut self, name: &str) -> Self {
        self.0.items.push(ItemChange { key: key(name), value: None });
        self
    }

    pub fn secret(mut self, expected: Option<&SecretVersion>, fields: &[(&str, Option<&str>)]) -> Self {
        self.0.secret = Some(secret_write(expected, fields));
        self
    }

    pub fn take(mut self, name: &str) -> Self {
        self.0.claims.push(ClaimChange::Take(binding(name)));
        self
    }

    pub fn release(mut self, name: &str) -> Self {
        self.0.claims.push(ClaimChange::Release(binding(name)));
        self
    }

    pub fn over_default(mut self, revision: u64) -> Self {
        self.0.default_revision = Revision(revision);
        self
    }

    pub fn by(mut self, actor: &str, seconds: i64) -> Self {
        actor.clone_into(&mut self.0.entry.actor);
        self.0.entry.at = at(seconds);
        self
    }

    pub fn because(mut self, reason: &str) -> Self {
        self.0.entry.reason = Some(reason.to_owned());
        self
    }

    pub fn telling(mut self, changes: Vec<Difference>) -> Self {
        self.0.entry.changes = changes;
        self
    }

    pub fn logged_about(mut self, scope: Scope) -> Self {
        self.0.entry.scope = scope;
        self
    }

    /// Sends several commits that belong together.
    pub async fn send_all(drafts: Vec<Self>, stores: &Stores) -> Result<Vec<Committed>, BatchError> {
        stores.commit_all(drafts.into_iter().map(|draft| draft.0).collect()).await
    }

    pub async fn send(self, stores: &Stores) -> Result<Committed, StoreError> {
        stores.commit(self.0).await
    }

    /// Sends a commit that must succeed.
    pub async fn done(self, stores: &Stores) -> Committed {
        self.send(stores).await.unwrap()
    }
}

/// Reads a scope that must be there.
pub async fn read(stores: &Stores, scope: &Scope) -> StoredScope {
    stores.read(scope).await.unwrap().unwrap()
}

/// Reads a secret that must be there.
pub async fn read_secret(stores: &Stores, scope: &Scope) -> StoredSecret {
    stores.read_secret(scope).await.unwrap().unwrap()
}

/// The value of an item that must be there.
pub async fn value(stores: &Stores, scope: &Scope, name: &str) -> Option<Value> {
    read(stores, scope).await.items.into_iter().find(|item| item.key == key(name)).map(|item| item.value)
}

/// A secret's texts by field.
pub fn texts(secret: &StoredSecret) -> BTreeMap<&str, &str> {
    secret.fields.iter().map(|(name, text)| (name.as_str(), text.expose())).collect()
}

/// Reads a whole log, a few entries at a time.
pub async fn whole_log(stores: &Stores, query: &LogQuery) -> Vec<LogEntry> {
    let (mut page, mut all) = (PageRequest::first(3), Vec::new());
    loop {
        let read = stores.log(query, &page).await.unwrap();
        all.extend(read.items);
        match read.next {
            Some(cursor) => page = page.behind(cursor),
            None => return all,
        }
    }
}

/// All of a scope that must be there, the ids of its log entries left empty: each store gives its own.
pub async fn copy_of(stores: &Stores, scope: &Scope) -> ScopeCopy {
    let StoredScope { head, items, .. } = read(stores, scope).await;
    let secret = stores.read_secret(scope).await.unwrap().map(|secret| secret.fields);
    let bindings = match scope {
        Scope::Global => Vec::new(),
        Scope::Tenant(tenant) => stores.bindings(tenant).await.unwrap(),
    };
    let mut log = whole_log(stores, &log_of(scope)).await;
    log.reverse();
    for entry in &mut log {
        entry.id.clear();
    }
    ScopeCopy { scope: scope.clone(), head, items, secret, bindings, log }
}

pub fn history_of(scope: &Scope) -> LogQuery {
    LogQuery { scope: Some(scope.clone()), revisions_only: true }
}

pub fn log_of(scope: &Scope) -> LogQuery {
    LogQuery { scope: Some(scope.clone()), revisions_only: false }
}

pub const WHOLE_LOG: LogQuery = LogQuery { scope: None, revisions_only: false };

/// All that a store shows of a tenant, with the versions of its secret told by their order: a store may name them at
/// random, so that two stores never show the same ones.
pub async fn sight_of_any_store(stores: &Stores, id: &str) -> String {
    let seen = sight(stores, id).await;
    let version = stores.read_secret(&scope(id)).await.unwrap().map(|secret| secret.version.0);
    version.map_or(seen.clone(), |version| seen.replace(&format!("\"{version}\""), "the version"))
}

/// All that a store shows of a tenant, in one text: cursors and ids of entries included.
///
/// Left out is the incarnation, a random name.
pub async fn sight(stores: &Stores, id: &str) -> String {
    let (scope, mut seen) = (scope(id), String::new());
    if let Some(mut stored) = stores.read(&scope).await.unwrap() {
        stored.head.incarnation.clear();
        writeln!(seen, "{stored:?}").unwrap();
    }
    if let Some(secret) = stores.read_secret(&scope).await.unwrap() {
        writeln!(seen, "{secret:?} {:?}", texts(&secret)).unwrap();
    }
    for query in [log_of(&scope), history_of(&scope)] {
        let mut page = PageRequest::first(2);
        loop {
            let read = stores.log(&query, &page).await.unwrap();
            writeln!(seen, "{} {:?}", serde_json::to_string(&read.items).unwrap(), read.next).unwrap();
            let Some(cursor) = read.next else { break };
            page = page.behind(cursor);
        }
    }
    for revision in 0..20 {
        writeln!(seen, "{:?}", stores.revision(&scope, Revision(revision)).await.unwrap()).unwrap();
    }
    writeln!(seen, "{:?}", stores.bindings(&tenant(id)).await.unwrap()).unwrap();
    writeln!(seen, "{:?}", stores.tokens(Some(&scope)).await.unwrap()).unwrap();
    seen
}

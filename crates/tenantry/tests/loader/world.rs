//! A small application with two companies, a faulty store, and a clock that moves when the test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::{Clock, Freshness, LoadError, Loader, Moment, TenantConfig};
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretText;
use tenantry_core::value::Value;
use tenantry_store::memory::MemoryStore;
use tenantry_store::{
    Action, Commit, Expected, HeadChange, ItemChange, NewLogEntry, SecretWrite, Stores, TenantStatus,
};
use tokio::time::{Instant, advance};

use crate::faulty::Faulty;

/// What the small application can be told.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    #[serde(default)]
    pub(crate) persona: Persona,
    pub(crate) odoo: Option<Odoo>,
    #[serde(default)]
    #[schemars(extend("x-set-by" = "operator"))]
    pub(crate) limits: Limits,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default)]
pub(crate) struct Persona {
    pub(crate) name: String,
    #[schemars(range(min = 0.0, max = 2.0))]
    pub(crate) warmth: f64,
    pub(crate) mood: Mood,
    /// A day, though its schema takes any text.
    #[schemars(with = "String")]
    pub(crate) since: Date,
}

#[derive(Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mood {
    #[default]
    Calm,
    Merry,
}

impl Default for Persona {
    fn default() -> Self {
        Self { name: "Ada".to_owned(), warmth: 1.0, mood: Mood::Calm, since: Date::constant(2026, 11, 23) }
    }
}

/// Odoo
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub(crate) struct Odoo {
    #[schemars(extend("x-sensitivity" = "credential"))]
    pub(crate) url: String,
    pub(crate) password: SecretText,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default)]
pub(crate) struct Limits {
    pub(crate) turns: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { turns: 20 }
    }
}

/// Tells the runtime's time, which stands still until a test advances it; the wall clock can be moved apart from it.
pub(crate) struct TestClock {
    start: Instant,
    ahead: AtomicU64,
}

/// 2026-11-23T00:00:00Z, in nanoseconds.
const WALL_START: u64 = 1_795_392_000_000_000_000;

impl TestClock {
    fn new() -> Self {
        Self { start: Instant::now(), ahead: AtomicU64::new(0) }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        let elapsed = u64::try_from(self.start.elapsed().as_nanos()).unwrap();
        let ahead = self.ahead.load(Ordering::Relaxed);
        Moment { monotonic: 1_000_000_000 + elapsed, wall: WALL_START + elapsed + ahead }
    }
}

/// Everything that a test needs.
pub(crate) struct World {
    pub(crate) stores: Stores,
    pub(crate) faulty: Arc<Faulty>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) loader: Loader<Settings>,
}

pub(crate) type Loaded = Result<TenantConfig<Settings>, LoadError>;

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

pub(crate) fn scope(id: &str) -> Scope {
    Scope::parse(id).unwrap()
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// The canary that is the Odoo password of a tenant.
pub(crate) fn canary(id: &str) -> String {
    format!("CANARY-{id}-6f1d8a2b")
}

impl World {
    /// The companies acme and beta, each with a persona and an Odoo connection of its own; nothing is cached.
    pub(crate) async fn new() -> Self {
        Self::with_hot_tenants(100).await
    }

    pub(crate) async fn with_hot_tenants(hot_tenants: usize) -> Self {
        let world = Self::unsettled(hot_tenants).await;
        world.settle().await;
        world
    }

    /// The same before anything was loaded: for tests in which the time cannot be paused.
    pub(crate) async fn unsettled(hot_tenants: usize) -> Self {
        Self::made(hot_tenants, Freshness::default()).await
    }

    /// The same with other rules of freshness.
    pub(crate) async fn made(hot_tenants: usize, freshness: Freshness) -> Self {
        let stores = Stores::new(Arc::new(MemoryStore::new()));
        let faulty = Arc::new(Faulty::new(stores.clone()));
        let clock = Arc::new(TestClock::new());
        let builder = Loader::with_ports(faulty.clone(), faulty.clone()).hot_tenants(hot_tenants).freshness(freshness);
        let loader = builder.clock(clock.clone()).build().unwrap();
        let world = Self { stores, faulty, clock, loader };
        world.create_global().await;
        for id in ["acme", "beta"] {
            world.create(id).await;
        }
        world
    }

    /// Lets the first check for revocations pass, so that whatever is read from now on is watched.
    async fn settle(&self) {
        self.load("nobody").await.unwrap_err();
        self.pass(Duration::from_millis(1)).await;
    }

    /// Creates a company with a persona and an Odoo connection.
    pub(crate) async fn create(&self, id: &str) {
        let head = HeadChange::Create { display_name: format!("{id} Ltd") };
        let fields = [("odoo_url", format!("https://{id}.example")), ("odoo_password", canary(id))];
        let fields = fields.map(|(field, text)| (field.to_owned(), Some(SecretText::new(text))));
        let secret = SecretWrite { expected: None, fields: fields.into() };
        self.commit(id, Expected::Absent, head, Some(("persona.name", Some(id.into()))), Some(secret)).await;
    }

    async fn create_global(&self) {
        let head = HeadChange::Create { display_name: String::new() };
        self.commit("#global", Expected::Absent, head, Some(("persona.warmth", Some(1.into()))), None).await;
    }

    /// Sets a plain value, good or bad.
    pub(crate) async fn set(&self, id: &str, name: &str, json: &str) {
        let value = Value::from_json(json).unwrap();
        self.commit(id, self.at(id).await, HeadChange::Keep, Some((name, Some(value))), None).await;
    }

    /// Removes a plain value.
    pub(crate) async fn unset(&self, id: &str, name: &str) {
        self.commit(id, self.at(id).await, HeadChange::Keep, Some((name, None)), None).await;
    }

    /// Sets a field of a secret.
    pub(crate) async fn set_secret(&self, id: &str, field: &str, text: &str) {
        let expected = self.stores.read_secret(&scope(id)).await.unwrap().map(|secret| secret.version);
        let fields = [(field.to_owned(), Some(SecretText::new(text.to_owned())))].into();
        let secret = SecretWrite { expected, fields };
        self.commit(id, self.at(id).await, HeadChange::Keep, None, Some(secret)).await;
    }

    pub(crate) async fn suspend(&self, id: &str) {
        self.commit(id, self.at(id).await, HeadChange::Status(TenantStatus::Suspended), None, None).await;
    }

    pub(crate) async fn resume(&self, id: &str) {
        self.commit(id, self.at(id).await, HeadChange::Status(TenantStatus::Active), None, None).await;
    }

    pub(crate) async fn erase(&self, id: &str) {
        self.suspend(id).await;
        let Expected::At(revision) = self.at(id).await else { panic!("{id} does not exist") };
        self.stores.erase(&tenant(id), revision, entry(id, Action::Delete)).await.unwrap();
    }

    async fn at(&self, id: &str) -> Expected {
        let stored = self.stores.read(&scope(id)).await.unwrap();
        stored.map_or(Expected::Absent, |stored| Expected::At(stored.head.revision))
    }

    async fn commit(
        &self,
        id: &str,
        expected: Expected,
        head: HeadChange,
        item: Option<(&str, Option<Value>)>,
        secret: Option<SecretWrite>,
    ) {
        let items = item.into_iter().map(|(name, value)| ItemChange { key: key(name), value }).collect();
        let commit = Commit {
            scope: scope(id),
            expected,
            head,
            items,
            secret,
            claims: Vec::new(),
            default_revision: Revision(0),
            entry: entry(id, Action::Change),
        };
        self.stores.commit(commit).await.unwrap();
    }

    pub(crate) async fn load(&self, id: &str) -> Loaded {
        self.loader.load(&tenant(id)).await
    }

    /// Lets time pass, and whatever is done in the background come to its end.
    pub(crate) async fn pass(&self, time: Duration) {
        advance(time).await;
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass by the wall clock alone, as when the process is frozen.
    pub(crate) fn freeze(&self, time: Duration) {
        self.clock.ahead.fetch_add(u64::try_from(time.as_nanos()).unwrap(), Ordering::Relaxed);
    }

    /// The Odoo password that a tenant's settings have.
    pub(crate) async fn password(&self, id: &str) -> Option<String> {
        let config = self.load(id).await.unwrap();
        config.odoo.as_ref().map(|odoo| odoo.password.expose().to_owned())
    }
}

pub(crate) fn entry(id: &str, action: Action) -> NewLogEntry {
    NewLogEntry {
        scope: scope(id),
        at: Timestamp::UNIX_EPOCH,
        actor: "test".to_owned(),
        action,
        reason: None,
        changes: Vec::new(),
        detail: None,
    }
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

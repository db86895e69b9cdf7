//! Parameters in Amazon DynamoDB: the table `TenantConfiguration` and its log.
//!
//! | promise | by |
//! |---|---|
//! | whole or nothing | one TransactWriteItems for each commit (`plan.rs`, `transaction.rs`) |
//! | head and items of one state | one Query, whose digest must fit, or it is read again (`partition.rs`, `digest.rs`) |
//! | no lost update | the head is written under the condition that nobody wrote it since (`plan.rs`) |
//! | nothing of other tenants | every row's partition is compared with the one that was asked for (`partition.rs`) |
//! | any stored bytes | rows are read without trusting them (`row.rs`, `value.rs`) |
//!
//! What stands where is told in `docs/decisions/0009-what-stands-where-in-aws.md`.

mod claims;
mod copy;
mod digest;
mod erasure;
mod head;
mod intents;
mod log;
mod partition;
mod plan;
mod revocations;
pub(crate) mod row;
mod table;
mod tables;
mod tokens;
mod transaction;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

pub(crate) use self::erasure::Erasure;
use self::head::{HEAD, HeadRow, Life};
pub(crate) use self::intents::Intent;
pub(crate) use self::log::{BY_TIME, LOG, LOGGED_AT};
use self::log::{Place, Ticks};
use self::partition::Partition;
pub(crate) use self::plan::Plan;
use self::plan::{Part, Situation};
use self::row::{CONFIG_VALUE, Cells, Row};
use self::table::{Range, Table, Update};
pub(crate) use self::tables::{Identity, TableShape};
pub(crate) use self::tokens::TOKENS;
pub(crate) use self::transaction::MOST_WRITES;
use self::transaction::{Aborted, Condition, Transaction};
pub(crate) use crate::aws::names::Names;
use crate::aws::pause::pause;
use crate::aws::sessions::Sessions;
use crate::batch::BatchError;
use crate::error::StoreError;
use crate::records::{
    Binding, Commit, Committed, LogEntry, LogQuery, NewLogEntry, Page, PageRequest, RevocationCursor, Revocations,
    SecretVersion, StoredScope, TenantSummary, TokenRecord, TokenUse,
};
use crate::{cursor, decide, random};

/// The partition of bindings.
pub(crate) const BINDINGS: &str = "#bindings";
/// The registry of tenants.
pub(crate) const TENANTS: &str = "#tenants";
/// How often a read whose digest does not fit is made.
const MOST_READS: usize = 3;
/// How often an event that meets another one in the log is tried.
const MOST_TRIES: u32 = 16;

/// The partition of a scope.
pub(crate) fn partition_of(scope: &Scope) -> &str {
    match scope {
        Scope::Global => "#global",
        Scope::Tenant(tenant) => tenant.as_str(),
    }
}

/// Something that belongs to another scope than the one that was asked for. Nothing that came with it is used.
#[derive(Debug, thiserror::Error)]
#[error("the answer for {asked} holds what belongs elsewhere: {what}")]
pub(crate) struct Alien {
    asked: Scope,
    what: &'static str,
}

impl Alien {
    fn row(asked: &Scope) -> StoreError {
        Self::denied(asked, "an item of another partition")
    }

    /// Not to be served, and no cached copy either: who knows since when this is so.
    pub(crate) fn denied(asked: &Scope, what: &'static str) -> StoreError {
        tracing::error!(scope = %asked, what, "the back end answered with what belongs to another scope; it is refused");
        StoreError::Denied(Box::new(Self { asked: asked.clone(), what }))
    }
}

/// The parameter store on DynamoDB.
pub(crate) struct DynamoDb {
    pub(crate) names: Names,
    client: Client,
    sessions: Arc<Sessions>,
    ticks: Ticks,
}

/// Why a plan was not made.
pub(crate) enum Unmade {
    /// Somebody else wrote meanwhile: decide again.
    Moved,
    /// The log has the revision already, as after the parameters were taken back to an earlier time: decide again behind it.
    Behind,
    /// It is refused, and nothing was written.
    Refused(BatchError),
    /// The call failed, and it is open whether it was made.
    Unknown(StoreError),
}

impl DynamoDb {
    pub(crate) fn new(names: Names, client: Client, sessions: Arc<Sessions>) -> Self {
        Self { names, client, sessions, ticks: Ticks::default() }
    }

    fn configuration(&self) -> Table<'_> {
        Table { client: &self.client, name: &self.names.configuration }
    }

    fn log_table(&self) -> Table<'_> {
        Table { client: &self.client, name: &self.names.log }
    }

    /// Reads a scope under its own session: one Query, unless the digest does not fit.
    pub(crate) async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
        let client = self.sessions.dynamodb(scope).await?;
        let table = Table { client: &client, name: &self.names.configuration };
        let mut read = partition(&table, scope).await?;
        for _ in 1..MOST_READS {
            if !read.differs() {
                return Ok(read.into_stored());
            }
            let again = partition(&table, scope).await?;
            // The same once more is no torn read: somebody changed the items.
            if again.digest == read.digest {
                return Ok(again.into_stored());
            }
            read = again;
        }
        if read.differs() {
            return Err(StoreError::Unavailable("the items change faster than they can be read as one state".into()));
        }
        Ok(read.into_stored())
    }

    /// Reads what commits are decided on, and decides.
    /// `with_log` asks the log in any case which revisions were given.
    pub(crate) async fn plan(&self, commits: Vec<Commit>, with_log: bool) -> Result<Plan, BatchError> {
        let situations = commits.iter().map(|commit| self.situation(&commit.scope, with_log));
        let situations = futures::future::try_join_all(situations).await?;
        Plan::decide(commits, situations)
    }

    async fn situation(&self, scope: &Scope, with_log: bool) -> Result<Situation, StoreError> {
        let partition = partition(&self.configuration(), scope).await?;
        let logged = match partition.head {
            Some(_) if !with_log => None,
            // Without a head, the log alone knows which revisions were given.
            Some(_) | None => self.log_table().newest(scope).await?,
        };
        Ok(Situation { partition, logged })
    }

    /// Makes a plan. `secrets` are the new versions of the secrets that it changes.
    pub(crate) async fn make(&self, plan: &Plan, secrets: &[Option<SecretVersion>]) -> Result<Vec<Committed>, Unmade> {
        let transaction = self.transaction(plan, secrets).await.map_err(Unmade::Refused)?;
        match transaction.send(&self.client).await {
            Ok(()) => Ok(plan.committed(secrets)),
            Err(Aborted::Contention | Aborted::Condition(Part::Head(_) | Part::Rest)) => Err(Unmade::Moved),
            Err(Aborted::Condition(Part::Log(_))) => Err(Unmade::Behind),
            Err(Aborted::Condition(Part::Claim(at, binding))) => {
                let scope = plan.commits[at].scope.clone();
                Err(Unmade::Refused(BatchError { scope: Some(scope), error: StoreError::Taken(binding) }))
            }
            // Found before the call.
            Err(Aborted::Failed(error @ StoreError::TooLarge { .. })) => Err(Unmade::Refused(error.into())),
            // An earlier try of the same call may have been made, whatever the last one was answered.
            Err(Aborted::Failed(error)) => match self.was_made(plan).await {
                Ok(true) => Ok(plan.committed(secrets)),
                Ok(false) if !error.is_transient() => Err(Unmade::Refused(error.into())),
                Ok(false) | Err(_) => Err(Unmade::Unknown(error)),
            },
        }
    }

    async fn transaction(
        &self,
        plan: &Plan,
        secrets: &[Option<SecretVersion>],
    ) -> Result<Transaction<Part>, BatchError> {
        if plan.writes() > MOST_WRITES {
            let what =
                "the number of items, bindings, heads and log entries of changes that belong together".to_owned();
            return Err(StoreError::TooLarge { what, size: plan.writes(), limit: MOST_WRITES }.into());
        }
        let newest = if plan.revoked().is_empty() { 0 } else { self.configuration().newest_revocation().await? };
        plan.transaction(&self.names, &self.ticks, secrets, newest)
    }

    /// Whether a plan whose answer was lost was made.
    async fn was_made(&self, plan: &Plan) -> Result<bool, StoreError> {
        for (scope, change) in plan.changes() {
            let head = self.head(scope).await?;
            if head.is_none_or(|head| head.change != change) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn head(&self, scope: &Scope) -> Result<Option<HeadRow>, StoreError> {
        let row = self.configuration().get(partition_of(scope), HEAD).await?;
        row.map(|row| HeadRow::read(scope, &row)).transpose()
    }

    async fn living(&self, scope: &Scope) -> Result<Option<HeadRow>, StoreError> {
        Ok(self.head(scope).await?.filter(|head| head.life == Life::Alive))
    }

    /// Whether a scope is there, managed or not.
    pub(crate) async fn is_there(&self, scope: &Scope) -> Result<bool, StoreError> {
        Ok(partition(&self.configuration(), scope).await?.living().is_some())
    }

    /// The version of the secret that belongs to a scope's revision, as its head says by now.
    pub(crate) async fn secret_version(&self, scope: &Scope) -> Result<Option<SecretVersion>, StoreError> {
        Ok(self.living(scope).await?.and_then(|head| head.secret_version))
    }

    /// Whether a scope has no secret for certain, read under its own session: its head names none. Of a tenant without a
    /// head nobody knows. The defaults need no head to have no secret: theirs may be read by its name, if it is there.
    pub(crate) async fn has_no_secret(&self, scope: &Scope) -> bool {
        let head = async {
            let client = self.sessions.dynamodb(scope).await?;
            let table = Table { client: &client, name: &self.names.configuration };
            let row = table.get(partition_of(scope), HEAD).await?;
            row.map(|row| HeadRow::read(scope, &row)).transpose()
        };
        match head.await {
            Ok(Some(head)) => head.secret_version.is_none(),
            Ok(None) => *scope == Scope::Global,
            Err(_) => false,
        }
    }

    /// Notes that a scope's secret was changed by itself, without a new revision.
    pub(crate) async fn note_secret(&self, scope: &Scope, version: &SecretVersion) -> Result<(), StoreError> {
        let update = Update {
            expression: "SET #s = :s, #c = :c",
            condition: Some("attribute_exists(#c)"),
            names: &[("#s", "secret_version"), ("#c", "change")],
            values: vec![(":s", row::text(&version.0)), (":c", row::text(random::name()))],
        };
        // Where there is no head there is nothing to note it in, and nothing that could differ from it.
        self.configuration().update(partition_of(scope), HEAD, update).await.map(drop)
    }

    pub(crate) async fn begin_intent(&self, intent: &Intent) -> Result<bool, StoreError> {
        let table = self.configuration();
        // If it is there, it may be this very one: its answer was lost, and the call was made again.
        Ok(table.begin_intent(intent).await?
            || table.intent(&intent.scope).await?.is_some_and(|found| found.version == intent.version))
    }

    pub(crate) async fn intent(&self, scope: &Scope) -> Result<Option<Intent>, StoreError> {
        self.configuration().intent(scope).await
    }

    pub(crate) async fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        self.configuration().intents().await
    }

    pub(crate) async fn end_intent(&self, intent: &Intent) -> Result<(), StoreError> {
        self.configuration().end_intent(intent).await
    }

    pub(crate) async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        let registered = self.registered(page).await?;
        let summaries = registered.items.iter().filter(|(_, head)| head.life == Life::Alive);
        Ok(Page { items: summaries.map(|(id, head)| summary(id, head)).collect(), next: registered.next })
    }

    /// All tenants of the registry, whatever state they are in.
    pub(crate) async fn ids(&self, page: &PageRequest) -> Result<Page<TenantId>, StoreError> {
        let behind: Option<TenantId> = cursor::place(cursor::TENANTS, page)?;
        let range = Range {
            behind: behind.map(|tenant| tenant.as_str().to_owned()),
            limit: Some(cursor::limit(page) + 1),
            ..Range::default()
        };
        let mut ids = Vec::new();
        for row in self.configuration().query(TENANTS, &range).await? {
            let id = Cells::new(&row, "the registry of tenants").tenant(row::CONFIG_KEY)?;
            ids.push((id.clone(), id));
        }
        Ok(cursor::cut(cursor::TENANTS, page, ids))
    }

    /// Whether a scope is being copied from another store.
    pub(crate) async fn is_coming(&self, scope: &Scope) -> Result<bool, StoreError> {
        Ok(self.head(scope).await?.is_some_and(|head| head.life == Life::Incoming))
    }

    /// The tenants whose erasure was begun, and not finished.
    pub(crate) async fn being_erased(&self, page: &PageRequest) -> Result<Page<TenantId>, StoreError> {
        let registered = self.registered(page).await?;
        let erasing = registered.items.into_iter().filter(|(_, head)| head.life == Life::Erasing);
        Ok(Page { items: erasing.map(|(id, _)| id).collect(), next: registered.next })
    }

    /// A page of the registry with the heads of its tenants. A tenant without a head is left out.
    async fn registered(&self, page: &PageRequest) -> Result<Page<(TenantId, HeadRow)>, StoreError> {
        let Page { items, next } = self.ids(page).await?;
        let mut heads = self.heads(&items).await?;
        let with_head = |id: TenantId| heads.remove(&id).map(|head| (id, head));
        Ok(Page { items: items.into_iter().filter_map(with_head).collect(), next })
    }

    async fn heads(&self, ids: &[TenantId]) -> Result<HashMap<TenantId, HeadRow>, StoreError> {
        let keys = ids.iter().map(|id| row::key(id.as_str(), HEAD)).collect();
        let mut heads = HashMap::new();
        for row in self.configuration().get_all(keys).await? {
            let id = Cells::new(&row, "the heads of tenants").tenant(row::TENANT_ID)?;
            // One that cannot be read must not hide the others; `doctor` tells of it.
            match HeadRow::read(&Scope::Tenant(id.clone()), &row) {
                Ok(head) => drop(heads.insert(id, head)),
                Err(error) => tracing::error!(tenant = %id, %error, "a tenant is left out of a list"),
            }
        }
        Ok(heads)
    }

    pub(crate) async fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        match &query.scope {
            None => self.log_table().page_of_all(query, page).await,
            Some(scope) => {
                let first = self.living(scope).await?.map(|head| head.first).unwrap_or_default();
                self.log_table().page_of(scope, first, query, page).await
            }
        }
    }

    pub(crate) async fn revision(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError> {
        let first = self.living(scope).await?.map(|head| head.first).unwrap_or_default();
        if revision < first {
            return Ok(None);
        }
        self.log_table().entry(scope, revision).await
    }

    /// Adds an event to the log, together with another write.
    async fn with_event(
        &self,
        entry: NewLogEntry,
        write: impl Fn(&mut Transaction<Event>) -> Result<(), StoreError>,
    ) -> Result<(), Aborted<Event>> {
        for turn in 0..MOST_TRIES {
            let place = Place::behind(self.log_table().newest(&entry.scope).await?);
            let logged = decide::log_entry(entry.clone(), place, None, None);
            let mut transaction = Transaction::new();
            write(&mut transaction)?;
            let row = log::to_row(&entry.scope, place, &logged, self.ticks.next());
            transaction.put(Event::Log, &self.names.log, row, &Condition::absent())?;
            match transaction.send(&self.client).await {
                Err(Aborted::Condition(Event::Log) | Aborted::Contention) => pause(turn).await,
                other => return other,
            }
        }
        Err(Aborted::Failed(StoreError::Unavailable("others write to the same log all the time".into())))
    }

    pub(crate) async fn record(&self, entry: NewLogEntry) -> Result<(), StoreError> {
        self.with_event(entry, |_| Ok(())).await.map_err(|aborted| aborted.into_error("log"))
    }

    pub(crate) async fn bound(&self, binding: &Binding) -> Result<Option<TenantId>, StoreError> {
        let row = self.configuration().get(BINDINGS, &binding.to_string()).await?;
        row.map(|row| Cells::new(&row, "the bindings").tenant(CONFIG_VALUE)).transpose()
    }

    pub(crate) async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, StoreError> {
        Ok(self.living(&Scope::Tenant(tenant.clone())).await?.map(|head| head.bindings).unwrap_or_default())
    }

    pub(crate) async fn create_token(&self, token: &TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
        let (table, row) = (&self.names.configuration, tokens::to_row(token, self.ticks.next()));
        let written = self.with_event(entry, |transaction| {
            transaction.put(Event::Token, table, row.clone(), &Condition::absent())?;
            if let Scope::Tenant(tenant) = &token.scope {
                let alive = Condition::is_living();
                transaction.check(Event::Tenant, table, row::key(tenant.as_str(), HEAD), &alive)?;
            }
            Ok(())
        });
        match written.await {
            Err(Aborted::Condition(Event::Token)) => Err(StoreError::Refused("there is a token with this id already")),
            other => other.map_err(|aborted| aborted.into_error("tenant")),
        }
    }

    pub(crate) async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError> {
        // DynamoDB refuses an empty key as invalid; no token has one.
        if id.is_empty() {
            return Ok(None);
        }
        self.configuration().get(TOKENS, id).await?.as_ref().map(tokens::read).transpose()
    }

    pub(crate) async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
        Ok(tokens::read_all(&self.configuration().query(TOKENS, &Range::default()).await?, scope))
    }

    pub(crate) async fn revoke_token(&self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError> {
        let Some(token) = self.token(id).await? else { return Err(StoreError::Missing("token")) };
        if token.revoked_at.is_some() {
            return Ok(());
        }
        let update = Update {
            expression: "SET #r = :at",
            condition: Some("attribute_exists(#p) AND attribute_not_exists(#r)"),
            names: &[("#r", tokens::REVOKED_AT), ("#p", row::TENANT_ID)],
            values: vec![(":at", row::moment(at))],
        };
        let table = &self.names.configuration;
        let written = self
            .with_event(entry, |transaction| transaction.update(Event::Token, table, row::key(TOKENS, id), &update));
        match written.await {
            // Somebody else revoked it meanwhile.
            Err(Aborted::Condition(Event::Token)) => Ok(()),
            other => other.map_err(|aborted| aborted.into_error("token")),
        }
    }

    pub(crate) async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        /// How many notes are under way at once.
        const AT_ONCE: usize = 8;
        for some in uses.chunks(AT_ONCE) {
            let notes: Vec<_> = some.iter().map(|used| self.touch_token(used)).collect();
            futures::future::try_join_all(notes).await?;
        }
        Ok(())
    }

    async fn touch_token(&self, TokenUse { id, at }: &TokenUse) -> Result<(), StoreError> {
        if id.is_empty() {
            return Ok(());
        }
        let update = Update {
            expression: "SET #u = :at",
            condition: Some("attribute_exists(#p)"),
            names: &[("#u", "last_used_at"), ("#p", row::TENANT_ID)],
            values: vec![(":at", row::moment(*at))],
        };
        self.configuration().update(TOKENS, id, update).await.map(drop)
    }

    pub(crate) async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        self.configuration().revocations(after).await
    }
}

/// A write that goes together with an event of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Log,
    Token,
    Tenant,
}

impl Aborted<Event> {
    /// What is missing where a condition failed that is nobody's fault.
    fn into_error(self, missing: &'static str) -> StoreError {
        match self {
            Self::Condition(_) => StoreError::Missing(missing),
            Self::Contention => StoreError::Unavailable("others write to the same rows all the time".into()),
            Self::Failed(error) => error,
        }
    }
}

/// Reads a scope's partition.
async fn partition(table: &Table<'_>, scope: &Scope) -> Result<Partition, StoreError> {
    let rows: Vec<Row> = table.query(partition_of(scope), &Range::default()).await?;
    Partition::read(scope, &rows)
}

fn summary(tenant: &TenantId, row: &HeadRow) -> TenantSummary {
    TenantSummary {
        tenant_id: tenant.clone(),
        display_name: row.head.display_name.clone(),
        status: row.head.status,
        revision: row.head.revision,
        created_at: row.head.created_at,
        updated_at: row.head.updated_at,
    }
}

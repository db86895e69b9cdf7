//! A store in one local file: SQLite in WAL mode, secrets sealed before they reach it.
//!
//! | promise | by |
//! |---|---|
//! | whole or nothing | one transaction for each commit, begun with the write lock (`commit.rs`) |
//! | acknowledged is durable | `synchronous = FULL` (`pool.rs`) |
//! | several processes at once | WAL, and a writer that waits for the other |
//! | head and items of one state | one statement for both (`scopes.rs`) |
//! | no secret in the file | sealed under a data key for each scope, which the master key seals (`seal.rs`) |
//! | a replaced file is noticed | its number is compared before writes and reads of who may come in (`same_file.rs`) |
//! | nothing touched that is not ours | the file is recognised before anything is written (`open.rs`) |
//!
//! Reads are done inline: they take some microseconds, less than handing them to another thread. Writes wait for the
//! disk, so they are done on a thread that may block.

mod back_up;
mod check;
mod commit;
mod copy;
mod error;
mod log;
mod master_key;
mod open;
mod outlines;
mod pool;
mod private;
mod rows;
mod same_file;
mod schema;
mod scopes;
mod seal;
mod secrets;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tokio::sync::Mutex;
use tracing::warn;

use crate::batch::BatchError;
use crate::error::StoreError;
use crate::ports::{ParameterStore, SecretStore, Store};
use crate::records::{
    Binding, Commit, Committed, Finding, LogEntry, LogQuery, NewLogEntry, Outline, OutlineRequest, Page, PageRequest,
    RevocationCursor, Revocations, ScopeCopy, SecretVersion, SecretWrite, StoreKeys, StoredScope, StoredSecret,
    TenantSummary, TokenRecord, TokenUse,
};
use crate::url::{Created, OpenOptions};
use crate::{decide, limits, random};

/// A store in one file. Several may be open on one file, in one process or in many.
pub struct SqliteStore {
    inner: Arc<Inner>,
    /// The one connection that writes; whoever holds it has the turn.
    writer: Arc<Mutex<Connection>>,
}

/// What readers and writers share.
struct Inner {
    path: PathBuf,
    file: Arc<same_file::SameFile>,
    key_file: Option<PathBuf>,
    sealing: secrets::Sealing,
    keys: StoreKeys,
    readers: pool::Readers,
}

impl SqliteStore {
    /// Opens the store in a file, or refuses in one sentence: what was found, what was expected, the next step.
    pub async fn open(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        let (path, options) = (path.to_owned(), options.clone());
        blocking(move || open::open(&path, &options).map(Self::new)).await
    }

    /// Makes a store in a new file, with a master key beside it unless one is given; opens the one that is there.
    pub async fn create(path: &Path, options: &OpenOptions) -> Result<(Self, Created), StoreError> {
        let (path, options, now) = (path.to_owned(), options.clone(), Timestamp::now());
        blocking(move || open::create(&path, &options, now).map(|(opened, created)| (Self::new(opened), created))).await
    }

    fn new(opened: open::Opened) -> Self {
        let file = Arc::new(opened.file);
        let inner = Inner {
            readers: pool::Readers::new(opened.path.clone(), file.clone()),
            path: opened.path,
            file,
            key_file: opened.key_file,
            sealing: secrets::Sealing { store: opened.id, wrapping: opened.derived.wrapping },
            keys: opened.derived.keys,
        };
        Self { inner: Arc::new(inner), writer: Arc::new(Mutex::new(opened.writer)) }
    }

    /// Writes in one transaction, on a thread that may wait for the disk. It goes on when the caller does not wait.
    async fn write<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>, &Inner) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let mut writer = self.writer.clone().lock_owned().await;
        let inner = self.inner.clone();
        blocking(move || {
            inner.file.check()?;
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate);
            let transaction = transaction.map_err(StoreError::from)?;
            schema::check_format(&transaction)?;
            let answer = write(&transaction, &inner)?;
            transaction.commit().map_err(StoreError::from)?;
            Ok(answer)
        })
        .await
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.inner.readers.with(read)
    }

    /// Reads what says who may come in. From a file that nobody writes to any more, it would say so for ever.
    fn read_access<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.inner.file.check()?;
        self.read(read)
    }

    /// Reads what takes long, on a thread that may block.
    async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = self.inner.clone();
        blocking(move || {
            inner.file.check()?;
            inner.readers.with(|connection| read(connection, &inner))
        })
        .await
    }
}

/// Does work on a thread that may block; a panic there goes on here.
async fn blocking<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(StoreError::Unavailable(cancelled.into()).into()),
        },
    }
}

#[async_trait]
impl ParameterStore for SqliteStore {
    async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
        self.read(|connection| scopes::read(connection, scope))
    }

    async fn commit_parameters(&self, commit: Commit) -> Result<Committed, StoreError> {
        let committed = self.commit_all(vec![commit]).await.map_err(|refused| refused.error)?;
        Ok(committed.into_iter().next().expect("each commit is answered"))
    }

    async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        self.read(|connection| scopes::tenants(connection, page))
    }

    async fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        let (query, page) = (query.clone(), page.clone());
        self.read_long(move |connection, _| log::read(connection, &query, &page)).await
    }

    async fn revision(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError> {
        self.read(|connection| log::revision(connection, scope, revision))
    }

    async fn record(&self, entry: NewLogEntry) -> Result<(), StoreError> {
        self.write(|transaction, _| log::write(transaction, entry, None, None).map(drop)).await
    }

    async fn bound(&self, binding: &Binding) -> Result<Option<TenantId>, StoreError> {
        self.read(|connection| scopes::bound(connection, binding))
    }

    async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, StoreError> {
        self.read(|connection| scopes::bindings(connection, tenant))
    }

    async fn create_token(&self, token: TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
        self.write(move |transaction, _| tokens::create(transaction, &token, entry)).await
    }

    async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError> {
        self.read_access(|connection| tokens::token(connection, id))
    }

    async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
        self.read_access(|connection| tokens::tokens(connection, scope))
    }

    async fn revoke_token(&self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |transaction, _| tokens::revoke(transaction, &id, at, entry)).await
    }

    async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        let (uses, writer) = (uses.to_vec(), self.writer.clone().lock_owned().await);
        let inner = self.inner.clone();
        blocking(move || {
            inner.file.check()?;
            tokens::touch(&writer, &uses)
        })
        .await
    }

    async fn stamp(&self) -> Result<Option<u64>, StoreError> {
        self.inner.file.check()?;
        self.inner.readers.stamp().map(Some)
    }

    async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        self.read_access(|connection| scopes::revocations(connection, after))
    }
}

#[async_trait]
impl SecretStore for SqliteStore {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        self.read(|connection| self.inner.sealing.read(connection, scope))
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        limits::check_secret_write(&write)?;
        let scope = scope.clone();
        self.write(move |transaction, inner| commit::write_secret(transaction, &inner.sealing, &scope, &write)).await
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        Ok(self.inner.keys.clone())
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.commit_parameters(commit).await
    }

    async fn commit_all(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, BatchError> {
        decide::check_scopes(&commits)?;
        for commit in &commits {
            limits::check_commit(commit).map_err(BatchError::of(&commit.scope))?;
        }
        let named = commits.into_iter().map(|commit| (commit, random::name())).collect();
        self.write(move |transaction, inner| commit::commit_all(transaction, &inner.sealing, named)).await
    }

    async fn erase(&self, tenant: &TenantId, expected: Revision, entry: NewLogEntry) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.write(move |transaction, _| commit::erase(transaction, &tenant, expected, entry)).await?;
        // The log beside the file still has the erased pages; a reader may keep it for a while, which is no failure.
        let writer = self.writer.clone().lock_owned().await;
        blocking(move || {
            if let Err(error) = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
                warn!(%error, "the erased pages stay in the write-ahead log until it is folded back");
            }
            Ok(())
        })
        .await
    }

    async fn take_over(&self, copy: ScopeCopy) -> Result<(), StoreError> {
        limits::check_copy(&copy)?;
        self.write(move |transaction, inner| copy::take_over(transaction, &inner.sealing, copy)).await
    }

    async fn take_over_tokens(&self, tokens: Vec<TokenRecord>) -> Result<(), StoreError> {
        self.write(move |transaction, _| tokens::take_over(transaction, &tokens)).await
    }

    async fn outlines(&self, request: &OutlineRequest) -> Result<Page<Outline>, StoreError> {
        let request = request.clone();
        self.read_long(move |connection, _| outlines::read(connection, &request)).await
    }

    async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        self.read_long(|connection, inner| {
            let places = check::Places { store: &inner.path, key: inner.key_file.as_deref() };
            check::check(connection, &inner.sealing, &places)
        })
        .await
    }

    async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        let to = to.to_owned();
        self.read_long(move |connection, _| back_up::back_up(connection, &to)).await
    }

    fn describe(&self) -> String {
        format!("sqlite:{}", self.inner.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Expected, HeadChange, ItemChange};

    async fn store() -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        (SqliteStore::create(&path, &OpenOptions::default()).await.unwrap().0, folder)
    }

    /// A commit of one item at a revision; 0 creates.
    fn commit(revision: u64, text: &str) -> Commit {
        let (expected, head) = match revision {
            0 => (Expected::Absent, HeadChange::Create { display_name: String::new() }),
            _ => (Expected::At(Revision(revision)), HeadChange::Keep),
        };
        let item = ItemChange { key: "a".parse().unwrap(), value: Some(text.into()) };
        Commit {
            scope: Scope::Global,
            expected,
            head,
            items: vec![item],
            secret: None,
            claims: Vec::new(),
            default_revision: Revision(0),
            entry: entry(),
        }
    }

    fn entry() -> NewLogEntry {
        NewLogEntry {
            scope: Scope::Global,
            at: Timestamp::UNIX_EPOCH,
            actor: "ada".to_owned(),
            action: Action::Change,
            reason: None,
            changes: Vec::new(),
            detail: None,
        }
    }

    async fn text(store: &SqliteStore) -> String {
        let found = ParameterStore::read(store, &Scope::Global).await.unwrap().unwrap();
        found.items[0].value.as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_full_disk_refuses_the_write_and_loses_nothing() {
        let (store, _folder) = store().await;
        store.commit(commit(0, "before")).await.unwrap();
        let limit = async |pages: u32| {
            let writer = store.writer.lock().await;
            let limited = writer.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, u32>(0));
            limited.unwrap()
        };
        // No limit is below what is there already, so this leaves no page at all.
        let pages = limit(1).await;
        let refused = store.commit(commit(1, &"x".repeat(60_000))).await.unwrap_err();
        assert!(refused.is_transient(), "{refused:?}");
        assert_eq!(text(&store).await, "before");
        assert_eq!(store.log(&LogQuery::default(), &PageRequest::first(9)).await.unwrap().items.len(), 1);
        limit(pages + 100).await;
        store.commit(commit(1, "after")).await.unwrap();
        assert_eq!(text(&store).await, "after");
    }

    #[tokio::test]
    async fn each_commit_waits_for_the_disk_also_after_a_note_that_does_not() {
        let (store, _folder) = store().await;
        let synchronous = async || -> i64 {
            let writer = store.writer.lock().await;
            writer.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
        };
        assert_eq!(synchronous().await, 2, "2 is FULL");
        let unknown = TokenUse { id: "unknown".to_owned(), at: Timestamp::UNIX_EPOCH };
        store.touch_tokens(&[unknown]).await.unwrap();
        assert_eq!(synchronous().await, 2);
    }

    #[tokio::test]
    async fn a_caller_that_does_not_wait_leaves_a_whole_write() {
        let (store, _folder) = store().await;
        store.commit(commit(0, "before")).await.unwrap();
        let mut write = Box::pin(store.commit(commit(1, "after")));
        // Once polled, the write is on its way; dropping the future does not stop it.
        let _ = std::future::poll_fn(|context| std::task::Poll::Ready(write.as_mut().poll(context))).await;
        drop(write);
        let conflict = store.commit(commit(1, "other")).await;
        assert!(matches!(conflict, Err(StoreError::Conflict { current: Revision(2), .. })), "{conflict:?}");
        assert_eq!(text(&store).await, "after");
    }

    #[tokio::test]
    async fn a_time_that_does_not_fit_is_refused() {
        let (store, _folder) = store().await;
        let mut late = commit(0, "a");
        late.entry.at = Timestamp::MAX;
        assert!(matches!(store.commit(late).await, Err(StoreError::Refused(_))));
        assert!(ParameterStore::read(&store, &Scope::Global).await.unwrap().is_none());
    }
}

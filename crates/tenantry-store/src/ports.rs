//! The two ports: parameters and secrets, and the writes that touch both.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

use crate::batch::BatchError;
use crate::error::StoreError;
use crate::records::{
    Binding, Commit, Committed, Finding, LogEntry, LogQuery, NewLogEntry, Outline, OutlineRequest, Page, PageRequest,
    RevocationCursor, Revocations, ScopeCopy, SecretVersion, SecretWrite, StoreKeys, StoredScope, StoredSecret,
    TenantSummary, TokenRecord, TokenUse, Wanted,
};

/// Keeps parameters, tenants, bindings, tokens, and the log of all that was done to them.
///
/// Each write is whole or nothing, carries its log entry in the same transaction, and is durable when acknowledged.
#[async_trait]
pub trait ParameterStore: Send + Sync + 'static {
    /// Reads all that is stored for a scope in one consistent state; `None` if there is no such scope.
    ///
    /// Stored bytes that cannot be read as an item come back as [`crate::OddItem`]s; they are no error.
    async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError>;

    /// Makes the next revision of a scope, or changes nothing at all.
    ///
    /// A commit that takes a binding which another tenant has is refused with [`StoreError::Taken`]; one whose
    /// expectation does not hold with [`StoreError::Conflict`]. A commit with [`Commit::secret`] is refused here by
    /// stores that keep secrets elsewhere: see [`Store::commit`].
    async fn commit_parameters(&self, commit: Commit) -> Result<Committed, StoreError>;

    /// Lists tenants by id, a page at a time.
    async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError>;

    /// Reads the log, newest first, a page at a time.
    async fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError>;

    /// Reads the log entry that made a revision.
    async fn revision(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError>;

    /// Adds an entry to the log without changing anything else.
    async fn record(&self, entry: NewLogEntry) -> Result<(), StoreError>;

    /// Finds the tenant to which an outside identity belongs.
    async fn bound(&self, binding: &Binding) -> Result<Option<TenantId>, StoreError>;

    /// Lists what belongs to a tenant, in order.
    async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, StoreError>;

    /// Saves a new API token with its log entry. The record holds a hash, never the token.
    async fn create_token(&self, token: TokenRecord, entry: NewLogEntry) -> Result<(), StoreError>;

    /// Finds a token by the id in its text, revoked and expired ones included.
    async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError>;

    /// Lists tokens by creation, newest first: those of one scope, or all.
    async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError>;

    /// Revokes a token, for good, with its log entry. Revoking one again changes nothing.
    async fn revoke_token(&self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError>;

    /// Notes that tokens were used, as one change where the store can. It may be lost in a crash: it is no part of any promise.
    async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError>;

    /// A number that is another one after anything in the store was changed, by whomever; none if the store cannot tell that
    /// much cheaper than by reading. Numbers of two stores, or of two runs of the program, say nothing of each other.
    async fn stamp(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// Lists the tenants that were suspended, resumed, deleted or created again since a cursor, so that caches can drop
    /// them. `None` asks for the newest cursor alone.
    async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError>;
}

/// Keeps the secret of each scope: a flat set of named texts with one version for all of them.
#[async_trait]
pub trait SecretStore: Send + Sync + 'static {
    /// Reads a scope's secret; `None` if it has none.
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError>;

    /// Changes fields of a scope's secret, if it still has the expected version. Other fields stay as they are.
    ///
    /// This is the bare port; the use cases write through [`Store::commit`], which logs.
    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError>;

    /// The keys derived from the store's master key.
    async fn keys(&self) -> Result<StoreKeys, StoreError>;
}

/// A whole store: both ports, and what touches both.
#[async_trait]
pub trait Store: ParameterStore + SecretStore {
    /// Makes the next revision of a scope, its secret included, or changes nothing at all.
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError>;

    /// Makes the next revisions of several scopes, or changes nothing at all. Answers in the order of the commits.
    ///
    /// No scope may be named twice. All that the commits release is free before any of them takes, so that a binding can
    /// move from one tenant to another, in whatever order they stand. What is refused names the scope.
    async fn commit_all(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, BatchError>;

    /// Whether [`Store::commit_all`] takes so many commits of such sizes at once. A single one counts as fitting: parts of it
    /// cannot be made by themselves.
    fn fits_together(&self, _commits: &[Commit]) -> bool {
        true
    }

    /// Reads the outlines of tenants by id, a page at a time: for what is asked of all of them.
    async fn outlines(&self, request: &OutlineRequest) -> Result<Page<Outline>, StoreError> {
        let Page { items: tenants, next } = self.tenants(&request.page).await?;
        let mut items = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            items.extend(outline(self, tenant, &request.wanted).await?);
        }
        Ok(Page { items, next })
    }

    /// Erases a suspended tenant: its values, secret, bindings and tokens, and the values in its log. A tombstone with the
    /// log entry stays, so that nothing cached of it can come back under a new tenant of the same name.
    async fn erase(&self, tenant: &TenantId, expected: Revision, entry: NewLogEntry) -> Result<(), StoreError>;

    /// Takes over a scope from another store: its newest state and all of its history, as they are.
    ///
    /// The scope must not be here ([`StoreError::Conflict`]), nor its bindings be another tenant's
    /// ([`StoreError::Taken`]). Nothing of it can be seen before all of it is here, and an interrupted call can be made
    /// again. No revision is given twice: a copy with revisions that an erased tenant of that name had here is refused.
    async fn take_over(&self, copy: ScopeCopy) -> Result<(), StoreError>;

    /// Takes over API tokens from a store whose keys are the same, oldest first; an id that is here already is passed
    /// over. Their tenants must be here. Nothing is logged: the entries about them come with their scopes.
    async fn take_over_tokens(&self, tokens: Vec<TokenRecord>) -> Result<(), StoreError>;

    /// Looks the store over: can it be read, is it whole, is anything half done?
    async fn check(&self) -> Result<Vec<Finding>, StoreError>;

    /// Writes a copy that can be opened as a store, while others go on reading and writing. The copy needs the same
    /// master key.
    async fn back_up(&self, to: &Path) -> Result<(), StoreError>;

    /// What a person would call this store: its URL without anything secret.
    fn describe(&self) -> String;
}

/// The outline of one tenant, read as a whole; none if it was erased since it was listed.
pub(crate) async fn outline<S: Store + ?Sized>(
    store: &S,
    tenant: TenantSummary,
    wanted: &Wanted,
) -> Result<Option<Outline>, StoreError> {
    let scope = Scope::Tenant(tenant.tenant_id.clone());
    let (Some(stored), secret) = (store.read(&scope).await?, store.read_secret(&scope).await?) else { return Ok(None) };
    let items = stored.items.into_iter().filter(|item| wanted.is(item.key.as_str())).collect();
    let secret_fields = secret.into_iter().flat_map(|secret| secret.fields.into_keys()).collect();
    Ok(Some(Outline { tenant, items, secret_fields }))
}

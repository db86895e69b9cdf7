//! A store on AWS: parameters in Amazon DynamoDB, secrets in AWS Secrets Manager.
//!
//! No transaction spans the two services. A change of both is made in this order: an intent is noted; the new version of
//! the secret is put under a label that no reader looks at; the parameters are written in one transaction, which names
//! that version; the version comes in force; the intent is removed. The transaction is the point at which the change is
//! made: what was interrupted before it is undone, what was interrupted behind it is finished (`commit.rs`).

mod check;
mod clients;
mod commit;
mod copy;
mod erase;
pub(crate) mod failure;
mod keys;
pub(crate) mod names;
pub(crate) mod pause;
mod probe;
mod provision;
pub(crate) mod sessions;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

pub use self::clients::AwsOptions;
pub use self::names::AwsUrl;
pub use self::probe::{Probe, Reach};

use self::names::Names;
use self::sessions::Sessions;
use crate::batch::BatchError;
use crate::dynamodb::{DynamoDb, MOST_WRITES};
use crate::error::StoreError;
use crate::ports::{ParameterStore, SecretStore, Store, outline};
use crate::records::{
    Binding, Commit, Committed, Finding, LogEntry, LogQuery, NewLogEntry, Outline, OutlineRequest, Page, PageRequest,
    RevocationCursor, Revocations, ScopeCopy, SecretVersion, SecretWrite, StoreKeys, StoredScope, StoredSecret,
    TenantSummary, TokenRecord, TokenUse,
};
use crate::secrets_manager::SecretsManager;
use crate::url::{Created, OpenOptions};

/// How many tenants are read at once where all of them are looked at.
const OUTLINES_AT_ONCE: usize = 16;

/// A store on DynamoDB and Secrets Manager. Any number of processes may use it at once.
pub struct AwsStore {
    url: AwsUrl,
    dynamodb: DynamoDb,
    secrets: SecretsManager,
    sessions: Arc<Sessions>,
    keys: StoreKeys,
}

/// The two services, before the keys are known.
struct Services {
    dynamodb: DynamoDb,
    secrets: SecretsManager,
    sessions: Arc<Sessions>,
}

impl AwsStore {
    /// Opens the store that is there, or refuses in one sentence: what was found, what was expected, the next step.
    pub async fn open(url: &AwsUrl, options: &OpenOptions) -> Result<Self, StoreError> {
        let services = Services::connect(url, options).await?;
        let (identity, key) = tokio::join!(services.dynamodb.identity(), keys::find(&services.secrets, options));
        let identity = services.recognise(identity?)?;
        let key = key?;
        services.check_key(&key, &identity)?;
        Ok(services.into_store(url, key.derive(&identity.id)))
    }

    /// Makes the tables, and the secret with the master key unless one is given; what is there already stays as it is.
    pub async fn create(url: &AwsUrl, options: &OpenOptions) -> Result<(Self, Created), StoreError> {
        let services = Services::connect(url, options).await?;
        let mut created = services.provision().await?;
        // Before a key is made for a store that is not this one.
        if let found @ Some(_) = services.dynamodb.identity().await? {
            services.recognise(found)?;
        }
        let (key, made) = keys::find_or_make(&services.secrets, options).await?;
        if made {
            created.made.push(format!("secret {}", Names::of(url).keys()));
            created.existed = false;
        }
        let id = services.found(&key).await?;
        Ok((services.into_store(url, key.derive(&id)), created))
    }
}

impl Services {
    async fn connect(url: &AwsUrl, options: &OpenOptions) -> Result<Self, StoreError> {
        let config = clients::config(&options.aws).await?;
        let endpoints = clients::Endpoints::of(&options.aws);
        let sessions = Arc::new(Sessions::new(config, endpoints, url.tenant_role()));
        let (names, base) = (Names::of(url), sessions.base().clone());
        Ok(Self {
            dynamodb: DynamoDb::new(names.clone(), base.dynamodb, sessions.clone()),
            secrets: SecretsManager::new(names, base.secrets_manager, sessions.clone()),
            sessions,
        })
    }

    fn into_store(self, url: &AwsUrl, keys: StoreKeys) -> AwsStore {
        AwsStore { url: url.clone(), dynamodb: self.dynamodb, secrets: self.secrets, sessions: self.sessions, keys }
    }
}

#[async_trait]
impl ParameterStore for AwsStore {
    async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
        self.sessions.judged(scope, self.dynamodb.read(scope).await)
    }

    async fn commit_parameters(&self, commit: Commit) -> Result<Committed, StoreError> {
        if commit.secret.is_some() {
            return Err(StoreError::Refused("secrets are kept elsewhere: commit them through the whole store"));
        }
        self.commit(commit).await
    }

    async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        self.dynamodb.tenants(page).await
    }

    async fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        self.dynamodb.log(query, page).await
    }

    async fn revision(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError> {
        self.dynamodb.revision(scope, revision).await
    }

    async fn record(&self, entry: NewLogEntry) -> Result<(), StoreError> {
        self.dynamodb.record(entry).await
    }

    async fn bound(&self, binding: &Binding) -> Result<Option<TenantId>, StoreError> {
        self.dynamodb.bound(binding).await
    }

    async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, StoreError> {
        self.dynamodb.bindings(tenant).await
    }

    async fn create_token(&self, token: TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
        self.dynamodb.create_token(&token, entry).await
    }

    async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError> {
        self.dynamodb.token(id).await
    }

    async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
        self.dynamodb.tokens(scope).await
    }

    async fn revoke_token(&self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError> {
        self.dynamodb.revoke_token(id, at, entry).await
    }

    async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        self.dynamodb.touch_tokens(uses).await
    }

    async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        self.dynamodb.revocations(after).await
    }
}

#[async_trait]
impl SecretStore for AwsStore {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        match self.sessions.judged(scope, self.secrets.read(scope).await) {
            // Under a session of the tenant role, a secret that is not there looks like one that must not be read: it has no
            // tag to allow it by. The head knows which it is.
            Err(denied) if self.url.tenant_role().is_some() && failure::is_access_denied(&denied) => {
                if self.dynamodb.has_no_secret(scope).await { Ok(None) } else { Err(denied) }
            }
            read => read,
        }
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        commit::write_secret(self, scope, &write).await
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        Ok(self.keys.clone())
    }
}

#[async_trait]
impl Store for AwsStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let committed = self.commit_all(vec![commit]).await.map_err(|refused| refused.error)?;
        Ok(committed.into_iter().next().expect("each commit is answered"))
    }

    async fn commit_all(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, BatchError> {
        commit::commit_all(self, commits).await
    }

    fn fits_together(&self, commits: &[Commit]) -> bool {
        commits.len() == 1 || commits.iter().map(commit::most_writes).sum::<usize>() <= MOST_WRITES
    }

    async fn outlines(&self, request: &OutlineRequest) -> Result<Page<Outline>, StoreError> {
        let Page { items: tenants, next } = self.tenants(&request.page).await?;
        let read = tenants.into_iter().map(|tenant| outline(self, tenant, &request.wanted));
        let read: Vec<_> = futures::stream::iter(read).buffered(OUTLINES_AT_ONCE).try_collect().await?;
        Ok(Page { items: read.into_iter().flatten().collect(), next })
    }

    async fn erase(&self, tenant: &TenantId, expected: Revision, entry: NewLogEntry) -> Result<(), StoreError> {
        erase::erase(self, tenant, expected, entry).await
    }

    async fn take_over(&self, copy: ScopeCopy) -> Result<(), StoreError> {
        copy::take_over(self, copy).await
    }

    async fn take_over_tokens(&self, tokens: Vec<TokenRecord>) -> Result<(), StoreError> {
        self.dynamodb.copy_tokens(&tokens).await
    }

    async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        check::check(self).await
    }

    async fn back_up(&self, _to: &Path) -> Result<(), StoreError> {
        Err(StoreError::Refused(
            "a store on AWS is backed up by DynamoDB itself (point-in-time recovery); `tenantry copy` makes a local copy",
        ))
    }

    fn describe(&self) -> String {
        self.url.to_string()
    }
}

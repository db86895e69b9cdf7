//! Tells traces what a store was asked for, of which scope, and how long it took.
//!
//! Keys, values, ids of tokens and bindings are in no span. What is called over and over in passing has none, so that it
//! does not bury the rest: [`ParameterStore::stamp`], [`ParameterStore::touch_tokens`], [`ParameterStore::revocations`].

use std::fmt::Display;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::batch::BatchError;
use crate::error::StoreError;
use crate::ports::{ParameterStore, SecretStore, Store};
use crate::records::{
    Binding, Commit, Committed, Finding, LogEntry, LogQuery, NewLogEntry, Outline, OutlineRequest, Page, PageRequest,
    RevocationCursor, Revocations, ScopeCopy, SecretVersion, SecretWrite, StoreKeys, StoredScope, StoredSecret,
    TenantSummary, TokenRecord, TokenUse,
};

/// A store, each call of which is a span.
pub(crate) struct Traced(pub(crate) Arc<dyn Store>);

/// The span of a call. Its target sets it apart from what is logged.
macro_rules! call {
    ($name:literal) => {
        info_span!(
            target: "traces",
            $name,
            otel.kind = "client",
            otel.status_code = Empty,
            "error.type" = Empty,
            "tenantry.scope" = Empty,
        )
    };
    ($name:literal, $scope:expr) => {
        about(call!($name), $scope)
    };
}

fn about(span: Span, scope: &dyn Display) -> Span {
    if !span.is_disabled() {
        span.record("tenantry.scope", tracing::field::display(scope));
    }
    span
}

/// Makes a call within its span, which tells how it ended.
async fn told<T, E: Kind>(span: Span, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let outcome = call.instrument(span.clone()).await;
    if let Err(error) = &outcome {
        let (kind, is_fault) = error.kind();
        span.record("error.type", kind);
        if is_fault {
            span.record("otel.status_code", "ERROR");
        }
    }
    outcome
}

/// An error in one word, and whether the store is at fault rather than what was asked of it.
trait Kind {
    fn kind(&self) -> (&'static str, bool);
}

impl Kind for StoreError {
    fn kind(&self) -> (&'static str, bool) {
        match self {
            Self::Conflict { .. } => ("conflict", false),
            Self::SecretConflict => ("secret_conflict", false),
            Self::Taken(_) => ("taken", false),
            Self::Missing(_) => ("missing", false),
            Self::Refused(_) => ("refused", false),
            Self::TooLarge { .. } => ("too_large", false),
            Self::Denied(_) => ("denied", true),
            Self::Unavailable(_) => ("unavailable", true),
            Self::Corrupt { .. } => ("corrupt", true),
            Self::CannotOpen(_) => ("cannot_open", true),
        }
    }
}

impl Kind for BatchError {
    fn kind(&self) -> (&'static str, bool) {
        self.error.kind()
    }
}

#[async_trait]
impl ParameterStore for Traced {
    async fn read(&self, scope: &Scope) -> Result<Option<StoredScope>, StoreError> {
        told(call!("store.read", scope), self.0.read(scope)).await
    }

    async fn commit_parameters(&self, commit: Commit) -> Result<Committed, StoreError> {
        told(call!("store.commit", &commit.scope), self.0.commit_parameters(commit)).await
    }

    async fn tenants(&self, page: &PageRequest) -> Result<Page<TenantSummary>, StoreError> {
        told(call!("store.tenants"), self.0.tenants(page)).await
    }

    async fn log(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        told(call!("store.log"), self.0.log(query, page)).await
    }

    async fn revision(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError> {
        told(call!("store.revision", scope), self.0.revision(scope, revision)).await
    }

    async fn record(&self, entry: NewLogEntry) -> Result<(), StoreError> {
        told(call!("store.record"), self.0.record(entry)).await
    }

    async fn bound(&self, binding: &Binding) -> Result<Option<TenantId>, StoreError> {
        told(call!("store.bound"), self.0.bound(binding)).await
    }

    async fn bindings(&self, tenant: &TenantId) -> Result<Vec<Binding>, StoreError> {
        told(call!("store.bindings", tenant), self.0.bindings(tenant)).await
    }

    async fn create_token(&self, token: TokenRecord, entry: NewLogEntry) -> Result<(), StoreError> {
        told(call!("store.create_token"), self.0.create_token(token, entry)).await
    }

    async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError> {
        told(call!("store.token"), self.0.token(id)).await
    }

    async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, StoreError> {
        told(call!("store.tokens"), self.0.tokens(scope)).await
    }

    async fn revoke_token(&self, id: &str, at: Timestamp, entry: NewLogEntry) -> Result<(), StoreError> {
        told(call!("store.revoke_token"), self.0.revoke_token(id, at, entry)).await
    }

    async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        self.0.touch_tokens(uses).await
    }

    async fn stamp(&self) -> Result<Option<u64>, StoreError> {
        self.0.stamp().await
    }

    async fn revocations(&self, after: Option<RevocationCursor>) -> Result<Revocations, StoreError> {
        self.0.revocations(after).await
    }
}

#[async_trait]
impl SecretStore for Traced {
    async fn read_secret(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        told(call!("store.read_secret", scope), self.0.read_secret(scope)).await
    }

    async fn write_secret(&self, scope: &Scope, write: SecretWrite) -> Result<SecretVersion, StoreError> {
        told(call!("store.write_secret", scope), self.0.write_secret(scope, write)).await
    }

    async fn keys(&self) -> Result<StoreKeys, StoreError> {
        told(call!("store.keys"), self.0.keys()).await
    }
}

#[async_trait]
impl Store for Traced {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        told(call!("store.commit", &commit.scope), self.0.commit(commit)).await
    }

    async fn commit_all(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, BatchError> {
        told(call!("store.commit_all"), self.0.commit_all(commits)).await
    }

    fn fits_together(&self, commits: &[Commit]) -> bool {
        self.0.fits_together(commits)
    }

    async fn outlines(&self, request: &OutlineRequest) -> Result<Page<Outline>, StoreError> {
        told(call!("store.outlines"), self.0.outlines(request)).await
    }

    async fn erase(&self, tenant: &TenantId, expected: Revision, entry: NewLogEntry) -> Result<(), StoreError> {
        told(call!("store.erase", tenant), self.0.erase(tenant, expected, entry)).await
    }

    async fn take_over(&self, copy: ScopeCopy) -> Result<(), StoreError> {
        told(call!("store.take_over"), self.0.take_over(copy)).await
    }

    async fn take_over_tokens(&self, tokens: Vec<TokenRecord>) -> Result<(), StoreError> {
        told(call!("store.take_over_tokens"), self.0.take_over_tokens(tokens)).await
    }

    async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        told(call!("store.check"), self.0.check()).await
    }

    async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        told(call!("store.back_up"), self.0.back_up(to)).await
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

//! A store in a temporary folder.

use std::path::PathBuf;

use tempfile::TempDir;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{Action, Binding, ClaimChange, Commit, Expected, HeadChange, OpenOptions, StoreUrl, Stores};

use crate::stored::{add_company, add_token, entry, set_global};

/// A store that is gone when this is dropped.
pub(crate) struct Store {
    folder: TempDir,
    stores: Stores,
}

impl Store {
    /// Makes an empty store.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("tenantry.db"));
        let (stores, _) = Stores::create(&url, &OpenOptions::default()).await.unwrap();
        Self { folder, stores }
    }

    /// Where it is, as `TENANTRY_STORE` has it.
    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("tenantry.db").display())
    }

    /// A file in the store's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a company and answers with its token.
    pub(crate) async fn company(&self, id: &str, values: &[(&str, &str)], secrets: &[(&str, &str)]) -> String {
        add_company(&self.stores, id, values, secrets).await
    }

    /// Sets one value for all companies, good or bad.
    pub(crate) async fn set_global(&self, key: &str, json: &str) {
        set_global(&self.stores, key, json).await;
    }

    /// Makes a token that ends after so many days, which may be over.
    pub(crate) async fn token(&self, scope: Scope, days: i64) -> String {
        add_token(&self.stores, scope, days).await
    }

    /// Binds an outside identity to a company.
    pub(crate) async fn bind(&self, id: &str, binding: &str) {
        let scope = Scope::Tenant(TenantId::parse(id).unwrap());
        let revision = self.stores.read(&scope).await.unwrap().unwrap().head.revision;
        let commit = Commit {
            scope: scope.clone(),
            expected: Expected::At(revision),
            head: HeadChange::Keep,
            items: Vec::new(),
            secret: None,
            claims: vec![ClaimChange::Take(Binding::parse(binding).unwrap())],
            default_revision: Revision(0),
            entry: entry(&scope, Action::Bind),
        };
        self.stores.commit(commit).await.unwrap();
    }
}

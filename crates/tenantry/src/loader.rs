//! Loads a tenant's configuration: what an application calls once per request.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tenantry_core::catalog::{Catalog, CatalogError};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::validate::Validator;
use tenantry_store::{ParameterStore, SecretStore, Stores};

use crate::Settings;
use crate::cache::Freshness;
use crate::clock::{Clock, Moment, Time};
use crate::config::TenantConfig;
use crate::error::LoadError;
use crate::refresh::Shared;
use crate::source::Source;

/// Loads configurations, and keeps them for as long as they are fresh. Cloning copies a pointer; the clones share all.
///
/// There is no way to load a configuration without naming its tenant, nor one with the values of two.
pub struct Loader<S>(Arc<Shared<S>>);

/// How many tenants' configurations are kept ready, unless said otherwise.
const HOT_TENANTS: usize = 10_000;

impl<S: Settings> Loader<S> {
    /// Begins a loader that reads from these stores.
    pub fn builder(stores: &Stores) -> LoaderBuilder<S> {
        Self::with_ports(stores.parameters(), stores.secrets())
    }

    /// Begins a loader that reads through these ports.
    pub fn with_ports(parameters: Arc<dyn ParameterStore>, secrets: Arc<dyn SecretStore>) -> LoaderBuilder<S> {
        LoaderBuilder {
            parameters,
            secrets,
            freshness: Freshness::default(),
            hot_tenants: HOT_TENANTS,
            time: Time::System,
            settings: PhantomData,
        }
    }

    /// Loads a tenant's configuration: the cached one while it is fresh, and a newer one otherwise.
    ///
    /// When the store fails for a passing reason, an older configuration is served as long as it is usable, and says so
    /// ([`TenantConfig::stale`]). A denial, deletion or suspension is never covered up like that. Needs a Tokio runtime.
    #[inline]
    pub async fn load(&self, tenant: &TenantId) -> Result<TenantConfig<S>, LoadError> {
        match self.0.warm(tenant) {
            Some(config) => Ok(config),
            // Boxed, so that the path of nearly every request does not carry the others' state along.
            None => Box::pin(Arc::clone(&self.0).load(tenant.clone())).await,
        }
    }

    /// Drops all that is cached of a tenant, because it has changed: whoever loads from now on reads it anew.
    pub fn purge(&self, tenant: &TenantId) {
        self.0.purge(tenant);
    }

    /// The same for any scope. A changed global scope is read before anything else is served.
    pub fn purge_scope(&self, scope: &Scope) {
        match scope {
            Scope::Global => self.0.purge_global(),
            Scope::Tenant(tenant) => self.0.purge(tenant),
        }
    }

    /// Drops all that is cached.
    pub fn purge_all(&self) {
        self.0.purge_all();
    }

    /// All parameters that the settings declare.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.0.source.validator.catalog()
    }

    /// What the loader holds and has done.
    pub fn stats(&self) -> LoaderStats {
        let sizes = self.0.shelf.sizes();
        LoaderStats {
            hot_tenants: sizes.hot,
            packed_tenants: sizes.packed,
            packed_bytes: sizes.packed_bytes,
            parameter_reads: self.0.source.parameter_reads.load(Ordering::Relaxed),
            secret_reads: self.0.source.secret_reads.load(Ordering::Relaxed),
            stale_answers: self.0.stale_answers.load(Ordering::Relaxed),
        }
    }

    /// The present moment by the loader's clock.
    pub(crate) fn now(&self) -> Moment {
        self.0.source.time.now()
    }
}

impl<S> Clone for Loader<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Loader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}

/// A loader in the making.
#[must_use = "a builder does nothing until `build` is called"]
pub struct LoaderBuilder<S> {
    parameters: Arc<dyn ParameterStore>,
    secrets: Arc<dyn SecretStore>,
    freshness: Freshness,
    hot_tenants: usize,
    time: Time,
    settings: PhantomData<fn() -> S>,
}

impl<S: Settings> LoaderBuilder<S> {
    /// Sets how old what is served may be.
    pub fn freshness(self, freshness: Freshness) -> Self {
        Self { freshness, ..self }
    }

    /// Sets how many tenants' configurations are kept ready, with their secrets; all others that were seen are kept packed
    /// and without secrets. Default: 10,000.
    pub fn hot_tenants(self, hot_tenants: usize) -> Self {
        Self { hot_tenants, ..self }
    }

    /// Sets the clock, for tests.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { time: Time::Given(clock), ..self }
    }

    /// Makes the loader. An error says what is wrong with the declaration of the settings.
    pub fn build(self) -> Result<Loader<S>, CatalogError> {
        let validator = Validator::new(Arc::new(Catalog::of::<S>()?));
        let source = Source::new(self.parameters, self.secrets, validator, self.freshness, self.time);
        Ok(Loader(Arc::new(Shared::new(source, self.hot_tenants))))
    }
}

impl<S> fmt::Debug for LoaderBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoaderBuilder").field("freshness", &self.freshness).finish_non_exhaustive()
    }
}

/// What a loader holds and has done. Answers from the warm path are not counted: counting them would cost as much as they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LoaderStats {
    /// Tenants whose configuration is ready.
    pub hot_tenants: usize,
    /// Other tenants that were seen, kept packed.
    pub packed_tenants: usize,
    /// How many bytes those take, not counting the table that holds them.
    pub packed_bytes: usize,
    /// Calls of the parameter store for a scope.
    pub parameter_reads: u64,
    /// Calls of the secret store for a scope.
    pub secret_reads: u64,
    /// Answers with a label that says they are old.
    pub stale_answers: u64,
}

//! The use cases of managing configuration, shared by the HTTP API and the command line.
//!
//! Each use case reads, decides by a pure function, and writes once, with its log entry in the same transaction. Time and
//! randomness come in as arguments.

mod audit;
mod behind;
mod bind;
mod bundle;
mod candidate;
mod change;
mod clone;
mod copy;
mod decide;
mod drift;
mod effective;
mod error;
mod export;
mod history;
mod import;
mod overrides;
mod patience;
mod plan;
mod render;
mod replay;
mod tenants;
mod tokens;
mod unusable;
mod validate;
pub(crate) mod words;

use std::sync::Arc;

use jiff::Timestamp;
use tenantry_core::assemble::{Assembled, Oddity, SecretFields, assemble};
use tenantry_core::catalog::Catalog;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::resolve::{Resolved, resolve};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::FingerprintKey;
use tenantry_core::usable::{Fault, verdict};
use tenantry_core::validate::{Validator, Violation};
use tenantry_store::{Action, Head, Item, NewLogEntry, OddItem, SecretVersion, StoredSecret, Stores};

pub use audit::AuditFilter;
pub use behind::{Behind, Merged, Overridden, Review, Seen, Settle};
pub use bundle::{Bundle, BundleError, BundleTenant, BundleValues};
pub use candidate::Candidate;
pub use change::Changed;
pub use copy::{CopiedScope, CopiedTokens, CopyOutcome, CopyStopped, Copying, Extent, Part};
pub use drift::{Adopted, Drift, HandChange, HandChangeKind, LastWrite, PutBack};
pub use effective::{Effective, LeafDifference};
pub use error::ServiceError;
pub use history::Restored;
pub use import::{Imported, ImportedTenant, ScopeFaults};
pub use overrides::{Overrides, SecretSet};
pub use plan::{Plan, PlanCounts, Planning, TenantEffect};
pub use render::{Rendered, RenderedSpan};
pub use replay::{Past, Replayed};
pub use tokens::{NewToken, TOKEN_LIFETIME_DAYS};
pub use unusable::Unusable;
pub use validate::{ScopeReport, Verdict};

use words::wrong_words;

/// Who does something, why, and when: what the log says of it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who: a token's name, or the user of the command line.
    pub actor: String,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Context {
    /// What forbids to log the reason.
    fn violation(&self) -> Option<Violation> {
        wrong_words("reason", self.reason.as_deref()?)
    }

    /// Refuses a reason that must not be logged.
    fn check(&self) -> Result<(), ServiceError> {
        self.violation().map_or(Ok(()), |violation| Err(ServiceError::Invalid(vec![violation])))
    }

    /// The log entry of something that is done to a scope, unless the reason must not be logged.
    fn entry(&self, scope: &Scope, action: Action) -> Result<NewLogEntry, ServiceError> {
        self.check()?;
        Ok(self.unchecked_entry(scope, action))
    }

    /// The same where the violation is told along with others.
    fn unchecked_entry(&self, scope: &Scope, action: Action) -> NewLogEntry {
        NewLogEntry {
            scope: scope.clone(),
            at: self.at,
            actor: self.actor.clone(),
            action,
            reason: self.reason.clone(),
            changes: Vec::new(),
            detail: None,
        }
    }
}

/// The use cases, over one store and one catalog. Cloning shares both.
#[derive(Clone, Debug)]
pub struct Service {
    stores: Stores,
    catalog: Arc<Catalog>,
    validator: Arc<Validator>,
    fingerprints: FingerprintKey,
}

impl Service {
    /// Opens the use cases. The validator brings the rules of the application, such as which URLs it may call.
    pub async fn open(stores: Stores, catalog: Arc<Catalog>, validator: Validator) -> Result<Self, ServiceError> {
        let fingerprints = stores.keys().await?.fingerprint;
        Ok(Self { stores, catalog, validator: Arc::new(validator), fingerprints })
    }

    /// The store.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The catalog.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Reads a scope; the global one is empty until something is set in it.
    async fn scope(&self, scope: &Scope) -> Result<ScopeState, ServiceError> {
        let stored = self.stores.read(scope).await?;
        let secret = self.stores.read_secret(scope).await?;
        match (stored, scope) {
            (None, Scope::Tenant(tenant)) => Err(ServiceError::UnknownTenant(tenant.clone())),
            (Some(stored), _) => {
                let moved = stored.secret_version.as_ref().is_some_and(|version| !names(secret.as_ref(), version));
                let drift = stored.drift || moved;
                let state = ScopeState::assemble(self, scope, Some(stored.head), stored.items, secret, &stored.odd);
                Ok(ScopeState { drift, secret_moved: moved, ..state })
            }
            (None, Scope::Global) => Ok(ScopeState::assemble(self, scope, None, Vec::new(), secret, &[])),
        }
    }

    /// Reads a tenant's scope and the global one, or the global one alone.
    async fn states(&self, scope: &Scope) -> Result<States, ServiceError> {
        let global = self.scope(&Scope::Global).await?;
        let own = match scope {
            Scope::Global => None,
            Scope::Tenant(_) => Some(self.scope(scope).await?),
        };
        Ok(States { global, own })
    }
}

/// All that is stored of one scope, with its layer.
#[derive(Clone, Debug)]
struct ScopeState {
    scope: Scope,
    /// None for a global scope in which nothing was set yet, and for a tenant that is about to be created.
    head: Option<Head>,
    /// The company's name; empty for the global scope.
    display_name: String,
    items: Vec<Item>,
    secret: Option<StoredSecret>,
    assembled: Assembled,
    /// Items and fields of the secret that the store could not read.
    unreadable: Vec<Oddity>,
    /// Whether the store tells that this is not what the last managed write left.
    drift: bool,
    /// Whether the secret has another version than the one that belongs to the revision.
    secret_moved: bool,
}

/// Whether a secret that was read has the version.
fn names(secret: Option<&StoredSecret>, version: &SecretVersion) -> bool {
    secret.is_some_and(|secret| secret.version == *version)
}

impl ScopeState {
    fn assemble(
        service: &Service,
        scope: &Scope,
        head: Option<Head>,
        items: Vec<Item>,
        secret: Option<StoredSecret>,
        odd: &[OddItem],
    ) -> Self {
        let revision = head.as_ref().map_or(Revision(0), |head| head.revision);
        let values = items.iter().map(|item| (item.key.clone(), item.value.clone()));
        let fields = secret.as_ref().map(|s| SecretFields { version: &s.version.0, fields: &s.fields });
        let assembled = assemble(&service.catalog, &service.fingerprints, scope, revision, values, fields);
        let odd = odd.iter().chain(secret.iter().flat_map(|secret| &secret.odd));
        let unreadable = odd.map(|odd| Oddity { place: odd.key.clone(), reason: odd.reason.clone() }).collect();
        let display_name = head.as_ref().map_or_else(String::new, |head| head.display_name.clone());
        Self {
            scope: scope.clone(),
            head,
            display_name,
            items,
            secret,
            assembled,
            unreadable,
            drift: false,
            secret_moved: false,
        }
    }

    /// A tenant that is about to be created.
    fn unborn(service: &Service, tenant: &TenantId, display_name: &str) -> Self {
        let empty = Self::assemble(service, &tenant.clone().into(), None, Vec::new(), None, &[]);
        Self { display_name: display_name.to_owned(), ..empty }
    }

    fn revision(&self) -> Revision {
        self.assembled.layer.revision()
    }

    /// Whether it has another display name than the stored one.
    fn is_renamed(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.display_name != self.display_name)
    }

    /// Refuses unless the scope is at the revision that a change was decided on, if it was on one.
    fn must_be_at(&self, expected: Option<Revision>) -> Result<(), ServiceError> {
        if expected.is_none_or(|expected| expected == self.revision()) {
            return Ok(());
        }
        let (by, at) = self.head.as_ref().map(|head| (head.updated_by.clone(), head.updated_at)).unzip();
        Err(ServiceError::Conflict { scope: self.scope.clone(), expected, current: self.revision(), by, at })
    }

    /// What stands in the place of a parameter and cannot be used, by the rule of those who serve it.
    fn faults(&self, validator: &Validator) -> Vec<Fault> {
        verdict(validator, &self.assembled, self.unreadable.iter().cloned()).err().unwrap_or_default()
    }

    /// What is stored and left out.
    fn oddities(&self) -> impl Iterator<Item = &Oddity> {
        self.assembled.oddities.iter().chain(&self.unreadable)
    }

    fn entries(&self) -> &[(Key, Entry)] {
        self.assembled.layer.entries()
    }
}

/// The states that make a configuration: the global one, and a tenant's unless it is the global scope that is looked at.
#[derive(Clone, Debug)]
struct States {
    global: ScopeState,
    own: Option<ScopeState>,
}

impl States {
    /// All states, the global one first.
    fn all(&self) -> impl Iterator<Item = &ScopeState> {
        std::iter::once(&self.global).chain(&self.own)
    }

    /// The state of the scope that is looked at.
    fn looked_at(&self) -> &ScopeState {
        self.own.as_ref().unwrap_or(&self.global)
    }

    fn resolve(&self, catalog: &Catalog) -> Resolved {
        let mut layers = vec![catalog.defaults().clone()];
        layers.extend(self.all().map(|state| Arc::new(state.assembled.layer.clone())));
        resolve(layers, catalog.connections())
    }

    /// The same states with another one of the scope that is looked at.
    fn with(&self, state: ScopeState) -> Self {
        match self.own {
            Some(_) => Self { global: self.global.clone(), own: Some(state) },
            None => Self { global: state, own: None },
        }
    }
}

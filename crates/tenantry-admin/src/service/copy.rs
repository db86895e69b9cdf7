//! Copying scopes from one store to another: each whole and verified, so that an interrupted copy is simply made again.

mod digest;
mod keys;
mod tokens;
mod whole;

use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;
use tenantry_store::{LogQuery, PageRequest, ScopeCopy, StoreError, Stores};

pub use digest::Part;
pub use tokens::CopiedTokens;

use digest::DigestKey;
use keys::Translation;
use whole::whole;

/// What copies from one store to another.
///
/// A scope that is in the other store already is never written to: it is the same, or it is told in what it differs.
pub struct Copying {
    from: Stores,
    to: Stores,
    translation: Translation,
    digest_key: DigestKey,
}

/// A scope that was looked at, or copied.
#[derive(Debug)]
pub struct CopiedScope {
    /// The scope.
    pub scope: Scope,
    /// How much there is of it in the store that is copied from.
    pub extent: Extent,
    /// What came of it.
    pub outcome: CopyOutcome,
}

/// How much there is of a scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Items.
    pub values: usize,
    /// Texts of the secret.
    pub secrets: usize,
    /// Bindings and reservations.
    pub bindings: usize,
    /// Revisions in its history.
    pub revisions: usize,
    /// Fingerprints in its history that compare with nothing in the other store: the secrets are gone, and the keys differ.
    pub strange_fingerprints: usize,
}

/// What came of a scope.
#[derive(Debug)]
pub enum CopyOutcome {
    /// It was copied, and reads the same in the other store.
    Copied,
    /// It is not in the other store.
    Missing,
    /// It is in the other store already, and is the same.
    Same,
    /// It is in the other store, and is not the same. It was left as it is.
    Different {
        /// In what it differs.
        parts: Vec<Part>,
        /// At which revision it is in the store that is copied from.
        from: Revision,
        /// At which revision it is in the other store.
        to: Revision,
    },
    /// It cannot be copied as it is; others can.
    Refused(StoreError),
}

impl CopyOutcome {
    /// Whether the other store has the scope as it is.
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Copied | Self::Same)
    }
}

/// Why copying ended before its end. What was copied is there; the same call goes on behind it.
#[derive(Debug, thiserror::Error)]
#[error("the store to copy {place} failed")]
pub struct CopyStopped {
    /// `from` or `to`.
    pub place: &'static str,
    /// Why.
    #[source]
    pub error: StoreError,
}

fn at_source(error: StoreError) -> CopyStopped {
    CopyStopped { place: "from", error }
}

fn at_target(error: StoreError) -> CopyStopped {
    CopyStopped { place: "to", error }
}

/// A scope as both stores have it; the texts of secrets are in it.
struct Pair {
    original: ScopeCopy,
    extent: Extent,
    outcome: CopyOutcome,
}

impl Copying {
    /// Begins to copy between two open stores.
    pub async fn between(from: Stores, to: Stores) -> Result<Self, CopyStopped> {
        let theirs = from.keys().await.map_err(at_source)?;
        let ours = to.keys().await.map_err(at_target)?;
        Ok(Self { from, to, translation: Translation::new(theirs, ours), digest_key: DigestKey::random() })
    }

    /// Whether both stores derive the same keys, so that tokens and fingerprints mean the same in both.
    pub fn keys_agree(&self) -> bool {
        self.translation.keys_agree()
    }

    /// All scopes that there are to copy: the global one first, then tenants by id.
    pub async fn scopes(&self) -> Result<Vec<Scope>, CopyStopped> {
        let global = self.from.read(&Scope::Global).await.map_err(at_source)?;
        let mut scopes: Vec<_> = global.map(|_| Scope::Global).into_iter().collect();
        let mut request = PageRequest::first(PageRequest::LARGEST);
        loop {
            let page = self.from.tenants(&request).await.map_err(at_source)?;
            scopes.extend(page.items.into_iter().map(|tenant| Scope::Tenant(tenant.tenant_id)));
            match page.next {
                Some(cursor) => request = request.behind(cursor),
                None => return Ok(scopes),
            }
        }
    }

    /// Whether the log tells of the operator's doings although nothing was ever set for all tenants: such entries belong
    /// to no scope that could be copied.
    pub async fn leaves_entries(&self) -> Result<bool, CopyStopped> {
        if self.from.read(&Scope::Global).await.map_err(at_source)?.is_some() {
            return Ok(false);
        }
        let query = LogQuery { scope: Some(Scope::Global), revisions_only: false };
        let page = self.from.log(&query, &PageRequest::first(1)).await.map_err(at_source)?;
        Ok(!page.items.is_empty())
    }

    /// Tells what copying a scope would come to, and writes nothing.
    pub async fn compare(&self, scope: &Scope) -> Result<CopiedScope, CopyStopped> {
        let pair = match self.look(scope).await? {
            Ok(pair) => pair,
            Err(refused) => return Ok(refused),
        };
        let outcome = match pair.outcome {
            CopyOutcome::Missing => self.taken(&pair.original).await?.unwrap_or(CopyOutcome::Missing),
            outcome => outcome,
        };
        Ok(CopiedScope { scope: scope.clone(), extent: pair.extent, outcome })
    }

    /// Copies a scope, unless it is in the other store already; then reads it back and compares it.
    pub async fn copy(&self, scope: &Scope) -> Result<CopiedScope, CopyStopped> {
        let Pair { original, extent, outcome } = match self.look(scope).await? {
            Ok(pair) => pair,
            Err(refused) => return Ok(refused),
        };
        let outcome = match outcome {
            CopyOutcome::Missing => self.hand_over(original).await?,
            outcome => outcome,
        };
        Ok(CopiedScope { scope: scope.clone(), extent, outcome })
    }

    async fn hand_over(&self, original: ScopeCopy) -> Result<CopyOutcome, CopyStopped> {
        match self.to.take_over(original.clone()).await {
            // Somebody else was quicker: what is there now is compared like any other.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) if concerns_the_scope(&error) => return Ok(CopyOutcome::Refused(error)),
            Err(error) => return Err(at_target(error)),
        }
        let outcome = self.difference(&original).await?;
        Ok(if matches!(outcome, CopyOutcome::Same) { CopyOutcome::Copied } else { outcome })
    }

    /// Reads a scope from both stores; what concerns it alone is an answer of its own.
    async fn look(&self, scope: &Scope) -> Result<Result<Pair, CopiedScope>, CopyStopped> {
        let refused = |error| {
            let (scope, outcome) = (scope.clone(), CopyOutcome::Refused(error));
            Ok(Err(CopiedScope { scope, extent: Extent::default(), outcome }))
        };
        let mut original = match whole(&self.from, scope).await {
            Ok(Some(original)) => original,
            Ok(None) => return refused(StoreError::Missing("tenant")),
            Err(error) if concerns_the_scope(&error) => return refused(error),
            Err(error) => return Err(at_source(error)),
        };
        let strange_fingerprints = self.translation.translate(&mut original);
        let extent = Extent { strange_fingerprints, ..Extent::of(&original) };
        let outcome = self.difference(&original).await?;
        Ok(Ok(Pair { original, extent, outcome }))
    }

    /// How the other store's scope compares with the original.
    async fn difference(&self, original: &ScopeCopy) -> Result<CopyOutcome, CopyStopped> {
        let found = match whole(&self.to, &original.scope).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(CopyOutcome::Missing),
            Err(error) if concerns_the_scope(&error) => return Ok(CopyOutcome::Refused(error)),
            Err(error) => return Err(at_target(error)),
        };
        let parts = self.digest_key.differing(original, &found);
        if parts.is_empty() {
            return Ok(CopyOutcome::Same);
        }
        Ok(CopyOutcome::Different { parts, from: original.head.revision, to: found.head.revision })
    }

    /// The refusal that a binding of another tenant would be.
    async fn taken(&self, original: &ScopeCopy) -> Result<Option<CopyOutcome>, CopyStopped> {
        for binding in &original.bindings {
            if self.to.bound(binding).await.map_err(at_target)?.is_some() {
                return Ok(Some(CopyOutcome::Refused(StoreError::Taken(binding.clone()))));
            }
        }
        Ok(None)
    }
}

impl Extent {
    fn of(copy: &ScopeCopy) -> Self {
        Self {
            values: copy.items.len(),
            secrets: copy.secret.as_ref().map_or(0, std::collections::BTreeMap::len),
            bindings: copy.bindings.len(),
            revisions: copy.log.iter().filter(|entry| entry.revision.is_some()).count(),
            strange_fingerprints: 0,
        }
    }
}

/// Whether an error is about one scope, so that others can still be copied.
fn concerns_the_scope(error: &StoreError) -> bool {
    match error {
        StoreError::Taken(_)
        | StoreError::Missing(_)
        | StoreError::Refused(_)
        | StoreError::Corrupt { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Conflict { .. }
        | StoreError::SecretConflict => true,
        StoreError::Denied(_) | StoreError::Unavailable(_) | StoreError::CannotOpen(_) => false,
    }
}

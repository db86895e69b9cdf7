//! A tenant's configuration as it was: the layers at past revisions, made of the log alone and merged as ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenantry::RevisionVector;
use tenantry_core::change::Difference;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Layer, Revision, Tier};
use tenantry_core::resolve::{Resolved, resolve};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretMark;
use tenantry_store::{Action, LogEntry, LogQuery, PageRequest, SecretVersion};

use super::{Service, ServiceError};

/// Which past configuration is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Whose.
    pub tenant: TenantId,
    /// Tells the tenant from another one that had, or has, its name.
    pub incarnation: String,
    /// The revisions, and the versions of the secrets, of which it was made.
    pub revisions: RevisionVector,
}

/// A past configuration. Old texts of secrets are not kept: it has their marks.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The merged configuration, with the built-in defaults of today.
    pub resolved: Resolved,
    /// The tiers whose secret had another version than the log knows of the revision: it was rotated by hand, read a moment
    /// before or after the parameters, or has moved to another store.
    pub rotated: Vec<Tier>,
}

impl Service {
    /// Makes a past configuration again of the log. What was changed by hand, then or since, is no part of it.
    pub async fn replay(&self, past: &Past) -> Result<Replayed, ServiceError> {
        if self.tenant(&past.tenant).await?.incarnation != past.incarnation {
            return Err(ServiceError::AnotherTenant(past.tenant.clone()));
        }
        let RevisionVector { global, tenant, global_secret, tenant_secret } = &past.revisions;
        let global = self.past_layer(&Scope::Global, *global, global_secret.as_ref()).await?;
        let own = self.past_layer(&past.tenant.clone().into(), *tenant, tenant_secret.as_ref()).await?;
        let rotated =
            [&global, &own].into_iter().filter(|past| past.is_rotated).map(|past| past.layer.tier()).collect();
        let layers = vec![Arc::clone(self.catalog.defaults()), Arc::new(global.layer), Arc::new(own.layer)];
        Ok(Replayed { resolved: resolve(layers, self.catalog.connections()), rotated })
    }

    async fn past_layer(
        &self,
        scope: &Scope,
        revision: Revision,
        secret: Option<&SecretVersion>,
    ) -> Result<PastLayer, ServiceError> {
        let history = self.history_until(scope, revision).await?;
        let logged = self.logged_version(&history);
        let is_rotated = logged.is_some_and(|logged| secret.is_some_and(|served| served.0 != logged));
        let leaves = leaves_of(history);
        let layer = layer_of(scope, revision, secret, leaves.filter(|(key, _)| self.catalog.parameter(key).is_some()));
        Ok(PastLayer { layer, is_rotated })
    }

    /// The version that the newest write of a scope's secret made, if it set a secret: otherwise the log does not tell.
    fn logged_version<'a>(&self, newest_first: &'a [LogEntry]) -> Option<&'a str> {
        let is_of_secret = |change: &&Difference| self.catalog.secret_field(&change.key).is_some();
        let write = newest_first.iter().find(|entry| entry.changes.iter().any(|change| is_of_secret(&change)))?;
        write.changes.iter().find_map(|change| match &change.after {
            Some(Entry::Secret(mark)) => Some(mark.version.as_str()),
            Some(Entry::Value(_)) | None => None,
        })
    }

    /// The entries that made a scope what it was at a revision, newest first; those of an earlier tenant of the same name
    /// are not among them.
    async fn history_until(&self, scope: &Scope, newest: Revision) -> Result<Vec<LogEntry>, ServiceError> {
        if newest == Revision(0) {
            return Ok(Vec::new());
        }
        let missing = || ServiceError::NoSuchRevision { scope: scope.clone(), revision: newest };
        self.stores.revision(scope, newest).await?.filter(|e| e.action != Action::Delete).ok_or_else(missing)?;
        let query = LogQuery { scope: Some(scope.clone()), revisions_only: true };
        let mut request = PageRequest::first(PageRequest::LARGEST);
        let mut entries = Vec::new();
        loop {
            let page = self.stores.log(&query, &request).await?;
            for entry in page.items.into_iter().filter(|entry| entry.revision.is_some_and(|found| found <= newest)) {
                if entry.action == Action::Delete {
                    return Ok(entries);
                }
                entries.push(entry);
            }
            match page.next {
                Some(cursor) => request = request.behind(cursor),
                None => return Ok(entries),
            }
        }
    }
}

/// What a scope said at a revision, and whether its secret was another one than the log knows.
struct PastLayer {
    layer: Layer,
    is_rotated: bool,
}

/// Folds a history into what it comes to: of each leaf the newest difference tells what it was.
fn leaves_of(newest_first: Vec<LogEntry>) -> impl Iterator<Item = (Key, Entry)> {
    let mut leaves: BTreeMap<Key, Option<Entry>> = BTreeMap::new();
    for Difference { key, after, .. } in newest_first.into_iter().flat_map(|entry| entry.changes) {
        leaves.entry(key).or_insert(after);
    }
    leaves.into_iter().filter_map(|(key, entry)| Some((key, entry?)))
}

fn layer_of(
    scope: &Scope,
    revision: Revision,
    secret: Option<&SecretVersion>,
    leaves: impl Iterator<Item = (Key, Entry)>,
) -> Layer {
    let (mut values, mut marks) = (Vec::new(), Vec::new());
    for (key, entry) in leaves {
        match entry {
            Entry::Value(value) => values.push((key, value)),
            // The version moves with the scope's secret, whichever field of it was changed.
            Entry::Secret(mark) => {
                let version = secret.map_or(mark.version, |version| version.0.clone());
                marks.push((key, SecretMark { version, fingerprint: mark.fingerprint }));
            }
        }
    }
    Layer::new(Tier::of(scope), revision, Document::from_items(values).0).with_secrets(marks)
}

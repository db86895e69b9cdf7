//! What was read of one scope, as the loader keeps it; and the rules by which a newer reading takes an older one's place.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenantry_core::assemble::{Assembled, Oddity, SecretFields, assemble};
use tenantry_core::catalog::Catalog;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Layer};
use tenantry_core::scope::Scope;
use tenantry_core::secret::{FingerprintKey, SecretText};
use tenantry_core::usable::verdict;
use tenantry_core::validate::Validator;
use tenantry_store::{Head, SecretVersion, StoredScope, StoredSecret};

use crate::cache::Times;

/// The texts of a scope's secrets, by the keys of their parameters.
pub(crate) type Texts = BTreeMap<Key, SecretText>;

/// All that is kept of one scope: read whole, never changed.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) layer: Arc<Layer>,
    pub(crate) display_name: Arc<str>,
    /// Tells a tenant from an earlier one of the same name.
    pub(crate) incarnation: Arc<str>,
    pub(crate) secret_version: Option<SecretVersion>,
    /// `None` when they were dropped to save memory, or because they are too old.
    pub(crate) texts: Option<Arc<Texts>>,
    pub(crate) oddities: Arc<[Oddity]>,
    pub(crate) times: Times,
}

/// Why what is stored cannot be used: what, where, and why, but never a value that may be secret.
pub(crate) type Reasons = Arc<[Oddity]>;

impl Reading {
    /// Makes a reading of both parts, or says why they cannot be used.
    pub(crate) fn of_both(
        validator: &Validator,
        keys: &FingerprintKey,
        scope: &Scope,
        stored: StoredScope,
        secret: Option<&StoredSecret>,
        times: Times,
    ) -> Result<Self, Reasons> {
        let fields = secret.map(|secret| SecretFields { version: &secret.version.0, fields: &secret.fields });
        let drift = drift(&stored, secret);
        let Head { revision, display_name, incarnation, .. } = stored.head;
        let items = stored.items.into_iter().map(|item| (item.key, item.value));
        let assembled = assemble(validator.catalog(), keys, scope, revision, items, fields);
        let odd = stored.odd.into_iter().chain(secret.into_iter().flat_map(|secret| secret.odd.iter().cloned()));
        let unreadable = odd.map(|odd| Oddity { place: odd.key, reason: odd.reason });
        let mut oddities = verdict(validator, &assembled, unreadable)
            .map_err(|faults| faults.into_iter().map(Oddity::from).collect::<Reasons>())?;
        oddities.extend(drift);
        let Assembled { layer, secrets, .. } = assembled;
        Ok(Self {
            layer: Arc::new(layer),
            display_name: display_name.into(),
            incarnation: incarnation.into(),
            secret_version: secret.map(|secret| secret.version.clone()),
            texts: Some(Arc::new(secrets)),
            oddities: oddities.into(),
            times,
        })
    }

    /// This reading with the secret's part of another one of the same scope.
    pub(crate) fn with_secret_of(&self, other: &Self, catalog: &Catalog) -> Self {
        let is_secret = |key: &Key| catalog.secret_field(key).is_some();
        let plain = self.layer.entries().iter().filter(|(key, _)| !is_secret(key));
        let kept = other.layer.entries().iter().filter(|(key, _)| is_secret(key));
        let (mut items, mut marks) = (Vec::new(), Vec::new());
        for (key, entry) in plain.chain(kept) {
            match entry {
                Entry::Value(value) => items.push((key.clone(), value.clone())),
                Entry::Secret(mark) => marks.push((key.clone(), mark.clone())),
            }
        }
        let (document, _) = Document::from_items(items);
        let layer = Layer::new(self.layer.tier(), self.layer.revision(), document).with_secrets(marks);
        let times = Times { secrets: other.times.secrets, has_texts: other.times.has_texts, ..self.times };
        Self {
            layer: Arc::new(layer),
            secret_version: other.secret_version.clone(),
            texts: other.texts.clone(),
            times,
            ..self.clone()
        }
    }

    /// This reading with its secrets' texts forgotten. If there are none, none are missing.
    pub(crate) fn without_texts(&self) -> Self {
        let has_none = self.texts.as_ref().is_some_and(|texts| texts.is_empty());
        if has_none {
            return self.clone();
        }
        Self { texts: None, times: Times { has_texts: false, ..self.times }, ..self.clone() }
    }

    /// Whether two readings say the same, whenever they were read.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.layer == other.layer && self.secret_version == other.secret_version
    }

    /// The text of a secret that this scope sets.
    pub(crate) fn text(&self, key: &Key) -> Option<&SecretText> {
        self.texts.as_ref()?.get(key)
    }
}

/// What was changed behind the product's back. It is served all the same, and said.
fn drift(stored: &StoredScope, secret: Option<&StoredSecret>) -> Vec<Oddity> {
    let changed = |place: &str| Oddity {
        place: place.to_owned(),
        reason: "changed since the last managed write; `tenantry drift` shows how".to_owned(),
    };
    let version = secret.map(|secret| &secret.version);
    // Rotated, or removed.
    let is_rotated = stored.secret_version.is_some() && stored.secret_version.as_ref() != version;
    let items = stored.drift.then(|| changed("the items"));
    items.into_iter().chain(is_rotated.then(|| changed("the secret"))).collect()
}

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
use tenantry_core::validate::{Validator, Violation, ViolationCode};
use tenantry_store::{Head, OddItem, SecretVersion, StoredScope, StoredSecret};

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
        let catalog = validator.catalog();
        let (mut unusable, mut oddities) = odd_places(catalog, &stored, secret);
        let fields = secret.map(|secret| SecretFields { version: &secret.version.0, fields: &secret.fields });
        let Head { revision, display_name, incarnation, .. } = stored.head;
        let items = stored.items.into_iter().map(|item| (item.key, item.value));
        let assembled = assemble(catalog, keys, scope, revision, items, fields);
        let Assembled { layer, secrets, oddities: left_out } = assembled;
        let is_section = |oddity: &Oddity| Key::parse(&oddity.place).is_ok_and(|key| catalog.is_section(&key));
        let violations = validator.check_layer(&layer);
        for (makes_unusable, oddity) in left_out
            .into_iter()
            .map(|oddity| (is_section(&oddity), oddity))
            .chain(violations.iter().map(|violation| (makes_unusable(&violation.code), told(violation))))
        {
            if makes_unusable { unusable.push(oddity) } else { oddities.push(oddity) }
        }
        if !unusable.is_empty() {
            return Err(unusable.into());
        }
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

/// What cannot be read: first what stands in the place of a parameter, so that the value which it hides must not be
/// guessed; then what harms nobody.
fn odd_places(catalog: &Catalog, stored: &StoredScope, secret: Option<&StoredSecret>) -> (Vec<Oddity>, Vec<Oddity>) {
    let is_parameter =
        |place: &str| Key::parse(place).is_ok_and(|key| catalog.parameter(&key).is_some() || catalog.is_section(&key));
    let is_field = |place: &str| catalog.key_of_secret_field(place).is_some();
    let items = stored.odd.iter().map(|odd| (is_parameter(&odd.key), odd));
    let fields = secret.into_iter().flat_map(|secret| &secret.odd).map(|odd| (is_field(&odd.key), odd));
    let (known, unknown): (Vec<_>, Vec<_>) = items.chain(fields).partition(|(is_known, _)| *is_known);
    let tell = |(_, odd): (bool, &OddItem)| Oddity { place: odd.key.clone(), reason: odd.reason.clone() };
    let mut unusable: Vec<Oddity> = known.into_iter().map(tell).collect();
    unusable.extend(secret.into_iter().flat_map(|secret| blank_fields(catalog, secret)));
    (unusable, unknown.into_iter().map(tell).collect())
}

/// Known fields with nothing in them: an empty text is never a secret, and must not uncover another tier's either.
fn blank_fields(catalog: &Catalog, secret: &StoredSecret) -> Vec<Oddity> {
    let is_known = |field: &str| catalog.key_of_secret_field(field).is_some();
    let blank = secret.fields.iter().filter(|(field, text)| is_known(field) && text.is_blank());
    blank.map(|(field, _)| Oddity { place: field.clone(), reason: "is blank".to_owned() }).collect()
}

fn told(violation: &Violation) -> Oddity {
    Oddity { place: violation.key.clone(), reason: violation.message.clone() }
}

/// Whether a stored value that breaks a rule cannot be served. The other rules are for those who write.
fn makes_unusable(code: &ViolationCode) -> bool {
    match code {
        ViolationCode::WrongType
        | ViolationCode::OutOfRange
        | ViolationCode::NotAllowed
        | ViolationCode::Pattern
        | ViolationCode::Null
        | ViolationCode::TooLarge
        | ViolationCode::NotAParameter
        | ViolationCode::OperatorOnly
        | ViolationCode::UniqueGlobally => true,
        ViolationCode::UnknownParameter
        | ViolationCode::LooksLikeSecret
        | ViolationCode::SecretBlank
        | ViolationCode::SecretWhitespace
        | ViolationCode::ControlCharacter
        | ViolationCode::UrlNotAllowed
        | ViolationCode::TemplateInvalid { .. }
        | ViolationCode::BrokenLink
        | ViolationCode::ConnectionIncomplete { .. }
        | ViolationCode::ConnectionMissing
        | ViolationCode::Misplaced => false,
    }
}

//! What crosses the ports: the records of scopes, secrets, tenants, bindings, tokens and the log.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenantry_core::change::Difference;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::{FingerprintKey, SecretText};
use tenantry_core::value::Value;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// All that is stored for a scope, but its secret.
#[derive(Clone, Debug)]
pub struct StoredScope {
    /// What is known of the scope as a whole.
    pub head: Head,
    /// The stored items, in the order of their keys.
    pub items: Vec<Item>,
    /// What cannot be read as an item.
    pub odd: Vec<OddItem>,
}

/// What is known of a scope as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The revision of the newest saved state.
    pub revision: Revision,
    /// Whether the tenant may be served. The global scope is always active.
    pub status: TenantStatus,
    /// The company's name; empty for the global scope.
    pub display_name: String,
    /// Told anew each time a tenant of this name is created, so that a deleted one's leftovers are never taken for it.
    pub incarnation: String,
    /// When the scope was created.
    pub created_at: Timestamp,
    /// When the newest revision was made.
    pub updated_at: Timestamp,
    /// Who made it.
    pub updated_by: String,
}

/// Whether a tenant may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantStatus {
    /// Served.
    Active,
    /// Refused until it is resumed; its values stay.
    Suspended,
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        })
    }
}

/// One stored item: a leaf, or a subtree that another program wrote as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The item's key.
    pub key: Key,
    /// Its value.
    pub value: Value,
    /// What a managed write noted; none for an item written by another program.
    pub meta: Option<ItemMeta>,
}

/// What a managed write notes beside a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemMeta {
    /// The revision that wrote the item.
    pub revision: Revision,
    /// When.
    pub updated_at: Timestamp,
    /// Who.
    pub updated_by: String,
    /// The revision of the tier below when the override was written: what makes "behind the default" visible.
    pub default_revision: Revision,
}

/// Something stored that is no item. The value is not shown: it may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OddItem {
    /// What is stored as its key.
    pub key: String,
    /// Why it is no item.
    pub reason: String,
}

/// A change of one scope: all of it happens, or nothing.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The scope to change.
    pub scope: Scope,
    /// What the change was decided on.
    pub expected: Expected,
    /// What becomes of the scope as a whole.
    pub head: HeadChange,
    /// The items to write and to remove, each key once.
    pub items: Vec<ItemChange>,
    /// The change of the scope's secret, if there is one.
    pub secret: Option<SecretWrite>,
    /// Bindings and reservations to take and to give up.
    pub claims: Vec<ClaimChange>,
    /// The revision of the tier below, noted with every item written.
    pub default_revision: Revision,
    /// What the log says of it.
    pub entry: NewLogEntry,
}

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No such scope.
    Absent,
    /// The scope at this revision.
    At(Revision),
}

/// What becomes of a scope as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadChange {
    /// It stays as it is.
    Keep,
    /// It is created: needs [`Expected::Absent`].
    Create {
        /// The company's name; empty for the global scope.
        display_name: String,
    },
    /// It gets another name.
    Rename(String),
    /// It is suspended or resumed.
    Status(TenantStatus),
}

/// An item to write (`Some`) or to remove (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// The item's key.
    pub key: Key,
    /// Its new value.
    pub value: Option<Value>,
}

/// What a commit made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The new revision.
    pub revision: Revision,
    /// The new version of the scope's secret, if it was changed.
    pub secret_version: Option<SecretVersion>,
}

/// The store's name for one version of a scope's secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretVersion(pub String);

impl fmt::Display for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A scope's secret: a flat set of named texts.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// The version that was read.
    pub version: SecretVersion,
    /// The texts by field name, such as `odoo_password`.
    pub fields: BTreeMap<String, SecretText>,
    /// Fields that cannot be used, by name, with the reason and without the value.
    pub odd: Vec<OddItem>,
}

/// A change of a scope's secret.
#[derive(Clone, Debug)]
pub struct SecretWrite {
    /// The version it was decided on; `None` if there was no secret.
    pub expected: Option<SecretVersion>,
    /// Fields to set (`Some`) and to remove (`None`).
    pub fields: BTreeMap<String, Option<SecretText>>,
}

/// Keys derived from the store's master key, for what must be told apart but not read.
#[derive(Clone, Debug)]
pub struct StoreKeys {
    /// For the fingerprints of secrets.
    pub fingerprint: FingerprintKey,
    /// For the hashes of API tokens.
    pub token: TokenKey,
}

/// The key under which API tokens are hashed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// Takes 32 bytes of key material.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The keyed BLAKE3 hash under which a token's random part is stored.
    pub fn hash(&self, id: &str, random: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(id.len() as u64).to_le_bytes()).update(id.as_bytes()).update(random.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(***)")
    }
}

/// What kind of outside identity belongs to one tenant alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BindingKind {
    /// A Slack team.
    Slack,
    /// A Telegram bot.
    Telegram,
    /// A host name.
    Host,
    /// An S3 bucket, reserved by a parameter.
    Bucket,
    /// A prefix of DynamoDB tables, reserved by a parameter.
    Prefix,
}

impl BindingKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Slack, Self::Telegram, Self::Host, Self::Bucket, Self::Prefix];

    /// The name that stands before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Host => "host",
            Self::Bucket => "bucket",
            Self::Prefix => "prefix",
        }
    }
}

/// An outside identity that belongs to one tenant alone, written `slack:T0123`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binding {
    kind: BindingKind,
    name: String,
}

impl Binding {
    /// The longest name of a binding, in bytes.
    const LONGEST: usize = 255;

    /// Takes the name of an identity: 1 to 255 visible ASCII characters. Host names are lower-case.
    pub fn new(kind: BindingKind, name: &str) -> Result<Self, BindingError> {
        let fits = !name.is_empty() && name.len() <= Self::LONGEST && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits || (kind == BindingKind::Host && name.bytes().any(|byte| byte.is_ascii_uppercase())) {
            return Err(BindingError(kind));
        }
        Ok(Self { kind, name: name.to_owned() })
    }

    /// Reads `kind:name`.
    pub fn parse(text: &str) -> Result<Self, BindingError> {
        let found = text.split_once(':').and_then(|(prefix, name)| {
            let kind = BindingKind::ALL.into_iter().find(|kind| kind.name() == prefix)?;
            Some((kind, name))
        });
        let (kind, name) = found.ok_or(BindingError(BindingKind::Slack))?;
        Self::new(kind, name)
    }

    /// What kind of identity it is.
    pub fn kind(&self) -> BindingKind {
        self.kind
    }

    /// Its name, without the kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

/// Why a text names no outside identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a binding such as {}:NAME, with 1 to 255 visible characters (host names in lower case)", .0.name())]
pub struct BindingError(BindingKind);

/// A binding to take or to give up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimChange {
    /// The scope's tenant takes it; taking what it has already changes nothing.
    Take(Binding),
    /// The scope's tenant gives it up.
    Release(Binding),
}

/// A tenant as it stands in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenantSummary {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The company's name.
    pub display_name: String,
    /// Whether it may be served.
    pub status: TenantStatus,
    /// The newest revision of its scope.
    pub revision: Revision,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its newest revision was made.
    pub updated_at: Timestamp,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A scope was created.
    Create,
    /// Values were set or unset.
    Change,
    /// An old revision's values were made the newest ones.
    Restore,
    /// A tenant got another name.
    Rename,
    /// A tenant was suspended.
    Suspend,
    /// A tenant was resumed.
    Resume,
    /// A tenant was deleted.
    Delete,
    /// An outside identity was bound to a tenant, or released.
    Bind,
    /// An API token was created.
    CreateToken,
    /// An API token was revoked.
    RevokeToken,
}

/// An entry for the log, before the store gives it its id and revision.
#[derive(Clone, Debug)]
pub struct NewLogEntry {
    /// The scope it is about.
    pub scope: Scope,
    /// When it happens.
    pub at: Timestamp,
    /// Who does it: a token's name, or the system's user for the command line.
    pub actor: String,
    /// What is done.
    pub action: Action,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// How the scope's leaves differ; secrets as marks. The version in an `after` mark is filled in by the store when it
    /// is the one that the same commit makes: callers leave it empty.
    pub changes: Vec<Difference>,
    /// What else there is to say: the revision that was restored, the token's id.
    pub detail: Option<String>,
}

/// One entry of the log: immutable, but for the values of a tenant that was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The entry's own name; says nothing about other scopes' entries.
    pub id: String,
    /// The scope it is about, as [`Scope`] is displayed.
    pub scope: String,
    /// The revision that it made, if it made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: Action,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the scope's leaves differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Difference>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Which entries of the log to read.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Those about one scope; all of them if none.
    pub scope: Option<Scope>,
    /// Those that made a revision: a scope's history.
    pub revisions_only: bool,
}

/// A part of a listing to read.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// How many to read at the most; a store may answer fewer.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// The largest page.
    pub const LARGEST: usize = 1000;

    /// The first page of the given size, at most [`Self::LARGEST`].
    pub fn first(limit: usize) -> Self {
        Self { limit: limit.clamp(1, Self::LARGEST), after: None }
    }

    /// The page behind another.
    #[must_use]
    pub fn behind(&self, cursor: Cursor) -> Self {
        Self { limit: self.limit, after: Some(cursor) }
    }
}

/// Where a page ended, in the store's own words; a cursor that a store does not understand is refused as
/// [`crate::StoreError::Refused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// A part of a listing.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The things listed.
    pub items: Vec<T>,
    /// Where to go on; none on the last page.
    pub next: Option<Cursor>,
}

/// What is stored of an API token: never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// The id that stands in the token's text.
    pub id: String,
    /// The keyed hash of its random part.
    pub hash: [u8; 32],
    /// Whose it is: a tenant's, or the operator's (global).
    pub scope: Scope,
    /// What it may do: the name of a role.
    pub role: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, as far as is known.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A place in the sequence of revocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationCursor(pub String);

/// The tenants whose cached copies must go.
#[derive(Clone, Debug)]
pub struct Revocations {
    /// Where to go on from.
    pub cursor: RevocationCursor,
    /// The tenants, in the order in which it happened.
    pub tenants: Vec<TenantId>,
}

/// Something that a look over the store found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at: `integrity`, `schema`, `master key`.
    pub subject: String,
    /// What was found, and the next step if there is one to take.
    pub message: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Should be looked at.
    Warning,
    /// Must be mended.
    Error,
}

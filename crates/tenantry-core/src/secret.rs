//! Text that must not be seen, and the fingerprint by which it may be told apart.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::scope::Scope;

/// A secret: it can be neither printed nor serialised, and is wiped from memory when dropped.
///
/// There is no `Display`, no `Serialize` and no comparison. [`SecretText::expose`] is the one way to its text;
/// searching for that word finds every place that reads a secret.
///
/// ```
/// use tenantry_core::secret::SecretText;
/// let key = SecretText::new("sk-live-1".to_owned());
/// assert_eq!(format!("{key:?}"), "SecretText(***)");
/// assert_eq!(key.expose(), "sk-live-1");
/// ```
#[derive(Clone)]
pub struct SecretText(SecretString);

impl SecretText {
    /// Wraps a text; the caller's copy is moved in, not left behind.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// Shows the secret's text: for sealing it, or for sending it to the system that it belongs to.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether there is nothing but white space in it; such a text is never a secret.
    pub fn is_blank(&self) -> bool {
        self.expose().trim().is_empty()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(***)")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = Self::new(String::deserialize(deserializer)?);
        if secret.is_blank() {
            return Err(de::Error::custom("a secret must not be blank"));
        }
        Ok(secret)
    }
}

impl JsonSchema for SecretText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SecretText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "writeOnly": true, "x-sensitivity": "secret" })
    }
}

/// The key under which fingerprints are made; derived from the store's master key, never stored itself.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    /// Takes 32 bytes of key material.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Makes the fingerprint of one secret field of one scope.
    ///
    /// Scope and field are part of it, so that equal secrets of two tenants do not look equal.
    pub fn fingerprint(&self, scope: &Scope, field: &str, secret: &SecretText) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in [&scope.to_string(), field, secret.expose()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut bytes = [0; Fingerprint::BYTES];
        hasher.finalize_xof().fill(&mut bytes);
        Fingerprint(bytes)
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(***)")
    }
}

/// 48 bits of a keyed hash, shown as 12 hexadecimal digits: equal for equal secrets of one field, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; Self::BYTES]);

impl Fingerprint {
    const BYTES: usize = 6;

    /// Reads the twelve digits that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        if text.len() != 2 * Self::BYTES || !text.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

crate::json::written_as!(Fingerprint, { "type": "string", "pattern": "^[0-9a-f]{12}$" });

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a fingerprint is twelve hexadecimal digits"))
    }
}

/// What may be known of a stored secret: that it is set, since which version, and its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretMark {
    /// The store's name for the version of the scope's secret in which the field has this value.
    pub version: String,
    /// Tells this value from others of the same field.
    pub fingerprint: Fingerprint,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::TenantId;

    fn tenant(id: &str) -> Scope {
        Scope::Tenant(TenantId::parse(id).unwrap())
    }

    #[test]
    fn debug_never_shows_the_text() {
        let shown = format!("{:?}", SecretText::new("CANARY".to_owned()));
        assert!(!shown.contains("CANARY"), "{shown}");
    }

    #[test]
    fn a_blank_text_is_never_a_secret() {
        for blank in [r#""""#, r#"" ""#, r#""\n""#] {
            assert!(serde_json::from_str::<SecretText>(blank).is_err());
        }
    }

    #[test]
    fn a_fingerprint_tells_secrets_apart_but_not_across_tenants_or_fields() {
        let key = FingerprintKey::new([7; 32]);
        let secret = SecretText::new("s".to_owned());
        let print = |scope: &Scope, field| key.fingerprint(scope, field, &secret);
        assert_eq!(print(&tenant("acme"), "odoo_password"), print(&tenant("acme"), "odoo_password"));
        assert_ne!(print(&tenant("acme"), "odoo_password"), print(&tenant("beta"), "odoo_password"));
        assert_ne!(print(&tenant("acme"), "odoo_password"), print(&tenant("acme"), "odoo_login"));
        let other = key.fingerprint(&tenant("acme"), "odoo_password", &SecretText::new("t".to_owned()));
        assert_ne!(print(&tenant("acme"), "odoo_password"), other);
    }

    #[test]
    fn a_fingerprint_reads_back_what_it_writes() {
        let print = FingerprintKey::new([1; 32]).fingerprint(&Scope::Global, "f", &SecretText::new("x".to_owned()));
        assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
        assert_eq!(Fingerprint::parse("äöüäöü"), None);
    }
}

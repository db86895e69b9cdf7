//! Who a value belongs to: the identifiers of tenants and environments, which reject and never repair.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Names that no tenant may have, because people or programs take them for something else.
pub const RESERVED_TENANT_IDS: [&str; 14] = [
    "root", "global", "default", "system", "platform", "admin", "operator", "all", "any", "none", "null", "self",
    "public", "internal",
];

/// The longest identifier, in bytes: that of a DNS label.
const LONGEST_ID: usize = 63;

/// A company that uses the software: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, and not a reserved word.
///
/// It can be had from [`TenantId::parse`] alone, which repairs nothing, so whoever holds one may trust it.
/// Cloning copies a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Reads a tenant id, or says at which place it breaks which rule.
    ///
    /// ```
    /// use tenantry_core::scope::TenantId;
    /// assert!(TenantId::parse("acme").is_ok());
    /// assert_eq!(TenantId::parse("Acme").unwrap_err().code(), "tenant_id_invalid");
    /// ```
    pub fn parse(text: &str) -> Result<Self, TenantIdError> {
        check_id(text)?;
        if RESERVED_TENANT_IDS.contains(&text) {
            return Err(TenantIdError::Reserved(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The identifier's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no tenant id. Positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantIdError {
    /// Nothing was given.
    #[error("a tenant id must not be empty: use 1 to 63 of a-z, 0-9 and '-'")]
    Empty,
    /// More than 63 bytes were given.
    #[error("a tenant id has at most 63 characters, this one has {0}")]
    TooLong(usize),
    /// A character that no tenant id has.
    #[error("{found:?} at position {position} cannot be in a tenant id: use a-z, 0-9 and '-'")]
    Character {
        /// Where, counted in characters from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// A hyphen at the beginning or the end.
    #[error("a tenant id must begin and end with a letter or digit, not with '-' (position {0})")]
    Edge(usize),
    /// A word kept for other meanings.
    #[error("{0:?} is a reserved word and cannot be a tenant id")]
    Reserved(String),
}

impl TenantIdError {
    /// The stable code of the answer that a caller gets.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reserved(_) => "tenant_id_reserved",
            Self::Empty | Self::TooLong(_) | Self::Character { .. } | Self::Edge(_) => "tenant_id_invalid",
        }
    }
}

fn check_id(text: &str) -> Result<(), TenantIdError> {
    if text.is_empty() {
        return Err(TenantIdError::Empty);
    }
    let strange = |c: char| !matches!(c, 'a'..='z' | '0'..='9' | '-');
    if let Some((index, found)) = text.chars().enumerate().find(|(_, c)| strange(*c)) {
        return Err(TenantIdError::Character { position: index + 1, found });
    }
    if text.len() > LONGEST_ID {
        return Err(TenantIdError::TooLong(text.len()));
    }
    if text.starts_with('-') {
        return Err(TenantIdError::Edge(1));
    }
    if text.ends_with('-') {
        return Err(TenantIdError::Edge(text.len()));
    }
    Ok(())
}

impl Borrow<str> for TenantId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The outermost prefix of every stored name (`production`, `staging`), with the same letters as a tenant id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Environment(Arc<str>);

impl Environment {
    /// Reads an environment's name.
    pub fn parse(text: &str) -> Result<Self, EnvironmentError> {
        check_id(text).map(|()| Self(text.into())).map_err(|_| EnvironmentError(text.to_owned()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no environment: use 1 to 63 of a-z, 0-9 and '-', such as production")]
pub struct EnvironmentError(String);

macro_rules! text_conversions {
    ($type:ty, $error:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&Cow::<str>::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

text_conversions!(TenantId, TenantIdError);

crate::json::written_as!(TenantId, {
    "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
});

text_conversions!(Environment, EnvironmentError);

/// Whose values: the operator's defaults for everybody, or one tenant's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Defaults that the operator sets for every tenant.
    Global,
    /// What one tenant sets for itself.
    Tenant(TenantId),
}

impl Scope {
    /// The tenant, if this is one's scope.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Global => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }

    /// Reads what [`fmt::Display`] writes: `#global`, or a tenant id.
    pub fn parse(text: &str) -> Result<Self, TenantIdError> {
        if text == GLOBAL { Ok(Self::Global) } else { TenantId::parse(text).map(Self::Tenant) }
    }
}

/// The stored name of the global scope; `#` can occur in no tenant id.
const GLOBAL: &str = "#global";

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.pad(GLOBAL),
            Self::Tenant(tenant) => tenant.fmt(f),
        }
    }
}

impl From<TenantId> for Scope {
    fn from(tenant: TenantId) -> Self {
        Self::Tenant(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_id_is_taken_as_it_stands() {
        for id in ["a", "acme", "acme-corp", "0", "a1-2-3", &"x".repeat(63)] {
            assert_eq!(TenantId::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn a_bad_tenant_id_is_refused_with_its_position() {
        let at = |text: &str| match TenantId::parse(text) {
            Err(TenantIdError::Character { position, .. } | TenantIdError::Edge(position)) => position,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(at("Acme"), 1);
        assert_eq!(at("acme/../beta"), 5);
        assert_eq!(at("acme%2fbeta"), 5);
        assert_eq!(at("аcme"), 1, "a Cyrillic letter");
        assert_eq!(at("ac\u{200b}me"), 3, "a zero-width space");
        assert_eq!(at("ac\0me"), 3);
        assert_eq!(at("*"), 1);
        assert_eq!(at("${aws:username}"), 1);
        assert_eq!(at(" acme"), 1);
        assert_eq!(at("acme\n"), 5);
        assert_eq!(at("-acme"), 1);
        assert_eq!(at("acme-"), 5);
        assert_eq!(TenantId::parse(""), Err(TenantIdError::Empty));
        assert_eq!(TenantId::parse(&"x".repeat(64)), Err(TenantIdError::TooLong(64)));
    }

    #[test]
    fn reserved_words_are_refused_by_their_own_code() {
        for word in RESERVED_TENANT_IDS {
            assert_eq!(TenantId::parse(word).unwrap_err().code(), "tenant_id_reserved");
        }
        assert_eq!(TenantId::parse("Root").unwrap_err().code(), "tenant_id_invalid");
    }

    #[test]
    fn deserialising_refuses_as_parsing_does() {
        assert!(serde_json::from_str::<TenantId>(r#""acme""#).is_ok());
        assert!(serde_json::from_str::<TenantId>(r#""ac\u006de""#).is_ok());
        assert!(serde_json::from_str::<TenantId>(r#""Acme""#).is_err());
    }

    #[test]
    fn a_scope_reads_back_what_it_writes() {
        for scope in [Scope::Global, Scope::Tenant(TenantId::parse("acme").unwrap())] {
            assert_eq!(Scope::parse(&scope.to_string()).unwrap(), scope);
        }
    }
}

//! Why a schema is no catalog.

use crate::catalog::pattern::KeyPattern;
use crate::key::Key;

/// Where and why a schema cannot be a catalog. It is met by developers, when they declare parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", place_name(.place))]
pub struct CatalogError {
    /// The key at which it is, with `*` for an entry of a map; empty for the schema as a whole.
    pub place: String,
    /// What is wrong there.
    pub fault: CatalogFault,
}

impl CatalogError {
    pub(super) fn at(place: &KeyPattern, fault: CatalogFault) -> Self {
        Self { place: place.to_string(), fault }
    }
}

fn place_name(place: &str) -> &str {
    if place.is_empty() { "the schema" } else { place }
}

/// What is wrong at one place of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogFault {
    /// A reference to another document.
    #[error("{0:?} is a reference to another document; only references to #/$defs/… are followed")]
    RemoteReference(String),
    /// A reference to what is not there.
    #[error("{0:?} refers to nothing in this schema")]
    UnknownReference(String),
    /// A definition that contains itself.
    #[error("{0:?} contains itself; a parameter has a fixed depth")]
    Recursion(String),
    /// Nesting beyond what documents may have.
    #[error("it is nested more than {0} levels deep")]
    TooDeep(usize),
    /// More nodes than any catalog needs.
    #[error("with all references followed the schema has more than {0} parts")]
    TooLarge(usize),
    /// The outermost schema is no section.
    #[error("the outermost schema must be an object with properties")]
    NoSection,
    /// Neither a section, nor a map, nor a value.
    #[error("it says neither `type` nor `enum`, so no value can be checked against it")]
    NoType,
    /// A table about which nothing is said.
    #[error("a table needs `properties` (a section) or a schema in `additionalProperties` (a map)")]
    UndescribedTable,
    /// A section with free entries.
    #[error("a table has `properties` or a schema in `additionalProperties`, not both")]
    SectionAndMap,
    /// A value that could be a table, too.
    #[error("a parameter cannot be a table at one time and a value at another")]
    TableOrValue,
    /// A keyword that the catalog does not understand where it stands.
    #[error("`{0}` cannot be used here")]
    Keyword(String),
    /// A property whose name no key can have.
    #[error("{0:?} cannot be part of a key: use letters, digits, '_' and '-', at most 64")]
    Name(String),
    /// A key longer than any key may be.
    #[error("the key is too long")]
    LongKey,
    /// An extension with a value that it cannot have.
    #[error("`{name}` must be {expected}")]
    Extension {
        /// The extension's name.
        name: String,
        /// What its value must be.
        expected: &'static str,
    },
    /// An extension that says nothing where it stands.
    #[error("`{0}` has no meaning here")]
    ExtensionPlace(&'static str),
    /// A misspelt extension, which would silently do nothing.
    #[error("`{found}` is no extension; is `{meant}` meant?")]
    UnknownExtension {
        /// What stands there.
        found: String,
        /// The extension that is nearest to it.
        meant: &'static str,
    },
    /// Two keys with one flat name.
    #[error("its flat name {name:?} is that of {other}, too; rename one, or declare `x-secret-field` on a secret one")]
    SameFlatName {
        /// The flat name.
        name: String,
        /// The other key.
        other: Key,
    },
    /// A credential or secret that is no text.
    #[error("credentials and secrets are texts: its type must be string")]
    SecretType,
    /// A credential or secret in a map, where it has no field in the tenant's secret.
    #[error("credentials and secrets cannot be entries of a map")]
    SecretInMap,
    /// A secret that is built in.
    #[error("a secret cannot have a default")]
    SecretDefault,
    /// A value that must be each tenant's own, but is built in.
    #[error("a value that is each tenant's own cannot have a default")]
    UniqueDefault,
    /// A connection where none can be.
    #[error("a connection must be a section outside of maps and of other connections")]
    ConnectionPlace,
    /// An extension that names what the catalog does not have.
    #[error("`{name}` names {target:?}, which is no {expected} of this catalog")]
    Target {
        /// The extension's name.
        name: &'static str,
        /// What it names.
        target: String,
        /// What it should name.
        expected: &'static str,
    },
    /// A default that the parameter does not allow.
    #[error("its default cannot be used: {0}")]
    Default(String),
    /// A schema that JSON Schema does not allow.
    #[error("not a valid JSON Schema: {0}")]
    Schema(String),
}

//! All that can be configured: the parameters of an application, read from its settings or from a JSON Schema.
//!
//! A node of the schema is a **section** (an object with `properties`), a **map** (an object with a schema in
//! `additionalProperties`, whose entries have any name) or else a **parameter**. What JSON Schema cannot say is said by
//! extensions:
//!
//! | extension | on | meaning |
//! |---|---|---|
//! | `x-sensitivity` | field, section | `plain`, `credential` or `secret` |
//! | `x-set-by` | field, section | `tenant` or `operator`; holds for all that is below |
//! | `x-connection` | section | `true`: its endpoint and credentials are taken whole from one tier |
//! | `x-template` | field | the value is a prompt template that may use these variables |
//! | `x-secret-field` | field | its name in the tenant's secret, if not the key with `_` for `.` |
//! | `x-examples` | field | values that show what is meant |
//! | `x-unique` | field | no two tenants may have the same value in this namespace |
//! | `x-refers-to` | field | the value names an entry of the table at this key |
//! | `x-requires` | field | for a value, the connections of which one must be set |
//! | `x-egress` | field | the value is a URL that outbound rules apply to |
//! | `x-enabled-by` | section in a map | the field that says whether an entry is in use |
//!
//! On a map of values, an extension for fields holds for its entries.

mod check;
mod docs;
mod error;
mod extensions;
mod inline;
mod names;
mod parameter;
mod pattern;
mod read;
mod reference;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod shape;
mod tree;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;

pub use self::error::{CatalogError, CatalogFault};
pub use self::names::SpellingError;
pub(crate) use self::names::nearest;
pub use self::parameter::{Parameter, Section, Sensitivity, SetBy};
pub use self::pattern::KeyPattern;
use self::tree::Tree;
use crate::document::Document;
use crate::key::Key;
use crate::layer::{Layer, Revision, Tier};
use crate::resolve::Connections;
use crate::value::Value;

/// All parameters of an application.
///
/// ```
/// use tenantry_core::{catalog::Catalog, key::Key};
///
/// #[derive(schemars::JsonSchema)]
/// struct Settings {
///     persona: Persona,
/// }
///
/// #[derive(schemars::JsonSchema)]
/// struct Persona {
///     /// The assistant's name
///     ///
///     /// As its users see it.
///     #[schemars(default = "ada")]
///     name: String,
/// }
/// fn ada() -> String { "Ada".to_owned() }
///
/// let catalog = Catalog::of::<Settings>()?;
/// let name = catalog.parameter(&Key::parse("persona.name")?).unwrap();
/// assert_eq!(name.title, "The assistant's name");
/// assert_eq!(name.default, Some("Ada".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Catalog {
    schema: serde_json::Value,
    /// In the order of their patterns.
    parameters: Vec<Parameter>,
    /// In the order of their patterns, the outermost one first.
    sections: Vec<Section>,
    tree: Tree,
    /// Every key without `*`, by its flat name and by its field in the secret.
    flat: BTreeMap<String, Key>,
    defaults: Arc<Layer>,
    connections: Connections,
}

impl Catalog {
    /// Reads the catalog from a settings struct.
    pub fn of<S: JsonSchema>() -> Result<Self, CatalogError> {
        let mut schema = schemars::schema_for!(S);
        // The generator's title is the type's name; the documentation says more.
        if schema.get("title").and_then(|title| title.as_str()) == Some(&*S::schema_name()) {
            docs::entitle(schema.ensure_object());
        }
        Self::from_schema(schema.as_value())
    }

    /// Reads the catalog from a JSON Schema (draft 2020-12), such as that of an application in another language.
    ///
    /// References are followed within the document alone; nothing is fetched.
    pub fn from_schema(schema: &serde_json::Value) -> Result<Self, CatalogError> {
        let (mut declarations, tree) = read::read(&inline::inline(schema)?)?;
        check::declarations(&mut declarations, &tree)?;
        let flat = names::flat(&declarations.parameters)?;
        let read::Declarations { parameters, sections, connections, defaults } = declarations;
        Ok(Self {
            schema: schema.clone(),
            parameters,
            sections,
            tree,
            flat,
            defaults: Arc::new(Layer::new(Tier::Default, Revision(0), Document::from_items(defaults).0)),
            connections: Connections::new(connections),
        })
    }

    /// The application's name for its settings.
    pub fn title(&self) -> &str {
        &self.sections[0].title
    }

    /// The JSON Schema from which the catalog was read.
    pub fn schema(&self) -> &serde_json::Value {
        &self.schema
    }

    /// All parameters, in the order of their keys.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = &Parameter> {
        self.parameters.iter()
    }

    /// All sections and maps, in the order of their keys.
    pub fn sections(&self) -> impl ExactSizeIterator<Item = &Section> {
        self.sections[1..].iter()
    }

    /// The parameter that a key names.
    pub fn parameter(&self, key: &Key) -> Option<&Parameter> {
        self.tree.find(key.segments())?.parameter().map(|at| &self.parameters[at])
    }

    /// The section or map that a key names.
    pub fn section(&self, key: &Key) -> Option<&Section> {
        self.tree.find(key.segments())?.section().map(|at| &self.sections[at])
    }

    /// Whether a key names a section or map: parameters lie below it.
    pub fn is_section(&self, key: &Key) -> bool {
        self.section(key).is_some()
    }

    /// The built-in values.
    pub fn defaults(&self) -> &Arc<Layer> {
        &self.defaults
    }

    /// The sections that are taken whole from one tier.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The field of the tenant's secret in which a parameter is kept; none for a plain one.
    pub fn secret_field(&self, key: &Key) -> Option<&str> {
        self.parameter(key)?.secret_field.as_deref()
    }

    /// The parameter that is kept in a field of the tenant's secret.
    pub fn key_of_secret_field(&self, field: &str) -> Option<&Key> {
        self.flat.get(field).filter(|key| self.secret_field(key) == Some(field))
    }

    /// Splits a value into what is stored: one item for each parameter that it sets.
    ///
    /// What the catalog does not know stays in one piece, so that nothing is lost before it is refused by name.
    pub fn leaves(&self, key: &Key, value: Value) -> Vec<(Key, Value)> {
        match self.tree.find(key.segments()) {
            Some(tree) => tree.leaves(key, value),
            None => vec![(key.clone(), value)],
        }
    }
}

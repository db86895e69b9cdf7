//! Loaders for an application's own tests: tenants with the values they need, in memory, with nothing else to set up.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tenantry_core::catalog::{Catalog, CatalogError};
use tenantry_core::document::Document;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId, TenantIdError};
use tenantry_core::secret::SecretText;
use tenantry_core::validate::{Validator, Violation};
use tenantry_core::value::{ForeignValueError, Value};
use tenantry_store::memory::MemoryStore;
use tenantry_store::{Action, Commit, Expected, HeadChange, ItemChange, NewLogEntry, SecretWrite, StoreError, Stores};

use crate::Settings;
use crate::loader::Loader;

/// Makes a loader of tenants with these values, over a store in memory.
///
/// The values are nested like the settings. Secrets stand among them and are kept apart as the settings declare; what is no
/// parameter, or not a good value of one, is an error, so that a test cannot lean on a misspelt name.
///
/// ```
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Settings { #[serde(default)] persona: Persona }
/// # #[derive(Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
/// # #[serde(default)]
/// # struct Persona { name: String, language: String }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tenantry::testing::loader;
/// use tenantry_core::scope::TenantId;
///
/// let values = serde_json::json!({ "persona": { "language": "de" } });
/// let loader = loader::<Settings>([("acme", values)]).await?;
/// let config = loader.load(&TenantId::parse("acme")?).await?;
/// assert_eq!(config.persona.language, "de");
/// # Ok(())
/// # }
/// ```
pub async fn loader<S: Settings>(
    tenants: impl IntoIterator<Item = (&str, serde_json::Value)>,
) -> Result<Loader<S>, TestingError> {
    let stores = Stores::new(Arc::new(MemoryStore::new()));
    let validator = Validator::new(Arc::new(Catalog::of::<S>()?));
    for (id, values) in tenants {
        let tenant = TenantId::parse(id)?;
        let values = Value::try_from(&values)?;
        stores.commit(creation(&validator, &tenant, values)?).await?;
    }
    Ok(Loader::builder(&stores).build()?)
}

/// The commit that creates a tenant with its values.
fn creation(validator: &Validator, tenant: &TenantId, values: Value) -> Result<Commit, TestingError> {
    let catalog = validator.catalog();
    let Value::Table(table) = values else { return Err(TestingError::NotATable) };
    let (mut items, mut fields, mut violations) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (key, value) in Document::from_table(table).0.into_leaves() {
        if let (Some(field), Value::String(text)) = (catalog.secret_field(&key), &value) {
            let text = SecretText::new(text.clone());
            violations.extend(validator.check_secret(&key, &text));
            fields.insert(field.to_owned(), Some(text));
        } else {
            violations.extend(validator.check_value(&key, &value));
            items.push(ItemChange { key, value: Some(value) });
        }
    }
    if !violations.is_empty() {
        return Err(TestingError::Invalid(violations));
    }
    let scope = Scope::Tenant(tenant.clone());
    let entry = NewLogEntry {
        scope: scope.clone(),
        at: Timestamp::UNIX_EPOCH,
        actor: "test".to_owned(),
        action: Action::Create,
        reason: None,
        changes: Vec::new(),
        detail: None,
    };
    Ok(Commit {
        scope,
        expected: Expected::Absent,
        head: HeadChange::Create { display_name: tenant.as_str().to_owned() },
        items,
        secret: (!fields.is_empty()).then_some(SecretWrite { expected: None, fields }),
        claims: Vec::new(),
        default_revision: Revision(0),
        entry,
    })
}

/// Why a test's tenants cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TestingError {
    /// The settings declare no catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A tenant's name is none.
    #[error(transparent)]
    Tenant(#[from] TenantIdError),
    /// A value cannot be stored.
    #[error(transparent)]
    Value(#[from] ForeignValueError),
    /// The values of a tenant are a table of parameters.
    #[error("a tenant's values are a table of parameters")]
    NotATable,
    /// What is given is not what the settings declare.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Violation>),
    /// The store in memory refused them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct App {
        #[serde(default)]
        name: Option<String>,
        odoo: Option<Odoo>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[schemars(extend("x-connection" = true))]
    struct Odoo {
        #[schemars(extend("x-sensitivity" = "credential"))]
        url: String,
        password: SecretText,
    }

    #[tokio::test]
    async fn each_tenant_gets_its_own_values_and_secrets() {
        let odoo = json!({ "odoo": { "url": "https://odoo.example", "password": "CANARY" } });
        let loader = loader::<App>([("acme", odoo), ("beta", json!({ "name": "B" }))]).await.unwrap();
        let acme = loader.load(&TenantId::parse("acme").unwrap()).await.unwrap();
        let connection = acme.odoo.as_ref().unwrap();
        assert_eq!((connection.url.as_str(), connection.password.expose()), ("https://odoo.example", "CANARY"));
        let beta = loader.load(&TenantId::parse("beta").unwrap()).await.unwrap();
        assert_eq!(beta.name.as_deref(), Some("B"));
        assert!(beta.odoo.is_none());
    }

    #[tokio::test]
    async fn a_misspelt_name_fails_the_test_that_leans_on_it() {
        let error = loader::<App>([("acme", json!({ "nmae": "x" }))]).await.unwrap_err();
        assert!(error.to_string().contains("nearest: name"), "{error}");
        assert!(loader::<App>([("Acme", json!({}))]).await.is_err());
        assert!(loader::<App>([("acme", json!(7))]).await.is_err());
    }
}

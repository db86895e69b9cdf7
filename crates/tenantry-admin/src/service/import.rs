//! Bundles: the values of many scopes in one file, imported whole or not at all, and exported without secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use tenantry_core::catalog::Sensitivity;
use tenantry_core::change::{ChangeSet, PatchError};
use tenantry_core::document::Document;
use tenantry_core::json::{JsonError, Nullable, parse_nullable};
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretText;
use tenantry_core::validate::{Violation, ViolationCode};
use tenantry_core::value::Value;

use super::decide::{Decision, MissingConnections, decide};
use super::tenants::check_name;
use super::{Context, ScopeState, Service, ServiceError, States};

/// The values of many scopes, as a file holds them.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// What the operator sets for every tenant.
    pub global: BundleValues,
    /// The tenants, in the order of the file.
    pub tenants: Vec<BundleTenant>,
}

/// One tenant of a bundle.
#[derive(Clone, Debug)]
pub struct BundleTenant {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The company's name; none to leave an existing tenant's as it is.
    pub display_name: Option<String>,
    /// What it sets.
    pub values: BundleValues,
}

/// What a bundle sets in one scope, by keys in either spelling. `null` removes an override.
#[derive(Clone, Debug, Default)]
pub struct BundleValues {
    values: BTreeMap<String, Nullable>,
    secrets: BTreeMap<String, Option<SecretText>>,
}

/// Why a text is no bundle. It never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not JSON, or not such as can be stored.
    #[error("{0}")]
    Json(JsonError),
    /// A part of it has another form than a bundle has.
    #[error("{pointer}: {message}")]
    Form {
        /// The place, as a JSON Pointer (RFC 6901).
        pointer: String,
        /// What was expected there.
        message: String,
    },
}

impl Bundle {
    /// Reads a bundle from JSON, with all that is wrong with its form.
    ///
    /// ```json
    /// {"global": {"values": {"persona": {"language": "en"}}, "secrets": {}},
    ///  "tenants": [{"tenant_id": "acme", "display_name": "Acme", "values": {"persona.name": "Ada"}, "secrets": {}}]}
    /// ```
    pub fn from_json(text: &str) -> Result<Self, Vec<BundleError>> {
        let read = parse_nullable(text).map_err(|error| vec![BundleError::Json(error)])?;
        let mut faults = Faults(Vec::new());
        let mut bundle = Self::default();
        for (name, part) in faults.table("", read) {
            match (name.as_str(), part) {
                ("global", part) => bundle.global = faults.values("/global", part),
                ("tenants", Nullable::List(tenants)) => bundle.tenants = faults.tenants(tenants),
                ("tenants", Nullable::Value(Value::Array(tenants))) => {
                    bundle.tenants = faults.tenants(tenants.into_iter().map(nullable).collect());
                }
                ("tenants", Nullable::Null) => {}
                ("tenants", _) => faults.add("/tenants", "expected a list of tenants"),
                _ => faults.add(&format!("/{name}"), "expected global or tenants"),
            }
        }
        if faults.0.is_empty() { Ok(bundle) } else { Err(faults.0) }
    }
}

/// What is wrong with the form of a bundle, gathered while it is read.
struct Faults(Vec<BundleError>);

impl Faults {
    fn add(&mut self, pointer: &str, message: impl fmt::Display) {
        self.0.push(BundleError::Form { pointer: pointer.to_owned(), message: message.to_string() });
    }

    /// The members of a table; nothing for `null`, which is how YAML says an empty one.
    fn table(&mut self, pointer: &str, part: Nullable) -> BTreeMap<String, Nullable> {
        match part {
            Nullable::Table(table) => table,
            Nullable::Null => BTreeMap::new(),
            other => {
                self.add(pointer, format!("expected a table, found {}", kind(&other)));
                BTreeMap::new()
            }
        }
    }

    fn tenants(&mut self, tenants: Vec<Nullable>) -> Vec<BundleTenant> {
        let mut read = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, tenant) in tenants.into_iter().enumerate() {
            let pointer = format!("/tenants/{index}");
            let Some(tenant) = self.tenant(&pointer, tenant) else { continue };
            if seen.insert(tenant.tenant_id.clone()) {
                read.push(tenant);
            } else {
                self.add(&pointer, format!("{} stands in the file twice", tenant.tenant_id));
            }
        }
        read
    }

    fn tenant(&mut self, pointer: &str, part: Nullable) -> Option<BundleTenant> {
        let mut members = self.table(pointer, part);
        let tenant_id = self.text(&format!("{pointer}/tenant_id"), members.remove("tenant_id"));
        let display_name = members.remove("display_name").filter(|name| *name != Nullable::Null);
        let display_name = display_name.and_then(|name| self.text(&format!("{pointer}/display_name"), Some(name)));
        if let Some(Err(error)) = display_name.as_deref().map(check_name) {
            self.add(&format!("{pointer}/display_name"), error);
        }
        let values = self.values(pointer, Nullable::Table(members));
        match TenantId::parse(&tenant_id?) {
            Ok(tenant_id) => Some(BundleTenant { tenant_id, display_name, values }),
            Err(error) => {
                self.add(&format!("{pointer}/tenant_id"), error);
                None
            }
        }
    }

    fn values(&mut self, pointer: &str, part: Nullable) -> BundleValues {
        let mut read = BundleValues::default();
        for (name, part) in self.table(pointer, part) {
            let pointer = format!("{pointer}/{name}");
            match name.as_str() {
                "values" => read.values = self.table(&pointer, part),
                "secrets" => read.secrets = self.secrets(&pointer, part),
                // An export lists here what it left out.
                "secrets_not_exported" => {}
                _ => self.add(&pointer, "expected values or secrets"),
            }
        }
        read
    }

    fn secrets(&mut self, pointer: &str, part: Nullable) -> BTreeMap<String, Option<SecretText>> {
        let mut secrets = BTreeMap::new();
        for (name, part) in self.table(pointer, part) {
            self.secret(pointer, name, part, &mut secrets);
        }
        secrets
    }

    /// A secret by its flat or dotted name; a section's fields may also be nested.
    fn secret(
        &mut self,
        pointer: &str,
        name: String,
        part: Nullable,
        secrets: &mut BTreeMap<String, Option<SecretText>>,
    ) {
        match part {
            Nullable::Null => drop(secrets.insert(name, None)),
            Nullable::Value(Value::String(text)) => drop(secrets.insert(name, Some(SecretText::new(text)))),
            Nullable::Value(_) | Nullable::List(_) => {
                self.add(&format!("{pointer}/{name}"), format!("expected a text, found {}", kind(&part)));
            }
            Nullable::Table(fields) => {
                for (field, part) in fields {
                    self.secret(pointer, format!("{name}.{field}"), part, secrets);
                }
            }
        }
    }

    fn text(&mut self, pointer: &str, part: Option<Nullable>) -> Option<String> {
        match part {
            Some(Nullable::Value(Value::String(text))) => Some(text),
            Some(_) => {
                self.add(pointer, "expected a text");
                None
            }
            None => {
                self.add(pointer, "is missing");
                None
            }
        }
    }
}

/// A part of a bundle that cannot be read as a change, as what is wrong with its key.
fn misfit(error: &PatchError) -> Violation {
    let (pointer, code) = match error {
        PatchError::NotATable => ("", ViolationCode::WrongType),
        PatchError::Null(pointer) => (pointer.as_str(), ViolationCode::Null),
        PatchError::Name { pointer, .. } => (pointer.as_str(), ViolationCode::UnknownParameter),
    };
    Violation::new(pointer.trim_start_matches('/').replace('/', "."), code, error.reason())
}

fn kind(part: &Nullable) -> &'static str {
    match part {
        Nullable::Null => "nothing",
        Nullable::Value(value) => value.kind(),
        Nullable::Table(_) => "a table",
        Nullable::List(_) => "a list",
    }
}

fn nullable(value: Value) -> Nullable {
    match value {
        Value::Table(table) => Nullable::Table(table.into_iter().map(|(n, v)| (n, nullable(v))).collect()),
        other => Nullable::Value(other),
    }
}

/// What is wrong with one scope of a bundle.
#[derive(Clone, Debug)]
pub struct ScopeFaults {
    /// The scope.
    pub scope: Scope,
    /// All of its violations.
    pub violations: Vec<Violation>,
}

/// What an import made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The new revision of the global scope, if it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<Revision>,
    /// The tenants, in the order of the file.
    pub tenants: Vec<ImportedTenant>,
}

/// What an import made of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedTenant {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Whether it was created.
    pub created: bool,
    /// Its newest revision.
    pub revision: Revision,
    /// How many of its leaves differ from before.
    pub differences: usize,
    /// What it lacks before it can be used: connections that its values need and that are not set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Violation>,
}

/// A scope of a bundle, decided on.
struct Planned {
    /// None for the global scope.
    tenant_id: Option<TenantId>,
    decision: Decision,
    before: ScopeState,
    rename: Option<String>,
    lacks: Vec<Violation>,
}

impl Service {
    /// Imports a bundle: what it names is set, what it does not name stays. If anything in it is not valid, nothing is
    /// imported, and all of its faults are told.
    pub async fn import(&self, bundle: &Bundle, context: &Context) -> Result<Imported, ServiceError> {
        let (global, tenants) = self.plan_import(bundle, context).await?;
        let mut imported = Imported::default();
        if let Decision::Commit { .. } = global.decision {
            imported.global = Some(self.carry_out(global.decision, &global.before).await?.0);
        }
        for planned in tenants {
            imported.tenants.push(self.import_tenant(planned, context).await?);
        }
        Ok(imported)
    }

    /// Tells what an import of the bundle would make, and changes nothing.
    pub async fn check_import(&self, bundle: &Bundle, context: &Context) -> Result<Imported, ServiceError> {
        let (global, tenants) = self.plan_import(bundle, context).await?;
        let revision = |planned: &Planned| match &planned.decision {
            Decision::NothingToDo => planned.before.revision(),
            Decision::Commit { .. } => planned.before.revision().next(),
        };
        let would_be = |planned: &Planned| ImportedTenant {
            tenant_id: planned.tenant_id.clone().expect("it is a tenant's plan"),
            created: planned.before.head.is_none(),
            revision: if planned.rename.is_some() { revision(planned).next() } else { revision(planned) },
            differences: planned.decision.differences(),
            lacks: planned.lacks.clone(),
        };
        let changes_global = matches!(global.decision, Decision::Commit { .. });
        Ok(Imported {
            global: changes_global.then(|| revision(&global)),
            tenants: tenants.iter().map(would_be).collect(),
        })
    }

    /// Decides on every scope of a bundle, the tenants with the global values that it brings along.
    async fn plan_import(&self, bundle: &Bundle, context: &Context) -> Result<(Planned, Vec<Planned>), ServiceError> {
        let mut faults = Vec::new();
        let stored = States { global: self.scope(&Scope::Global).await?, own: None };
        let global = self.plan(&stored, &bundle.global, None, context, &mut faults)?;
        let after = match global.as_ref().map(|planned| &planned.decision) {
            Some(Decision::Commit { after, .. }) => (**after).clone(),
            Some(Decision::NothingToDo) | None => stored.global,
        };
        let mut tenants = Vec::new();
        for tenant in &bundle.tenants {
            let own = self.scope_or_unborn(tenant).await?;
            let states = States { global: after.clone(), own: Some(own) };
            tenants.extend(self.plan(&states, &tenant.values, tenant.display_name.as_deref(), context, &mut faults)?);
        }
        match global {
            Some(global) if faults.is_empty() => Ok((global, tenants)),
            _ => Err(ServiceError::InvalidImport(faults)),
        }
    }

    async fn scope_or_unborn(&self, tenant: &BundleTenant) -> Result<ScopeState, ServiceError> {
        match self.scope(&tenant.tenant_id.clone().into()).await {
            Err(ServiceError::UnknownTenant(id)) => {
                let name = tenant.display_name.as_deref().unwrap_or(id.as_str());
                Ok(ScopeState::unborn(self, &id, name.trim()))
            }
            found => found,
        }
    }

    /// Decides on one scope; what is wrong with it is added to the faults.
    fn plan(
        &self,
        states: &States,
        values: &BundleValues,
        display_name: Option<&str>,
        context: &Context,
        faults: &mut Vec<ScopeFaults>,
    ) -> Result<Option<Planned>, ServiceError> {
        let before = states.looked_at().clone();
        let decided = self
            .changes(values)
            .and_then(|changes| decide(self, states, &changes, MissingConnections::Accepted, context));
        match decided {
            Ok(decision) => {
                let other = |name: &&str| before.head.is_some() && before.display_name != **name;
                let rename = display_name.map(str::trim).filter(other).map(str::to_owned);
                let lacks = self.lacks(states, &decision);
                Ok(Some(Planned { tenant_id: before.scope.tenant().cloned(), decision, before, rename, lacks }))
            }
            Err(ServiceError::Invalid(violations)) => {
                faults.push(ScopeFaults { scope: before.scope, violations });
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// The connections that a scope's values will need and not have.
    fn lacks(&self, states: &States, decision: &Decision) -> Vec<Violation> {
        let after = match decision {
            Decision::NothingToDo => states.clone(),
            Decision::Commit { after, .. } => states.with((**after).clone()),
        };
        let mut violations = self.validator.check_links(&after.resolve(&self.catalog));
        violations.retain(|violation| violation.code == ViolationCode::ConnectionMissing);
        violations
    }

    /// The change that a part of a bundle asks for; keys are accepted in both spellings.
    fn changes(&self, values: &BundleValues) -> Result<ChangeSet, ServiceError> {
        let mut violations = Vec::new();
        let mut dotted = BTreeMap::new();
        for (name, value) in &values.values {
            match self.catalog.key(name) {
                Ok(key) => drop(dotted.insert(key.to_string(), value.clone())),
                Err(_) => drop(dotted.insert(name.clone(), value.clone())),
            }
        }
        let patch = ChangeSet::from_merge_patch(Nullable::Table(dotted));
        let mut changes = patch.map_err(|error| ServiceError::Invalid(vec![misfit(&error)]))?;
        for (name, text) in &values.secrets {
            match self.catalog.key(name) {
                Ok(key) => drop(changes.secrets.insert(key, text.clone())),
                Err(error) => violations.push(Violation::new(name, ViolationCode::UnknownParameter, error.to_string())),
            }
        }
        if violations.is_empty() { Ok(changes) } else { Err(ServiceError::Invalid(violations)) }
    }

    async fn import_tenant(&self, planned: Planned, context: &Context) -> Result<ImportedTenant, ServiceError> {
        let tenant_id = planned.tenant_id.expect("it is a tenant's plan");
        let created = planned.before.head.is_none();
        let (mut revision, differences) = self.carry_out(planned.decision, &planned.before).await?;
        if let Some(name) = planned.rename {
            revision = self.rename_tenant(&tenant_id, &name, context).await?;
        }
        Ok(ImportedTenant { tenant_id, created, revision, differences, lacks: planned.lacks })
    }

    async fn carry_out(&self, decision: Decision, before: &ScopeState) -> Result<(Revision, usize), ServiceError> {
        match decision {
            Decision::NothingToDo => Ok((before.revision(), 0)),
            Decision::Commit { commit, differences, .. } => {
                let committed = self.stores.commit(*commit).await;
                let committed =
                    committed.map_err(|error| ServiceError::of_commit(error, &before.scope, before.revision()))?;
                Ok((committed.revision, differences.len()))
            }
        }
    }

    /// Exports scopes as a bundle's JSON value: what is set at their own tier. Secrets are named, not exported.
    pub async fn export(&self, scopes: &[Scope]) -> Result<Value, ServiceError> {
        let mut bundle = BTreeMap::new();
        let mut tenants = Vec::new();
        for scope in scopes {
            let state = self.scope(scope).await?;
            let mut part = self.export_scope(&state);
            match scope {
                Scope::Global => drop(bundle.insert("global".to_owned(), Value::Table(part))),
                Scope::Tenant(tenant) => {
                    part.insert("tenant_id".to_owned(), tenant.as_str().into());
                    part.insert("display_name".to_owned(), Value::String(state.display_name));
                    tenants.push(Value::Table(part));
                }
            }
        }
        if !tenants.is_empty() {
            bundle.insert("tenants".to_owned(), Value::Array(tenants));
        }
        Ok(Value::Table(bundle))
    }

    fn export_scope(&self, state: &ScopeState) -> BTreeMap<String, Value> {
        let is_secret = |key: &Key| self.catalog.parameter(key).is_some_and(|p| p.sensitivity == Sensitivity::Secret);
        let shown = state.entries().iter().filter_map(|(key, entry)| match entry {
            Entry::Value(value) => Some((key.clone(), value.clone())),
            Entry::Secret(_) => None,
        });
        let left_out = state.entries().iter().filter(|(key, _)| is_secret(key));
        let left_out: Vec<_> = left_out.map(|(key, _)| Value::from(key.as_str())).collect();
        let values = Document::from_items(shown).0.to_table();
        let mut part = BTreeMap::from([("values".to_owned(), Value::Table(values))]);
        if !left_out.is_empty() {
            part.insert("secrets_not_exported".to_owned(), Value::Array(left_out));
        }
        part
    }
}

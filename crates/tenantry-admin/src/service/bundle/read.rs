//! Reads the form of a bundle, and goes on behind each fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tenantry_core::json::{Nullable, parse_nullable};
use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;
use tenantry_core::validate::masked;
use tenantry_core::value::Value;

use super::super::tenants::check_name;
use super::{Bundle, BundleError, BundleTenant, BundleValues};

/// Reads what can be read of a bundle, with its faults.
pub(super) fn bundle(text: &str) -> (Bundle, Vec<BundleError>) {
    let mut bundle = Bundle::default();
    let read = match parse_nullable(text) {
        Ok(read) => read,
        Err(error) => return (bundle, vec![BundleError::Json(error)]),
    };
    let mut faults = Faults(Vec::new());
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
    (bundle, faults.0)
}

/// What is wrong with the form of a bundle, gathered while it is read.
struct Faults(Vec<BundleError>);

impl Faults {
    fn add(&mut self, pointer: &str, message: impl fmt::Display) {
        self.0.push(BundleError::Form { pointer: masked(pointer).into_owned(), message: message.to_string() });
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
            Nullable::Null => self.add_secret(pointer, name, None, secrets),
            Nullable::Value(Value::String(text)) => {
                self.add_secret(pointer, name, Some(SecretText::new(text)), secrets);
            }
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

    fn add_secret(
        &mut self,
        pointer: &str,
        name: String,
        text: Option<SecretText>,
        secrets: &mut BTreeMap<String, Option<SecretText>>,
    ) {
        if secrets.contains_key(&name) {
            return self.add(&format!("{pointer}/{name}"), "stands twice: once nested, once with dots");
        }
        secrets.insert(name, text);
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

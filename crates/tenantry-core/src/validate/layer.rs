//! Checks what one tier says.

use super::Validator;
use super::value::{check_shown, in_wrong_place, unknown};
use super::violation::{Violation, ViolationCode};
use crate::catalog::{Parameter, Sensitivity, SetBy};
use crate::key::Key;
use crate::layer::{Entry, Layer, Tier};
use crate::value::Value;

/// Checks every entry of a layer.
pub(super) fn check(validator: &Validator, layer: &Layer) -> Vec<Violation> {
    if layer.tier() == Tier::Default {
        return Vec::new();
    }
    let entries = layer.entries().iter();
    let violations = entries.flat_map(|(key, entry)| check_entry(validator, layer.tier(), key, entry));
    violations.map(|violation| violation.in_tier(layer.tier())).collect()
}

fn check_entry(validator: &Validator, tier: Tier, key: &Key, entry: &Entry) -> Vec<Violation> {
    let Some(parameter) = validator.catalog.parameter(key) else {
        let value = entry.value().cloned().unwrap_or_else(|| Value::from(""));
        return vec![unknown(&validator.catalog, key, &value)];
    };
    let mut violations: Vec<Violation> = not_at_this_tier(parameter, tier, key).into_iter().collect();
    match (entry, parameter.sensitivity) {
        (Entry::Value(_), Sensitivity::Secret) => violations.push(in_wrong_place(key, parameter)),
        // Credentials are values here, though they are kept in the tenant's secret.
        (Entry::Value(value), Sensitivity::Plain | Sensitivity::Credential) => {
            violations.extend(check_shown(validator, parameter, key, value));
        }
        (Entry::Secret(_), Sensitivity::Secret) => {}
        (Entry::Secret(_), Sensitivity::Plain | Sensitivity::Credential) => {
            let message = format!("is {}, but is stored as a secret that cannot be shown", parameter.sensitivity);
            violations.push(Violation::new(key, ViolationCode::Misplaced, message));
        }
    }
    violations
}

fn not_at_this_tier(parameter: &Parameter, tier: Tier, key: &Key) -> Option<Violation> {
    match (tier, parameter.set_by) {
        (Tier::Tenant, SetBy::Operator) => {
            let message = "can be set by the operator alone, for all tenants";
            Some(Violation::new(key, ViolationCode::OperatorOnly, message))
        }
        (Tier::Global, _) if parameter.unique.is_some() => {
            let message = "must be each tenant's own, so it cannot be set for all of them";
            Some(Violation::new(key, ViolationCode::UniqueGlobally, message))
        }
        (Tier::Default | Tier::Global | Tier::Tenant, _) => None,
    }
}

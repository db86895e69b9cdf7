//! Tells what of a scope cannot be served: what stands in the place of a parameter and is no good value for it.
//!
//! Whoever serves a configuration asks here first. A lower tier's value must never pose as the one that cannot be read.

use std::fmt;

use serde::Serialize;

use crate::assemble::{Assembled, Oddity};
use crate::catalog::Catalog;
use crate::key::Key;
use crate::layer::Layer;
use crate::validate::{Validator, Violation, ViolationCode};

/// What makes a scope unusable: the key and the rule that is broken, and never what is stored there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The parameter, or the section, whose place is taken.
    pub key: Key,
    /// The rule, in words of the catalog's alone.
    pub reason: String,
}

impl Fault {
    pub(crate) fn new(key: &Key, reason: impl Into<String>) -> Self {
        Self { key: key.clone(), reason: reason.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl From<Fault> for Oddity {
    fn from(fault: Fault) -> Self {
        Self { place: fault.key.to_string(), reason: fault.reason }
    }
}

/// Tells whether a scope can be served: if so, what is odd about it and harms nobody; if not, all that stands in the way,
/// in the order of the keys.
///
/// `unreadable` are the stored items and the fields of the secret that the store could not read. What breaks only the
/// rules for those who write, such as a broken link, is odd and can be served.
pub fn verdict(
    validator: &Validator,
    assembled: &Assembled,
    unreadable: impl IntoIterator<Item = Oddity>,
) -> Result<Vec<Oddity>, Vec<Fault>> {
    let mut faults = assembled.blocked.clone();
    let mut oddities = Vec::new();
    for odd in unreadable {
        match taken(validator.catalog(), &odd.place) {
            Some(key) => faults.push(Fault::new(&key, "what is stored here cannot be read")),
            None => oddities.push(odd),
        }
    }
    oddities.extend(assembled.oddities.iter().cloned());
    for violation in validator.check_layer(&assembled.layer) {
        match broken(validator, &assembled.layer, &violation) {
            Some(fault) => faults.push(fault),
            None => oddities.push(harmless(violation)),
        }
    }
    faults.sort_by(|left, right| left.key.cmp(&right.key));
    faults.dedup();
    if faults.is_empty() { Ok(oddities) } else { Err(faults) }
}

/// The parameter or section in whose place something stands that a store could not read.
fn taken(catalog: &Catalog, place: &str) -> Option<Key> {
    let is_known = |key: &Key| catalog.parameter(key).is_some() || catalog.is_section(key);
    let field = catalog.key_of_secret_field(place).cloned();
    field.or_else(|| Key::parse(place).ok().filter(is_known))
}

/// The fault that a violation is, unless what is stored can be served all the same.
fn broken(validator: &Validator, layer: &Layer, violation: &Violation) -> Option<Fault> {
    let key = Key::parse(&violation.key).expect("what is wrong with a layer is wrong at a key");
    if violation.code == ViolationCode::LooksLikeSecret {
        // Nothing else was said of the value, and it may be no good one besides.
        let value = layer.entry(&key)?.value()?;
        let form = validator.check_form(&key, value).into_iter().next()?;
        return Some(Fault::new(&key, rule(&form)?));
    }
    Some(Fault::new(&key, rule(violation)?))
}

/// The rule that a value breaks that cannot be served. It never tells what was found: that is for those who may see it.
fn rule(violation: &Violation) -> Option<String> {
    match &violation.code {
        ViolationCode::WrongType
        | ViolationCode::OutOfRange
        | ViolationCode::NotAllowed
        | ViolationCode::Pattern
        | ViolationCode::TooLarge
        | ViolationCode::NotAParameter => {
            Some(format!("expected {}", violation.expected.as_deref().unwrap_or("another value")))
        }
        ViolationCode::Null => Some("expected a value, found null".to_owned()),
        ViolationCode::OperatorOnly => Some("can be set by the operator alone, for all tenants".to_owned()),
        ViolationCode::UniqueGlobally => {
            Some("must be each tenant's own, so it cannot be set for all of them".to_owned())
        }
        ViolationCode::UnknownParameter
        | ViolationCode::LooksLikeSecret
        | ViolationCode::SecretBlank
        | ViolationCode::SecretWhitespace
        | ViolationCode::ControlCharacter
        | ViolationCode::UrlNotAllowed
        | ViolationCode::TemplateInvalid { .. }
        | ViolationCode::VariableUnset
        | ViolationCode::BrokenLink
        | ViolationCode::ConnectionIncomplete { .. }
        | ViolationCode::ConnectionMissing
        | ViolationCode::Taken
        | ViolationCode::Twice
        | ViolationCode::Misplaced => None,
    }
}

/// A violation of a rule for those who write. The messages of these rules show no value.
fn harmless(violation: Violation) -> Oddity {
    Oddity { place: violation.key, reason: violation.message }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::assemble::{SecretFields, assemble};
    use crate::layer::Revision;
    use crate::scope::Scope;
    use crate::secret::{FingerprintKey, SecretText};
    use crate::value::Value;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": {
            "ai": {"type": "object", "properties": {
                "provider": {"enum": ["openai", "cerebras"]},
                "warmth": {"type": "number", "maximum": 2}
            }},
            "limits": {"type": "object", "properties": {"turns": {"type": "integer", "x-set-by": "operator"}}},
            "odoo": {
                "type": "object",
                "x-connection": true,
                "required": ["url", "password"],
                "properties": {
                    "url": {"type": "string", "x-sensitivity": "credential"},
                    "password": {"type": "string", "x-sensitivity": "secret"}
                }
            }
        }
    }"#;

    fn judged(items: &[(&str, &str)], fields: &[(&str, &str)], odd: &[&str]) -> Result<Vec<Oddity>, Vec<Fault>> {
        let catalog = Arc::new(Catalog::from_schema(&serde_json::from_str(SCHEMA).unwrap()).unwrap());
        let items = items.iter().map(|(key, json)| (Key::parse(key).unwrap(), Value::from_json(json).unwrap()));
        let fields: BTreeMap<_, _> =
            fields.iter().map(|(name, text)| ((*name).to_owned(), SecretText::new((*text).to_owned()))).collect();
        let secret = SecretFields { version: "v1", fields: &fields };
        let scope = Scope::parse("acme").unwrap();
        let keys = FingerprintKey::new([0; 32]);
        let assembled = assemble(&catalog, &keys, &scope, Revision(1), items, Some(secret));
        let odd = odd.iter().map(|place| Oddity { place: (*place).to_owned(), reason: "is odd".to_owned() });
        verdict(&Validator::new(catalog), &assembled, odd)
    }

    fn faults(items: &[(&str, &str)], fields: &[(&str, &str)], odd: &[&str]) -> Vec<String> {
        judged(items, fields, odd).unwrap_err().iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_scope_of_good_values_can_be_served() {
        let items = [("ai.provider", r#""openai""#), ("ai.warmth", "1")];
        assert_eq!(judged(&items, &[("odoo_url", "u"), ("odoo_password", "p")], &[]), Ok(vec![]));
    }

    #[test]
    fn what_the_catalog_does_not_know_harms_nobody() {
        let found = judged(&[("ai.wramth", "1")], &[("odoo_pasword", "p")], &["old.thing", "no key"]).unwrap();
        let places: Vec<_> = found.iter().map(|oddity| oddity.place.as_str()).collect();
        assert_eq!(places, ["old.thing", "no key", "ai.wramth", "odoo_pasword"]);
    }

    #[test]
    fn a_bad_value_is_told_by_key_and_rule_and_never_by_itself() {
        let items =
            [("ai.provider", r#""CANARY""#), ("ai.warmth", "7"), ("limits.turns", "5"), ("odoo", r#""CANARY""#)];
        let expected = [
            "ai.provider: expected one of \"openai\", \"cerebras\"",
            "ai.warmth: expected a number of at most 2",
            "limits.turns: can be set by the operator alone, for all tenants",
            "odoo: is a section: a value cannot stand in its place",
        ];
        assert_eq!(faults(&items, &[], &[]), expected);
    }

    #[test]
    fn a_stray_secret_of_the_wrong_form_is_unusable_and_not_shown() {
        let told = faults(&[("ai.provider", r#""sk-CANARYGLOB1234567""#)], &[], &[]);
        assert_eq!(told, ["ai.provider: expected one of \"openai\", \"cerebras\""]);
    }

    #[test]
    fn what_cannot_be_read_takes_the_place_of_its_parameter() {
        let odd = ["ai.warmth", "odoo_password", "ai"];
        let expected =
            ["ai", "ai.warmth", "odoo.password"].map(|key| format!("{key}: what is stored here cannot be read"));
        assert_eq!(faults(&[], &[], &odd), expected);
    }

    #[test]
    fn a_blank_secret_does_not_uncover_another_tiers() {
        let told = faults(&[], &[("odoo_password", " "), ("odoo_url", "u")], &[]);
        assert_eq!(told, ["odoo.password: is blank: an empty text is never a secret"]);
    }
}

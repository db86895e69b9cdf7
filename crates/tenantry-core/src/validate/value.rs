//! Checks one value against its parameter.

use serde_json::Value as Json;

use super::secretlike::looks_like_secret;
use super::time_zone;
use super::violation::{Violation, ViolationCode};
use super::{LARGEST_SECRET, LARGEST_VALUE, Validator};
use crate::catalog::shape::{Fault, FaultKind};
use crate::catalog::words::{choices, expectation};
use crate::catalog::{Catalog, Parameter, Sensitivity};
use crate::key::Key;
use crate::number::Number;
use crate::secret::SecretText;
use crate::value::Value;

/// How many characters of a value are shown.
const SHOWN: usize = 40;

/// Checks one leaf that is stored, or to be stored, with the plain parameters.
pub(super) fn check_item(validator: &Validator, key: &Key, value: &Value) -> Vec<Violation> {
    match validator.catalog.parameter(key) {
        None => vec![unknown(&validator.catalog, key, value)],
        Some(parameter) if parameter.is_in_secret() => vec![in_wrong_place(key, parameter)],
        Some(parameter) => check_shown(validator, parameter, key, value),
    }
}

/// Why a key is no parameter.
pub(super) fn unknown(catalog: &Catalog, key: &Key, value: &Value) -> Violation {
    if catalog.is_section(key) {
        let found = value.kind().to_owned();
        return Violation::mismatch(key, ViolationCode::NotAParameter, "a table of parameters".to_owned(), found);
    }
    let above = std::iter::successors(key.parent(), Key::parent).find_map(|above| {
        let parameter = catalog.parameter(&above)?;
        Some((above, parameter))
    });
    if let Some((above, parameter)) = above {
        return Violation::mismatch(&above, ViolationCode::WrongType, parameter.expectation(), "a table".to_owned());
    }
    no_such(catalog, key)
}

/// A key that the catalog does not know, with the nearest ones.
pub(super) fn no_such(catalog: &Catalog, key: &Key) -> Violation {
    let message = "there is no such parameter";
    Violation::new(key, ViolationCode::UnknownParameter, message).with_nearest(catalog.nearest(key.as_str()))
}

/// A plain parameter among the credentials and secrets.
pub(super) fn not_in_secret(key: &Key) -> Violation {
    let message = "is a plain parameter, which is kept in the table and not in the tenant's secret";
    Violation::new(key, ViolationCode::Misplaced, message)
}

/// A credential or secret among the plain parameters.
pub(super) fn in_wrong_place(key: &Key, parameter: &Parameter) -> Violation {
    let message = format!("is a {}, which is kept in the tenant's secret and not in the table", parameter.sensitivity);
    let field = parameter.secret_field.as_deref().unwrap_or_default();
    Violation::new(key, ViolationCode::Misplaced, message).with_hint(format!("set it as the secret's field {field}"))
}

/// Checks a value that may be shown (plain), or is readable at least (a credential).
pub(super) fn check_shown(validator: &Validator, parameter: &Parameter, key: &Key, value: &Value) -> Vec<Violation> {
    let size = value.to_json().len();
    if size > LARGEST_VALUE {
        return vec![too_large(key, LARGEST_VALUE, size)];
    }
    if let Some(what) = key.segments().find_map(looks_like_secret) {
        return vec![stray_secret(key, what)];
    }
    let texts = texts(value);
    if parameter.sensitivity == Sensitivity::Plain
        && let Some(what) = texts.iter().find_map(|text| looks_like_secret(text))
    {
        // Nothing else is said of it: any other message might show it.
        return vec![stray_secret(key, what)];
    }
    let mut violations: Vec<Violation> = texts.iter().filter_map(|text| control_character(key, text)).take(1).collect();
    violations.extend(check_shape(parameter, key, value));
    if let (true, Value::String(text)) = (violations.is_empty(), value) {
        violations.extend(url_refused(validator, parameter, key, text));
        violations.extend(time_zone::check(parameter, key, text));
    }
    violations
}

/// Checks a text for the tenant's secret. None of the violations shows any of it.
pub(super) fn check_secret(validator: &Validator, key: &Key, secret: &SecretText) -> Vec<Violation> {
    let Some(parameter) = validator.catalog.parameter(key) else {
        return vec![unknown(&validator.catalog, key, &Value::from(""))];
    };
    if !parameter.is_in_secret() {
        return vec![not_in_secret(key).with_hint("set it as a plain value")];
    }
    let text = secret.expose();
    if secret.is_blank() {
        let code = ViolationCode::SecretBlank;
        return vec![Violation::mismatch(key, code, parameter.expectation(), "a blank text".to_owned())];
    }
    if text.len() > LARGEST_SECRET {
        return vec![too_large(key, LARGEST_SECRET, text.len())];
    }
    let trimmed = text.trim();
    let mut violations = Vec::new();
    if trimmed.len() < text.len() {
        let message = "begins or ends with white space or a new line";
        violations.push(Violation::new(key, ViolationCode::SecretWhitespace, message).with_hint("remove it"));
    }
    violations.extend(control_character(key, trimmed));
    violations.extend(check_shape(parameter, key, &Value::from(trimmed)));
    if violations.is_empty() {
        violations.extend(url_refused(validator, parameter, key, text));
    }
    violations
}

/// Checks type, range and form.
pub(super) fn check_shape(parameter: &Parameter, key: &Key, value: &Value) -> Vec<Violation> {
    if let (Value::Number(number), Some(limits)) = (value, integer_limits(&parameter.schema))
        && number.is_integer()
        && !fits(number, limits)
    {
        let expected = format!("an integer between {} and {}", limits.0, limits.1);
        return vec![Violation::mismatch(key, ViolationCode::OutOfRange, expected, value.to_json())];
    }
    let json = value.into();
    let faults = parameter.shape.faults(&parameter.schema, &json);
    faults.into_iter().map(|fault| shape_violation(parameter, key, &json, &fault)).collect()
}

fn shape_violation(parameter: &Parameter, key: &Key, whole: &Json, fault: &Fault) -> Violation {
    let part = whole.pointer(&fault.pointer).unwrap_or(whole);
    let expected = expectation(&fault.schema);
    let found = if parameter.is_in_secret() { length(part) } else { found(part, fault) };
    let mut violation = Violation::mismatch(key, code(fault, part), expected, found);
    if !fault.pointer.is_empty() {
        violation.message = format!("{}: {}", place(&fault.pointer), violation.message);
    }
    if let (false, Json::String(text), Some(allowed)) = (parameter.is_in_secret(), part, choices(&fault.schema)) {
        let names = allowed.iter().filter_map(Json::as_str).map(str::to_owned).collect();
        violation.nearest = crate::catalog::nearest(text, names);
    }
    match parameter.examples.first() {
        Some(example) if fault.kind == FaultKind::Form => violation.with_hint(format!("for example {example:?}")),
        Some(_) | None => violation,
    }
}

fn code(fault: &Fault, part: &Json) -> ViolationCode {
    let is_of_type = |allowed: &Json| std::mem::discriminant(allowed) == std::mem::discriminant(part);
    match fault.kind {
        FaultKind::Type => ViolationCode::WrongType,
        FaultKind::Range => ViolationCode::OutOfRange,
        FaultKind::Form => ViolationCode::Pattern,
        FaultKind::Choice => match choices(&fault.schema) {
            Some(allowed) if allowed.iter().any(is_of_type) => ViolationCode::NotAllowed,
            Some(_) | None => ViolationCode::WrongType,
        },
    }
}

/// The limits of an integer type that JSON Schema cannot say in floating-point numbers: those of 64 bits.
fn integer_limits(schema: &Json) -> Option<(i128, i128)> {
    match (schema["type"].as_str()?, schema["format"].as_str()) {
        ("integer", Some("uint64" | "uint")) => Some((0, u64::MAX.into())),
        ("integer", _) => Some((i64::MIN.into(), i64::MAX.into())),
        _ => None,
    }
}

fn fits(number: &Number, limits: (i128, i128)) -> bool {
    let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    exact.is_some_and(|integer| (limits.0..=limits.1).contains(&integer))
}

fn too_large(key: &Key, limit: usize, size: usize) -> Violation {
    let (expected, found) = (format!("at most {limit} bytes"), format!("{size} bytes"));
    Violation::mismatch(key, ViolationCode::TooLarge, expected, found)
}

fn stray_secret(key: &Key, what: &str) -> Violation {
    let message = format!("looks like {what}, and this parameter is not kept secret");
    let hint = "set it as the parameter of its connection; if it was stored or sent elsewhere, replace it";
    Violation::new(key, ViolationCode::LooksLikeSecret, message).with_hint(hint)
}

fn control_character(key: &Key, text: &str) -> Option<Violation> {
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let (index, found) = text.chars().enumerate().find(|(_, c)| is_bad(*c))?;
    let message = format!("has the control character U+{:04X} at position {}", u32::from(found), index + 1);
    Some(Violation::new(key, ViolationCode::ControlCharacter, message).with_hint("use plain text; end lines with \\n"))
}

fn url_refused(validator: &Validator, parameter: &Parameter, key: &Key, text: &str) -> Option<Violation> {
    let rule = validator.url_rule.as_ref().filter(|_| parameter.egress)?;
    let reason = rule(text).err()?;
    Some(Violation::new(key, ViolationCode::UrlNotAllowed, format!("this URL is not allowed: {reason}")))
}

/// All texts in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Table(table) => table.values().flat_map(texts).collect(),
        Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// What is there, in words.
fn found(part: &Json, fault: &Fault) -> String {
    match (part, fault.kind) {
        // Of a number that is no integer, the kind alone would say nothing.
        (Json::Number(_), FaultKind::Type) if fault.schema["type"] == "integer" => part.to_string(),
        (Json::String(text), FaultKind::Range) => format!("one of {} characters", text.chars().count()),
        (Json::String(text), _) => format!("the string {:?}", cut(text)),
        (Json::Array(items), FaultKind::Range) => format!("one of {} items", items.len()),
        (Json::Number(_) | Json::Bool(_), FaultKind::Range | FaultKind::Choice) => part.to_string(),
        _ => Value::try_from(part).map_or("null", |value| value.kind()).to_owned(),
    }
}

/// How long something is that must not be shown.
fn length(part: &Json) -> String {
    part.as_str().map_or("another value".to_owned(), |text| format!("one of {} characters", text.chars().count()))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A place in a list as people count: `item 2`.
fn place(pointer: &str) -> String {
    match pointer[1..].parse::<usize>() {
        Ok(index) => format!("item {}", index + 1),
        Err(_) => format!("at {pointer}"),
    }
}

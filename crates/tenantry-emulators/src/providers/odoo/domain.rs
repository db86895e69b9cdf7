//! Odoo's search domains: conditions in prefix notation, joined by "and" where nothing else is said.

use serde_json::Value;

/// Whether a record fits a domain; an error is the name of a field that the model does not have.
pub(super) fn fits(row: &Value, domain: &[Value]) -> Result<bool, String> {
    let mut rest = domain.iter();
    let mut all = true;
    while !rest.as_slice().is_empty() {
        all &= term(row, &mut rest)?;
    }
    Ok(all)
}

fn term<'a>(row: &Value, rest: &mut impl Iterator<Item = &'a Value>) -> Result<bool, String> {
    match rest.next() {
        Some(Value::String(operator)) if operator == "|" => {
            let (left, right) = (term(row, rest)?, term(row, rest)?);
            Ok(left || right)
        }
        Some(Value::String(operator)) if operator == "&" => {
            let (left, right) = (term(row, rest)?, term(row, rest)?);
            Ok(left && right)
        }
        Some(Value::Array(condition)) => holds(row, condition),
        Some(other) => Err(other.to_string()),
        None => Err("a condition that is missing".to_owned()),
    }
}

fn holds(row: &Value, condition: &[Value]) -> Result<bool, String> {
    let [Value::String(field), Value::String(operator), wanted] = condition else {
        return Err("a condition of three parts".to_owned());
    };
    let value = row.get(field).ok_or_else(|| field.clone())?;
    match operator.as_str() {
        "=" => Ok(value == wanted),
        "in" => Ok(wanted.as_array().is_some_and(|all| all.contains(value))),
        "ilike" => Ok(text(value).contains(&text(wanted))),
        "=ilike" => Ok(text(value) == text(wanted)),
        _ => Err(format!("the operator {operator}")),
    }
}

/// The text that is searched: of a reference its name.
fn text(value: &Value) -> String {
    let text = value.as_str().or_else(|| value.get(1).and_then(Value::as_str));
    text.unwrap_or_default().to_lowercase()
}

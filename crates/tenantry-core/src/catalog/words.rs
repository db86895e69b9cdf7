//! Says in words what a schema allows: `a number between 0 and 2`.

use serde_json::Value as Json;

/// How many allowed values are listed.
const MOST_CHOICES: usize = 12;

/// What a schema allows, in words.
pub(crate) fn expectation(schema: &Json) -> String {
    if let Some(values) = choices(schema) {
        return one_of(&values);
    }
    match schema["type"].as_str() {
        Some("integer") => format!("an integer{}", range(schema)),
        Some("number") => format!("a number{}", range(schema)),
        Some("string") => text(schema),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => list(schema),
        Some("object") => "a table".to_owned(),
        _ => alternatives(schema),
    }
}

/// The values that a schema allows, if it lists them.
pub(crate) fn choices(schema: &Json) -> Option<Vec<Json>> {
    if let Some(only) = schema.get("const") {
        return Some(vec![only.clone()]);
    }
    if let Some(values) = schema.get("enum").and_then(Json::as_array) {
        return Some(values.clone());
    }
    let all = ["oneOf", "anyOf"].into_iter().find_map(|keyword| schema.get(keyword)?.as_array())?;
    all.iter().map(choices).collect::<Option<Vec<_>>>().map(|each| each.concat())
}

fn one_of(values: &[Json]) -> String {
    let mut shown: Vec<String> = values.iter().take(MOST_CHOICES).map(Json::to_string).collect();
    if values.len() > MOST_CHOICES {
        shown.push(format!("{} more", values.len() - MOST_CHOICES));
    }
    if let [only] = shown.as_slice() { only.clone() } else { format!("one of {}", shown.join(", ")) }
}

fn range(schema: &Json) -> String {
    let bound = |name: &str, word: &str| schema.get(name).map(|limit| format!("{word} {}", plain_number(limit)));
    let (least, most) = (bound("minimum", "of at least"), bound("maximum", "of at most"));
    if let (Some(least), Some(most)) = (schema.get("minimum"), schema.get("maximum")) {
        return format!(" between {} and {}", plain_number(least), plain_number(most));
    }
    let (above, below) = (bound("exclusiveMinimum", "above"), bound("exclusiveMaximum", "below"));
    let step = bound("multipleOf", "in steps of");
    let said: Vec<String> = [least, above, most, below, step].into_iter().flatten().collect();
    if said.is_empty() { String::new() } else { format!(" {}", said.join(" and ")) }
}

/// A limit as people write it: `2`, not `2.0`.
fn plain_number(limit: &Json) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

const NOT_EMPTY: &str = " that is not empty";

fn text(schema: &Json) -> String {
    let noun = match schema["format"].as_str() {
        Some("uri" | "url") => "a URL such as https://example.com",
        Some("email") => "an e-mail address",
        Some("iana-time-zone") => "a time zone of the IANA data base such as Europe/Berlin",
        Some("date") => "a date such as 2026-01-31",
        Some("date-time") => "a time such as 2026-01-31T09:00:00Z",
        _ => "a string",
    };
    let form = form(schema);
    match (length(schema), form.as_str()) {
        (length, "") => format!("{noun}{length}"),
        // A form such as `that begins with …` already says that a text is not empty.
        (length, _) if length == NOT_EMPTY => format!("{noun}{form}"),
        (length, _) => format!("{noun}{length}{form}"),
    }
}

fn length(schema: &Json) -> String {
    match (schema["minLength"].as_u64().filter(|least| *least > 0), schema["maxLength"].as_u64()) {
        (Some(least), Some(most)) if least == most => format!(" of {most} characters"),
        (Some(least), Some(most)) => format!(" of {least} to {most} characters"),
        (Some(1), None) => NOT_EMPTY.to_owned(),
        (Some(least), None) => format!(" of at least {least} characters"),
        (None, Some(most)) => format!(" of at most {most} characters"),
        (None, None) => String::new(),
    }
}

/// A pattern in words, if it is one of those that secrets and names often have; else as it is.
fn form(schema: &Json) -> String {
    let Some(pattern) = schema["pattern"].as_str() else { return String::new() };
    if pattern == r"^\S(.*\S)?$" {
        return " without white space at its ends".to_owned();
    }
    let (beginning, rest) = literal_beginning(pattern.strip_prefix('^').unwrap_or_default());
    match (beginning, rest) {
        ("", "[!-~]+$" | r"\S+$") => " without white space".to_owned(),
        ("", _) => format!(" that matches {pattern}"),
        (_, "") => format!(" that begins with {beginning:?}"),
        (_, "[!-~]+$" | r"\S+$") => format!(" that begins with {beginning:?}, without white space"),
        (_, _) => format!(" that matches {pattern}"),
    }
}

/// The part of a pattern that stands for itself, and the rest.
fn literal_beginning(pattern: &str) -> (&str, &str) {
    let is_literal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ':');
    pattern.split_at(pattern.find(|c| !is_literal(c)).unwrap_or(pattern.len()))
}

fn list(schema: &Json) -> String {
    let count = match (schema["minItems"].as_u64().filter(|least| *least > 0), schema["maxItems"].as_u64()) {
        (Some(least), Some(most)) => format!(" of {least} to {most} items"),
        (Some(least), None) => format!(" of at least {least} items"),
        (None, Some(most)) => format!(" of at most {most} items"),
        (None, None) => String::new(),
    };
    let items = schema.get("items").map(expectation);
    let each = items.map(|words| format!(", each item {words}")).unwrap_or_default();
    let unique = if schema["uniqueItems"] == true { ", without repetition" } else { "" };
    format!("a list{count}{each}{unique}")
}

fn alternatives(schema: &Json) -> String {
    let types =
        schema["type"].as_array().into_iter().flatten().map(|name| expectation(&serde_json::json!({"type": name})));
    let schemas = ["oneOf", "anyOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
    let all: Vec<String> = types.chain(schemas.map(expectation)).collect();
    if all.is_empty() { "another value".to_owned() } else { all.join(", or ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: &Json, expected: &str) {
        assert_eq!(expectation(schema), expected);
    }

    #[test]
    fn a_schema_is_said_in_words() {
        check(&json!({ "type": "integer", "minimum": 1 }), "an integer of at least 1");
        check(&json!({ "type": "number", "minimum": 0.0, "maximum": 2.0 }), "a number between 0 and 2");
        check(&json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }), "a number above 0 and of at most 1");
        check(&json!({ "type": "string", "minLength": 2, "maxLength": 2 }), "a string of 2 characters");
        check(
            &json!({ "type": "array", "items": { "type": "boolean" }, "maxItems": 3 }),
            "a list of at most 3 items, each item true or false",
        );
        check(&json!({ "const": "a" }), "\"a\"");
        check(&json!({ "anyOf": [{ "type": "integer" }, { "enum": ["auto"] }] }), "an integer, or \"auto\"");
        check(&json!({ "type": ["string", "integer"] }), "a string, or an integer");
    }

    #[test]
    fn common_patterns_are_said_in_words() {
        let form = |pattern: &str| expectation(&json!({ "type": "string", "minLength": 1, "pattern": pattern }));
        assert_eq!(form("^xoxb-[!-~]+$"), r#"a string that begins with "xoxb-", without white space"#);
        assert_eq!(form("^sk-"), r#"a string that begins with "sk-""#);
        assert_eq!(form("^[!-~]+$"), "a string without white space");
        assert_eq!(form(r"^\S(.*\S)?$"), "a string without white space at its ends");
        assert_eq!(form("^[a-z]+$"), "a string that matches ^[a-z]+$");
        assert_eq!(form("^ab|cd$"), "a string that matches ^ab|cd$");
    }

    #[test]
    fn many_choices_are_cut() {
        let words = expectation(&json!({ "enum": (0..20).collect::<Vec<_>>() }));
        assert!(words.ends_with("11, 8 more"), "{words}");
    }
}

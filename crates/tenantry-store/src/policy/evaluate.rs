//! Judges a request by a policy as IAM does, as far as the policies here go. What is not known is an error, and never passed
//! over: an evaluator that is wrong in silence proves nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A request, as IAM sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `dynamodb:Query`.
    pub action: String,
    /// The ARN of what it is about.
    pub resource: String,
    /// The ARN of who asks; only looked at where a statement names a principal.
    pub principal: Option<String>,
    /// The keys of the context that are there, each with its values: `dynamodb:LeadingKeys`, `aws:PrincipalTag/tenant_id`.
    pub context: BTreeMap<String, Vec<String>>,
}

impl Request {
    /// The same session asking for something.
    #[must_use]
    pub fn asking(&self, action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), ..self.clone() }
    }

    /// The same request by somebody.
    #[must_use]
    pub fn by(&self, principal: &str) -> Self {
        Self { principal: Some(principal.to_owned()), ..self.clone() }
    }

    /// The same request with a key of the context.
    #[must_use]
    pub fn with(&self, key: &str, values: &[&str]) -> Self {
        let mut request = self.clone();
        request.context.insert(key.to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
        request
    }

    fn values(&self, key: &str) -> &[String] {
        self.context.get(key).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement is about it, which is a refusal as well.
    NotAllowed,
}

/// What the evaluator does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy has {0}, which this evaluator does not know")]
pub struct EvaluateError(String);

/// Judges a request by one policy document.
pub fn evaluate(policy: &Value, request: &Request) -> Result<Answer, EvaluateError> {
    let mut answer = Answer::NotAllowed;
    for statement in list(&policy["Statement"]) {
        let statement = statement.as_object().ok_or_else(|| unknown("a statement that is no object"))?;
        if !applies(statement, request)? {
            continue;
        }
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => answer = Answer::Allowed,
            Some("Deny") => return Ok(Answer::Denied),
            _ => return Err(unknown("a statement without an effect")),
        }
    }
    Ok(answer)
}

fn applies(statement: &Map<String, Value>, request: &Request) -> Result<bool, EvaluateError> {
    let mut applies = true;
    for (element, value) in statement {
        applies &= match element.as_str() {
            "Sid" | "Effect" => true,
            // Actions are compared without regard to case.
            "Action" => any(value, |pattern| matches(&pattern.to_lowercase(), &request.action.to_lowercase()))?,
            "Resource" => any(value, |pattern| {
                filled(pattern, request).is_some_and(|pattern| matches(&pattern, &request.resource))
            })?,
            "Principal" => any(&value["AWS"], |arn| request.principal.as_deref() == Some(arn))?,
            "Condition" => holds(value, request)?,
            other => return Err(unknown(&format!("the element {other}"))),
        };
    }
    Ok(applies)
}

/// Whether every operator holds for every one of its keys.
fn holds(condition: &Value, request: &Request) -> Result<bool, EvaluateError> {
    let operators = condition.as_object().ok_or_else(|| unknown("a condition that is no object"))?;
    for (operator, keys) in operators {
        let keys = keys.as_object().ok_or_else(|| unknown("an operator without keys"))?;
        for (key, expected) in keys {
            if !holds_for(operator, request, key, expected)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn holds_for(operator: &str, request: &Request, key: &str, expected: &Value) -> Result<bool, EvaluateError> {
    let values = request.values(key);
    let equals = |value: &String| any(expected, |text| filled(text, request).is_some_and(|text| text == *value));
    let is_like =
        |value: &String| any(expected, |text| filled(text, request).is_some_and(|text| matches(&text, value)));
    Ok(match operator {
        "Null" => any(expected, |text| (text == "true") == values.is_empty())?,
        // Of several values where one is expected, IAM takes none to be equal.
        "StringEquals" => values.len() == 1 && equals(&values[0])?,
        "StringLike" => values.len() == 1 && is_like(&values[0])?,
        "StringEqualsIfExists" => values.is_empty() || (values.len() == 1 && equals(&values[0])?),
        // Holds of no values at all.
        "ForAllValues:StringEquals" => all(values, equals)?,
        "ForAllValues:StringLike" => all(values, is_like)?,
        "ForAnyValue:StringEquals" => !all(values, |value| equals(value).map(|equal| !equal))?,
        other => return Err(unknown(&format!("the operator {other}"))),
    })
}

/// A text with its variables filled in; none if one of them has no value, so that nothing is equal to it.
fn filled(text: &str, request: &Request) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, after) = behind.split_once('}')?;
        let [value] = request.values(name) else { return None };
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// Whether a text fits a pattern, in which `*` is any text and `?` one character.
fn matches(pattern: &str, text: &str) -> bool {
    // Most patterns differ before their first wildcard, or have none.
    let (literal, pattern) = pattern.split_at(pattern.find(['*', '?']).unwrap_or(pattern.len()));
    let Some(text) = text.strip_prefix(literal) else { return false };
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Which beginnings of the text the pattern fits so far.
    let mut fits: Vec<bool> = (0..=text.len()).map(|length| length == 0).collect();
    for part in pattern {
        let mut next = vec![false; fits.len()];
        for length in 0..fits.len() {
            next[length] = match part {
                '*' => fits[length] || (length > 0 && next[length - 1]),
                '?' => length > 0 && fits[length - 1],
                other => length > 0 && fits[length - 1] && text[length - 1] == other,
            };
        }
        fits = next;
    }
    fits[text.len()]
}

/// One value, or a list of them.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn any(value: &Value, fits: impl Fn(&str) -> bool) -> Result<bool, EvaluateError> {
    let mut found = false;
    for text in list(value) {
        found |= fits(text.as_str().ok_or_else(|| unknown("a value that is no text"))?);
    }
    Ok(found)
}

fn all<E>(values: &[String], fits: impl Fn(&String) -> Result<bool, E>) -> Result<bool, E> {
    for value in values {
        if !fits(value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unknown(what: &str) -> EvaluateError {
    EvaluateError(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn answer(condition: &Value, request: &Request) -> Result<Answer, EvaluateError> {
        let statement = json!({"Effect": "Allow", "Action": "s:*", "Resource": "*", "Condition": condition});
        evaluate(&json!({"Statement": statement}), &request.asking("s:Get", "r"))
    }

    fn holds(condition: &Value, request: &Request) -> bool {
        answer(condition, request).unwrap() == Answer::Allowed
    }

    #[test]
    fn operators_say_what_iam_says() {
        let none = Request::default();
        let one = none.with("k", &["a"]);
        let two = none.with("k", &["a", "b"]);
        let check = |operator: &str, expected: Value, holds_of: [bool; 3]| {
            let condition = json!({operator: {"k": expected}});
            let found = [&none, &one, &two].map(|request| holds(&condition, request));
            assert_eq!(found, holds_of, "{condition}");
        };
        check("StringEquals", json!("a"), [false, true, false]);
        check("StringEquals", json!(["x", "a"]), [false, true, false]);
        check("StringEquals", json!("b"), [false, false, false]);
        check("StringEqualsIfExists", json!("a"), [true, true, false]);
        check("StringLike", json!("?"), [false, true, false]);
        check("ForAllValues:StringEquals", json!("a"), [true, true, false]);
        check("ForAllValues:StringEquals", json!(["a", "b"]), [true, true, true]);
        check("ForAnyValue:StringEquals", json!("b"), [false, false, true]);
        check("Null", json!("true"), [true, false, false]);
        check("Null", json!("false"), [false, true, true]);
    }

    #[test]
    fn a_variable_without_a_value_equals_nothing() {
        let condition = json!({"StringEquals": {"k": "${t}"}});
        assert!(!holds(&condition, &Request::default().with("k", &["${t}"])));
        assert!(!holds(&condition, &Request::default().with("k", &[""])));
        assert!(holds(&condition, &Request::default().with("k", &["a"]).with("t", &["a"])));
    }

    #[test]
    fn a_value_in_a_variable_is_no_pattern_where_texts_are_compared() {
        let request = Request::default().with("k", &["acme"]).with("t", &["*"]);
        assert!(!holds(&json!({"StringEquals": {"k": "${t}"}}), &request));
    }

    #[test]
    fn a_denial_wins_wherever_it_stands() {
        let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let deny = json!({"Effect": "Deny", "Action": "s:GET", "Resource": "*"});
        for statements in [json!([allow, deny]), json!([deny, allow])] {
            let request = Request::default().asking("s:Get", "r");
            assert_eq!(evaluate(&json!({"Statement": statements}), &request), Ok(Answer::Denied));
        }
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        assert!(answer(&json!({"NumericEquals": {"k": "1"}}), &Request::default()).is_err());
        for statement in [
            json!({"Effect": "Allow", "NotAction": "s:Get", "Resource": "*"}),
            json!({"Effect": "Perhaps", "Action": "*", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": 7, "Resource": "*"}),
        ] {
            assert!(evaluate(&json!({"Statement": statement}), &Request::default().asking("s:Get", "r")).is_err());
        }
    }

    #[test]
    fn patterns_fit_as_in_iam() {
        for (pattern, text, fits) in [
            ("a*", "a", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("global-??????", "global-a1B2c3", true),
            ("global-??????", "global-corp-a1B2c3", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_without_wildcards_fits_itself_alone(one in "[a-b]{0,4}", other in "[a-b]{0,4}") {
            prop_assert_eq!(matches(&one, &other), one == other);
        }
    }
}

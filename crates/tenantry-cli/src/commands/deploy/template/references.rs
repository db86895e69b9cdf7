//! Tells apart what CloudFormation and IAM both write as `${…}`.

use serde_json::{Value, json};

/// Wraps every string that refers to something of the template in `Fn::Sub`. IAM's own variables in such a string are
/// written `${!aws:…}`, so that CloudFormation leaves them to IAM; all other strings stay as they are.
pub(super) fn substituted(value: Value) -> Value {
    match value {
        Value::String(text) if refers(&text) => json!({"Fn::Sub": escaped(&text)}),
        Value::Array(values) => values.into_iter().map(substituted).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, substituted(value))).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

fn refers(text: &str) -> bool {
    text.split("${").skip(1).any(is_reference)
}

/// Whether the name that a text begins with is one of the template: `AWS::Region`, `TenantRole.Arn`, `Environment`.
fn is_reference(text: &str) -> bool {
    let name = text.split('}').next().unwrap_or(text);
    let name = name.strip_prefix("AWS::").unwrap_or(name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}

fn escaped(text: &str) -> String {
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(if is_reference(part) { "${" } else { "${!" });
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Value) {
        assert_eq!(substituted(json!({"Resource": [text]}))["Resource"][0], *expected, "{text}");
    }

    #[test]
    fn what_refers_to_nothing_of_the_template_stays_as_it_is() {
        for text in ["dynamodb:Query", "${aws:PrincipalTag/tenant_id}", "a-${*}-b", "$Environment", "${"] {
            check(text, &json!(text));
        }
    }

    #[test]
    fn what_refers_to_the_template_is_substituted() {
        for text in ["${Environment}", "arn:${AWS::Partition}:iam", "${TenantRole.Arn}"] {
            check(text, &json!({"Fn::Sub": text}));
        }
    }

    #[test]
    fn variables_of_iam_beside_a_reference_are_left_to_iam() {
        let escaped = json!({"Fn::Sub": "${Environment}/tenant/${!aws:PrincipalTag/tenant_id}-${!*}"});
        check("${Environment}/tenant/${aws:PrincipalTag/tenant_id}-${*}", &escaped);
    }
}

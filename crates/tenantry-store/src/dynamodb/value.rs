//! Values as DynamoDB's attributes, and back: `BOOL`, `N`, `S`, `L` and `M`, every digit kept.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_core::number::Number;
use tenantry_core::value::Value;

use crate::error::StoreError;

/// A value as an attribute.
pub(super) fn to_attribute(value: &Value) -> Result<AttributeValue, StoreError> {
    Ok(match value {
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(to_attribute).collect::<Result<_, _>>()?),
        Value::Table(table) => {
            if table.contains_key("") {
                return Err(StoreError::Refused("a name in a table must not be empty: DynamoDB keeps none"));
            }
            let members = table.iter().map(|(name, value)| Ok((name.clone(), to_attribute(value)?)));
            AttributeValue::M(members.collect::<Result<HashMap<_, _>, StoreError>>()?)
        }
    })
}

/// The value of an attribute, whoever wrote it; the error says why it is none, and shows nothing of it.
pub(super) fn from_attribute(attribute: &AttributeValue) -> Result<Value, String> {
    Ok(match attribute {
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::N(text) => Value::Number(Number::parse(text).map_err(|error| error.to_string())?),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(values) => Value::Array(values.iter().map(from_attribute).collect::<Result<_, _>>()?),
        AttributeValue::M(members) => {
            let members = members.iter().map(|(name, value)| Ok((name.clone(), from_attribute(value)?)));
            Value::Table(members.collect::<Result<_, String>>()?)
        }
        AttributeValue::Null(_) => return Err("null cannot be a value: remove the item to inherit".to_owned()),
        // B and the sets, and whatever DynamoDB may have one day.
        other => return Err(format!("expected a value of type S, N, BOOL, M or L, found {}", kind(other))),
    })
}

/// DynamoDB's name of an attribute's type.
fn kind(attribute: &AttributeValue) -> &'static str {
    match attribute {
        AttributeValue::B(_) => "B",
        AttributeValue::Bs(_) => "BS",
        AttributeValue::Ns(_) => "NS",
        AttributeValue::Ss(_) => "SS",
        _ => "another one",
    }
}

/// About how many bytes an attribute counts towards the 400 KB of an item: names and values, and some for structure.
///
/// Source: Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats".
pub(super) fn size(attribute: &AttributeValue) -> usize {
    match attribute {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(text) => text.len() / 2 + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        AttributeValue::M(members) => 3 + size_of_members(members),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => texts.iter().map(String::len).sum(),
        _ => 1,
    }
}

/// About how many bytes an item counts.
pub(super) fn size_of_members(members: &HashMap<String, AttributeValue>) -> usize {
    members.iter().map(|(name, value)| 1 + name.len() + size(value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::primitives::Blob;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,15})?(e-?[0-9]{1,2})?"
                .prop_map(|text| Value::Number(Number::parse(&text).unwrap())),
            any::<String>().prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(".{1,6}", inner, 0..4).prop_map(Value::Table),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_comes_back_as_it_went(value in any_value()) {
            prop_assert_eq!(from_attribute(&to_attribute(&value).unwrap()), Ok(value));
        }
    }

    #[test]
    fn what_is_no_value_is_refused_by_its_type_and_without_its_contents() {
        let canary = || "CANARY".to_owned();
        let odd = [
            (AttributeValue::Null(true), "null cannot"),
            (AttributeValue::B(Blob::new("CANARY")), "found B"),
            (AttributeValue::Ss(vec![canary()]), "found SS"),
            (AttributeValue::Ns(vec!["1".to_owned()]), "found NS"),
            (AttributeValue::N(canary()), "expected a number"),
            (AttributeValue::L(vec![AttributeValue::Null(true)]), "null cannot"),
            (AttributeValue::M(HashMap::from([("a".to_owned(), AttributeValue::Null(true))])), "null cannot"),
        ];
        for (attribute, told) in odd {
            let reason = from_attribute(&attribute).unwrap_err();
            assert!(reason.contains(told) && !reason.contains("CANARY"), "{reason}");
        }
    }

    #[test]
    fn numbers_are_read_in_the_notations_that_engines_answer() {
        for (text, canonical) in [("1E+125", "1e125"), ("2E-1", "0.2"), ("1.50", "1.5"), ("-0", "0")] {
            let value = from_attribute(&AttributeValue::N(text.to_owned())).unwrap();
            assert_eq!(value, Value::from_json(canonical).unwrap());
        }
    }
}

//! YAML as a way to write JSON: nothing that JSON cannot say is read, and every digit of a number is kept.
//!
//! Reading turns YAML into the JSON that it stands for, which is then read as strictly as any JSON. Plain words are read
//! by YAML's JSON schema (1.2.2, section 10.2): `true`, `false`, `null` and JSON's numbers; everything else is a text, so
//! `no` is a word and `1e3` a number. Empty values are `null`. Aliases, anchors, tags, several documents and keys that
//! are no plain words or texts are refused.
//!
//! Writing quotes a text wherever it could be read as something else, and writes several lines as a literal block.

mod read;
mod write;

pub(crate) use read::to_json;
pub(crate) use write::to_string;

/// Whether a plain word is a number in JSON's notation.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let is_exponent = |text: &str| digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    is_whole && fraction.is_none_or(digits) && exponent.is_none_or(is_exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenantry_core::json::parse;
    use tenantry_core::value::Value;

    use super::*;

    #[test]
    fn numbers_are_those_of_json() {
        for number in ["0", "-1", "12", "0.5", "1e3", "1E-3", "123456789012345678901234567890.5"] {
            assert!(is_number(number), "{number}");
        }
        for word in ["", "-", "01", ".5", "5.", "1e", "+1", "0x10", "1_000", "1.2.3", "NaN", "Infinity"] {
            assert!(!is_number(word), "{word}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = "([a-z:#\\-\\[\\]{}&*!|>'\"%@`,.? \\n\\t~=\u{e9}\u{1f600}]|null|true|no|0|1\\.5|\\\\| \n){0,8}";
        let leaf = prop_oneof![
            text.prop_map(Value::String),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            "[1-9][0-9]{20,30}\\.[0-9]{0,4}[1-9]".prop_map(|digits| parse(&digits).unwrap()),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-z .:#-]{1,4}|null|1", inner, 0..4).prop_map(Value::Table),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_itself(value in values()) {
            let text = to_string(&value).unwrap();
            let json = to_json(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            prop_assert_eq!(parse(&json).unwrap(), value, "{}", text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _ = to_json(&text);
        }

        #[test]
        fn json_is_read_as_it_stands(value in values()) {
            let json = to_json(&value.to_json()).unwrap();
            prop_assert_eq!(parse(&json).unwrap(), value);
        }
    }
}

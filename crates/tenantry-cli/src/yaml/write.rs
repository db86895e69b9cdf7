//! Writes documents as YAML.

use std::fmt::{self, Write as _};

use anyhow::Context as _;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::is_number;

/// Spaces for each level.
const INDENT: usize = 2;

/// Writes a document as YAML, its members in the order in which JSON has them.
pub(crate) fn to_string(document: &impl Serialize) -> anyhow::Result<String> {
    let json = serde_json::to_string(document).context("the answer is no JSON")?;
    let raw: &RawValue = serde_json::from_str(&json).context("the answer is no JSON")?;
    let mut text = String::new();
    write_value(&mut text, raw, 0, Place::Top)?;
    Ok(text)
}

/// What stands before a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing.
    Top,
    /// `key:`, or `-` with a scalar to come.
    Colon,
    /// `- `, on whose line a table or list may begin.
    Dash,
}

fn write_value(out: &mut String, raw: &RawValue, level: usize, place: Place) -> anyhow::Result<()> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') if text != "{}" => {
            let Members(members) = serde_json::from_str(text)?;
            write_lines(out, level, place, &members, |out, (name, value)| {
                out.push_str(&scalar(name));
                out.push(':');
                write_value(out, value, level + 1, Place::Colon)
            })
        }
        Some(b'[') if text != "[]" => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            write_lines(out, level, place, &items, |out, value| {
                out.push('-');
                write_value(out, value, level + 1, Place::Dash)
            })
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(text)?;
            write_text(out, &text, level, place);
            Ok(())
        }
        _ => {
            write_word(out, text, place);
            Ok(())
        }
    }
}

fn write_lines<T>(
    out: &mut String,
    level: usize,
    place: Place,
    parts: &[T],
    write: impl Fn(&mut String, &T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if place == Place::Colon {
        out.push('\n');
    }
    for (index, part) in parts.iter().enumerate() {
        match (place, index) {
            // The dash and this space are as wide as one level.
            (Place::Dash, 0) => out.push(' '),
            _ => out.push_str(&" ".repeat(INDENT * level)),
        }
        write(out, part)?;
    }
    Ok(())
}

fn write_word(out: &mut String, word: &str, place: Place) {
    if place != Place::Top {
        out.push(' ');
    }
    out.push_str(word);
    out.push('\n');
}

fn write_text(out: &mut String, text: &str, level: usize, place: Place) {
    if place == Place::Top || !fits_block(text) {
        return write_word(out, &scalar(text), place);
    }
    let (body, mark) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    write_word(out, mark, place);
    for line in body.split('\n') {
        if !line.is_empty() {
            out.push_str(&" ".repeat(INDENT * level));
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// Whether a text of several lines can stand in a literal block without any further sign. One that begins or ends with
/// white space would need an indication of it.
fn fits_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_plain = |c: char| c == '\n' || !c.is_control() && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}');
    let edges = [body.chars().next(), body.chars().last()];
    body.contains('\n') && text.chars().all(is_plain) && edges.iter().flatten().all(|c| !c.is_whitespace())
}

/// A text on one line: a plain word where nothing else could be meant, or else quoted as in JSON.
fn scalar(text: &str) -> String {
    let is_word = |c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '(' | ')' | ' ' | '+' | '@' | '$' | ',' | ';')
    };
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '(' | ')' | ';' | '$' | '+' | '-');
    let begins = text.chars().next().is_some_and(char::is_alphabetic);
    let ends = text.chars().last().is_some_and(inner);
    // Words that some reader of YAML 1.1 takes for something else.
    let taken = matches!(
        text.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan" | "inf"
    );
    if begins && ends && !taken && !is_number(text) && text.chars().all(is_word) {
        return text.to_owned();
    }
    quoted(text)
}

/// JSON's quoting is YAML's, but for what YAML holds to be unprintable or a line break.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}') {
            let _ = write!(quoted, "\\u{:04x}", u32::from(c));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(document: &serde_json::Value, expected: &str) {
        assert_eq!(to_string(document).unwrap(), expected);
    }

    #[test]
    fn tables_and_lists_are_indented_and_texts_of_lines_stand_in_blocks() {
        let document = json!({"a": {"b": [1, {"c": "x", "d": true}, []]}, "t": "one\n\ntwo\n", "u": "one\ntwo"});
        let expected =
            "a:\n  b:\n    - 1\n    - c: x\n      d: true\n    - []\nt: |\n  one\n\n  two\nu: |-\n  one\n  two\n";
        check(&document, expected);
    }

    #[test]
    fn a_text_that_could_be_read_as_something_else_is_quoted() {
        check(
            &json!(["no", "null", "1", "a: b", "- a", "", "a #b", "plain words"]),
            "- \"no\"\n- \"null\"\n- \"1\"\n- \"a: b\"\n- \"- a\"\n- \"\"\n- \"a #b\"\n- plain words\n",
        );
    }

    #[test]
    fn a_scalar_is_a_document() {
        check(&json!("one\ntwo"), "\"one\\ntwo\"\n");
        check(&json!({}), "{}\n");
    }
}

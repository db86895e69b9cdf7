//! Reads YAML as the JSON that it stands for.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::is_number;

/// How deep tables and lists may be nested, as in JSON; reading stops there, so that the stack does not run out.
const DEEPEST: usize = 64;

/// Why a text is not YAML, or not such as JSON could say. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub(crate) struct YamlError {
    line: usize,
    column: usize,
    message: String,
}

impl YamlError {
    fn at(span: &Span, message: impl Into<String>) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1, message: message.into() }
    }
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        Self { line: error.marker().line(), column: error.marker().col() + 1, message: error.info() }
    }
}

/// Turns one YAML document into JSON. Duplicate keys stay in it, for the reader of the JSON to refuse by name.
pub(crate) fn to_json(text: &str) -> Result<String, YamlError> {
    let mut json = Json::default();
    for next in Parser::new_from_str(text) {
        let (event, span) = next?;
        json.take(&event, &span)?;
    }
    if json.documents == 0 {
        json.text.push_str("null");
    }
    Ok(json.text)
}

/// What an open table or list waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    List { empty: bool },
    Name { empty: bool },
    Value,
}

/// The JSON so far.
#[derive(Default)]
struct Json {
    text: String,
    open: Vec<Open>,
    documents: usize,
}

impl Json {
    fn take(&mut self, event: &Event<'_>, span: &Span) -> Result<(), YamlError> {
        let refused = |what: &str| Err(YamlError::at(span, format!("{what} cannot be used here")));
        match event {
            Event::DocumentStart(..) if self.documents > 0 => return refused("a second document"),
            Event::DocumentStart(..) => self.documents = 1,
            Event::Alias(_) | Event::Anchor(..) | Event::UnresolvedAlias(_) => return refused("an anchor or alias"),
            Event::Scalar(_, _, anchor, tag) if *anchor != 0 || tag.is_some() => return refused("an anchor or a tag"),
            Event::Scalar(text, style, ..) => self.scalar(text, *style, span)?,
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => {
                if *anchor != 0 || tag.is_some() {
                    return refused("an anchor or a tag");
                }
                self.open(matches!(event, Event::MappingStart(..)), span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            // Comments, and the stream's own beginning and end.
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, table: bool, span: &Span) -> Result<(), YamlError> {
        if matches!(self.open.last(), Some(Open::Name { .. })) {
            return Err(YamlError::at(span, "a key must be a word or a text"));
        }
        if self.open.len() == DEEPEST {
            return Err(YamlError::at(span, format!("nested more than {DEEPEST} levels deep")));
        }
        self.separate();
        self.text.push(if table { '{' } else { '[' });
        self.open.push(if table { Open::Name { empty: true } } else { Open::List { empty: true } });
        Ok(())
    }

    fn close(&mut self) {
        let open = self.open.pop();
        self.text.push(if matches!(open, Some(Open::List { .. })) { ']' } else { '}' });
        self.value_done();
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: &Span) -> Result<(), YamlError> {
        self.separate();
        if let Some(open @ Open::Name { .. }) = self.open.last_mut() {
            *open = Open::Value;
            if text == "<<" && style == ScalarStyle::Plain {
                return Err(YamlError::at(span, "a merge key cannot be used here"));
            }
            self.text.push_str(&quoted(text));
            self.text.push(':');
            return Ok(());
        }
        let plain = style == ScalarStyle::Plain;
        match text {
            "" | "~" | "null" if plain => self.text.push_str("null"),
            "true" | "false" if plain => self.text.push_str(text),
            ".nan" | ".NaN" | ".NAN" | ".inf" | "-.inf" | "+.inf" if plain => {
                return Err(YamlError::at(span, "only finite numbers can be stored"));
            }
            number if plain && is_number(number) => self.text.push_str(number),
            text => self.text.push_str(&quoted(text)),
        }
        self.value_done();
        Ok(())
    }

    /// Writes the comma before all but the first part.
    fn separate(&mut self) {
        match self.open.last_mut() {
            Some(Open::List { empty } | Open::Name { empty }) => {
                if !std::mem::replace(empty, false) {
                    self.text.push(',');
                }
            }
            Some(Open::Value) | None => {}
        }
    }

    fn value_done(&mut self) {
        if let Some(open @ Open::Value) = self.open.last_mut() {
            *open = Open::Name { empty: false };
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: &str) {
        assert_eq!(to_json(yaml).unwrap(), expected);
    }

    fn refused(yaml: &str) -> String {
        to_json(yaml).unwrap_err().to_string()
    }

    #[test]
    fn yaml_is_read_as_the_json_that_it_stands_for() {
        check(
            "a: 1\nb:\n  - x\n  - true\nc:\nd: {e: ~, f: 'no'}\n",
            r#"{"a":1,"b":["x",true],"c":null,"d":{"e":null,"f":"no"}}"#,
        );
        check("t: |\n  one\n  two\n", r#"{"t":"one\ntwo\n"}"#);
        check("# nothing\n", "null");
    }

    #[test]
    fn words_that_older_yaml_read_otherwise_are_texts() {
        check("[no, 0x10, 1_000, 12:30, 2026-01-01, +1]", r#"["no","0x10","1_000","12:30","2026-01-01","+1"]"#);
    }

    #[test]
    fn every_digit_of_a_number_is_kept() {
        check("n: 12345678901234567890123456789.25", r#"{"n":12345678901234567890123456789.25}"#);
    }

    #[test]
    fn what_json_cannot_say_is_refused_with_its_place() {
        assert!(refused("a: &x 1\nb: *x\n").starts_with("line 1, column"));
        assert!(refused("a: !!int 1\n").contains("tag"));
        assert!(refused("<<: 1\n").contains("merge key"));
        assert!(refused("[a]: 1\n").contains("key"));
        assert!(refused("a: .nan\n").contains("finite"));
        assert!(refused("a: 1\n---\nb: 2\n").contains("second document"));
        assert!(refused("a: [1\n").starts_with("line "));
        assert!(refused("a:\n\t- b\n").starts_with("line 2"));
    }

    #[test]
    fn a_bomb_of_aliases_is_refused_at_its_first_anchor() {
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
        assert!(refused(bomb).starts_with("line 1"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(refused(&format!("{}{}", "[".repeat(100), "]".repeat(100))).contains("levels deep"));
    }

    #[test]
    fn a_duplicate_key_is_left_for_the_reader_of_the_json_to_refuse() {
        check("a: 1\na: 2\n", r#"{"a":1,"a":2}"#);
    }
}

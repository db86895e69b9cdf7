//! An attachment as its sender sends it, and as a model sees it. Pure.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tenantry_core::value::Value;

/// The most attachments of a message.
pub const MOST_ATTACHMENTS: usize = 8;
/// The longest name, in bytes: that of files anywhere.
const LONGEST_NAME: usize = 255;
/// The longest media type, in bytes.
const LONGEST_MEDIA_TYPE: usize = 100;
/// The most characters of one attachment that a model sees: some ten pages.
const MOST_SHOWN: usize = 16_000;
/// The media type of what is not said to be anything else.
const UNKNOWN: &str = "application/octet-stream";
/// Media types beside `text/*` that are read as text.
const TEXTS: [&str; 5] =
    ["application/json", "application/xml", "application/yaml", "application/csv", "application/x-ndjson"];

/// A file that came with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name: one line, and no path that anybody follows.
    pub name: String,
    /// What it is, as its sender says.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Contents are not for logs.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("name", &self.name)
            .field("media_type", &self.media_type)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// What is wrong with attachments, and where: a JSON pointer below the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where: `/0/name`.
    pub pointer: String,
    /// What is expected. No content is repeated.
    pub message: String,
}

impl Attachment {
    /// Reads a list of `{"name": …, "media_type": optional, "content_base64": …}`.
    pub fn read_all(list: Value) -> Result<Vec<Self>, Misfit> {
        let Value::Array(items) = list else {
            return Err(misfit("", format!("expected a list, found {}", list.kind())));
        };
        if items.len() > MOST_ATTACHMENTS {
            return Err(misfit("", format!("found {} attachments, expected {MOST_ATTACHMENTS} at most", items.len())));
        }
        items.into_iter().enumerate().map(|(at, item)| Self::read(at, item)).collect()
    }

    fn read(at: usize, item: Value) -> Result<Self, Misfit> {
        let Value::Table(mut fields) = item else {
            return Err(misfit(&format!("/{at}"), format!("expected a table, found {}", item.kind())));
        };
        let name = take(&mut fields, at, "name")?.ok_or_else(|| missing(at, "name"))?;
        let media_type = take(&mut fields, at, "media_type")?.unwrap_or_else(|| UNKNOWN.to_owned());
        let content = take(&mut fields, at, "content_base64")?.ok_or_else(|| missing(at, "content_base64"))?;
        if let Some(unknown) = fields.keys().next() {
            let unknown = unknown.replace('~', "~0").replace('/', "~1");
            let message = "there is no such field; an attachment has name, media_type and content_base64".to_owned();
            return Err(misfit(&format!("/{at}/{unknown}"), message));
        }
        if name.trim().is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
            let message = format!("expected a name of one line and at most {LONGEST_NAME} bytes");
            return Err(misfit(&format!("/{at}/name"), message));
        }
        if !is_media_type(&media_type) {
            let message = "expected a media type without parameters, such as text/csv".to_owned();
            return Err(misfit(&format!("/{at}/media_type"), message));
        }
        let bytes = BASE64.decode(content).map_err(|_| {
            misfit(&format!("/{at}/content_base64"), "expected base64 (RFC 4648, section 4) in one line".to_owned())
        })?;
        Ok(Self { name, media_type: media_type.to_ascii_lowercase(), bytes })
    }

    /// Its text, if it says that it is one and is.
    fn text(&self) -> Option<&str> {
        let kind = self.media_type.as_str();
        let says =
            kind.starts_with("text/") || TEXTS.contains(&kind) || kind.ends_with("+json") || kind.ends_with("+xml");
        std::str::from_utf8(&self.bytes).ok().filter(|text| says && !text.contains('\0'))
    }
}

/// Padding may be left out: many programs do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A message as a model sees it: the text, and behind it what came with it. What is no text is told by name and size.
pub fn shown(text: &str, attachments: &[Attachment]) -> String {
    let mut parts = vec![text.to_owned()];
    for (attachment, number) in attachments.iter().zip(1..) {
        let Attachment { name, media_type, bytes } = attachment;
        parts.push(format!("\n\nAttachment {number}: {name} ({media_type}, {} bytes)", bytes.len()));
        parts.push(attachment.text().map_or_else(|| "\nIts content cannot be shown here.".to_owned(), excerpt));
    }
    parts.concat()
}

/// The beginning of a text, and that it goes on if it does.
fn excerpt(text: &str) -> String {
    let cut: String = text.chars().take(MOST_SHOWN).collect();
    let rest = if cut.len() < text.len() {
        format!("\nThe attachment goes on; only its first {MOST_SHOWN} characters are shown.")
    } else {
        String::new()
    };
    format!("\n---\n{cut}\n---{rest}")
}

/// A message as it is remembered: the text, and the names of what came with it.
pub fn mentioned(text: &str, attachments: &[Attachment]) -> String {
    if attachments.is_empty() {
        return text.to_owned();
    }
    let names: Vec<_> = attachments.iter().map(|attachment| attachment.name.as_str()).collect();
    format!("{text}\n[attached: {}]", names.join(", "))
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        !part.is_empty() && part.bytes().all(fits)
    };
    text.len() <= LONGEST_MEDIA_TYPE && text.split_once('/').is_some_and(|(kind, of)| is_token(kind) && is_token(of))
}

fn take(fields: &mut BTreeMap<String, Value>, at: usize, name: &str) -> Result<Option<String>, Misfit> {
    match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(misfit(&format!("/{at}/{name}"), format!("expected a string, found {}", other.kind()))),
    }
}

fn missing(at: usize, name: &str) -> Misfit {
    misfit(&format!("/{at}/{name}"), format!("the field {name} is missing"))
}

fn misfit(pointer: &str, message: String) -> Misfit {
    Misfit { pointer: pointer.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use tenantry_core::json;

    use super::*;

    fn read(text: &str) -> Result<Vec<Attachment>, Misfit> {
        Attachment::read_all(json::parse(text).unwrap())
    }

    fn attachment(name: &str, media_type: &str, bytes: &[u8]) -> Attachment {
        Attachment { name: name.to_owned(), media_type: media_type.to_owned(), bytes: bytes.to_vec() }
    }

    #[test]
    fn attachments_are_read_with_or_without_type_and_padding() {
        let text = r#"[{"name":"a.csv","media_type":"Text/CSV","content_base64":"YSxi"},{"name":"b","content_base64":"YQ"},
                       {"name":"c","content_base64":"YQ=="},{"name":"empty","content_base64":""}]"#;
        let unknown = |name, bytes: &[u8]| attachment(name, UNKNOWN, bytes);
        let expected =
            [attachment("a.csv", "text/csv", b"a,b"), unknown("b", b"a"), unknown("c", b"a"), unknown("empty", b"")];
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_attachment_is_refused_with_its_place() {
        let check = |text: &str, pointer: &str| {
            let misfit = read(text).unwrap_err();
            assert_eq!(misfit.pointer, pointer, "{text}");
            assert!(!misfit.message.contains("CANARY"), "{misfit:?}");
        };
        check("{}", "");
        check("[1]", "/0");
        check(&format!("[{}]", [r#"{"name":"a","content_base64":""}"#; 9].join(",")), "");
        check(r#"[{"content_base64":""}]"#, "/0/name");
        check(r#"[{"name":" ","content_base64":""}]"#, "/0/name");
        check(r#"[{"name":"a\nb","content_base64":""}]"#, "/0/name");
        check(&format!(r#"[{{"name":"{}","content_base64":""}}]"#, "x".repeat(256)), "/0/name");
        check(r#"[{"name":"a"}]"#, "/0/content_base64");
        check(r#"[{"name":"a","content_base64":"CANARY!"}]"#, "/0/content_base64");
        check(r#"[{"name":"a","content_base64":["YQ"]}]"#, "/0/content_base64");
        check(r#"[{"name":"a","content_base64":"","media_type":"text"}]"#, "/0/media_type");
        check(r#"[{"name":"a","content_base64":"","media_type":"text/a b"}]"#, "/0/media_type");
        check(r#"[{"name":"a","content_base64":"","u/rl":"x"}]"#, "/0/u~1rl");
    }

    #[test]
    fn a_model_sees_texts_and_is_told_of_the_rest() {
        let both = [attachment("a.csv", "text/csv", b"x,1"), attachment("b.pdf", "application/pdf", &[0x25, 0xff])];
        let expected = "Sum up\n\nAttachment 1: a.csv (text/csv, 3 bytes)\n---\nx,1\n---\n\nAttachment 2: b.pdf \
                        (application/pdf, 2 bytes)\nIts content cannot be shown here.";
        assert_eq!(shown("Sum up", &both), expected);
        assert_eq!(shown("Hi", &[]), "Hi");
        assert_eq!(mentioned("Sum up", &both), "Sum up\n[attached: a.csv, b.pdf]");
    }

    #[test]
    fn a_long_text_is_cut_and_what_only_says_that_it_is_one_is_not_shown() {
        let long = attachment("a.txt", "text/plain", "é".repeat(MOST_SHOWN + 1).as_bytes());
        let seen = shown("", &[long]);
        assert!(
            seen.ends_with("only its first 16000 characters are shown.") && seen.matches('é').count() == MOST_SHOWN
        );
        for bytes in [&[0xff][..], b"a\0b"] {
            assert!(shown("", &[attachment("a.txt", "text/plain", bytes)]).ends_with("cannot be shown here."));
        }
    }

    #[test]
    fn contents_are_in_no_debug_text() {
        assert!(!format!("{:?}", attachment("a", "text/plain", b"CANARY")).contains("67, 65"));
    }
}

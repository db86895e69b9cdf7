//! Reads the body of a message strictly: what is not understood is refused with its place, never ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tenantry_core::json::{self, JsonError};
use tenantry_core::value::Value;

use tenantry::problem::Problem;
use tokio::time::timeout;

use crate::files::Attachment;

/// The largest body, in bytes.
const LARGEST: usize = 1024 * 1024;
/// How long a caller may take to send it.
const LONGEST: Duration = Duration::from_secs(10);

/// A message as it is posted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) intent: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) is_dry_run: bool,
}

/// Why a body is no message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::channels) enum Unfit {
    /// It is not said to be JSON.
    ContentType,
    /// It is larger than [`LARGEST`], or broke off.
    TooLarge,
    /// It did not come within [`LONGEST`].
    TooSlow,
    /// It is no text; it goes wrong at this byte, counted from 1.
    NotUtf8(usize),
    /// It is no JSON.
    NotJson(JsonError),
    /// A field is missing, unknown or of the wrong kind.
    Field { pointer: String, message: String },
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::ContentType => {
                let detail = "the body must be JSON: send it with content-type: application/json";
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_unsupported", detail)
            }
            Unfit::TooLarge => {
                let detail = format!("the body is larger than {LARGEST} bytes, or broke off");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
            }
            Unfit::TooSlow => {
                let detail = format!("the body did not come within {} seconds", LONGEST.as_secs());
                Self::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
            }
            Unfit::NotUtf8(byte) => {
                let detail = format!("the body is not UTF-8: it goes wrong at byte {byte}");
                Self::new(StatusCode::BAD_REQUEST, "body_invalid", detail)
            }
            Unfit::NotJson(error) => {
                Self::new(StatusCode::BAD_REQUEST, "body_invalid", error.to_string()).at(error.pointer)
            }
            Unfit::Field { pointer, message } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "message_invalid", message).at(pointer)
            }
        }
    }
}

/// Reads a request's body, or says what is wrong with it.
pub(super) async fn read(request: Request<Body>) -> Result<Message, Unfit> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Unfit::ContentType);
    }
    parse(&whole(body).await?)
}

/// Reads all of a body, which takes neither too much room nor too long.
pub(in crate::channels) async fn whole(body: Body) -> Result<Bytes, Unfit> {
    let bytes = timeout(LONGEST, to_bytes(body, LARGEST)).await.map_err(|_| Unfit::TooSlow)?;
    bytes.map_err(|_| Unfit::TooLarge)
}

/// Reads what is said to be JSON, so that no two readers can take it for two things.
pub(in crate::channels) fn json_of(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Unfit> {
    if is_json(headers) { value_of(bytes) } else { Err(Unfit::ContentType) }
}

fn value_of(bytes: &[u8]) -> Result<Value, Unfit> {
    let text = std::str::from_utf8(bytes).map_err(|error| Unfit::NotUtf8(error.valid_up_to() + 1))?;
    json::parse(text).map_err(Unfit::NotJson)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse(bytes: &[u8]) -> Result<Message, Unfit> {
    let mut fields = match value_of(bytes)? {
        Value::Table(fields) => fields,
        other => return Err(wrong("", format!("expected a table with the field text, found {}", other.kind()))),
    };
    let message = Message {
        text: take_text(&mut fields, "text")?.ok_or_else(|| wrong("/text", "the field text is missing".to_owned()))?,
        intent: take_text(&mut fields, "intent")?,
        conversation: take_text(&mut fields, "conversation")?.map(conversation).transpose()?,
        attachments: take_attachments(&mut fields)?,
        is_dry_run: take_flag(&mut fields, "dry_run")?,
    };
    match fields.keys().next() {
        Some(unknown) => Err(unknown_field(unknown)),
        None => Ok(message),
    }
}

fn take_text(fields: &mut BTreeMap<String, Value>, name: &str) -> Result<Option<String>, Unfit> {
    match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(&format!("/{name}"), format!("expected a string, found {}", other.kind()))),
    }
}

fn take_attachments(fields: &mut BTreeMap<String, Value>) -> Result<Vec<Attachment>, Unfit> {
    let Some(list) = fields.remove("attachments") else { return Ok(Vec::new()) };
    Attachment::read_all(list).map_err(|misfit| wrong(&format!("/attachments{}", misfit.pointer), misfit.message))
}

/// The name that the sender gives a conversation: it is the sender's company's alone, whoever else uses the same one.
fn conversation(name: String) -> Result<String, Unfit> {
    let is_name = !name.is_empty() && name.len() <= 64;
    if is_name && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return Ok(name);
    }
    Err(wrong("/conversation", "expected 1 to 64 letters, digits, hyphens or underscores".to_owned()))
}

fn take_flag(fields: &mut BTreeMap<String, Value>, name: &str) -> Result<bool, Unfit> {
    match fields.remove(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(other) => Err(wrong(&format!("/{name}"), format!("expected true or false, found {}", other.kind()))),
    }
}

fn unknown_field(name: &str) -> Unfit {
    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    wrong(
        &pointer,
        "there is no such field; a message has text, intent, conversation, attachments and dry_run".to_owned(),
    )
}

fn wrong(pointer: &str, message: String) -> Unfit {
    Unfit::Field { pointer: pointer.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (u16, &'static str, String) {
        let problem = Problem::from(parse(body.as_bytes()).unwrap_err());
        let pointer = problem.errors.first().map(|error| error.pointer.clone()).unwrap_or_default();
        (problem.status.as_u16(), problem.code, pointer)
    }

    #[test]
    fn a_message_needs_a_text_alone() {
        let expected =
            Message { text: "Hi".to_owned(), intent: None, conversation: None, attachments: vec![], is_dry_run: false };
        assert_eq!(parse(br#"{"text":"Hi"}"#).unwrap(), expected);
        let full = Message {
            text: "Hi".to_owned(),
            intent: Some("writing".to_owned()),
            conversation: None,
            attachments: vec![],
            is_dry_run: true,
        };
        assert_eq!(parse(br#"{"dry_run":true,"intent":"writing","text":"Hi"}"#).unwrap(), full);
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        let check = |body: &str, pointer: &str| {
            assert_eq!(refused(body), (400, "body_invalid", pointer.to_owned()), "{body}");
        };
        check("", "");
        check("text=Hi", "");
        check(r#"{"text":"Hi"}}"#, "");
        check(r#"{"text":"Hi","text":"Ho"}"#, "/text");
        check(r#"{"text":"Hi","intent":null}"#, "/intent");
        check(r#"{"text":"\ud800"}"#, "/text");
        assert_eq!(refused(&format!("{}{}", "[".repeat(60), "]".repeat(60))).0, 400);
        assert_eq!(parse(b"a\xff").unwrap_err(), Unfit::NotUtf8(2));
    }

    #[test]
    fn a_field_that_is_not_understood_is_refused_by_name() {
        let check = |body: &str, pointer: &str| {
            assert_eq!(refused(body), (422, "message_invalid", pointer.to_owned()), "{body}");
        };
        check("{}", "/text");
        check("[]", "");
        check(r#"{"text":1}"#, "/text");
        check(r#"{"text":"Hi","intent":["a"]}"#, "/intent");
        check(r#"{"text":"Hi","dry_run":"yes"}"#, "/dry_run");
        check(r#"{"text":"Hi","tenant_id":"beta"}"#, "/tenant_id");
        check(r#"{"text":"Hi","a/b~c":1}"#, "/a~1b~0c");
    }

    #[test]
    fn attachments_come_with_a_message_and_their_faults_have_a_place() {
        let text =
            r#"{"text":"Hi","attachments":[{"name":"a.txt","media_type":"text/plain","content_base64":"SGk="}]}"#;
        let expected =
            Attachment { name: "a.txt".to_owned(), media_type: "text/plain".to_owned(), bytes: b"Hi".to_vec() };
        assert_eq!(parse(text.as_bytes()).unwrap().attachments, [expected]);
        for (attachments, pointer) in [
            ("{}", "/attachments"),
            (r#"[{"name":"a"}]"#, "/attachments/0/content_base64"),
            (r#"[{"name":"a","content_base64":"?"}]"#, "/attachments/0/content_base64"),
        ] {
            let body = format!(r#"{{"text":"Hi","attachments":{attachments}}}"#);
            assert_eq!(refused(&body), (422, "message_invalid", pointer.to_owned()), "{body}");
        }
    }

    #[test]
    fn json_is_asked_for_by_its_name() {
        let check = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(CONTENT_TYPE, value.parse().unwrap());
            }
            is_json(&headers)
        };
        assert!(check(Some("application/json")) && check(Some("Application/JSON; charset=utf-8")));
        assert!(!check(None) && !check(Some("text/plain")) && !check(Some("application/jsonp")));
    }
}

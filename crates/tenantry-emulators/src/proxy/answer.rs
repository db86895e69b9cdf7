//! Answers that the proxy makes itself, in the words of AWS.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use super::call::Call;

/// An answer in place of the emulator's.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Error { code: String, message: String, fields: Map<String, Value> },
    Text(String),
}

impl Answer {
    /// An error of AWS, in XML where the caller speaks it (STS), otherwise in JSON:
    /// `error(400, "ThrottlingException", "Rate exceeded")`.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let (code, message) = (code.to_owned(), message.to_owned());
        Self { status, body: Body::Error { code, message, fields: Map::new() } }
    }

    /// Any text, such as a page of a load balancer that knows nothing of AWS's errors.
    pub fn text(status: u16, text: &str) -> Self {
        Self { status, body: Body::Text(text.to_owned()) }
    }

    /// The same error with one more field in its JSON, such as `CancellationReasons`. A text stays as it is.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        if let Body::Error { fields, .. } = &mut self.body {
            fields.insert(name.to_owned(), value);
        }
        self
    }

    pub(super) fn to(&self, call: &Call) -> Response<Full<Bytes>> {
        let (kind, body) = match &self.body {
            Body::Text(text) => ("text/plain", text.clone()),
            Body::Error { code, message, .. } if call.is_form() => ("text/xml", xml(self.status, code, message)),
            Body::Error { code, message, fields } => ("application/x-amz-json-1.0", json(code, message, fields)),
        };
        let answer = Response::builder()
            .status(StatusCode::from_u16(self.status).expect("a test names a status from 100 to 999"))
            .header(header::CONTENT_TYPE, kind)
            .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000");
        answer.body(Full::from(body)).expect("these headers are valid")
    }
}

/// Services spell the message with a small or a capital letter; clients take both.
fn json(code: &str, message: &str, fields: &Map<String, Value>) -> String {
    let mut body = fields.clone();
    body.extend([
        ("__type".to_owned(), json!(code)),
        ("message".to_owned(), json!(message)),
        ("Message".to_owned(), json!(message)),
    ]);
    Value::Object(body).to_string()
}

fn xml(status: u16, code: &str, message: &str) -> String {
    let side = if status < 500 { "Sender" } else { "Receiver" };
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    )
}

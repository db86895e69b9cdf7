//! Calls moto as a program without any SDK would: an AWS account with stacks, roles and functions in it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;
use tenantry_emulators::shared;

/// The region of everything.
pub(crate) const REGION: &str = "eu-central-1";
/// The account that moto's callers have.
pub(crate) const ACCOUNT: &str = "123456789012";

/// An account.
pub(crate) struct Cloud {
    host: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    body: String,
}

impl Cloud {
    pub(crate) async fn new() -> Self {
        Self { host: shared().await.moto.url().strip_prefix("http://").unwrap().to_owned() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// Calls an action of a service that takes forms and answers XML: CloudFormation, IAM, STS.
    pub(crate) fn call(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = [("Action", action)]
            .into_iter()
            .chain(fields.iter().copied())
            .map(|(name, value)| format!("{name}={}", escape(value)));
        let form = fields.collect::<Vec<_>>().join("&");
        self.send("POST", "/", service, "content-type: application/x-www-form-urlencoded\r\n", &form)
    }

    /// Calls an operation of DynamoDB.
    pub(crate) fn dynamodb(&self, operation: &str, body: &Value) -> Value {
        let headers =
            format!("x-amz-target: DynamoDB_20120810.{operation}\r\ncontent-type: application/x-amz-json-1.0\r\n");
        self.send("POST", "/", "dynamodb", &headers, &body.to_string()).json()
    }

    /// What Lambda says of a function.
    pub(crate) fn function(&self, name: &str) -> Value {
        self.send("GET", &format!("/2015-03-31/functions/{name}/configuration"), "lambda", "", "").json()
    }

    /// The policy by which others may call a function.
    pub(crate) fn function_policy(&self, name: &str) -> Value {
        let answer = self.send("GET", &format!("/2015-03-31/functions/{name}/policy"), "lambda", "", "").json();
        serde_json::from_str(answer["Policy"].as_str().unwrap()).unwrap()
    }

    /// What wakes a function.
    pub(crate) fn event_sources(&self, name: &str) -> Value {
        self.send("GET", &format!("/2015-03-31/event-source-mappings/?FunctionName={name}"), "lambda", "", "").json()
    }

    /// Makes a bucket with one object in it.
    pub(crate) fn upload(&self, bucket: &str, key: &str, content: &str) {
        self.send("PUT", &format!("/{bucket}"), "s3", "content-type: application/xml\r\n", CONSTRAINT).ok();
        self.send("PUT", &format!("/{bucket}/{key}"), "s3", "", content).ok();
    }

    fn send(&self, method: &str, path: &str, service: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\
             x-amz-date: 20260101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/{REGION}/\
             {service}/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), body: body.to_owned() }
    }
}

/// Buckets outside of the first region say where they are.
const CONSTRAINT: &str = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";

impl Answer {
    /// The same, which must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status / 100, 2, "{self:?}");
        self
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.ok().body).unwrap()
    }

    /// The text of the first element of this name.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        self.texts(name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The texts of all elements of this name.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.insides(name).map(plain).collect()
    }

    /// All members of lists, each as an answer of its own.
    pub(crate) fn members(&self) -> Vec<Self> {
        self.insides("member").map(|body| Self { status: self.status, body: body.to_owned() }).collect()
    }

    fn insides(&self, name: &str) -> impl Iterator<Item = &str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts: Vec<_> = self.body.split(&open).skip(1).collect();
        parts.into_iter().map(move |rest| rest.split(&close).next().unwrap())
    }

    /// The policy document in the first element of this name.
    #[track_caller]
    pub(crate) fn policy(&self, name: &str) -> Value {
        let text = unescape(&self.text(name));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// The text that XML writes so.
fn plain(xml: &str) -> String {
    let written = [("&quot;", "\""), ("&#34;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    written.iter().fold(xml.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

/// Escapes a value of a form.
fn escape(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The text that a percent-escaped one stands for.
fn unescape(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

//! Speaks to a server in plain HTTP, so that a test sees what is on the wire.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, or what came of one.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Calls an operation (`DynamoDB_20120810.ListTables`) and reads all that comes until the connection ends.
pub(crate) async fn call(url: &str, target: &str, body: &str) -> io::Result<Wire> {
    send(url, &format!("x-amz-target: {target}\r\ncontent-type: application/x-amz-json-1.0\r\n"), body).await
}

/// Sends these header lines and this body.
pub(crate) async fn send(url: &str, headers: &str, body: &str) -> io::Result<Wire> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await?;
    let service = if headers.contains("secretsmanager") { "secretsmanager" } else { "dynamodb" };
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\
         x-amz-date: 20260101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/eu-central-1/\
         {service}/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Wire { head: head.to_owned(), body: body.to_owned() })
}

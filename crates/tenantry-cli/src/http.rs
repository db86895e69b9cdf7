//! Asks the demo's own server on loopback, in plain HTTP/1.1: one request, one connection.
//!
//! It reaches nothing else: requests to the outside go through `tenantry_integrations::egress` alone.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tenantry_core::secret::SecretText;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Gets a JSON document.
pub(crate) async fn get(server: SocketAddr, path: &str, token: &SecretText) -> anyhow::Result<Value> {
    exchange(server, "GET", path, token, "").await
}

/// Posts a JSON document, and gets one back.
pub(crate) async fn post(server: SocketAddr, path: &str, token: &SecretText, body: &Value) -> anyhow::Result<Value> {
    exchange(server, "POST", path, token, &body.to_string()).await
}

async fn exchange(
    server: SocketAddr,
    method: &str,
    path: &str,
    token: &SecretText,
    body: &str,
) -> anyhow::Result<Value> {
    ensure!(server.ip().is_loopback(), "the demo asks its own server alone");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {server}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        token.expose(),
        body.len()
    );
    let answer = tokio::time::timeout(LIMIT, send(server, &request)).await;
    let answer = answer.context("the server did not answer in time")?.context("the server did not answer")?;
    let (status, body) = parse(&answer)?;
    let document: Value = serde_json::from_str(body).context("the server's answer is no JSON")?;
    if status == 200 {
        return Ok(document);
    }
    bail!("{method} {path}: {status} {}", document["detail"].as_str().unwrap_or_default())
}

async fn send(server: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LARGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Takes status and body of an answer that says how long it is, as the server's all do.
fn parse(answer: &str) -> anyhow::Result<(u16, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
    ensure!(!head.to_ascii_lowercase().contains("transfer-encoding"), "the answer comes in pieces");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("the answer has no status")?, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        assert_eq!(parse("HTTP/1.1 404 Not Found\r\na: b\r\n\r\n{}").unwrap(), (404, "{}"));
        assert!(parse("HTTP/1.1 200 OK").is_err());
        assert!(parse("nonsense\r\n\r\n").is_err());
        assert!(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}").is_err());
    }
}

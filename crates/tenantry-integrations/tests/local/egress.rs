//! The outbound rules against servers that misbehave.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tenantry_core::secret::SecretText;
use tenantry_integrations::egress::{Egress, EgressError, MAX_BODY, Obstacle, Request, Response, Rule};
use tokio::net::TcpListener;
use url::Url;

use crate::server::{Behaviour, Server, answer, head};

const CANARY: &str = "CANARY-acme-3b1f";

/// Long enough to connect to this machine, short enough to wait for.
const SHORT: Duration = Duration::from_millis(200);

fn get(origin: &str) -> Request {
    let url = Url::parse(&format!("{origin}/path-{CANARY}?key={CANARY}")).unwrap();
    Request::get(url).authorization("Bearer", SecretText::new(CANARY.to_owned()))
}

async fn sent(behaviour: Behaviour) -> Result<Response, EgressError> {
    let server = Server::start(behaviour).await;
    let outcome = server.egress().send(get(&server.origin).within(Duration::from_mins(1))).await;
    assert!(!format!("{outcome:?}").contains("CANARY"), "{outcome:?}");
    outcome
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    for status in [200, 204, 400, 401, 404, 429, 500, 503] {
        let server = Server::answering(status, &[("x-kept", "yes")], b"").await;
        let response = server.egress().send(get(&server.origin)).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-kept"], "yes");
    }
}

#[tokio::test]
async fn the_request_goes_out_as_it_was_made() {
    let server = Server::answering(200, &[], b"{}").await;
    let request =
        Request::post(Url::parse(&format!("{}/a/b?c=d", server.origin)).unwrap(), serde_json::json!({"e": 1}))
            .authorization("Bearer", SecretText::new(CANARY.to_owned()));
    server.egress().send(request).await.unwrap();
    let text = server.requests().concat();
    assert!(text.starts_with("POST /a/b?c=d HTTP/1.1\r\n"), "{text}");
    assert!(text.contains(&format!("authorization: Bearer {CANARY}\r\n")), "{text}");
    assert!(text.contains("content-type: application/json\r\n"), "{text}");
    assert!(text.contains("user-agent: tenantry/"), "{text}");
    assert!(text.ends_with("\r\n\r\n{\"e\":1}"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_allowed_gets_no_request() {
    let server = Server::answering(200, &[], b"{}").await;
    let error = Egress::builder().build().send(get(&server.origin)).await.unwrap_err();
    assert_eq!(error, EgressError::NotAllowed(Rule::Scheme));
    let over_tls = server.origin.replace("http:", "https:");
    let error = server.egress().send(get(&over_tls)).await.unwrap_err();
    assert_eq!(error, EgressError::NotAllowed(Rule::InternalAddress));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let target = Server::answering(200, &[], b"{}").await;
    for status in [301, 302, 303, 307, 308] {
        let server = Server::answering(status, &[("location", &target.origin)], b"").await;
        let egress =
            Egress::builder().allow_origin(&server.origin).unwrap().allow_origin(&target.origin).unwrap().build();
        let error = egress.send(get(&server.origin)).await.unwrap_err();
        assert_eq!(error, EgressError::NotAllowed(Rule::Redirect));
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_never_answers_is_timed_out() {
    let server = Server::start(Behaviour::SendAndHang(Vec::new())).await;
    let error = server.egress().send(get(&server.origin).within(SHORT)).await.unwrap_err();
    assert_eq!(error, EgressError::TimedOut { limit: SHORT });
}

#[tokio::test]
async fn a_server_that_stops_midway_is_timed_out() {
    let mut half = head(200, &[("content-length", "1000")]);
    half.extend_from_slice(b"{\"half\":");
    let server = Server::start(Behaviour::SendAndHang(half)).await;
    let error = server.egress().send(get(&server.origin).within(SHORT)).await.unwrap_err();
    assert_eq!(error, EgressError::TimedOut { limit: SHORT });
}

#[tokio::test]
async fn a_caller_cannot_wait_longer_than_the_operator_allows() {
    let server = Server::start(Behaviour::SendAndHang(Vec::new())).await;
    let egress = Egress::builder().allow_origin(&server.origin).unwrap().longest_limit(SHORT).build();
    let error = egress.send(get(&server.origin).within(Duration::from_hours(1))).await.unwrap_err();
    assert_eq!(error, EgressError::TimedOut { limit: SHORT });
}

#[tokio::test]
async fn an_answer_of_the_largest_size_is_read() {
    let response = sent(Behaviour::Send(answer(200, &[], &vec![b' '; MAX_BODY]))).await.unwrap();
    assert_eq!(response.body().len(), MAX_BODY);
}

#[tokio::test]
async fn a_huge_answer_is_refused() {
    let error = sent(Behaviour::Send(answer(200, &[], &vec![b' '; MAX_BODY + 1]))).await.unwrap_err();
    assert_eq!(error, EgressError::TooLarge { limit: MAX_BODY });
}

#[tokio::test]
async fn an_endless_answer_is_refused() {
    let chunk = [b"2000\r\n".as_slice(), &[b' '; 0x2000], b"\r\n"].concat();
    let begin = head(200, &[("transfer-encoding", "chunked")]);
    let error = sent(Behaviour::SendEndlessly(begin, chunk)).await.unwrap_err();
    assert_eq!(error, EgressError::TooLarge { limit: MAX_BODY });
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let line = format!("x-more: {}\r\n", "y".repeat(8000)).into_bytes();
    let error = sent(Behaviour::SendEndlessly(b"HTTP/1.1 200 OK\r\n".to_vec(), line)).await.unwrap_err();
    assert_eq!(error, EgressError::Unreachable(Obstacle::Closed));
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let body = gzip(br#"{"a":1}"#);
    let response = sent(Behaviour::Send(answer(200, &[("content-encoding", "gzip")], &body))).await.unwrap();
    assert_eq!(response.json().unwrap(), serde_json::json!({"a": 1}));
}

#[tokio::test]
async fn a_bomb_is_refused_by_what_it_would_become() {
    let bomb = gzip(&vec![0; 64 * MAX_BODY]);
    assert!(bomb.len() < MAX_BODY / 8, "small on the wire");
    let error = sent(Behaviour::Send(answer(200, &[("content-encoding", "gzip")], &bomb))).await.unwrap_err();
    assert_eq!(error, EgressError::TooLarge { limit: MAX_BODY });
}

#[tokio::test]
async fn broken_compression_is_malformed() {
    let garbled = answer(200, &[("content-encoding", "gzip")], b"this is not gzip, whatever the header says");
    let error = sent(Behaviour::Send(garbled)).await.unwrap_err();
    assert!(matches!(error, EgressError::Malformed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_deeply_nested_answer_is_malformed() {
    let body = "[".repeat(MAX_BODY);
    let response = sent(Behaviour::Send(answer(200, &[], body.as_bytes()))).await.unwrap();
    assert!(matches!(response.json(), Err(EgressError::Malformed { .. })));
}

#[tokio::test]
async fn a_connection_that_closes_early_is_unreachable() {
    let mut half = head(200, &[("content-length", "1000")]);
    half.extend_from_slice(b"{\"half\":");
    for bytes in [Vec::new(), b"HTTP/1.1 200".to_vec(), half] {
        assert_eq!(sent(Behaviour::Send(bytes)).await.unwrap_err(), EgressError::Unreachable(Obstacle::Closed));
    }
}

#[tokio::test]
async fn what_is_not_http_is_unreachable() {
    let error = sent(Behaviour::Send(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())).await.unwrap_err();
    assert_eq!(error, EgressError::Unreachable(Obstacle::Closed));
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let egress = Egress::builder().allow_origin(&origin).unwrap().build();
    let error = egress.send(get(&origin)).await.unwrap_err();
    assert_eq!(error, EgressError::Unreachable(Obstacle::Connect));
    assert_eq!(error.to_string(), "no connection to the host");
}

#[tokio::test]
async fn a_credential_that_cannot_be_sent_is_named_and_not_shown() {
    let server = Server::answering(200, &[], b"{}").await;
    let request = get(&server.origin).authorization("Bearer", SecretText::new(format!("{CANARY}\r\nx: y")));
    let error = server.egress().send(request).await.unwrap_err();
    assert_eq!(error, EgressError::Credential);
    assert!(!format!("{error} {error:?}").contains("CANARY"));
    assert!(server.requests().is_empty());
}

#[test]
fn debug_shows_no_origin_and_no_credential() {
    let egress = Egress::builder().allow_origin("http://127.0.0.1:1").unwrap().build();
    let shown = format!("{egress:?} {:?}", get("https://erp.example.com"));
    assert!(!shown.contains("CANARY") && !shown.contains("127.0.0.1"), "{shown}");
}

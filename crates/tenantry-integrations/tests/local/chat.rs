//! The chat client from end to end: one test for each error.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::secret::SecretText;
use tenantry_integrations::call::CallError;
use tenantry_integrations::egress::{Egress, Endpoint, MAX_BODY, MAX_STREAM, Rule};
use tenantry_integrations::llm::{ChatAnswer, ChatClient, ChatRequest, Connection, Message, Provider};

use crate::server::{Behaviour, Server, answer, head};

const KEY: &str = "sk-CANARY-acme-41d7";

fn chat() -> ChatRequest {
    ChatRequest {
        provider: Provider::OpenAi,
        messages: vec![Message::system("Be brief."), Message::user("Hi")],
        model: "gpt-5-mini".to_owned(),
        temperature: Some(0.2),
        top_p: Some(0.9),
        max_output_tokens: Some(100),
        tools: Vec::new(),
        may_call: false,
        limit: Some(Duration::from_mins(1)),
    }
}

fn connection(base: &str) -> Connection {
    Connection { base_url: Endpoint::parse(base).unwrap(), api_key: SecretText::new(KEY.to_owned()) }
}

async fn asked(server: &Server, chat: &ChatRequest) -> Result<ChatAnswer, CallError> {
    let connection = connection(&format!("{}/v1", server.origin));
    let outcome = ChatClient::new(server.egress()).send(chat, &connection).await;
    if let Err(error) = &outcome {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("CANARY") && !shown.contains("127.0.0.1"), "{shown}");
    }
    outcome
}

async fn refused(status: u16, headers: &[(&str, &str)], body: &Value) -> CallError {
    let server = Server::answering(status, headers, body.to_string().as_bytes()).await;
    asked(&server, &chat()).await.unwrap_err()
}

fn error(message: &str, code: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}})
}

#[tokio::test]
async fn a_question_goes_out_with_the_key_and_the_answer_comes_back() {
    let body = json!({
        "object": "chat.completion", "model": "gpt-5-mini-2025-08-07",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    });
    let server = Server::answering(200, &[("content-type", "application/json")], body.to_string().as_bytes()).await;
    let answer = asked(&server, &chat()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.unwrap().total), ("Hello!", 11));

    let sent = server.requests().concat();
    assert!(sent.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains(&format!("authorization: Bearer {KEY}\r\n")), "{sent}");
    let (_, sent_body) = sent.split_once("\r\n\r\n").unwrap();
    let shown = chat().masked(&Endpoint::parse(&server.origin).unwrap());
    assert_eq!(serde_json::from_str::<Value>(sent_body).unwrap(), shown.body.unwrap(), "what is shown is what is sent");
}

#[tokio::test]
async fn a_wrong_key_is_unauthorized() {
    let body = error(&format!("Incorrect API key provided: {KEY}."), "invalid_api_key");
    assert_eq!(refused(401, &[], &body).await, CallError::Unauthorized);
}

#[tokio::test]
async fn too_many_requests_are_rate_limited() {
    let body = error("Slow down", "rate_limit_exceeded");
    let expected = CallError::RateLimited { retry_after: Some(Duration::from_secs(20)) };
    assert_eq!(refused(429, &[("retry-after", "20")], &body).await, expected);
}

#[tokio::test]
async fn a_wrong_model_is_rejected_with_the_providers_reason() {
    let body = error(&format!("The model `gpt-9` does not exist ({KEY})"), "model_not_found");
    let reason = "The model `gpt-9` does not exist (***)".to_owned();
    assert_eq!(refused(404, &[], &body).await, CallError::Rejected { status: 404, reason });
}

#[tokio::test]
async fn a_failing_provider_is_unreachable() {
    let reason = "it answered with status 500: The server had an error".to_owned();
    let body = error("The server had an error", "server_error");
    assert_eq!(refused(500, &[], &body).await, CallError::Unreachable { reason });
}

#[tokio::test]
async fn a_page_instead_of_json_is_malformed() {
    let server = Server::answering(200, &[("content-type", "text/html")], b"<html>Welcome</html>").await;
    assert!(matches!(asked(&server, &chat()).await, Err(CallError::Malformed { .. })));
}

#[tokio::test]
async fn a_deeply_nested_answer_is_malformed() {
    let server = Server::answering(200, &[], "[".repeat(1000).as_bytes()).await;
    assert!(matches!(asked(&server, &chat()).await, Err(CallError::Malformed { .. })));
}

#[tokio::test]
async fn a_huge_answer_is_too_large() {
    let server = Server::answering(200, &[], &vec![b' '; MAX_BODY + 1]).await;
    assert_eq!(asked(&server, &chat()).await, Err(CallError::TooLarge { limit: MAX_BODY }));
}

async fn streamed(server: &Server) -> Result<ChatAnswer, CallError> {
    let connection = connection(&format!("{}/v1", server.origin));
    let mut stream = ChatClient::new(server.egress()).stream(&chat(), &connection).await?;
    while stream.next().await?.is_some() {}
    Ok(stream.answer())
}

#[tokio::test]
async fn an_answer_in_pieces_may_take_many_times_its_length_on_the_wire() {
    let piece = |text: &str, finish_reason: Option<&str>| {
        let fingerprint = "x".repeat(200);
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": finish_reason});
        format!("data: {}\n\n", json!({"id": fingerprint, "model": "gpt-5-mini", "choices": [choice]}))
    };
    let body = piece("word ", None).repeat(6000) + &piece("", Some("stop")) + "data: [DONE]\n\n";
    assert!(body.len() > MAX_BODY);
    let server = Server::answering(200, &[("content-type", "text/event-stream")], body.as_bytes()).await;
    assert_eq!(streamed(&server).await.unwrap().text.len(), 30_000);
}

#[tokio::test]
async fn an_answer_in_pieces_without_end_is_too_large() {
    for (more, limit) in [(": still there\n\n", MAX_STREAM), ("data: x", MAX_BODY), ("data: xxxxxxxx\n", MAX_BODY)] {
        let head = head(200, &[("content-type", "text/event-stream")]);
        let server = Server::start(Behaviour::SendEndlessly(head, more.repeat(5000).into_bytes())).await;
        assert_eq!(streamed(&server).await, Err(CallError::TooLarge { limit }), "{more}");
    }
}

#[tokio::test]
async fn a_slow_provider_is_timed_out() {
    let limit = Duration::from_millis(200);
    let server = Server::start(Behaviour::SendAndHang(Vec::new())).await;
    let chat = ChatRequest { limit: Some(limit), ..chat() };
    assert_eq!(asked(&server, &chat).await, Err(CallError::TimedOut { limit }));
}

#[tokio::test]
async fn a_provider_that_hangs_up_is_unreachable() {
    let server = Server::start(Behaviour::Send(Vec::new())).await;
    assert!(matches!(asked(&server, &chat()).await, Err(CallError::Unreachable { .. })));
}

#[tokio::test]
async fn a_redirecting_provider_is_not_allowed() {
    let location = [("location", "https://elsewhere.example/v1/chat/completions")];
    let server = Server::start(Behaviour::Send(answer(308, &location, b""))).await;
    assert_eq!(asked(&server, &chat()).await, Err(CallError::NotAllowed(Rule::Redirect)));
}

#[tokio::test]
async fn an_internal_endpoint_is_not_allowed() {
    let client = ChatClient::new(Egress::builder().build());
    for (base, rule) in [
        ("http://llm.example.com/v1", Rule::Scheme),
        ("https://169.254.169.254/v1", Rule::InternalAddress),
        ("https://llm.internal/v1", Rule::InternalName),
    ] {
        assert_eq!(client.send(&chat(), &connection(base)).await, Err(CallError::NotAllowed(rule)), "{base}");
    }
}

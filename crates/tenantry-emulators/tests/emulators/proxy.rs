//! The proxy passes calls on, records them, and does each fault as a client sees it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tenantry_emulators::{Answer, Calls, Fault, Gate, Proxy, shared};

use crate::wire::{Wire, call, send};

const LIST: &str = "DynamoDB_20120810.ListTables";
const CREATE: &str = "DynamoDB_20120810.CreateTable";
const DESCRIBE: &str = "DynamoDB_20120810.DescribeTable";

async fn proxy() -> Proxy {
    Proxy::before(shared().await.dynamo.url()).await
}

async fn list(proxy: &Proxy) -> std::io::Result<Wire> {
    call(proxy.url(), LIST, "{}").await
}

fn table(name: &str) -> String {
    let (key, kind) = (json!([{ "AttributeName": "k", "KeyType": "HASH" }]), "PAY_PER_REQUEST");
    let attributes = json!([{ "AttributeName": "k", "AttributeType": "S" }]);
    json!({ "TableName": name, "KeySchema": key, "AttributeDefinitions": attributes, "BillingMode": kind }).to_string()
}

/// Whether the emulator itself, without the proxy, knows the table.
async fn is_there(name: &str) -> bool {
    let dynamo = &shared().await.dynamo;
    call(dynamo.url(), DESCRIBE, &json!({ "TableName": name }).to_string()).await.unwrap().status() == 200
}

#[tokio::test]
async fn passes_a_call_on_unchanged() {
    let direct = call(shared().await.dynamo.url(), DESCRIBE, r#"{"TableName":"absent"}"#).await.unwrap();
    let answer = call(proxy().await.url(), DESCRIBE, r#"{"TableName":"absent"}"#).await.unwrap();
    assert_eq!((answer.status(), &answer.body), (direct.status(), &direct.body));
    assert_eq!(answer.header("x-amz-crc32"), direct.header("x-amz-crc32"));
}

#[tokio::test]
async fn records_who_called_what() {
    let proxy = proxy().await;
    call(proxy.url(), LIST, r#"{"Limit":1}"#).await.unwrap();
    let headers = "content-type: application/x-www-form-urlencoded\r\nx-amz-security-token: t\r\n";
    send(proxy.url(), headers, "Version=2011-06-15&Action=AssumeRole").await.unwrap();
    let calls = proxy.calls();
    let seen: Vec<_> = calls.iter().map(|call| (call.target.as_str(), call.has_session_token)).collect();
    assert_eq!(seen, [(LIST, false), ("AssumeRole", true)]);
    assert_eq!(calls[0].access_key.as_deref(), Some("AKIDTEST"));
    assert_eq!(calls[0].json(), json!({ "Limit": 1 }));
    proxy.forget_calls();
    assert!(proxy.calls().is_empty());
}

#[tokio::test]
async fn answers_in_place_of_the_emulator() {
    let proxy = proxy().await;
    let reasons = json!([{ "Code": "None" }]);
    let answer = Answer::error(400, "TransactionCanceledException", "no").field("CancellationReasons", reasons.clone());
    proxy.on(Calls::to("CreateTable"), Fault::Answer(answer));
    let answer = call(proxy.url(), CREATE, &table("answered")).await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.json()["__type"], "TransactionCanceledException");
    assert_eq!(answer.json()["message"], "no");
    assert_eq!(answer.json()["CancellationReasons"], reasons);
    assert!(!is_there("answered").await);
}

#[tokio::test]
async fn answers_a_form_in_xml() {
    let proxy = proxy().await;
    proxy.on(Calls::to("AssumeRole"), Fault::error(403, "AccessDenied", "not <you>"));
    let answer = send(proxy.url(), "", "Action=AssumeRole&Version=2011-06-15").await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.body.contains("<Code>AccessDenied</Code><Message>not &lt;you></Message>"), "{}", answer.body);
}

#[tokio::test]
async fn answers_with_a_page_that_is_no_error_of_aws() {
    let proxy = proxy().await;
    proxy.on(Calls::all(), Fault::Answer(Answer::text(503, "<html>busy</html>")));
    let answer = list(&proxy).await.unwrap();
    assert_eq!((answer.status(), answer.body.as_str()), (503, "<html>busy</html>"));
}

#[tokio::test]
async fn rules_count_calls_and_follow_one_another() {
    let proxy = proxy().await;
    proxy.on(Calls::to(LIST).once(), Fault::error(400, "ThrottlingException", ""));
    proxy.on(Calls::to("ListTables").nth(2), Fault::error(500, "InternalServerError", ""));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(list(&proxy).await.unwrap().status());
    }
    assert_eq!(seen, [400, 200, 500, 200]);
}

#[tokio::test]
async fn an_operation_is_not_another_that_ends_like_it() {
    let proxy = proxy().await;
    proxy.on(Calls::to("Tables"), Fault::Reset);
    assert_eq!(list(&proxy).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_rule_may_look_at_the_body() {
    let proxy = proxy().await;
    proxy.on(Calls::to("ListTables").when(|call| call.json()["Limit"] == 7), Fault::Reset);
    assert!(call(proxy.url(), LIST, r#"{"Limit":7}"#).await.is_err());
    assert!(call(proxy.url(), LIST, r#"{"Limit":8}"#).await.is_ok());
}

#[tokio::test]
async fn heals_when_its_rules_are_taken_back() {
    let proxy = proxy().await;
    proxy.on(Calls::all(), Fault::Reset);
    assert!(list(&proxy).await.is_err());
    proxy.heal();
    assert!(list(&proxy).await.is_ok());
}

#[tokio::test]
async fn reset_closes_the_connection_without_an_answer() {
    let proxy = proxy().await;
    proxy.on(Calls::to("CreateTable"), Fault::Reset);
    assert!(call(proxy.url(), CREATE, &table("reset")).await.is_err());
    assert!(!is_there("reset").await);
}

#[tokio::test]
async fn the_work_is_done_although_the_answer_is_lost() {
    let proxy = proxy().await;
    proxy.on(Calls::to("CreateTable"), Fault::lost_answer());
    assert!(call(proxy.url(), CREATE, &table("lost")).await.is_err());
    assert!(is_there("lost").await);
}

#[tokio::test]
async fn the_work_is_done_although_the_answer_is_another() {
    let proxy = proxy().await;
    let after = Fault::AfterForwarding(Box::new(Fault::error(500, "InternalServerError", "")));
    proxy.on(Calls::to("CreateTable"), after);
    assert_eq!(call(proxy.url(), CREATE, &table("replaced")).await.unwrap().status(), 500);
    assert!(is_there("replaced").await);
}

#[tokio::test]
async fn truncate_promises_more_than_it_sends() {
    let proxy = proxy().await;
    let whole = list(&proxy).await.unwrap();
    proxy.on(Calls::all(), Fault::Truncate(5));
    let torn = list(&proxy).await.unwrap();
    assert_eq!(torn.body, whole.body[..5]);
    assert!(torn.header("content-length").unwrap().parse::<usize>().unwrap() > 5);
}

#[tokio::test]
async fn rewrite_changes_the_body_and_drops_the_old_checksum() {
    let proxy = proxy().await;
    proxy.on(Calls::all(), Fault::rewrite(|_| Bytes::from_static(br#"{"TableNames":["other"]}"#)));
    let answer = list(&proxy).await.unwrap();
    assert_eq!(answer.json()["TableNames"], json!(["other"]));
    assert_eq!(answer.header("content-length"), Some("24"));
    assert_eq!(answer.header("x-amz-crc32"), None);
}

#[tokio::test(start_paused = true)]
async fn delay_lasts_although_the_tests_clock_stands_still() {
    let proxy = proxy().await;
    proxy.on(Calls::all(), Fault::Delay(Duration::from_millis(30)));
    let (start, call) = (std::time::Instant::now(), tokio::spawn(call_owned(proxy.url().to_owned())));
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
    // A lower bound alone: no machine is too slow for it.
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_gate_holds_a_call_until_it_is_opened() {
    let proxy = proxy().await;
    let gate = Gate::shut();
    proxy.on(Calls::to("CreateTable"), Fault::Wait(gate.clone()));
    let held = async { call(proxy.url(), CREATE, &table("held")).await.unwrap().status() };
    let meanwhile = async {
        gate.reached().await;
        let there = is_there("held").await;
        gate.open();
        there
    };
    assert_eq!(tokio::join!(held, meanwhile), (200, false));
    assert!(is_there("held").await);
}

#[tokio::test]
async fn a_hanging_call_ends_with_the_proxy() {
    let proxy = proxy().await;
    proxy.on(Calls::all().once(), Fault::Hang);
    let hanging = tokio::spawn(call_owned(proxy.url().to_owned()));
    while proxy.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!hanging.is_finished());
    drop(proxy);
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test]
async fn a_stopped_proxy_refuses_until_it_is_resumed() {
    let proxy = proxy().await;
    proxy.on(Calls::all().once(), Fault::Hang);
    let hanging = tokio::spawn(call_owned(proxy.url().to_owned()));
    while proxy.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    proxy.stop().await;
    assert!(hanging.await.unwrap().is_err());
    assert_eq!(list(&proxy).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.resume().await;
    assert_eq!(list(&proxy).await.unwrap().status(), 200);
}

#[tokio::test]
async fn says_that_the_server_behind_it_is_gone() {
    let proxy = Proxy::before("http://127.0.0.1:1").await;
    let answer = list(&proxy).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(
        answer.body.starts_with("the server behind the proxy (http://127.0.0.1:1) gave no answer"),
        "{}",
        answer.body
    );
}

async fn call_owned(url: String) -> std::io::Result<Wire> {
    call(&url, LIST, "{}").await
}

//! The emulators start, answer, and end with the process that started them.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tenantry_emulators::{Dynamo, Moto, shared};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wire::call;

#[tokio::test]
async fn dynamo_answers() {
    let dynamo = Dynamo::start().await;
    let answer = call(dynamo.url(), "DynamoDB_20120810.ListTables", "{}").await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json(), json!({ "TableNames": [] }));
}

#[tokio::test]
async fn moto_answers() {
    let moto = Moto::start().await;
    let body = r#"{"Name":"test/one","SecretString":"{}","ClientRequestToken":"11111111-1111-1111-1111-111111111111"}"#;
    let answer = call(moto.url(), "secretsmanager.CreateSecret", body).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json()["Name"], "test/one");
}

#[tokio::test]
async fn a_process_shares_one_of_each() {
    let (one, other) = tokio::join!(shared(), shared());
    assert!(std::ptr::eq(one, other));
}

#[tokio::test(start_paused = true)]
async fn starts_although_the_tests_clock_stands_still() {
    let dynamo = Dynamo::start().await;
    assert!(TcpStream::connect(host(dynamo.url())).await.is_ok());
}

#[tokio::test]
async fn a_dropped_emulator_takes_no_connections() {
    let dynamo = Dynamo::start().await;
    let url = dynamo.url().to_owned();
    drop(dynamo);
    assert!(TcpStream::connect(host(&url)).await.is_err());
}

#[tokio::test]
async fn emulators_end_when_their_process_is_killed() {
    let (mut process, output) = start_a_process_that_shares();
    let urls = read_urls(output);
    process.kill().unwrap();
    process.wait().unwrap();
    for url in &urls {
        let ended = timeout(Duration::from_mins(1), wait_for_the_end(url)).await;
        assert!(ended.is_ok(), "{url} still takes connections");
    }
}

/// Holds connections to a server until it takes none: each ends when the server does.
async fn wait_for_the_end(url: &str) {
    while let Ok(mut connection) = TcpStream::connect(host(url)).await {
        let _ = connection.read_to_end(&mut Vec::new()).await;
    }
}

#[tokio::test]
#[ignore = "not a test: the process that another test kills"]
async fn shares_until_it_is_killed() {
    if env::var_os("TENANTRY_TEST_KILLS_THIS").is_none() {
        return;
    }
    let shared = shared().await;
    println!("\nurl {}\nurl {}", shared.dynamo.url(), shared.moto.url());
    std::future::pending::<()>().await;
}

fn start_a_process_that_shares() -> (Child, ChildStdout) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "life::shares_until_it_is_killed", "--ignored", "--nocapture"]);
    let mut process = command.env("TENANTRY_TEST_KILLS_THIS", "yes").stdout(Stdio::piped()).spawn().unwrap();
    let output = process.stdout.take().unwrap();
    (process, output)
}

fn read_urls(output: ChildStdout) -> Vec<String> {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix("url ").map(str::to_owned)).take(2).collect()
}

fn host(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

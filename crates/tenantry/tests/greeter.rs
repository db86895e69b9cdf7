//! The program of twenty lines: two companies, each greeted in its own words.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use jiff::{Timestamp, ToSpan};
use tenantry::token::TokenText;
use tenantry_core::scope::Scope;
use tenantry_store::contract::acts::{Draft, entry, scope};
use tenantry_store::{Action, OpenOptions, StoreUrl, Stores, TokenRecord};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The example, which cargo builds beside the tests.
fn greeter() -> Command {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().unwrap().join("../examples/greeter");
    assert!(
        program.is_file(),
        "{} is missing: `cargo test` builds it, `cargo build --example greeter` does too",
        program.display()
    );
    Command::new(program)
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

async fn token(stores: &Stores, scope: &Scope, byte: u8) -> String {
    let token = TokenText::from_random(&[byte; TokenText::RANDOM_BYTES]);
    let now = Timestamp::now();
    let expires_at = now.checked_add(1.hour()).unwrap();
    let record = TokenRecord {
        id: token.id().to_owned(),
        hash: token.hash(&stores.keys().await.unwrap().token, scope, "tenant-viewer", expires_at),
        scope: scope.clone(),
        role: "tenant-viewer".to_owned(),
        name: "test".to_owned(),
        created_at: now,
        created_by: "test".to_owned(),
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    stores.create_token(record, entry(scope, Action::CreateToken)).await.unwrap();
    token.into_secret().expose().to_owned()
}

async fn get(address: &str, authorization: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn each_caller_is_greeted_in_the_words_of_its_own_company() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("greeter.db").display());
    let (stores, _) = Stores::create(&StoreUrl::parse(&url).unwrap(), &OpenOptions::default()).await.unwrap();
    let mut tokens = Vec::new();
    for (byte, id, text) in [(1, "acme", "Good day"), (2, "beta", "Bonjour")] {
        Draft::create(id).set("greeting.text", text).done(&stores).await;
        tokens.push(token(&stores, &scope(id), byte).await);
    }
    let child = greeter()
        .env_clear()
        .envs([("TENANTRY_STORE", url.as_str()), ("GREETER_LISTEN", "127.0.0.1:0")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    for (token, greeting) in tokens.iter().zip(["Good day, says acme", "Bonjour, says beta"]) {
        let answer = get(address, &format!("authorization: Bearer {token}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(greeting), "{answer}");
    }
    assert!(get(address, "").await.starts_with("HTTP/1.1 401"));
}

#[test]
fn it_tells_what_can_be_set() {
    let output = greeter().arg("schema").output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let catalog = tenantry_core::catalog::Catalog::from_schema(&schema).unwrap();
    let keys: Vec<_> = catalog.parameters().map(|parameter| parameter.pattern.to_string()).collect();
    assert_eq!(keys, ["greeting.text"]);
}

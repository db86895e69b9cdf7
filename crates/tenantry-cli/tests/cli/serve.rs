//! `serve`: the running server answers, sees what others write, and stops when it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::program::Program;

/// A server that ends with the test.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn start(program: &Program, more: &[&str]) -> Self {
        Self::start_logging(program, more, Stdio::null())
    }

    fn start_logging(program: &Program, more: &[&str], log: Stdio) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"][..], more].concat();
        Self::spawn(program.command(&arguments), log)
    }

    pub(crate) fn spawn(mut command: Command, log: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn ask(&self, request: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        ))
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    fn chat(&self, token: &str) -> Value {
        let body = r#"{"text": "Hello!", "intent": "chitchat", "dry_run": true}"#;
        let (status, answer) = self.ask(&format!(
            "POST /assistant/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ));
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

pub(crate) fn token(program: &Program, tenant: &str) -> String {
    program.run(&["-t", tenant, "token", "create", "--role", "tenant-admin"]).ok().trim().to_owned()
}

#[test]
fn what_is_set_changes_the_next_answer_of_the_running_server() {
    let program = Program::with_acme();
    let token = token(&program, "acme");
    let server = Server::start(&program, &["--fresh-for", "0"]);
    let before = server.chat(&token);
    assert_eq!(before["why"]["prompt"]["tier"], "default");
    program.run(&["-t", "acme", "set", "prompts.chitchat", "You are {{ persona.name }}. Answer in rhyme."]).ok();
    let after = server.chat(&token);
    assert_eq!(after["why"]["prompt"]["tier"], "tenant");
    assert_eq!(after["request"]["body"]["messages"][0]["content"], "You are Ada. Answer in rhyme.");
}

#[test]
fn within_the_usual_freshness_a_change_is_seen_without_a_restart() {
    let program = Program::with_acme();
    let token = token(&program, "acme");
    let server = Server::start(&program, &[]);
    assert_eq!(server.chat(&token)["why"]["temperature"]["tier"], "default");
    program.run(&["-t", "acme", "set", "ai.tasks.chitchat.temperature", "0.1"]).ok();
    // It is asked until it answers anew: how soon that is, no test may assert.
    while server.chat(&token)["why"]["temperature"]["tier"] != "tenant" {
        std::thread::yield_now();
    }
}

#[test]
fn a_tenant_sees_its_own_configuration_alone() {
    let program = Program::with_acme();
    program.run(&["tenant", "create", "beta", "--name", "Beta"]).ok();
    let (acme, server) = (token(&program, "acme"), Server::start(&program, &[]));
    assert_eq!(server.get("/healthz", "").0, 200);
    assert_eq!(server.get("/readyz", "").0, 200);
    let (status, own) = server.get("/v1/tenants/acme/configuration", &acme);
    assert_eq!((status, &own["tenant_id"]), (200, &"acme".into()));
    let (others, missing) =
        (server.get("/v1/tenants/beta/configuration", &acme), server.get("/v1/tenants/nobody/configuration", &acme));
    assert_eq!((others.0, missing.0), (404, 404));
    assert_eq!(server.get("/v1/tenants/acme/configuration", "tny_0_0").0, 401);
}

#[test]
fn a_revoked_token_and_a_suspended_tenant_are_refused_at_once() {
    let program = Program::with_acme();
    let (first, second) = (token(&program, "acme"), token(&program, "acme"));
    let server = Server::start(&program, &["--fresh-for", "0"]);
    let id = first.split('_').nth(1).unwrap();
    program.run(&["token", "revoke", id]).ok();
    assert_eq!(server.get("/v1/tenants/acme/configuration", &first).0, 401);
    program.run(&["tenant", "suspend", "acme"]).ok();
    assert_eq!(server.get("/v1/tenants/acme/configuration", &second).0, 403);
}

#[test]
fn a_server_that_is_told_to_stop_ends_with_0() {
    let program = Program::with_acme();
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(&program, &[]);
        assert_eq!(server.get("/healthz", "").0, 200);
        let id = server.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn the_servers_log_shows_no_secret_and_no_token() {
    let program = Program::with_acme();
    let secret = "sk-CANARY-acme-77aa0d15c4";
    program.set_secret("acme", "openai.api_key", secret);
    let token = token(&program, "acme");
    let log = std::fs::File::create(program.path("server.log")).unwrap();
    let mut server = Server::start_logging(&program, &["--verbose"], log.into());
    let answer = server.chat(&token).to_string();
    server.get(&format!("/v1/tenants/acme/configuration?token={token}"), "");
    server.get("/v1/tenants/acme/configuration", &token);
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    server.child.wait().unwrap();
    let said = answer + &std::fs::read_to_string(program.path("server.log")).unwrap();
    assert!(said.contains("stopped"), "{said}");
    for hidden in [secret, &token, token.rsplit('_').next().unwrap()] {
        assert!(!said.contains(hidden), "{said}");
    }
}

#[test]
fn an_address_that_others_can_reach_needs_a_word_more() {
    let program = Program::new();
    let open = program.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert!(open.refused(6).contains("--allow-remote"), "{open:?}");
    program.run(&["serve", "--listen", "everywhere"]).refused(2);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = program.run(&["serve", "--listen", &address]);
    assert!(ran.refused(1).contains("cause:"), "{ran:?}");
}

#[test]
fn with_another_catalog_the_assistant_is_not_served() {
    let program = Program::new();
    let schema = r#"{"type": "object", "properties": {"greeting": {"type": "string"}}}"#;
    let shop = program.file("shop.json", schema);
    let server = Server::start(&program, &["--catalog", &shop]);
    assert_eq!(server.get("/healthz", "").0, 200);
    assert_eq!(server.get("/assistant/messages", "").0, 404);
}

#[test]
fn the_log_can_be_json_with_a_line_for_each_request_and_no_query() {
    let program = Program::with_acme();
    let token = token(&program, "acme");
    let log = program.path("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("TENANTRY_LOG", "info").env("TENANTRY_LOG_FORMAT", "json");
    let server = Server::spawn(command, Stdio::from(file));
    assert_eq!(server.get("/v1/tenants/acme/configuration?explain", &token).0, 200);
    drop(server);
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = lines.iter().find(|line| line["message"] == "answered").unwrap_or_else(|| panic!("{text}"));
    assert_eq!((&answered["path"], &answered["status"]), (&"/v1/tenants/acme/configuration".into(), &200.into()));
    assert!(!text.contains("explain") && !text.contains(&token), "{text}");
}

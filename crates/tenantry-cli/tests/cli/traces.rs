//! `serve` with a collector: what is exported, what never is, and that a bad collector harms nobody.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;

use crate::program::Program;
use crate::serve::{Server, token};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// What a stand-in was sent: heads and bodies, by path.
type Sent = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Listens on a free port, and answers every request with 200 and `{}`. It stands in for a collector, and for a provider.
struct StandIn {
    address: String,
    sent: Sent,
}

impl StandIn {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, sent) = (listener.local_addr().unwrap().to_string(), Sent::default());
        let all = Arc::clone(&sent);
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let all = Arc::clone(&all);
                std::thread::spawn(move || while answer(stream.as_ref().unwrap(), &all).is_some() {});
            }
        });
        Self { address, sent }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All bodies as they came, with their heads.
    fn raw(&self) -> Vec<(String, Vec<u8>)> {
        self.sent.lock().unwrap().clone()
    }

    fn exported(&self) -> Vec<ResourceSpans> {
        let decoded = |(_, body): (String, Vec<u8>)| ExportTraceServiceRequest::decode(&body[..]).unwrap();
        self.raw().into_iter().flat_map(|request| decoded(request).resource_spans).collect()
    }

    fn spans(&self) -> Vec<Span> {
        self.exported().into_iter().flat_map(|of| of.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// Reads one request and answers it; none at the connection's end.
fn answer(mut stream: &TcpStream, all: &Sent) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    // An empty protobuf message to a collector; to anybody else a document that says nothing.
    let answer = if head.contains("/v1/traces") { "" } else { "{}" };
    all.lock().unwrap().push((head, body));
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).ok()
}

fn start(program: &Program, collector: &str, more: &[&str]) -> Server {
    let log = std::fs::File::create(program.path("server.log")).unwrap();
    let mut command = program.command(&[&["serve", "--listen", "127.0.0.1:0"][..], more].concat());
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=CANARY-key");
    Server::spawn(command, Stdio::from(log))
}

fn log(program: &Program) -> String {
    std::fs::read_to_string(program.path("server.log")).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name}: {other:?}"),
    }
}

#[track_caller]
fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {names:?}"))
}

/// Asks as a caller who is in a trace, with a header that is nobody's business.
fn get(server: &Server, path: &str, token: &str) -> u16 {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ntraceparent: 00-{TRACE}-{CALLER}-01\r\n\
         tracestate: vendor=CANARY-state\r\nx-request-id: asked-1\r\nx-other: CANARY-header\r\nconnection: close\r\n\r\n"
    );
    server.ask(&request).0
}

#[test]
fn a_request_is_a_span_of_its_callers_trace_with_the_reads_of_the_store_beneath_it() {
    let (program, collector) = (Program::with_acme(), StandIn::start());
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme-77aa0d15c4");
    let token = token(&program, "acme");
    let mut server = start(&program, &collector.url(), &[]);
    assert_eq!(get(&server, "/v1/tenants/acme/configuration?explain", &token), 200);
    assert_eq!(get(&server, "/v1/tenants/CANARY-path/configuration?CANARY-query", &token), 400);
    assert_eq!(get(&server, "/CANARY-path", &token), 404);
    assert_eq!(server.stop(), Some(0));

    let spans = collector.spans();
    let request = named(&spans, "GET /v1/tenants/{tenant_id}/configuration");
    assert_eq!(request.kind, SpanKind::Server as i32);
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), CALLER.to_owned()));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/v1/tenants/{tenant_id}/configuration"),
        ("http.response.status_code", "200"),
        ("request_id", "asked-1"),
        ("tenantry.scope", "acme"),
    ] {
        assert_eq!(attribute(request, name).as_deref(), Some(value), "{name}");
    }
    let of_acme = |span: &&Span| attribute(span, "tenantry.scope").as_deref() == Some("acme");
    let read = spans.iter().filter(of_acme).find(|span| span.name == "store.read").unwrap();
    assert_eq!(read.trace_id, request.trace_id);
    let ids: Vec<_> = spans.iter().map(|span| &span.span_id).collect();
    assert!(ids.contains(&&read.parent_span_id), "it is beneath another");
    assert_eq!(attribute(named(&spans, "GET"), "http.response.status_code").as_deref(), Some("404"));

    let resource = collector.exported()[0].resource.clone().unwrap();
    let service = resource.attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
    assert_eq!(service.value.clone().unwrap().value, Some(Value::StringValue("tenantry".to_owned())));
    for (head, body) in collector.raw() {
        assert!(head.starts_with("POST /v1/traces ") && head.contains("x-collector-key: CANARY-key"), "{head}");
        let body = String::from_utf8_lossy(&body).into_owned();
        for hidden in ["CANARY", &token, token.rsplit('_').next().unwrap(), token.split('_').nth(1).unwrap(), "explain"]
        {
            assert!(!body.contains(hidden), "{hidden} was exported");
        }
    }
    assert!(!log(&program).contains("CANARY") && !log(&program).contains("otel"), "{}", log(&program));
}

#[test]
fn a_change_is_one_trace_down_to_its_commit_whatever_is_logged() {
    let (program, collector) = (Program::with_acme(), StandIn::start());
    let token = token(&program, "acme");
    for level in ["error", "info"] {
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()).env("TENANTRY_LOG", level);
        let log_file = std::fs::File::create(program.path("server.log")).unwrap();
        let mut server = Server::spawn(command, Stdio::from(log_file));
        let body = format!(r#"{{"value": "sk-CANARY-{level}-77aa0d15c4"}}"#);
        let (status, answer) = server.ask(&format!(
            "PUT /v1/tenants/acme/secrets/openai.api_key HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nif-match: *\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ));
        assert!(status < 300, "{answer}");
        assert_eq!(server.stop(), Some(0));
        let said = log(&program);
        assert_eq!(said.contains("answered"), level == "info", "{said}");
        assert!(!said.contains("store.") && !said.contains("http.route") && !said.contains("change"), "{said}");

        let spans = collector.spans();
        let requests: Vec<_> =
            spans.iter().filter(|span| span.name == "PUT /v1/tenants/{tenant_id}/secrets/{key}").collect();
        let commits: Vec<_> = spans.iter().filter(|span| span.name == "store.commit").collect();
        assert_eq!(commits.len(), requests.len());
        assert_eq!(commits.last().unwrap().trace_id, requests.last().unwrap().trace_id, "with the log at {level}");
    }
    for (_, body) in collector.raw() {
        assert!(!String::from_utf8_lossy(&body).contains("CANARY"));
    }
}

#[test]
fn a_call_of_a_provider_is_a_span_that_tells_its_host_alone() {
    let (program, collector, provider) = (Program::with_acme(), StandIn::start(), StandIn::start());
    let address = format!("{}/CANARY-path", provider.url());
    let allowed = ["--allow-origin", &provider.url()];
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme-77aa0d15c4");
    program.run(&[&["-t", "acme", "set", "openai.base_url", &address][..], &allowed].concat()).ok();
    let token = token(&program, "acme");
    let mut server = start(&program, &collector.url(), &allowed);
    let message = r#"{"text": "CANARY-text", "intent": "chitchat"}"#;
    let (status, _) = server.ask(&format!(
        "POST /assistant/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{message}",
        message.len()
    ));
    assert_eq!(server.stop(), Some(0));

    let spans = collector.spans();
    let request = named(&spans, "POST /assistant/messages");
    assert_eq!(attribute(request, "http.response.status_code"), Some(status.to_string()));
    assert!(status >= 500, "a provider that says nothing is no good: {status}");
    assert_eq!(request.status.clone().unwrap().code, StatusCode::Error as i32);
    let call = named(&spans, "POST");
    assert_eq!((call.kind, &call.trace_id), (SpanKind::Client as i32, &request.trace_id));
    assert_eq!(attribute(call, "server.address").as_deref(), Some("127.0.0.1"));
    assert_eq!(attribute(call, "http.response.status_code").as_deref(), Some("200"));
    assert!(spans.iter().all(|span| span.kind != SpanKind::Client as i32 || span.name != "POST" || span == call));
    assert!(provider.raw().iter().all(|(head, _)| !head.contains("traceparent")), "a trace is nobody else's business");
    for (_, body) in collector.raw() {
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(!body.contains("CANARY") && !body.contains(&token), "{body}");
    }
}

#[test]
fn without_a_collector_that_answers_the_server_does_and_says_so_once() {
    let program = Program::with_acme();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let token = token(&program, "acme");
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("http://{free}/traces"))
        .env("OTEL_BSP_SCHEDULE_DELAY", "1");
    let log_file = std::fs::File::create(program.path("server.log")).unwrap();
    let mut server = Server::spawn(command, Stdio::from(log_file));
    // It is asked until exporting has failed.
    while !log(&program).contains("traces cannot be exported") {
        assert_eq!(get(&server, "/v1/tenants/acme/configuration", &token), 200);
    }
    for _ in 0..20 {
        assert_eq!(get(&server, "/v1/tenants/acme/configuration", &token), 200);
    }
    assert_eq!(server.stop(), Some(0));
    assert_eq!(log(&program).matches("traces cannot be exported").count(), 1, "{}", log(&program));
}

#[test]
fn a_collector_that_never_answers_is_not_waited_for() {
    let program = Program::with_acme();
    // Connections are made by the system; nobody ever takes one.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let token = token(&program, "acme");
    let mut server = start(&program, &format!("http://{}", silent.local_addr().unwrap()), &["--verbose"]);
    assert_eq!(get(&server, "/v1/tenants/acme/configuration", &token), 200);
    assert_eq!(server.stop(), Some(0));
    let said = log(&program);
    assert!(said.contains("the last traces were not exported"), "two seconds are over first: {said}");
    assert!(!said.contains("traces cannot be exported"), "the request's own ten seconds are not: {said}");
}

#[test]
fn what_cannot_be_exported_to_is_refused_at_the_start_and_not_shown() {
    let program = Program::with_acme();
    let refused = |variable: &str, value: &str, told: &str| {
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318").env(variable, value);
        let ran = crate::program::Ran::of(&mut command);
        let said = ran.refused(2);
        assert!(said.contains(variable) && said.contains(told) && !said.contains("CANARY"), "{said}");
    };
    refused("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:CANARY@127.0.0.1:4318", "no user name or password");
    refused("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "CANARY:4317", "not the URL of a collector");
    refused("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf alone");
}

#[test]
fn nothing_is_exported_where_the_variables_switch_it_off() {
    let (program, collector) = (Program::with_acme(), StandIn::start());
    for (variable, value) in
        [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_TRACES_SAMPLER", "always_off")]
    {
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()).env(variable, value);
        let mut server = Server::spawn(command, Stdio::null());
        assert_eq!(server.get("/healthz", "").0, 200);
        assert_eq!(server.stop(), Some(0));
        assert_eq!(collector.raw().len(), 0, "{variable}");
    }
}

//! Runs the function as Lambda does: hands it one event at a time over the Runtime API and takes its answers.
//!
//! Source: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use crate::store::Store;
use crate::stored::CANARY;

/// So long may a test take that hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// An event as the Runtime API hands it out.
struct Invocation {
    payload: String,
    tenant: Option<String>,
}

/// What the function says of an event.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its answer.
    Answer(Value),
    /// That it failed.
    Failure(String),
}

/// The running function; dropped, it is stopped.
pub(crate) struct Function {
    child: Child,
    log: PathBuf,
    events: mpsc::Sender<Invocation>,
    outcomes: mpsc::Receiver<Outcome>,
}

#[derive(Clone)]
struct RuntimeApi {
    events: Arc<Mutex<mpsc::Receiver<Invocation>>>,
    outcomes: mpsc::Sender<Outcome>,
}

impl Function {
    /// Starts the function on a store. `allowed` are the origins that it may call.
    pub(crate) async fn start(store: &Store, allowed: &str) -> Self {
        Self::start_logging(store, allowed, "debug").await
    }

    /// Starts the function with directives for its log.
    pub(crate) async fn start_logging(store: &Store, allowed: &str, directives: &str) -> Self {
        let variables = [("TENANTRY_STORE", store.url()), ("TENANTRY_LOG", directives.to_owned())];
        Self::start_with(&variables, allowed, store.file("log")).await
    }

    /// Starts the function with more variables, writing its log to a file.
    pub(crate) async fn start_with(variables: &[(&str, String)], allowed: &str, log: PathBuf) -> Self {
        let (events, waiting) = mpsc::channel(1);
        let (said, outcomes) = mpsc::channel(1);
        let api = RuntimeApi { events: Arc::new(Mutex::new(waiting)), outcomes: said };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, api.routes()).await });
        let child = command(&[("AWS_LAMBDA_RUNTIME_API", &address), ("TENANTRY_ALLOW_ORIGINS", allowed)])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log, events, outcomes }
    }

    /// Invokes the function and takes its answer, in which no secret may be.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Value {
        self.invoke_as(event, None).await
    }

    /// Invokes the function for a tenant, as a function with tenant isolation is.
    pub(crate) async fn invoke_as(&mut self, event: &Value, tenant: Option<&str>) -> Value {
        match self.send(event.to_string(), tenant).await {
            Outcome::Answer(answer) => answer,
            Outcome::Failure(failure) => panic!("{event}: {failure}"),
        }
    }

    /// Invokes the function with any bytes.
    pub(crate) async fn send(&mut self, payload: String, tenant: Option<&str>) -> Outcome {
        let exchange = async {
            self.events.send(Invocation { payload, tenant: tenant.map(str::to_owned) }).await.unwrap();
            self.outcomes.recv().await.unwrap()
        };
        let outcome = tokio::time::timeout(PATIENCE, exchange).await.expect("the function answers");
        let shown = format!("{outcome:?}");
        assert!(!shown.contains(CANARY), "a secret is in {shown}");
        outcome
    }

    /// Stops the function and gives its log, in which no secret may be.
    pub(crate) fn stop(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(!log.contains(CANARY), "a secret is in the log: {log}");
        for line in log.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        }
        log
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // The child that was started here, by its handle; it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the function where it must refuse to, and gives its log.
pub(crate) fn refused_start(variables: &[(&str, &str)]) -> String {
    let output = command(variables).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    command
        .env_clear()
        .env("AWS_LAMBDA_FUNCTION_NAME", "assistant")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .envs(variables.iter().copied());
    command
}

impl RuntimeApi {
    fn routes(self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .with_state(self)
    }
}

/// Waits for an event, as the Runtime API does.
async fn next(State(api): State<RuntimeApi>) -> Response {
    let Some(Invocation { payload, tenant }) = api.events.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let mut response = Response::builder()
        .header("lambda-runtime-aws-request-id", "8f1d6c2e-5a7b-4c3d-9e0f-1a2b3c4d5e6f")
        .header("lambda-runtime-deadline-ms", "4102444800000")
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:111122223333:function:assistant")
        .header("lambda-runtime-trace-id", "Root=1-6745a5f0-0123456789abcdef01234567;Sampled=0");
    if let Some(tenant) = tenant {
        response = response.header("lambda-runtime-aws-tenant-id", tenant);
    }
    response.body(Body::from(payload)).unwrap()
}

async fn response(State(api): State<RuntimeApi>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    api.outcomes.send(Outcome::Answer(serde_json::from_slice(&body).unwrap())).await.unwrap();
    StatusCode::ACCEPTED
}

async fn failure(State(api): State<RuntimeApi>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    api.outcomes.send(Outcome::Failure(String::from_utf8(body.to_vec()).unwrap())).await.unwrap();
    StatusCode::ACCEPTED
}

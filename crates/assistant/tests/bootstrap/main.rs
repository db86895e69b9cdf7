//! The Lambda function itself, run as Lambda runs it: against a Runtime API, with the events that AWS documents.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a test that fails")]

mod function;
mod model;
mod store;
#[path = "../stored/mod.rs"]
mod stored;

mod answers;
mod aws;
mod channels;
mod identity;
mod isolation;
mod mail;
mod trouble;

use serde_json::Value;

/// An event of `examples/events`, with a token in its place.
fn example(name: &str, token: &str) -> Value {
    let path = format!("{}/../../examples/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(&text.replace("${TOKEN}", token)).unwrap()
}

/// The document in an answer, whatever its shape.
fn document(answer: &Value) -> Value {
    match answer["body"].as_str() {
        Some(body) => serde_json::from_str(body).unwrap(),
        None => answer.clone(),
    }
}

/// The status of an answer, whatever its shape; a direct answer has one only if it is a problem.
fn status(answer: &Value) -> u64 {
    answer["statusCode"].as_u64().or_else(|| answer["status"].as_u64()).unwrap_or(200)
}

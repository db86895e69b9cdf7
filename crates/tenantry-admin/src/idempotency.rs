//! Answers to requests that are sent again: the same `Idempotency-Key` with the same request gets the first answer, so that a
//! caller whose connection broke need not know whether it was heard.
//!
//! Answers are kept in this process, for an hour, and not beyond it: changes of a configuration are safe by `If-Match` as well.
//!
//! Format: datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::response::Response;
use http::header::IF_MATCH;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tenantry::problem::Problem;
use tenantry_core::scope::Scope;

use crate::asked::REASON;

/// The header with the key.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(1);
/// How many answers are kept for one tenant.
const MOST_OF_ONE: usize = 500;
/// How many are kept for the operator.
const MOST_OF_OPERATOR: usize = 5_000;
/// How many are kept in all.
const MOST: usize = 10_000;
/// The largest answer that is kept, in bytes.
const LARGEST: u64 = 16 * 1024;
/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;

/// The answers that are kept; a clone shares them.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<HashMap<String, HashMap<blake3::Hash, Kept>>>>);

struct Kept {
    /// The request that was answered.
    request: blake3::Hash,
    since: Instant,
    /// None while it is being answered.
    answered: Option<Answered>,
}

/// What is kept of an answer.
enum Answered {
    /// All of it.
    Kept(StatusCode, HeaderMap, Bytes),
    /// That it was made: it was too large. The request is not done once more all the same.
    Unkept,
}

/// What to do with a request.
pub(crate) enum Turn {
    /// It has no key: it is answered, and the answer is not kept.
    Unkept,
    /// It is answered, and the answer is kept.
    First(Place),
    /// It was answered before.
    Again(Response),
}

/// Where the answer to a request that has a key will be kept. One that is dropped without an answer is free again.
pub(crate) struct Place {
    answers: Answers,
    owner: String,
    key: blake3::Hash,
    is_kept: bool,
}

impl Answers {
    /// Finds out whether a request was answered before. `owner` is the scope among whose answers it is, so that no tenant takes
    /// the room of another one; `caller` and `what` say whose key it is and of which operation.
    pub(crate) fn turn(
        &self,
        headers: &HeaderMap,
        owner: &str,
        caller: &str,
        what: &str,
        body: &str,
    ) -> Result<Turn, Box<Problem>> {
        let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(Turn::Unkept) };
        if key.is_empty() || key.len() > LONGEST_KEY {
            let detail = format!("idempotency-key: expected 1 to {LONGEST_KEY} characters");
            return Err(Box::new(Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_invalid", detail)));
        }
        let key = hash(&[caller.as_bytes(), what.as_bytes(), key.as_bytes()]);
        // What it was decided on, and why, are part of what is asked.
        let said = |name| headers.get(name).map_or(&b""[..], HeaderValue::as_bytes);
        let request = hash(&[body.as_bytes(), said(IF_MATCH), said(REASON)]);
        let mut all = self.lock();
        make_room(&mut all, owner);
        let total: usize = all.values().map(HashMap::len).sum();
        let kept = all.entry(owner.to_owned()).or_default();
        match kept.get(&key).filter(|one| one.since.elapsed() < KEPT) {
            Some(known) if known.request != request => Err(Box::new(reused())),
            Some(Kept { answered: Some(Answered::Unkept), .. }) => Err(Box::new(done())),
            Some(Kept { answered: Some(Answered::Kept(status, headers, body)), .. }) => {
                Ok(Turn::Again(replayed(*status, headers, body)))
            }
            Some(_) => Err(Box::new(in_progress())),
            // A key that is not kept would promise what does not hold.
            None if kept.len() >= most_of(owner) || total >= MOST => Err(Box::new(full())),
            None => {
                kept.insert(key, Kept { request, since: Instant::now(), answered: None });
                Ok(Turn::First(Place { answers: self.clone(), owner: owner.to_owned(), key, is_kept: false }))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<blake3::Hash, Kept>>> {
        // Each change is one statement: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Keeps an answer, unless the request may be answered otherwise another time: after a failure, or where it is a stream.
    pub(crate) async fn keep(mut self, response: Response) -> Response {
        // What was refused did nothing, so it may be asked again, better.
        let is_settled = response.status().is_success();
        let size = response.body().size_hint().exact();
        let Some(size) = size.filter(|_| is_settled) else { return response };
        if size > LARGEST {
            self.settle(Answered::Unkept);
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, usize::MAX).await else { return Response::from_parts(parts, Body::empty()) };
        self.settle(Answered::Kept(parts.status, parts.headers.clone(), bytes.clone()));
        Response::from_parts(parts, Body::from(bytes))
    }

    fn settle(&mut self, answered: Answered) {
        if let Some(kept) = self.answers.lock().get_mut(&self.owner).and_then(|kept| kept.get_mut(&self.key)) {
            kept.answered = Some(answered);
            self.is_kept = true;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_kept
            && let Some(kept) = self.answers.lock().get_mut(&self.owner)
        {
            kept.remove(&self.key);
        }
    }
}

/// How many answers are kept of one owner: the operator sets up one company after the other.
fn most_of(owner: &str) -> usize {
    if owner == Scope::Global.to_string() { MOST_OF_OPERATOR } else { MOST_OF_ONE }
}

fn hash(parts: &[&[u8]]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.finalize()
}

/// Lets go of what is kept no longer, where room gets short.
fn make_room(all: &mut HashMap<String, HashMap<blake3::Hash, Kept>>, owner: &str) {
    let is_short = all.get(owner).is_some_and(|kept| kept.len() >= most_of(owner));
    if is_short || all.values().map(HashMap::len).sum::<usize>() >= MOST {
        all.retain(|_, kept| {
            kept.retain(|_, one| one.since.elapsed() < KEPT);
            !kept.is_empty()
        });
    }
}

fn full() -> Problem {
    let detail = "so many answers are kept already that this key could not be: try again later, or without a key";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "idempotency_full", detail).retry_after(Duration::from_mins(5))
}

fn replayed(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Response {
    let mut response = Response::new(Body::from(body.clone()));
    *response.status_mut() = status;
    response.headers_mut().clone_from(headers);
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    response
}

fn reused() -> Problem {
    let detail = "the key was used for another request: make up a new one";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
}

fn done() -> Problem {
    let detail = "the first request with this key was done, and its answer was too large to be kept";
    Problem::new(StatusCode::CONFLICT, "idempotency_answer_unkept", detail).with_hint("read what it changed")
}

fn in_progress() -> Problem {
    let detail = "the first request with this key is still being answered";
    Problem::new(StatusCode::CONFLICT, "idempotency_in_progress", detail).retry_after(Duration::from_secs(1))
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Answers may hold a token's text.
        f.write_str("Answers")
    }
}

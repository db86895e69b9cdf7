//! Where each call is recorded, judged by the rules, and answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::call::Call;
use super::calls::Calls;
use super::fault::{Closed, Fault, Reply, Torn};
use super::forward::Forward;

/// What all connections of a proxy share.
pub(super) struct Desk {
    forward: Forward,
    rules: Mutex<Vec<Rule>>,
    calls: Mutex<Vec<Call>>,
    /// How many calls the server may work on at the same time.
    turns: Semaphore,
}

struct Rule {
    calls: Calls,
    seen: usize,
    fault: Arc<Fault>,
}

impl Desk {
    pub(super) fn before(url: &str, at_once: usize) -> Self {
        Self {
            forward: Forward::to(url),
            rules: Mutex::default(),
            calls: Mutex::default(),
            turns: Semaphore::new(at_once),
        }
    }

    pub(super) fn add(&self, calls: Calls, fault: Fault) {
        lock(&self.rules).push(Rule { calls, seen: 0, fault: Arc::new(fault) });
    }

    pub(super) fn forget_rules(&self) {
        lock(&self.rules).clear();
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    pub(super) fn forget_calls(&self) {
        lock(&self.calls).clear();
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Closed> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
        let call = Call::of(&head, body);
        lock(&self.calls).push(call.clone());
        let fault = self.judge(&call);
        self.act(fault.as_deref(), &head, &call).await
    }

    /// The fault of the first rule that is for this call. Rules behind it do not count the call.
    fn judge(&self, call: &Call) -> Option<Arc<Fault>> {
        lock(&self.rules).iter_mut().filter(|rule| rule.calls.include(call)).find_map(|rule| {
            rule.seen += 1;
            rule.calls.include_number(rule.seen).then(|| Arc::clone(&rule.fault))
        })
    }

    async fn act(&self, fault: Option<&Fault>, head: &Parts, call: &Call) -> Result<Reply, Closed> {
        match fault {
            None => {}
            Some(Fault::Answer(answer)) => return Ok(answer.to(call).map(Either::Left)),
            Some(Fault::Hang) => return std::future::pending().await,
            Some(Fault::Reset) => return Err(Closed),
            Some(Fault::Delay(time)) => sleep(*time).await,
            Some(Fault::Wait(gate)) => gate.pass().await,
            Some(after @ (Fault::Truncate(_) | Fault::Rewrite(_))) => {
                return act_after(after, self.send(head, call).await, call).await;
            }
            Some(Fault::AfterForwarding(after)) => return act_after(after, self.send(head, call).await, call).await,
        }
        Ok(self.send(head, call).await.map(Either::Left))
    }

    async fn send(&self, head: &Parts, call: &Call) -> Response<Full<Bytes>> {
        let _turn = self.turns.acquire().await.expect("turns are never closed");
        self.forward.send(head, call.body.clone()).await
    }
}

async fn act_after(fault: &Fault, answer: Response<Full<Bytes>>, call: &Call) -> Result<Reply, Closed> {
    let mut fault = fault;
    while let Fault::AfterForwarding(inner) = fault {
        fault = inner;
    }
    match fault {
        Fault::Answer(other) => return Ok(other.to(call).map(Either::Left)),
        Fault::Hang => return std::future::pending().await,
        Fault::Reset => return Err(Closed),
        Fault::Truncate(bytes) => return Ok(truncate(answer, *bytes).await),
        Fault::Rewrite(change) => return Ok(rewrite(answer, change).await.map(Either::Left)),
        Fault::Delay(time) => sleep(*time).await,
        Fault::Wait(gate) => gate.pass().await,
        Fault::AfterForwarding(_) => unreachable!("the loop above goes to the innermost fault"),
    }
    Ok(answer.map(Either::Left))
}

async fn truncate(answer: Response<Full<Bytes>>, bytes: usize) -> Reply {
    let (mut head, body) = answer.into_parts();
    let whole = whole(body).await;
    head.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    Response::from_parts(head, Either::Right(Torn::after(whole.slice(..bytes.min(whole.len())))))
}

async fn rewrite(
    answer: Response<Full<Bytes>>,
    change: &(dyn Fn(Bytes) -> Bytes + Send + Sync),
) -> Response<Full<Bytes>> {
    let (mut head, body) = answer.into_parts();
    head.headers.remove("x-amz-crc32");
    Response::from_parts(head, Full::from(change(whole(body).await)))
}

async fn whole(body: Full<Bytes>) -> Bytes {
    body.collect().await.expect("a body in memory is whole").to_bytes()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

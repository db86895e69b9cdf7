//! Stand-ins for the systems that the assistant talks to: each a server on a free port of 127.0.0.1, with a state of its
//! own, that notes what it was asked and with which credential, and fails as it is told.
//!
//! Each is written after its provider's published reference, and refuses what the provider would refuse: a test that
//! passes against one that takes everything shows nothing.

mod erpnext;
mod fault;
mod google_calendar;
mod llm;
mod odoo;
mod seen;
mod slack;
mod telegram;
mod weaviate;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use erpnext::{ErpNext, ErpNextCompany};
pub use fault::Fault;
pub use google_calendar::{Calendars, GoogleCalendar};
pub use llm::Llm;
pub use odoo::{Odoo, OdooCompany};
pub use seen::Seen;
pub use slack::{Posted, Slack};
pub use telegram::{Sent, Telegram};
pub use weaviate::{Class, Weaviate, WeaviateCluster};

/// A provider's server; it stops when it is dropped.
#[derive(Debug)]
pub struct Provider {
    origin: String,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

/// What the server and its test share.
#[derive(Debug, Default)]
struct Desk {
    seen: Mutex<Vec<Seen>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl Provider {
    /// Serves these routes on a free port.
    ///
    /// # Panics
    ///
    /// If there is no free port: a test without its server fails.
    pub async fn start(routes: Router) -> Self {
        let desk = Arc::new(Desk::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let routes = routes.layer(from_fn_with_state(Arc::clone(&desk), attend));
        let task = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("a bound port can be served");
        });
        Self { origin, desk, task }
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The requests since the last call, oldest first; those that got a fault are among them.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.desk.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers the next request that has no fault yet with this one, whatever it asks for.
    pub fn fail_next(&self, fault: Fault) {
        self.desk.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Notes a request, and lets it through or breaks its answer.
async fn attend(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    desk.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen::new(&parts, &body));
    let fault = desk.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    match fault {
        Some(fault) => fault.answer().await,
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    }
}

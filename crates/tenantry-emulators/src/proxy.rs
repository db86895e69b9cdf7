//! Stands between a client and an emulator, records the calls, and breaks some of them: real HTTP faults, as a network and
//! an overloaded service make them.

mod answer;
mod call;
mod calls;
mod desk;
mod fault;
mod forward;
mod gate;
mod listener;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use answer::Answer;
pub use call::Call;
pub use calls::Calls;
pub use fault::Fault;
pub use gate::Gate;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use self::desk::Desk;
use self::listener::Listener;

/// An HTTP proxy on a free port of 127.0.0.1 in front of one server. Dropping it closes all its connections.
///
/// It runs on a thread of its own, so its delays are real even where a test's clock stands still, and it may outlive the
/// runtime that it was made in.
///
/// ```no_run
/// # async fn example() {
/// use tenantry_emulators::{Calls, Fault, Proxy, shared};
///
/// let proxy = Proxy::before(shared().await.dynamo.url()).await;
/// proxy.on(Calls::to("TransactWriteItems").nth(2), Fault::AfterForwarding(Box::new(Fault::Reset)));
/// // … a client with the endpoint `proxy.url()` …
/// assert_eq!(proxy.calls()[0].target, "DynamoDB_20120810.DescribeTable");
/// # }
/// ```
pub struct Proxy {
    url: String,
    address: SocketAddr,
    desk: Arc<Desk>,
    listener: Mutex<Option<Listener>>,
    /// Empty only while the proxy is dropped.
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Starts one in front of the server at `url` (`http://127.0.0.1:<port>`).
    pub async fn before(url: &str) -> Self {
        Self::start(url, Semaphore::MAX_PERMITS).await
    }

    /// Starts one that passes each call on when the one before is answered: for an emulator whose calls are only atomic
    /// when they come by themselves.
    pub async fn in_turn(url: &str) -> Self {
        Self::start(url, 1).await
    }

    #[expect(clippy::unused_async, reason = "starts as the emulators do")]
    async fn start(url: &str, at_once: usize) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread can be started");
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of 127.0.0.1 is free");
        let address = socket.local_addr().expect("a bound socket has an address");
        let desk = Arc::new(Desk::before(url, at_once));
        let listener = Listener::start(&runtime, socket, &desk);
        let listener = Mutex::new(Some(listener));
        Self { url: format!("http://{address}"), address, desk, listener, runtime: Some(runtime) }
    }

    /// Its endpoint: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives `calls` this fault. Of several rules that fit a call, the one given first counts until its number is used up.
    pub fn on(&self, calls: Calls, fault: Fault) {
        self.desk.add(calls, fault);
    }

    /// Takes all rules back. Calls that a fault holds already stay held.
    pub fn heal(&self) {
        self.desk.forget_rules();
    }

    /// All calls so far, in the order of their arrival, those included that were given a fault.
    pub fn calls(&self) -> Vec<Call> {
        self.desk.calls()
    }

    /// Begins the record of calls anew.
    pub fn forget_calls(&self) {
        self.desk.forget_calls();
    }

    /// Closes the port and all connections, as a killed server does; calls are refused until [`resume`](Self::resume).
    pub async fn stop(&self) {
        let listener = self.listener().take();
        if let Some(listener) = listener {
            listener.stop().await;
        }
    }

    /// Listens on the same port again. Rules and records are as before.
    #[expect(clippy::unused_async, reason = "the other half of `stop`")]
    pub async fn resume(&self) {
        let mut listener = self.listener();
        if listener.is_none() {
            let socket = TcpListener::bind(self.address).expect("no other process has taken the port meanwhile");
            let runtime = self.runtime.as_ref().expect("the runtime is there until the drop");
            *listener = Some(Listener::start(runtime, socket, &self.desk));
        }
    }

    fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A plain drop would wait, which a test's asynchronous code must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

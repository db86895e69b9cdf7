//! Takes connections and serves each until it is told to stop.

use std::net::TcpListener as Socket;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::desk::Desk;

/// A listening port and its connections.
pub(super) struct Listener {
    /// Its drop is the sign to stop.
    running: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Listener {
    pub(super) fn start(runtime: &Runtime, socket: Socket, desk: &Arc<Desk>) -> Self {
        let (running, stopped) = oneshot::channel();
        let task = runtime.spawn(serve(socket, Arc::clone(desk), stopped));
        Self { running, task }
    }

    /// Returns when the port and all connections are closed.
    pub(super) async fn stop(self) {
        drop(self.running);
        self.task.await.expect("serving does not panic");
    }
}

async fn serve(socket: Socket, desk: Arc<Desk>, mut stopped: oneshot::Receiver<()>) {
    socket.set_nonblocking(true).expect("a socket can be made non-blocking");
    let listener = TcpListener::from_std(socket).expect("the runtime takes a non-blocking socket");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(converse(stream, Arc::clone(&desk)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    // Small answers go out at once; without it they wait for the other side's acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { desk.answer(request).await }
    });
    // An error here is a fault that was asked for, or a client that has gone.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

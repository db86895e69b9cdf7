//! Connections: taking them, bounded in number and in the time for a request's head, and ending them when the server stops.

mod alarm;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use self::alarm::Alarm;
use crate::frame::Framed;

/// How many connections are open at the most, if the system lets the process have as many; others wait to be taken.
pub const MOST_CONNECTIONS: usize = 10_000;
/// How long a caller may take to send the head of a request, and how long a connection may be idle: longer than the usual
/// proxies keep one for the next request.
const HEAD_LIMIT: Duration = Duration::from_secs(75);
/// How long a caller may take none of what is sent.
const WRITE_LIMIT: Duration = Duration::from_secs(75);
/// The longest head of a request, and how much of a connection's bodies is kept ready, in bytes.
const MOST_BUFFERED: usize = 64 * 1024;
/// How long to wait before the next try where a connection cannot be taken, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers what comes over a listener until told to stop, and ends when the requests under way are answered. No more than
/// `most` connections are open at once.
pub async fn serve(listener: TcpListener, framed: Framed, most: usize, stop: impl Future<Output = ()>) {
    let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(most)));
    let mut http = http1::Builder::new();
    http.header_read_timeout(HEAD_LIMIT).max_buf_size(MOST_BUFFERED);
    let mut stop = pin!(stop);
    loop {
        let taken = async {
            let seat = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, seat)
        };
        let (taken, seat) = tokio::select! {
            taken = taken => taken,
            () = &mut stop => break,
        };
        match taken {
            Ok((stream, address)) => {
                // Answers are written whole: waiting for more of them would only delay the last one.
                let _ = stream.set_nodelay(true);
                let framed = framed.clone();
                let answer = service_fn(move |request: Request<Incoming>| framed.answer(request, Some(address)));
                let mut stream = Box::pin(TimeoutStream::new(stream));
                stream.as_mut().set_write_timeout_pinned(Some(WRITE_LIMIT));
                let connection = http.timer(Alarm::default()).serve_connection(TokioIo::new(stream), answer);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    // What ends a connection is its caller's doing, and tells nothing of the server.
                    let _ = connection.await;
                    drop(seat);
                });
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn pause_after(error: &io::Error) {
    let is_callers = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !is_callers {
        tracing::warn!(%error, "a connection cannot be taken");
        tokio::time::sleep(PAUSE).await;
    }
}

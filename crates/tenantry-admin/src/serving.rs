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

use self::alarm::{Alarms, with_alarm};
use crate::frame::Framed;

/// How many connections are open at the most, if the system lets the process have as many; others wait to be taken.
pub const MOST_CONNECTIONS: usize = 10_000;
/// How long callers are waited for: longer than the usual proxies keep a connection for the next request.
const USUAL: Patience = Patience { head: Duration::from_secs(75), write: Duration::from_secs(75) };
/// The longest head of a request, and how much of a connection's bodies is kept ready, in bytes.
const MOST_BUFFERED: usize = 64 * 1024;
/// How long to wait before the next try where a connection cannot be taken, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a connection goes on without its caller's doing anything.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// How long a caller may take to send the head of a request, or to begin with the next one.
    head: Duration,
    /// How long a caller may take none of what is sent.
    write: Duration,
}

/// Answers what comes over a listener until told to stop, and ends when the requests under way are answered. No more than
/// `most` connections are open at once.
pub async fn serve(listener: TcpListener, framed: Framed, most: usize, stop: impl Future<Output = ()>) {
    serve_with(USUAL, listener, framed, most, stop).await;
}

async fn serve_with(
    patience: Patience,
    listener: TcpListener,
    framed: Framed,
    most: usize,
    stop: impl Future<Output = ()>,
) {
    let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(most)));
    let mut http = http1::Builder::new();
    http.timer(Alarms).header_read_timeout(patience.head).max_buf_size(MOST_BUFFERED);
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
                stream.as_mut().set_write_timeout_pinned(Some(patience.write));
                let connection = http.serve_connection(TokioIo::new(stream), answer);
                let connection = with_alarm(graceful.watch(connection));
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;
    use crate::frame::{framed, tests::api};

    /// Longer than any test waits for anything.
    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(200);
    /// More than what the system keeps of a connection for both ends.
    const LARGE: usize = 64 * 1024 * 1024;

    async fn served(patience: Patience, most: usize) -> std::net::SocketAddr {
        let (api, _) = api().await;
        let router = Router::new().route("/large", get(|| async { vec![b'x'; LARGE] }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let framed = framed(&api, router.fallback(|| async { "small" }));
        tokio::spawn(serve_with(patience, listener, framed, most, std::future::pending()));
        address
    }

    /// What comes until the server ends the connection.
    async fn rest(mut stream: TcpStream) -> Vec<u8> {
        let mut read = Vec::new();
        // A connection that is cut has an error for an end.
        let _ = timeout(LONG, stream.read_to_end(&mut read)).await.expect("the server ends it");
        read
    }

    async fn asked(address: std::net::SocketAddr, said: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_ends_its_connection_and_one_that_does_is_answered_again_and_again() {
        let limit = Duration::from_secs(2);
        let address = served(Patience { head: limit, write: LONG }, 10).await;
        let unfinished = ["", "GET / HTTP/1.1\r\nhost: x\r\n", "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /"];
        let ended = unfinished.map(|said| async move { (said, rest(asked(address, said).await).await) });
        for (said, read) in futures::future::join_all(ended).await {
            let answered = String::from_utf8_lossy(&read).matches("small").count();
            assert_eq!(answered, said.matches("\r\n\r\n").count(), "{said:?}");
        }
        let mut stream = asked(address, "").await;
        for _ in 0..3 {
            tokio::time::sleep(limit / 2).await;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let mut some = [0; 1024];
            let count = timeout(LONG, stream.read(&mut some)).await.unwrap().unwrap();
            assert!(String::from_utf8_lossy(&some[..count]).ends_with("small"), "the limit is each head's own");
        }
    }

    #[tokio::test]
    async fn a_caller_who_takes_nothing_of_the_answer_is_cut() {
        let address = served(Patience { head: LONG, write: SHORT }, 10).await;
        let stream = asked(address, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
        tokio::time::sleep(SHORT * 15).await;
        assert!(rest(stream).await.len() < LARGE);
    }

    #[tokio::test]
    async fn no_more_connections_are_taken_than_there_is_room_for_and_one_that_ends_makes_room() {
        let address = served(Patience { head: LONG, write: LONG }, 1).await;
        let ask = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let first = asked(address, "GET").await;
        let waiting = tokio::spawn(rest(asked(address, ask).await));
        tokio::time::sleep(SHORT).await;
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.await.unwrap().ends_with(b"small"));
    }

    #[tokio::test]
    async fn a_head_of_any_size_is_not_kept() {
        let address = served(Patience { head: LONG, write: LONG }, 10).await;
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(2 * MOST_BUFFERED));
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may be refused before all of it is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let read = rest(stream).await;
        assert!(read.is_empty() || read.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&read));
    }
}

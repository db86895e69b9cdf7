//! What can go wrong with a call on its way.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};

use super::answer::Answer;
use super::gate::Gate;

/// What happens to a call. The emulator does its work in all cases but `Answer`, `Hang` and `Reset`.
pub enum Fault {
    /// An answer in place of the emulator's, which never learns of the call.
    Answer(Answer),
    /// The call goes on after this time.
    Delay(Duration),
    /// The call goes on when the gate is open.
    Wait(Gate),
    /// No answer, and the connection stays open until the client or the proxy ends.
    Hang,
    /// The connection is closed without an answer.
    Reset,
    /// Of the answer's body only so many bytes, although `Content-Length` promises all; then the connection is closed.
    Truncate(usize),
    /// Another body in the answer. Its length is right, and there is no checksum of the old one.
    Rewrite(Box<dyn Fn(Bytes) -> Bytes + Send + Sync>),
    /// The emulator does its work, and then this happens to its answer: with `Answer` and `Reset`, it is lost.
    AfterForwarding(Box<Fault>),
}

impl Fault {
    /// An error of AWS: `error(400, "ThrottlingException", "Rate exceeded")`.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Answer(Answer::error(status, code, message))
    }

    /// The emulator does its work, but the client sees the connection closed.
    pub fn lost_answer() -> Self {
        Self::AfterForwarding(Box::new(Self::Reset))
    }

    /// Another body in the answer.
    pub fn rewrite(change: impl Fn(Bytes) -> Bytes + Send + Sync + 'static) -> Self {
        Self::Rewrite(Box::new(change))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => f.debug_tuple("Answer").field(answer).finish(),
            Self::Delay(time) => f.debug_tuple("Delay").field(time).finish(),
            Self::Wait(_) => f.write_str("Wait"),
            Self::Hang => f.write_str("Hang"),
            Self::Reset => f.write_str("Reset"),
            Self::Truncate(bytes) => f.debug_tuple("Truncate").field(bytes).finish(),
            Self::Rewrite(_) => f.write_str("Rewrite"),
            Self::AfterForwarding(fault) => f.debug_tuple("AfterForwarding").field(fault).finish(),
        }
    }
}

/// An answer on its way to the client.
pub(super) type Reply = Response<Either<Full<Bytes>, Torn>>;

/// The connection ends here, on purpose.
#[derive(Debug)]
pub(super) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for Closed {}

/// A body that ends too early: its bytes, a pause in which they are sent, and the end of the connection.
pub(super) struct Torn {
    bytes: Option<Bytes>,
    paused: bool,
}

impl Torn {
    pub(super) fn after(bytes: Bytes) -> Self {
        Self { bytes: Some(bytes), paused: false }
    }
}

impl Body for Torn {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.paused {
            self.paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Closed)))
    }
}

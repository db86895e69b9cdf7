//! An answer that is read as it comes: in the same time as one that is read whole, and with a bound of its own.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::error::EgressError;
use super::response::Response;

/// The most of an answer that is read as it comes, in bytes after decompression. An event of some 300 bytes brings a word, so an
/// answer takes many times its own length on the wire; whoever puts it together bounds what is kept of it.
pub const MAX_STREAM: usize = 16 * 1024 * 1024;

/// An answer of which the head is there.
pub struct Streaming {
    answer: reqwest::Response,
    read: usize,
    limit: Duration,
    deadline: Instant,
}

impl Streaming {
    pub(crate) fn new(answer: reqwest::Response, limit: Duration, deadline: Instant) -> Self {
        Self { answer, read: 0, limit, deadline }
    }

    /// An answer that is there already.
    #[cfg(test)]
    pub(crate) fn of(body: String, limit: Duration, deadline: Instant) -> Self {
        Self::new(reqwest::Response::from(http::Response::new(body)), limit, deadline)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.answer.status()
    }

    /// The next bytes, decompressed; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        let limit = self.limit;
        // A chunk that is there already is taken without a look at the clock.
        if Instant::now() >= self.deadline {
            return Err(EgressError::TimedOut { limit });
        }
        let chunk = timeout_at(self.deadline, self.answer.chunk()).await;
        let Some(bytes) = chunk.map_err(|_| EgressError::TimedOut { limit })?? else { return Ok(None) };
        self.read += bytes.len();
        if self.read > MAX_STREAM { Err(EgressError::TooLarge { limit: MAX_STREAM }) } else { Ok(Some(bytes)) }
    }

    /// Reads what is left.
    pub async fn whole(self) -> Result<Response, EgressError> {
        let limit = self.limit;
        let read = timeout_at(self.deadline, Response::read(self.answer)).await;
        read.unwrap_or(Err(EgressError::TimedOut { limit }))
    }
}

impl fmt::Debug for Streaming {
    /// Shows nothing of the answer: a provider may echo what we sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streaming({}, {} bytes so far)", self.answer.status(), self.read)
    }
}

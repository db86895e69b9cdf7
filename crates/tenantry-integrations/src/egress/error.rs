//! Why a request got no answer that can be used.

use std::error::Error;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tracing::debug;

use super::lookup::LeadsInside;
use super::rules::Rule;

/// Why a request got no usable answer. No URL, address or credential is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EgressError {
    /// An outbound rule refused: another URL is needed.
    #[error("{0}")]
    NotAllowed(Rule),
    /// The credential cannot be sent: it must be entered again.
    #[error("the credential has characters in it that cannot be sent, such as a line break")]
    Credential,
    /// Nobody answered, or not to the end: it may work later.
    #[error("{0}")]
    Unreachable(Obstacle),
    /// The answer was not complete in time: it may work later, or with a longer limit.
    #[error("no complete answer within {} ms", .limit.as_millis())]
    TimedOut {
        /// The time that was given.
        limit: Duration,
    },
    /// The answer is larger than what is read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read, in bytes, after decompression.
        limit: usize,
    },
    /// The answer cannot be read: it is not what it says it is.
    #[error("the answer cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it; nothing of the answer itself.
        reason: String,
    },
}

/// Where the way to an outside system ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Obstacle {
    /// The name has no address.
    #[error("the host's name was not found")]
    Lookup,
    /// No connection: refused, no route, or no answer in five seconds.
    #[error("no connection to the host")]
    Connect,
    /// No secure connection: a certificate that is not trusted, expired or of another name, or no TLS at all.
    #[error("no secure connection to the host: its certificate or its TLS is not acceptable")]
    Tls,
    /// The connection ended before the answer did.
    #[error("the host closed the connection before the answer was complete")]
    Closed,
}

impl EgressError {
    /// Its kind in one word, for traces.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) => "not_allowed",
            Self::Credential => "credential",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
        }
    }
}

impl From<Rule> for EgressError {
    fn from(rule: Rule) -> Self {
        Self::NotAllowed(rule)
    }
}

impl From<reqwest::Error> for EgressError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        debug!(error = %chain(&error), "an outbound request failed");
        if find::<LeadsInside>(&error).is_some() {
            return Self::NotAllowed(Rule::InternalAddress);
        }
        if find::<io::Error>(&error).is_some_and(is_garbled) && error.is_decode() {
            return Self::Malformed { reason: "its compression is broken".to_owned() };
        }
        Self::Unreachable(obstacle(&error))
    }
}

fn obstacle(error: &reqwest::Error) -> Obstacle {
    if error.is_dns() {
        Obstacle::Lookup
    } else if find::<rustls::Error>(error).is_some() {
        Obstacle::Tls
    } else if error.is_connect() {
        Obstacle::Connect
    } else {
        Obstacle::Closed
    }
}

/// Whether a decoder says that its input is not of its format, as opposed to: ended too soon.
fn is_garbled(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
}

/// Finds a cause of a type, also within `io::Error`s, which do not name what they carry as their source.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    if let Some(found) = error.downcast_ref::<E>() {
        return Some(found);
    }
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    carried.and_then(|inner| find(inner)).or_else(|| error.source().and_then(find))
}

/// The causes in one line; the innermost says most.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

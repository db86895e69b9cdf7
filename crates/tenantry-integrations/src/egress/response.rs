//! An answer of an outside system: read with a bound, parsed with a bound.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::error::EgressError;

/// The most of an answer that is read, in bytes after decompression: a tenant's server must not fill our memory.
pub const MAX_BODY: usize = 1024 * 1024;

/// The deepest nesting of an answer's JSON: nothing that we ask for comes near it.
pub const MAX_DEPTH: usize = 32;

/// A complete answer.
#[derive(Clone)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    /// Puts an answer together, as a test of a parser does.
    pub fn new(status: StatusCode, headers: HeaderMap, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers, body: body.into() }
    }

    /// Reads an answer to its end, or to [`MAX_BODY`], whichever comes first.
    pub(super) async fn read(mut answer: reqwest::Response) -> Result<Self, EgressError> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(EgressError::TooLarge { limit: MAX_BODY });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self::new(answer.status(), std::mem::take(answer.headers_mut()), body))
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, decompressed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Parses the body. An error says where the JSON is broken, and repeats nothing of it.
    pub fn json(&self) -> Result<Value, EgressError> {
        if is_deeper_than(MAX_DEPTH, &self.body) {
            return Err(EgressError::Malformed { reason: format!("its JSON is nested deeper than {MAX_DEPTH}") });
        }
        serde_json::from_slice(&self.body).map_err(|error| EgressError::Malformed {
            reason: format!("it is not JSON (line {}, column {})", error.line(), error.column()),
        })
    }
}

impl fmt::Debug for Response {
    /// Shows no header and no byte of the body: a provider may echo what we sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Whether brackets outside of strings nest deeper than `limit`.
///
/// What is not JSON gets some answer too; the parser sees to it afterwards.
fn is_deeper_than(limit: usize, json: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> Result<Value, EgressError> {
        Response::new(StatusCode::OK, HeaderMap::new(), body).json()
    }

    fn nested(depth: usize) -> String {
        format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn json_may_be_nested_up_to_the_limit() {
        assert!(json(&nested(MAX_DEPTH)).is_ok());
        let error = json(&nested(MAX_DEPTH + 1)).unwrap_err();
        assert_eq!(error.to_string(), "the answer cannot be read: its JSON is nested deeper than 32");
        assert!(json(&"{\"a\":".repeat(100_000)).is_err());
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let text = format!(r#"{{"a\"{}":"\\","b":1}}"#, "[".repeat(100));
        assert!(json(&text).is_ok());
    }

    #[test]
    fn an_error_says_where_and_repeats_nothing() {
        let error = json("{\n\"CANARY\" \"CANARY\"}").unwrap_err().to_string();
        assert_eq!(error, "the answer cannot be read: it is not JSON (line 2, column 10)");
    }

    #[test]
    fn debug_shows_no_byte_of_the_answer() {
        let response = Response::new(StatusCode::OK, HeaderMap::new(), "CANARY");
        assert_eq!(format!("{response:?}"), "Response(200 OK, 6 bytes)");
    }
}

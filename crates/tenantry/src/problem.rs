//! Answers that say what went wrong: problem details (RFC 9457), the one form of an error over HTTP.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

/// What went wrong, for the one who asked. No cause that is nobody else's business is in it, and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The answer's status.
    pub status: StatusCode,
    /// The kind of problem, for programs.
    pub code: &'static str,
    /// What happened, for people.
    pub detail: String,
    /// The parts of the request that are refused.
    pub errors: Vec<FieldError>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Headers beside the content type.
    pub headers: HeaderMap,
}

/// One part of a request that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// Why.
    pub message: String,
}

/// The document, in the order in which people read it.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Problem {
    /// A problem that no part of the request is to blame for.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), hint: None, headers: HeaderMap::new() }
    }

    /// What does not exist, or does not for the one who asks: the same bytes for both.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing")
    }

    /// Names the part of the request that is to blame.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), message: self.detail.clone() });
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        // At least a second: a zero would be an invitation to hammer.
        self.with_header(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)))
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The document as JSON.
    pub fn to_json(&self) -> String {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
            hint: self.hint.as_deref(),
        };
        serde_json::to_string(&document).expect("a problem is always JSON")
    }

    /// The answer, with any body that can be made of a text.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(self.to_json()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

impl From<Box<Problem>> for Problem {
    /// Problems are boxed where they are rare.
    fn from(problem: Box<Problem>) -> Self {
        *problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_a_document_of_its_own_type() {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "no answer")
            .at("/text")
            .with_hint("try later")
            .retry_after(Duration::from_millis(1));
        let response: Response<String> = problem.into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(
            response.body(),
            concat!(
                r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"no answer","#,
                r#""code":"unavailable","errors":[{"pointer":"/text","message":"no answer"}],"hint":"try later"}"#
            )
        );
    }
}

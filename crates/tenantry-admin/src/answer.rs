//! What an operation answers.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// What can be sent as an answer.
pub(crate) trait Output: Send {
    /// The answer as HTTP has it.
    fn into_response(self) -> Response;

    /// What the documentation says of it.
    fn describe(generator: &mut SchemaGenerator) -> Described;
}

/// What the documentation says of an answer.
pub(crate) struct Described {
    pub(crate) status: StatusCode,
    /// The media type and the schema; none if there is no body.
    pub(crate) body: Option<(&'static str, Schema)>,
    /// The headers beside the usual ones.
    pub(crate) headers: &'static [&'static str],
    /// Whether those who have it already are told so (304), by `If-None-Match`.
    pub(crate) is_remembered: bool,
    /// Other answers that are no problem documents: their statuses, and their schemas in the same media type.
    pub(crate) other: Vec<(StatusCode, Schema)>,
}

/// A document.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    body: T,
    headers: HeaderMap,
}

impl<T> Answer<T> {
    pub(crate) fn new(body: T) -> Self {
        // It is one tenant's, and may be another one in a moment.
        Self { body, headers: HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))]) }
    }

    /// The same with another document.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { body: change(self.body), headers: self.headers }
    }

    /// Adds the entity tag with which the thing can be changed.
    pub(crate) fn tagged(self, tag: &str) -> Self {
        self.with_header(ETAG, tag)
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl<T: Serialize + JsonSchema + Send> Output for Answer<T> {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body).expect("what is answered is JSON");
        (self.headers, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
    }

    fn describe(generator: &mut SchemaGenerator) -> Described {
        let body = Some(("application/json", generator.subschema_for::<T>()));
        Described { status: StatusCode::OK, body, headers: &["etag"], is_remembered: false, other: Vec::new() }
    }
}

/// A document of something new, and where it is from now on.
#[derive(Debug)]
pub(crate) struct Created<T> {
    answer: Answer<T>,
}

impl<T> Created<T> {
    pub(crate) fn new(body: T, place: &str) -> Self {
        Self { answer: Answer::new(body).with_header(LOCATION, place) }
    }

    pub(crate) fn tagged(self, tag: &str) -> Self {
        Self { answer: self.answer.tagged(tag) }
    }
}

impl<T: Serialize + JsonSchema + Send> Output for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Output::into_response(self.answer)).into_response()
    }

    fn describe(generator: &mut SchemaGenerator) -> Described {
        let headers = &["location", "etag"];
        Described { status: StatusCode::CREATED, headers, ..Answer::<T>::describe(generator) }
    }
}

/// It is done, and there is nothing to tell of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done;

impl Output for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }

    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { status: StatusCode::NO_CONTENT, body: None, headers: &[], is_remembered: false, other: Vec::new() }
    }
}

/// What can be sent as another thing than one document of JSON.
pub(crate) trait Media {
    const MEDIA: &'static str;
    /// The type of the document, or of one of its parts.
    type Part: JsonSchema;
    /// The headers beside the usual ones.
    const HEADERS: &'static [&'static str] = &[];
    /// Whether those who have it already are told so (304), by `If-None-Match`.
    const IS_REMEMBERED: bool = false;

    /// Other answers that are no problem documents.
    fn other(_: &mut SchemaGenerator) -> Vec<(StatusCode, Schema)> {
        Vec::new()
    }
}

/// An answer whose bytes its handler makes.
#[derive(Debug)]
pub(crate) struct Raw<M> {
    response: Response,
    media: std::marker::PhantomData<fn() -> M>,
}

impl<M: Media> Raw<M> {
    pub(crate) fn new(headers: HeaderMap, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        *response.headers_mut() = headers;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(M::MEDIA));
        Self { response, media: std::marker::PhantomData }
    }

    /// An answer that is made already, media type and all.
    pub(crate) fn of(response: http::Response<impl Into<Body>>) -> Self {
        Self { response: response.map(Into::into), media: std::marker::PhantomData }
    }

    /// The same for an answer that is made while it is sent. A part that fails breaks it off.
    pub(crate) fn stream<E>(headers: HeaderMap, parts: impl Stream<Item = Result<String, E>> + Send + 'static) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        // Whoever compresses it looks once more behind its end.
        Self::new(headers, Body::from_stream(parts.fuse()))
    }

    /// The same with another status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// The caller has it already.
    pub(crate) fn not_modified(headers: HeaderMap) -> Self {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().extend(headers);
        Self { response, media: std::marker::PhantomData }
    }
}

impl<M: Media> Output for Raw<M> {
    fn into_response(self) -> Response {
        self.response
    }

    fn describe(generator: &mut SchemaGenerator) -> Described {
        let body = Some((M::MEDIA, generator.subschema_for::<M::Part>()));
        let (headers, is_remembered) = (M::HEADERS, M::IS_REMEMBERED);
        Described { status: StatusCode::OK, body, headers, is_remembered, other: M::other(generator) }
    }
}

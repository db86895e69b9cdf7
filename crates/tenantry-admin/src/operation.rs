//! One operation of the API: its place, who may ask for it, and what answers. Router and document are both made of this,
//! so that neither can say what the other does not.

use axum::extract::{Request, State};
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use schemars::{Schema, SchemaGenerator};

use crate::access::Permission;
use crate::answer::{Described, Output};
use crate::asked::{Asked, Body, Query, serve};
use crate::error::Refused;
use crate::routes::Api;

/// What an operation is about, which tells how its scope is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody's: anybody may ask.
    Open,
    /// Whoever asks, with a credential that holds.
    Caller,
    /// The caller's own scope; the operator names a tenant in the header.
    Own,
    /// The tenant that the path names.
    Tenant,
    /// The global scope, or the service as a whole.
    Global,
}

/// What an operation needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    pub(crate) place: Place,
    pub(crate) permission: Permission,
    /// Whether the handler reads the tenant anyway, and looks itself whether it is served.
    pub(crate) looks_itself: bool,
    /// Whether it changes something: then it is gone through with though its caller goes, and done once for one key of
    /// idempotency.
    pub(crate) changes: bool,
}

/// One operation.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    pub(crate) tag: &'static str,
    /// What programs call it: the name of its handler, behind the tag.
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) detail: &'static str,
    pub(crate) described: Documented,
    /// Whether `If-Match` is asked for.
    pub(crate) is_conditional: bool,
    pub(crate) serve: MethodRouter<Api>,
}

/// What the document says of an operation's requests and answers.
#[derive(Clone, Copy)]
pub(crate) struct Documented {
    pub(crate) query: fn(&mut SchemaGenerator) -> Schema,
    pub(crate) body: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(crate) media: &'static [&'static str],
    pub(crate) answer: fn(&mut SchemaGenerator) -> Described,
}

impl Operation {
    fn new<Q, B, R, F, Fut>(method: Method, path: &'static str, needs: Needs, handler: F) -> Self
    where
        Q: Query + 'static,
        B: Body + 'static,
        R: Output + 'static,
        F: Fn(Asked<Q, B>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<R, Refused>> + Send + 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("the table uses methods that axum knows");
        let served = move |State(api): State<Api>, request: Request| serve(api, needs, request, handler);
        Self {
            method,
            path,
            needs,
            tag: "",
            name: "",
            summary: "",
            detail: "",
            described: Documented { query: Q::schema, body: B::schema, media: B::MEDIA, answer: R::describe },
            is_conditional: false,
            serve: on(filter, served),
        }
    }

    /// Says what it is called and what it does.
    pub(crate) fn is(mut self, tag: &'static str, name: &'static str, summary: &'static str) -> Self {
        (self.tag, self.name, self.summary) = (tag, name, summary);
        self
    }

    /// Says more of it.
    pub(crate) fn detail(mut self, detail: &'static str) -> Self {
        self.detail = detail;
        self
    }

    /// Says that `If-Match` is asked for.
    pub(crate) fn if_match(mut self) -> Self {
        self.is_conditional = true;
        self
    }
}

/// Where operations are declared.
#[derive(Clone, Copy)]
pub(crate) struct In {
    place: Place,
    looks_itself: bool,
    only_looks: bool,
}

macro_rules! method {
    ($name:ident, $method:ident) => {
        /// An operation of this method.
        pub(crate) fn $name<Q, B, R, F, Fut>(self, path: &'static str, permission: Permission, handler: F) -> Operation
        where
            Q: Query + 'static,
            B: Body + 'static,
            R: Output + 'static,
            F: Fn(Asked<Q, B>) -> Fut + Copy + Send + Sync + 'static,
            Fut: Future<Output = Result<R, Refused>> + Send + 'static,
        {
            let changes = !self.only_looks && !permission.is_to_see();
            let needs = Needs { place: self.place, permission, looks_itself: self.looks_itself, changes };
            Operation::new(Method::$method, path, needs, handler)
        }
    };
}

impl In {
    pub(crate) const fn new(place: Place) -> Self {
        Self { place, looks_itself: false, only_looks: false }
    }

    /// The same for handlers that read the tenant anyway, and look themselves whether it is served.
    pub(crate) const fn looking_itself(self) -> Self {
        Self { looks_itself: true, ..self }
    }

    /// The same for what changes nothing, though not whoever may see may ask for it.
    pub(crate) const fn only_looking(self) -> Self {
        Self { only_looks: true, ..self }
    }

    method!(get, GET);
    method!(post, POST);
    method!(put, PUT);
    method!(patch, PATCH);
    method!(delete, DELETE);
}

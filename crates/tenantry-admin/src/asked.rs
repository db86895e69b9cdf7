//! A request once it is known who asks, about which scope, and that they may.
//!
//! Every operation of the API goes through [`serve`]: credential, path, permission, tenant's state, limits, query and body,
//! in this order. A handler gets an [`Asked`], and so cannot forget any of it; the body of a request that is refused is
//! not read.

pub(crate) mod body;
pub(crate) mod conditions;
pub(crate) mod query;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body as HttpBody, to_bytes};
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use jiff::Timestamp;
use tenantry::problem::Problem;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{Binding, Head, TenantStatus};
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, info_span};

pub(crate) use body::{Body, Json, Patch};
pub(crate) use query::{Anything, Flag, Nothing, PageQuery, Query};

use crate::access::{Permission, Principal, Role};
use crate::answer::Output;
use crate::caller;
use crate::error::Refused;
use crate::hot::{Hot, Seen};
use crate::idempotency::{Answers, Turn};
use crate::operation::{Needs, Place};
use crate::routes::Api;
use crate::seats::Seat;
use crate::service::Context;

/// The largest body, in bytes.
const LARGEST_BODY: usize = 1024 * 1024;

/// How long a caller may take to send a body.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// Whoever takes longer is looked up once more before anything is done.
const SLOW_BODY: Duration = Duration::from_millis(250);

/// The header that says why something is changed: one line of UTF-8, for the log.
pub(crate) const REASON: HeaderName = HeaderName::from_static("x-reason");

/// What is asked of an operation, by somebody who may ask it.
#[derive(Debug)]
pub(crate) struct Asked<Q = (), B = ()> {
    pub(crate) api: Api,
    /// The scope that the operation is about. Of an operation that is about none, the caller's own.
    pub(crate) scope: Scope,
    /// What is known of the tenant as a whole, if the scope is one's and was looked at.
    pub(crate) head: Option<Head>,
    pub(crate) query: Q,
    pub(crate) body: B,
    pub(crate) headers: HeaderMap,
    /// None where anybody may ask.
    caller: Option<Arc<Principal>>,
    params: HashMap<String, String>,
    /// Why, in the caller's words.
    reason: Option<String>,
    at: Timestamp,
    /// How the store was before anything was read, where that was asked.
    pub(crate) seen: Option<Seen>,
}

/// Answers a request by a handler, or refuses it.
pub(crate) async fn serve<Q, B, R, F, Fut>(api: Api, needs: Needs, request: Request, handler: F) -> Response
where
    Q: Query + 'static,
    B: Body + 'static,
    R: Output + 'static,
    F: FnOnce(Asked<Q, B>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<R, Refused>> + Send + 'static,
{
    if !needs.changes {
        let read = match Read::of::<B>(api, needs, request).await {
            Ok(read) => read,
            Err(refused) => return refused.into_response(),
        };
        let about = About(read.asked.scope.clone());
        return about.told(answer(read, handler).await.unwrap_or_else(Refused::into_response));
    }
    let (answers, hot) = (api.answers.clone(), api.hot.clone());
    let (read, place) = match Read::of::<B>(api, needs, request).await.and_then(|read| read.turn(&answers)) {
        Ok((_, Turn::Again(response))) => return response,
        Ok((read, Turn::Unkept)) => (read, None),
        Ok((read, Turn::First(place))) => (read, Some(place)),
        Err(refused) => return refused.into_response(),
    };
    // What changes something is gone through with, though the caller goes: its answer is kept for when it comes again.
    let changing = async move {
        let (api, about) = (read.asked.api.clone(), About(read.asked.scope.clone()));
        let changes = Changing(Some(hot));
        let response = match answer(read, handler).await {
            Ok(response) => response,
            Err(refused) => conditions::refused(refused, &api, &about.0).await.into_response(),
        };
        changes.ended(response.status());
        about.told(match place {
            Some(place) => place.keep(response).await,
            None => response,
        })
    };
    // For traces and not for the log, whose span goes along.
    let span = info_span!(target: "traces", "change");
    match tokio::spawn(changing.in_current_span().instrument(span)).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Refused::from(stopping()).into_response(),
        },
    }
}

/// The scope that a request was about, of a caller who reaches it: an extension of its answer, for traces.
#[derive(Clone, Debug)]
pub struct About(pub Scope);

impl About {
    fn told(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// Notes that something was changed when it is dropped, though it be by a panic, unless nothing was.
struct Changing(Option<Hot>);

impl Changing {
    /// What was refused changed nothing, and no caller can empty by refusals what is kept for others.
    fn ended(mut self, status: StatusCode) {
        if status.is_client_error() {
            self.0 = None;
        }
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        if let Some(hot) = &self.0 {
            hot.changed();
        }
    }
}

/// The answer while the server stops.
fn stopping() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the server stops").retry_after(Duration::from_secs(1))
}

async fn answer<Q, B, R, F, Fut>(read: Read<Q>, handler: F) -> Result<Response, Refused>
where
    B: Body,
    R: Output,
    F: FnOnce(Asked<Q, B>) -> Fut,
    Fut: Future<Output = Result<R, Refused>>,
{
    handler(read.asked()?).await.map(Output::into_response)
}

/// A request whose body was read, and not looked at.
struct Read<Q> {
    asked: Asked<Q, String>,
    /// Method and path, which a key of idempotency is for.
    what: String,
}

impl<Q: Query> Read<Q> {
    async fn of<B: Body>(api: Api, needs: Needs, request: Request) -> Result<Self, Refused> {
        let at = Timestamp::now();
        let (mut parts, body) = request.into_parts();
        let params = params(&mut parts).await;
        // Whoever changes something is looked up each time.
        let seen = match parts.method {
            Method::GET | Method::HEAD => api.hot.look(api.service.stores()).await.ok(),
            _ => None,
        };
        let (caller, scope, mut head) = match needs.place {
            Place::Open => (None, Scope::Global, None),
            Place::Caller | Place::Own | Place::Tenant | Place::Global => {
                let (caller, scope) = caller::reach(&api, needs, &parts, params.as_ref().ok(), at, seen).await?;
                let head = head(&api, needs, &caller, &scope).await?;
                (Some(caller), scope, head)
            }
        };
        let params = params.map_err(|()| unreadable_path())?;
        let query = Q::read(&parts.uri)?;
        let reason = reason(&parts.headers)?;
        let began = Instant::now();
        let body = read_body::<B>(&parts.headers, body).await?;
        if caller.is_some() && began.elapsed() > SLOW_BODY {
            // It may have been revoked, or its tenant suspended, since it began.
            let (caller, scope) = caller::reach(&api, needs, &parts, Some(&params), Timestamp::now(), None).await?;
            head = self::head(&api, needs, &caller, &scope).await?;
        }
        let what = format!("{} {}", parts.method, parts.uri.path());
        let asked = Asked { api, scope, head, query, body, headers: parts.headers, caller, params, reason, at, seen };
        Ok(Self { asked, what })
    }
}

impl<Q> Read<Q> {
    /// Finds out whether the request was answered before, by its key.
    fn turn(self, answers: &Answers) -> Result<(Self, Turn), Refused> {
        let Some(caller) = self.asked.caller.as_ref().filter(|_| self.what.starts_with("POST ")) else {
            return Ok((self, Turn::Unkept));
        };
        let whose = format!("{} {}", caller.credential, self.asked.scope);
        let owner = caller.scope.to_string();
        let turn = answers.turn(&self.asked.headers, &owner, &whose, &self.what, &self.asked.body)?;
        Ok((self, turn))
    }

    /// Reads the body as what the handler takes.
    fn asked<B: Body>(self) -> Result<Asked<Q, B>, Refused> {
        let body = B::read(&self.asked.body)?;
        let Asked { api, scope, head, query, headers, caller, params, reason, at, seen, .. } = self.asked;
        Ok(Asked { api, scope, head, query, body, headers, caller, params, reason, at, seen })
    }
}

impl<Q, B> Asked<Q, B> {
    /// The tenant of the scope.
    pub(crate) fn tenant(&self) -> Result<&TenantId, Refused> {
        self.scope.tenant().ok_or_else(|| Problem::not_found().into())
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> &Principal {
        self.caller.as_ref().expect("operations that anybody may ask look at no caller")
    }

    /// Who asks, why and when, for the log.
    pub(crate) fn context(&self) -> Context {
        Context { actor: self.caller().actor.clone(), reason: self.reason.clone(), at: self.at }
    }

    /// A seat for reading much of a log, until it is dropped. The operator needs none.
    pub(crate) fn seat(&self) -> Result<Option<Seat>, Refused> {
        let Some(tenant) = self.caller().scope.tenant() else { return Ok(None) };
        let seat = self.api.readers.take(tenant).ok_or_else(|| {
            let detail = "too many requests read the log at once";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_readers", detail);
            problem.retry_after(Duration::from_secs(1))
        })?;
        Ok(Some(seat))
    }

    /// Refuses unless the caller may do more in the scope than the operation needs.
    pub(crate) fn also_needs(&self, permission: Permission) -> Result<(), Refused> {
        caller::needs(self.caller(), permission, &self.scope)
    }

    /// The key in the path, in either spelling. One that no parameter has is one that does not exist.
    pub(crate) fn key(&self) -> Result<Key, Refused> {
        self.api
            .service
            .catalog()
            .key(self.param("key"))
            .map_err(|error| Problem::new(StatusCode::NOT_FOUND, "no_such_parameter", error.to_string()).into())
    }

    /// The revision in the path.
    pub(crate) fn revision(&self) -> Result<Revision, Refused> {
        let number = self.param("revision").parse().ok().filter(|number| i64::try_from(*number).is_ok());
        number.map(Revision).ok_or_else(|| Problem::not_found().into())
    }

    /// The binding in the path.
    pub(crate) fn binding(&self) -> Result<Binding, Refused> {
        Binding::parse(self.param("binding")).map_err(|_| Problem::not_found().into())
    }

    /// A part of the path.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map(String::as_str).unwrap_or_default()
    }

    /// When it was asked.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }
}

async fn params(parts: &mut Parts) -> Result<HashMap<String, String>, ()> {
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(drop)?;
    Ok(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The head of the tenant, which must be there. A suspended one is seen by the operator alone.
async fn head(api: &Api, needs: Needs, caller: &Principal, scope: &Scope) -> Result<Option<Head>, Refused> {
    let Scope::Tenant(tenant) = scope else { return Ok(None) };
    if needs.looks_itself {
        return Ok(None);
    }
    let head = api.service.tenant(tenant).await?;
    must_be_served(caller, &head)?;
    Ok(Some(head))
}

/// Refuses a suspended tenant's own callers; the operator still sees it.
pub(crate) fn must_be_served(caller: &Principal, head: &Head) -> Result<(), Refused> {
    if head.status == TenantStatus::Suspended && caller.role != Role::Operator {
        return Err(Problem::new(StatusCode::FORBIDDEN, "suspended", "the tenant is suspended").into());
    }
    Ok(())
}

fn reason(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let Some(value) = headers.get(REASON) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).map(str::trim);
    let text = text.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "reason_invalid", "x-reason: not UTF-8"))?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

async fn read_body<B: Body>(headers: &HeaderMap, body: HttpBody) -> Result<String, Refused> {
    if B::MEDIA.is_empty() {
        return Ok(String::new());
    }
    body::must_be_of(headers, B::MEDIA)?;
    let bytes = timeout(BODY_LIMIT, to_bytes(body, LARGEST_BODY)).await.map_err(|_| {
        let detail = format!("the body did not come within {} seconds", BODY_LIMIT.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
    })?;
    let bytes = bytes.map_err(|_| {
        let detail = format!("the body is larger than {LARGEST_BODY} bytes, or broke off");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    })?;
    String::from_utf8(bytes.into()).map_err(|error| {
        let detail = format!("the body is not UTF-8: it goes wrong at byte {}", error.utf8_error().valid_up_to() + 1);
        Problem::new(StatusCode::BAD_REQUEST, "body_invalid", detail).into()
    })
}

/// The answer to a path whose percent signs do not spell text.
fn unreadable_path() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "path_invalid", "the percent signs in the path do not spell text")
}

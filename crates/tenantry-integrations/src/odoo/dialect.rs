//! The two ways in which Odoo is asked, as pure functions: the request of each, and what an answer means.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::Odoo;
use crate::call::{CallError, malformed, refused, rejected};
use crate::egress::{EgressError, Request, Response};
use crate::redact::redact;

/// The header that names the database.
const DATABASE: HeaderName = HeaderName::from_static("x-odoo-database");

/// A call of a method of a model, with named arguments.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) model: &'static str,
    pub(super) method: &'static str,
    pub(super) arguments: Map<String, Value>,
}

impl Call {
    /// A search that reads fields of the records that it finds.
    pub(super) fn search(model: &'static str, domain: &Value, fields: &[&str], order: &str) -> Self {
        let arguments = json!({"domain": domain, "fields": fields, "limit": crate::erp::MOST_RECORDS, "order": order});
        let Value::Object(arguments) = arguments else { unreachable!("it is written as an object") };
        Self { model, method: "search_read", arguments }
    }
}

/// JSON-2: `POST {url}/json/2/<model>/<method>`.
pub(super) fn json2(odoo: &Odoo, call: &Call) -> Result<Request, CallError> {
    let url = odoo.url.join(&format!("json/2/{}/{}", call.model, call.method));
    // A name that cannot be a header's value is no database's.
    let database = HeaderValue::from_str(&odoo.db).map_err(|_| CallError::from(EgressError::Credential))?;
    let request = Request::post(url, Value::Object(call.arguments.clone())).header(DATABASE, database);
    Ok(request.authorization("bearer", odoo.password.clone()))
}

/// JSON-RPC: who logs in, which answers the user's number.
pub(super) fn authenticate(odoo: &Odoo) -> Request {
    rpc(odoo, "common", "authenticate", &json!([odoo.db, odoo.login, null, {}]))
}

/// JSON-RPC: the same call as that user.
pub(super) fn execute(odoo: &Odoo, user: i64, call: &Call) -> Request {
    let arguments = json!([odoo.db, user, null, call.model, call.method, [], call.arguments]);
    rpc(odoo, "object", "execute_kw", &arguments)
}

/// The password goes with every call, as the third argument.
fn rpc(odoo: &Odoo, service: &str, method: &str, arguments: &Value) -> Request {
    let parameters = json!({"service": service, "method": method, "args": arguments});
    let body = json!({"jsonrpc": "2.0", "method": "call", "params": parameters, "id": 1});
    Request::post(odoo.url.join("jsonrpc"), body).body_secret("/params/args/2", odoo.password.clone())
}

/// What came of asking by JSON-2.
#[derive(Debug)]
pub(super) enum OfJson2 {
    /// The answer.
    Answer(Value),
    /// There is no such API.
    Absent,
    /// The credential is not accepted. The API takes keys alone, so a password may still do for JSON-RPC.
    NotAKey,
}

/// Reads an answer of JSON-2.
pub(super) fn of_json2(response: &Response, odoo: &Odoo) -> Result<OfJson2, CallError> {
    let status = response.status();
    if status.is_success() {
        return Ok(OfJson2::Answer(response.json()?));
    }
    let told = response.json().ok();
    // A model, a method or a database that is not there is told in JSON; an Odoo without the API has a page.
    if status.as_u16() == 404 && told.as_ref().is_none_or(|told| told.get("message").is_none()) {
        return Ok(OfJson2::Absent);
    }
    if status.as_u16() == 401 {
        return Ok(OfJson2::NotAKey);
    }
    let told = told.and_then(|told| told["message"].as_str().map(|text| scrubbed(text, odoo)));
    Err(refused(status, response.headers(), told))
}

/// Reads an answer of JSON-RPC, which says no with status 200.
pub(super) fn of_rpc(response: &Response, odoo: &Odoo) -> Result<Value, CallError> {
    let status = response.status();
    if status.as_u16() == 404 {
        return Err(rejected(status, Some("there is no Odoo at this address".to_owned())));
    }
    if !status.is_success() {
        return Err(refused(status, response.headers(), None));
    }
    let mut answer = response.json()?;
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        return Err(refusal(error, odoo));
    }
    match answer.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(malformed("it has neither a result nor an error")),
    }
}

/// Reads an error: `{"code", "message", "data": {"name": "odoo.exceptions.…", "message"}}`.
fn refusal(error: &Value, odoo: &Odoo) -> CallError {
    let told = error.pointer("/data/message").or_else(|| error.get("message")).and_then(Value::as_str);
    let told = told.map(|text| scrubbed(text, odoo));
    let name = error.pointer("/data/name").and_then(Value::as_str).unwrap_or_default();
    match name.rsplit('.').next() {
        Some("AccessDenied") => CallError::Unauthorized,
        Some("AccessError") => rejected(StatusCode::FORBIDDEN, told),
        // PostgreSQL says so of a database that is not there, and of whatever else keeps it from working.
        Some("OperationalError") if !told.as_ref().is_some_and(|told| told.contains("does not exist")) => {
            CallError::Unreachable { reason: "its database does not work".to_owned() }
        }
        Some("OperationalError" | "NotFound" | "KeyError") => rejected(StatusCode::NOT_FOUND, told),
        _ => rejected(StatusCode::BAD_REQUEST, told),
    }
}

/// The user's number of an answer to [`authenticate`]: `false` is a login or password that is not right.
pub(super) fn user(result: &Value) -> Result<i64, CallError> {
    match result {
        Value::Bool(false) => Err(CallError::Unauthorized),
        user => user.as_i64().ok_or_else(|| malformed("it names no user")),
    }
}

fn scrubbed(text: &str, odoo: &Odoo) -> String {
    redact(text, &[&odoo.password])
}

//! Stands in for a company's Odoo: its records, one user, and both APIs with their refusals.
//!
//! After odoo.com/documentation (External JSON-2 API, External RPC API). What the references leave open, such as the exact
//! body of an error, is marked [K] where it is made.

mod domain;
mod records;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, body};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use self::records::{Failure, Records};
use super::Provider;

/// The number of the user.
const UID: i64 = 7;

/// A company with an Odoo.
#[derive(Clone, Debug)]
pub struct OdooCompany {
    /// The name of the database.
    pub database: String,
    /// The user's login.
    pub login: String,
    /// The user's password, good for JSON-RPC alone.
    pub password: String,
    /// The user's API key, good for both APIs.
    pub api_key: String,
    /// Whether it has the JSON-2 API, as Odoo 19 and later have.
    pub has_json2: bool,
    /// Whether it has JSON-RPC, as Odoo before 22 has.
    pub has_json_rpc: bool,
    /// Models that the user may not read.
    pub forbidden: Vec<String>,
    /// The records by model. A model that is not among them is not installed.
    pub records: Map<String, Value>,
}

impl OdooCompany {
    /// A company whose names begin with `name`, with a credential that is good for both APIs.
    pub fn new(name: &str, secret: &str) -> Self {
        Self {
            database: name.to_owned(),
            login: format!("assistant@{name}.example"),
            password: secret.to_owned(),
            api_key: secret.to_owned(),
            has_json2: true,
            has_json_rpc: true,
            forbidden: Vec::new(),
            records: records::of_a_baker(name),
        }
    }
}

/// An Odoo; it stops when it is dropped.
#[derive(Debug)]
pub struct Odoo(Provider);

impl Odoo {
    /// Serves a company's Odoo on a free port.
    pub async fn start(company: OdooCompany) -> Self {
        let routes = Router::new()
            .route("/json/2/{model}/{method}", post(json2))
            .route("/jsonrpc", post(json_rpc))
            .with_state(Arc::new(company));
        Self(Provider::start(routes).await)
    }
}

impl Deref for Odoo {
    type Target = Provider;

    fn deref(&self) -> &Provider {
        &self.0
    }
}

type Company = State<Arc<OdooCompany>>;

async fn json2(
    State(company): Company,
    Path((model, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: body::Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Without a database there is nobody to ask about the route, so the answer is a page.
    if !company.has_json2 || header("x-odoo-database") != company.database {
        return (StatusCode::NOT_FOUND, "<!doctype html><title>404 Not Found</title>").into_response();
    }
    if header("authorization") != format!("bearer {}", company.api_key) {
        return fault(&Failure::new("werkzeug.exceptions.Unauthorized", "Invalid apikey"), StatusCode::UNAUTHORIZED);
    }
    let Ok(arguments) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return fault(
            &Failure::new("werkzeug.exceptions.BadRequest", "could not parse the body as json"),
            StatusCode::BAD_REQUEST,
        );
    };
    match company.call(&model, &method, &arguments) {
        Ok(result) => Json(result).into_response(),
        Err(failure) => fault(&failure, failure.status()),
    }
}

/// An error of JSON-2 [K].
fn fault(failure: &Failure, status: StatusCode) -> Response {
    let body = json!({
        "name": failure.name, "message": failure.message, "arguments": [failure.message], "context": {},
        "debug": "Traceback (most recent call last): …",
    });
    (status, Json(body)).into_response()
}

async fn json_rpc(State(company): Company, Json(call): Json<Value>) -> Response {
    if !company.has_json_rpc {
        return StatusCode::NOT_FOUND.into_response();
    }
    let args = call.pointer("/params/args").and_then(Value::as_array).cloned().unwrap_or_default();
    let outcome = match (call.pointer("/params/service"), call.pointer("/params/method")) {
        (Some(service), Some(method)) if service == "common" && method == "authenticate" => company.log_in(&args),
        (Some(service), Some(method)) if service == "object" && method == "execute_kw" => company.execute(&args),
        _ => Err(Failure::new("builtins.KeyError", "no such service")),
    };
    let answer = match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
        Err(failure) => json!({"jsonrpc": "2.0", "id": call["id"], "error": {
            "code": 200, "message": "Odoo Server Error",
            "data": {"name": failure.name, "message": failure.message, "arguments": [], "debug": "Traceback …"},
        }}),
    };
    Json(answer).into_response()
}

impl OdooCompany {
    /// `[db, login, password, {}]`: the number of the user, or `false`.
    fn log_in(&self, args: &[Value]) -> Result<Value, Failure> {
        let [database, login, password, _] = args else {
            return Err(Failure::new("builtins.TypeError", "authenticate takes 4 arguments"));
        };
        self.check_database(database)?;
        let is_known = *login == self.login && self.accepts(password);
        Ok(if is_known { json!(UID) } else { json!(false) })
    }

    /// `[db, uid, password, model, method, args, kwargs]`.
    fn execute(&self, args: &[Value]) -> Result<Value, Failure> {
        let [database, uid, password, Value::String(model), Value::String(method), _, Value::Object(arguments)] = args
        else {
            return Err(Failure::new("builtins.TypeError", "execute_kw takes 7 arguments"));
        };
        self.check_database(database)?;
        if *uid != UID || !self.accepts(password) {
            return Err(Failure::new("odoo.exceptions.AccessDenied", "Access Denied"));
        }
        self.call(model, method, arguments)
    }

    fn accepts(&self, password: &Value) -> bool {
        *password == self.password || *password == self.api_key
    }

    fn check_database(&self, database: &Value) -> Result<(), Failure> {
        if *database == self.database {
            return Ok(());
        }
        let message = format!("connection to server failed: FATAL: database {database} does not exist");
        Err(Failure::new("psycopg2.OperationalError", message))
    }

    fn call(&self, model: &str, method: &str, arguments: &Map<String, Value>) -> Result<Value, Failure> {
        if model == "res.users" {
            return self.user(method, arguments);
        }
        let records = Records::of(&self.records, model)?;
        if self.forbidden.iter().any(|forbidden| forbidden == model) {
            let message = format!("You are not allowed to access '{model}' records.");
            return Err(Failure::new("odoo.exceptions.AccessError", message));
        }
        match method {
            "search_read" => records.search_read(arguments),
            _ => Err(records::no_method(model, method)),
        }
    }

    fn user(&self, method: &str, arguments: &Map<String, Value>) -> Result<Value, Failure> {
        match method {
            "context_get" => Ok(json!({"lang": "de_DE", "tz": "Europe/Berlin", "uid": UID})),
            "read" if arguments.get("ids") == Some(&json!([UID])) => Ok(json!([{"id": UID, "login": self.login}])),
            _ => Err(records::no_method("res.users", method)),
        }
    }
}

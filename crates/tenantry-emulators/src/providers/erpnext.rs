//! Stands in for a company's ERPNext: its documents, one user, and the REST API of Frappe with its refusals.
//!
//! After docs.frappe.io/framework (REST API, Token based authentication). What they leave open is marked [K].

mod documents;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::Provider;

/// A company with an ERPNext.
#[derive(Clone, Debug)]
pub struct ErpNextCompany {
    /// The user's e-mail address.
    pub user: String,
    /// The user's API key.
    pub api_key: String,
    /// The secret of the key.
    pub api_secret: String,
    /// Whether a key that is not known makes its bearer a guest, where it is mostly refused.
    pub welcomes_guests: bool,
    /// Document types that the user may not read.
    pub forbidden: Vec<String>,
    /// The documents by type. A type that is not among them does not exist.
    pub documents: Map<String, Value>,
}

impl ErpNextCompany {
    /// A company whose names begin with `name`.
    pub fn new(name: &str, api_key: &str, api_secret: &str) -> Self {
        Self {
            user: format!("assistant@{name}.example"),
            api_key: api_key.to_owned(),
            api_secret: api_secret.to_owned(),
            welcomes_guests: false,
            forbidden: Vec::new(),
            documents: documents::of_a_baker(name),
        }
    }
}

/// An ERPNext; it stops when it is dropped.
#[derive(Debug)]
pub struct ErpNext(Provider);

impl ErpNext {
    /// Serves a company's ERPNext on a free port.
    pub async fn start(company: ErpNextCompany) -> Self {
        let routes = Router::new()
            .route("/api/method/frappe.auth.get_logged_user", get(logged_user))
            .route("/api/resource/{doctype}", get(list))
            .with_state(Arc::new(company));
        Self(Provider::start(routes).await)
    }
}

impl Deref for ErpNext {
    type Target = Provider;

    fn deref(&self) -> &Provider {
        &self.0
    }
}

type Company = State<Arc<ErpNextCompany>>;

/// Why a request failed: the status, and the name of Frappe's exception.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }
}

/// The body of an error [K].
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, kind, message } = self;
        let told = json!([json!({"message": message, "indicator": "red"}).to_string()]).to_string();
        let exception = format!("frappe.exceptions.{kind}: {message}");
        (status, Json(json!({"exception": exception, "exc_type": kind, "_server_messages": told}))).into_response()
    }
}

async fn logged_user(State(company): Company, headers: HeaderMap) -> Response {
    match company.known(&headers) {
        Ok(user) => Json(json!({"message": user})).into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn list(
    State(company): Company,
    Path(doctype): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let found = company.known(&headers).and_then(|user| company.list(&user, &doctype, &query));
    match found {
        Ok(documents) => Json(json!({"data": documents})).into_response(),
        Err(failure) => failure.into_response(),
    }
}

impl ErpNextCompany {
    fn known(&self, headers: &HeaderMap) -> Result<String, Failure> {
        let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if token == format!("token {}:{}", self.api_key, self.api_secret) {
            return Ok(self.user.clone());
        }
        if self.welcomes_guests {
            return Ok("Guest".to_owned());
        }
        Err(Failure::new(StatusCode::UNAUTHORIZED, "AuthenticationError", "Authentication failed"))
    }

    fn list(&self, user: &str, doctype: &str, query: &HashMap<String, String>) -> Result<Vec<Value>, Failure> {
        let documents = self.documents.get(doctype).and_then(Value::as_array).ok_or_else(|| {
            Failure::new(StatusCode::NOT_FOUND, "DoesNotExistError", format!("DocType {doctype} not found"))
        })?;
        if user == "Guest" || self.forbidden.iter().any(|forbidden| forbidden == doctype) {
            let message =
                format!("User {user} does not have doctype access via role permission for document {doctype}");
            return Err(Failure::new(StatusCode::FORBIDDEN, "PermissionError", message));
        }
        documents::select(documents, query)
    }
}

//! Stands in for Google Calendar: calendars, a key, and `events.list` with its refusals.
//!
//! After developers.google.com/workspace/calendar/api/v3/reference/events/list; its parameters and fields are held to
//! the published discovery document by a test. What that leaves open is marked [K].

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Provider;

/// What Google knows: a key, and the public calendars by their ids, each with its events.
#[derive(Clone, Debug)]
pub struct Calendars {
    /// The key that is good.
    pub api_key: String,
    /// The events of each public calendar, as the API shows them.
    pub events: BTreeMap<String, Vec<Value>>,
}

impl Calendars {
    /// One calendar with an hour, a whole day, and an event that was called off.
    pub fn new(calendar: &str, api_key: &str) -> Self {
        let at = |time: &str| json!({"dateTime": time, "timeZone": "Europe/Berlin"});
        let events = vec![
            event("e1", "Baking with children", &at("2026-11-27T15:00:00+01:00"), &at("2026-11-27T17:00:00+01:00")),
            event("e2", "Stocktaking", &json!({"date": "2026-11-30"}), &json!({"date": "2026-12-01"})),
            event("e3", "Christmas market", &at("2026-12-05T10:00:00+01:00"), &at("2026-12-05T20:00:00+01:00")),
        ];
        Self { api_key: api_key.to_owned(), events: BTreeMap::from([(calendar.to_owned(), events)]) }
    }
}

fn event(id: &str, summary: &str, start: &Value, end: &Value) -> Value {
    json!({
        "kind": "calendar#event", "id": id, "status": "confirmed", "summary": summary, "location": "Freiburg",
        "start": start, "end": end,
    })
}

/// Google Calendar; it stops when it is dropped.
#[derive(Debug)]
pub struct GoogleCalendar(Provider);

impl GoogleCalendar {
    /// Serves calendars on a free port; its origin stands for `https://www.googleapis.com/calendar/v3`.
    pub async fn start(calendars: Calendars) -> Self {
        let routes = Router::new().route("/calendars/{id}/events", get(list)).with_state(Arc::new(calendars));
        Self(Provider::start(routes).await)
    }

    /// The parameters that are understood; others are refused, so that a misspelt one is noticed.
    pub const PARAMETERS: [&str; 6] = ["key", "maxResults", "orderBy", "singleEvents", "timeMax", "timeMin"];
}

impl Deref for GoogleCalendar {
    type Target = Provider;

    fn deref(&self) -> &Provider {
        &self.0
    }
}

async fn list(
    State(calendars): State<Arc<Calendars>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    match calendars.list(&id, &query) {
        Ok(answer) => Json(answer).into_response(),
        Err((status, reason, message)) => refusal(status, reason, message),
    }
}

/// The body of an error; that of a bad key has details besides.
fn refusal(status: StatusCode, reason: &str, message: &str) -> Response {
    let mut error = json!({
        "code": status.as_u16(), "message": message,
        "errors": [{"domain": "global", "reason": reason, "message": message}],
    });
    if reason == "badRequest" && message.starts_with("API key") {
        error["status"] = json!("INVALID_ARGUMENT");
        error["details"] = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
    }
    (status, Json(json!({"error": error}))).into_response()
}

type Refusal = (StatusCode, &'static str, &'static str);

const BAD: StatusCode = StatusCode::BAD_REQUEST;

impl Calendars {
    fn list(&self, id: &str, query: &HashMap<String, String>) -> Result<Value, Refusal> {
        let given = |name: &str| query.get(name).map(String::as_str);
        match given("key") {
            Some(key) if key == self.api_key => {}
            Some(_) => return Err((BAD, "badRequest", "API key not valid. Please pass a valid API key.")),
            None => return Err((StatusCode::FORBIDDEN, "forbidden", "The request is missing a valid API key.")),
        }
        if query.keys().any(|name| !GoogleCalendar::PARAMETERS.contains(&name.as_str())) {
            return Err((BAD, "invalidParameter", "Unknown parameter"));
        }
        let events = self.events.get(id).ok_or((StatusCode::NOT_FOUND, "notFound", "Not Found"))?;
        if given("orderBy") == Some("startTime") && given("singleEvents") != Some("true") {
            let message = "The requested ordering is not available for the particular query.";
            return Err((BAD, "orderingNotAvailable", message));
        }
        let (from, to) = (time(given("timeMin"))?, time(given("timeMax"))?);
        let mut items: Vec<_> = events
            .iter()
            .filter(|event| from.is_none_or(|from| moment(&event["end"]) > from))
            .filter(|event| to.is_none_or(|to| moment(&event["start"]) < to))
            .cloned()
            .collect();
        items.sort_by_key(|event| moment(&event["start"]));
        items.truncate(given("maxResults").and_then(|most| most.parse().ok()).unwrap_or(250));
        Ok(json!({"kind": "calendar#events", "summary": "Events", "timeZone": "Europe/Berlin", "items": items}))
    }
}

/// A bound is a time with its offset.
fn time(text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    text.map(str::parse).transpose().map_err(|_| (BAD, "badRequest", "Bad Request"))
}

/// When an event begins or ends; a day begins at midnight, here of UTC.
fn moment(value: &Value) -> Timestamp {
    let text = |name: &str| value[name].as_str();
    match (text("dateTime"), text("date")) {
        (Some(time), _) => time.parse().expect("a test's event has good times"),
        (None, day) => {
            let midnight = format!("{}T00:00:00Z", day.unwrap_or_default());
            midnight.parse().expect("a test's event has a time or a day")
        }
    }
}

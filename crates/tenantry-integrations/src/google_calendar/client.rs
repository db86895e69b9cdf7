//! Asks Google Calendar for events.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::GoogleCalendar;
use crate::call::{CallError, malformed, refused};
use crate::egress::{Egress, Endpoint, Request, Response};
use crate::erp::text;
use crate::redact::redact;
use crate::verify::Identity;

/// The most events that are asked for.
const MOST_EVENTS: u32 = 50;
/// What Google calls a key that is none, or that this API is closed to.
const BAD_KEYS: [&str; 3] = ["API_KEY_INVALID", "keyInvalid", "API_KEY_SERVICE_BLOCKED"];
/// What Google calls too many requests; it says so with status 403.
const TOO_MANY: [&str; 3] = ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"];

/// Asks Google Calendar; a clone shares its connections.
#[derive(Clone, Debug)]
pub struct CalendarClient {
    egress: Egress,
    base: Endpoint,
}

/// An event of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CalendarEvent {
    /// What it is called.
    pub title: String,
    /// When it begins.
    pub start: Moment,
    /// When it ends: behind its last day, if it lasts whole days.
    pub end: Moment,
    /// Where it is, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// A point in time as the calendar writes it: with the hour, or a whole day (`2026-11-27`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Moment(pub String);

impl CalendarClient {
    /// A client of the API at `base`.
    pub fn new(egress: Egress, base: Endpoint) -> Self {
        Self { egress, base }
    }

    /// Asks whether the calendar can be read.
    pub async fn verify(&self, google: &GoogleCalendar) -> Result<Identity, CallError> {
        let mut url = self.events_url(google);
        url.query_pairs_mut().append_pair("maxResults", "1");
        let answer = self.read(google, url).await?;
        if answer["kind"] != "calendar#events" {
            return Err(malformed("it is no list of events"));
        }
        let title = text(&answer["summary"]).unwrap_or_else(|| google.calendar_id.clone());
        Ok(Identity::new(format!("the calendar {}", redact(&title, &[&google.api_key]))))
    }

    /// Lists the events of a span of time, the earliest first; those that repeat, each time that they do.
    pub async fn events(
        &self,
        google: &GoogleCalendar,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<CalendarEvent>, CallError> {
        let mut url = self.events_url(google);
        url.query_pairs_mut()
            .append_pair("timeMin", &from.to_string())
            .append_pair("timeMax", &to.to_string())
            .append_pair("singleEvents", "true")
            .append_pair("orderBy", "startTime")
            .append_pair("maxResults", &MOST_EVENTS.to_string());
        let answer = self.read(google, url).await?;
        let items = answer["items"].as_array().ok_or_else(|| malformed("it has no list of events"))?;
        Ok(items.iter().filter_map(event).collect())
    }

    fn events_url(&self, google: &GoogleCalendar) -> Url {
        // One segment, whatever is in the calendar's name.
        let mut url = self.base.join("calendars");
        let mut segments = url.path_segments_mut().expect("an http URL has a path");
        segments.push(&google.calendar_id).push("events");
        drop(segments);
        url
    }

    async fn read(&self, google: &GoogleCalendar, url: Url) -> Result<Value, CallError> {
        let request = Request::get(url).query_secret("key", google.api_key.clone());
        parse(&self.egress.send(request).await?, google)
    }
}

fn event(item: &Value) -> Option<CalendarEvent> {
    let moment = |value: &Value| text(&value["dateTime"]).or_else(|| text(&value["date"])).map(Moment);
    if item["status"] == "cancelled" {
        return None;
    }
    Some(CalendarEvent {
        title: text(&item["summary"]).unwrap_or_else(|| "(no title)".to_owned()),
        start: moment(&item["start"])?,
        end: moment(&item["end"])?,
        location: text(&item["location"]),
    })
}

/// Reads an answer. A key that is none is told with status 400, and too many requests with 403.
fn parse(response: &Response, google: &GoogleCalendar) -> Result<Value, CallError> {
    let (status, headers) = (response.status(), response.headers());
    if status.is_success() {
        return Ok(response.json()?);
    }
    let told = response.json().unwrap_or_default();
    let reasons: Vec<_> = reasons(&told["error"]).collect();
    let says = |words: &[&str]| reasons.iter().any(|reason| words.contains(reason));
    if says(&BAD_KEYS) {
        return Err(CallError::Unauthorized);
    }
    if says(&TOO_MANY) {
        return Err(CallError::RateLimited { retry_after: crate::call::retry_after(headers) });
    }
    let message = told["error"]["message"].as_str().map(|text| redact(text, &[&google.api_key]));
    let hint = (status.as_u16() == 404).then(|| "there is no such calendar, or it is not public".to_owned());
    Err(refused(status, headers, hint.or(message)))
}

/// The words by which Google says why: in `errors`, and in `details` of the newer form.
fn reasons(error: &Value) -> impl Iterator<Item = &str> {
    let lists = [&error["errors"], &error["details"]].into_iter().filter_map(Value::as_array);
    lists.flatten().filter_map(|entry| entry["reason"].as_str())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;
    use tenantry_core::secret::SecretText;

    use super::*;

    fn google() -> GoogleCalendar {
        let api_key = SecretText::new("CANARY-google-key".to_owned());
        GoogleCalendar { api_key, calendar_id: "a/b c@group.calendar.google.com".to_owned() }
    }

    fn refusal(status: u16, error: &Value) -> CallError {
        let body = json!({"error": error}).to_string();
        parse(&Response::new(StatusCode::from_u16(status).unwrap(), HeaderMap::new(), body), &google()).unwrap_err()
    }

    #[test]
    fn the_words_of_google_tell_a_bad_key_from_a_full_quota() {
        let invalid = json!({"code": 400, "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]});
        assert_eq!(refusal(400, &invalid), CallError::Unauthorized);
        let older = json!({"errors": [{"domain": "usageLimits", "reason": "keyInvalid"}], "code": 400});
        assert_eq!(refusal(400, &older), CallError::Unauthorized);
        let full = json!({"errors": [{"reason": "rateLimitExceeded"}], "code": 403, "message": "Rate Limit Exceeded"});
        assert_eq!(refusal(403, &full), CallError::RateLimited { retry_after: None });
        let closed = json!({"errors": [{"reason": "accessNotConfigured"}], "message": "no API for CANARY-google-key"});
        let reason = "no API for ***".to_owned();
        assert_eq!(refusal(403, &closed), CallError::Rejected { status: 403, reason });
        let reason = "there is no such calendar, or it is not public".to_owned();
        assert_eq!(refusal(404, &json!({"message": "Not Found"})), CallError::Rejected { status: 404, reason });
    }

    #[test]
    fn a_calendars_name_is_one_segment() {
        let client = CalendarClient::new(Egress::builder().build(), crate::bases::Bases::default().google_calendar);
        let url = client.events_url(&google());
        assert_eq!(url.path(), "/calendar/v3/calendars/a%2Fb%20c@group.calendar.google.com/events");
    }

    #[test]
    fn an_event_that_was_cancelled_or_has_no_time_is_none() {
        let day = json!({"date": "2026-11-27"});
        let whole = json!({"summary": "Baking day", "start": day, "end": {"date": "2026-11-28"}});
        assert_eq!(event(&whole).unwrap().start, Moment("2026-11-27".to_owned()));
        assert_eq!(event(&json!({"status": "cancelled", "start": day, "end": day})), None);
        assert_eq!(event(&json!({"summary": "x"})), None);
    }
}

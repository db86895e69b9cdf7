//! Google Calendar: public calendars, read with a key that stands in the query.

use serde_json::json;
use tenantry_core::secret::SecretText;
use tenantry_emulators::providers::{Calendars, Fault, GoogleCalendar as Server};
use tenantry_integrations::call::CallError;
use tenantry_integrations::google_calendar::{CalendarClient, CalendarEvent, GoogleCalendar};
use tenantry_integrations::verify::Identity;

use crate::site::{SECRET, Site, failed, secret};

const CALENDAR: &str = "c_01/23 ab@group.calendar.google.com";

fn section() -> GoogleCalendar {
    GoogleCalendar { api_key: secret(), calendar_id: CALENDAR.to_owned() }
}

fn client(site: &Site) -> CalendarClient {
    CalendarClient::new(site.egress.clone(), site.endpoint(""))
}

pub(crate) async fn verify(site: Site) -> Result<Identity, CallError> {
    client(&site).verify(&section()).await
}

pub(crate) async fn events(site: Site) -> Result<Vec<CalendarEvent>, CallError> {
    listed(&client(&site), &section()).await
}

async fn listed(client: &CalendarClient, google: &GoogleCalendar) -> Result<Vec<CalendarEvent>, CallError> {
    let (from, to) = ("2026-11-27T00:00:00Z".parse().unwrap(), "2026-12-01T00:00:00Z".parse().unwrap());
    client.events(google, from, to).await
}

async fn asking() -> (Server, CalendarClient) {
    let server = Server::start(Calendars::new(CALENDAR, SECRET)).await;
    let client = client(&Site::of(&server));
    (server, client)
}

#[tokio::test]
async fn a_connection_is_verified() {
    let (_server, client) = asking().await;
    assert_eq!(client.verify(&section()).await.unwrap(), Identity::new("the calendar Events"));
}

#[tokio::test]
async fn events_of_a_span_are_listed_and_no_others() {
    let (server, client) = asking().await;
    let expected = json!([
        {"title": "Baking with children", "start": "2026-11-27T15:00:00+01:00", "end": "2026-11-27T17:00:00+01:00",
         "location": "Freiburg"},
        {"title": "Stocktaking", "start": "2026-11-30", "end": "2026-12-01", "location": "Freiburg"},
    ]);
    assert_eq!(serde_json::to_value(listed(&client, &section()).await.unwrap()).unwrap(), expected);
    let [seen] = &server.take_seen()[..] else { panic!("one request") };
    assert!(seen.query.contains("CANARY") && !seen.path.contains("CANARY"), "the key goes where Google takes it");
    assert!(seen.headers.values().all(|value| !String::from_utf8_lossy(value.as_bytes()).contains("CANARY")));
}

#[tokio::test]
async fn a_wrong_key_is_unauthorized() {
    let (_server, client) = asking().await;
    let google = GoogleCalendar { api_key: SecretText::new("CANARY-wrong".to_owned()), ..section() };
    assert_eq!(failed(client.verify(&google).await), CallError::Unauthorized);
    assert_eq!(failed(listed(&client, &google).await), CallError::Unauthorized);
}

#[tokio::test]
async fn a_calendar_that_is_not_public_is_rejected() {
    let (_server, client) = asking().await;
    let google = GoogleCalendar { calendar_id: "another@group.calendar.google.com".to_owned(), ..section() };
    let reason = "there is no such calendar, or it is not public".to_owned();
    assert_eq!(failed(client.verify(&google).await), CallError::Rejected { status: 404, reason });
}

#[tokio::test]
async fn a_full_quota_is_rate_limited() {
    let (server, client) = asking().await;
    let error = json!({"code": 403, "message": "Quota", "errors": [{"reason": "userRateLimitExceeded"}]});
    server.fail_next(Fault::Status(403, json!({"error": error})));
    assert_eq!(failed(client.verify(&section()).await), CallError::RateLimited { retry_after: None });
}

#[tokio::test]
async fn a_reason_that_echoes_the_url_shows_no_key() {
    let (server, client) = asking().await;
    let message = format!("Requests to /calendars?key={SECRET}&maxResults=1 are blocked.");
    server.fail_next(Fault::Status(403, json!({"error": {"code": 403, "message": message}})));
    let reason = "Requests to /calendars?key=***&maxResults=1 are blocked.".to_owned();
    assert_eq!(failed(client.verify(&section()).await), CallError::Rejected { status: 403, reason });
}

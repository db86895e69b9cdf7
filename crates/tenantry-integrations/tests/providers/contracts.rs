//! Clients and stand-ins are held to what providers publish of their APIs: what goes over the wire exists there.

use http::Method;
use serde_json::{Value, json};
use tenantry_emulators::contracts::{self, TypeScript};
use tenantry_emulators::providers::{Calendars, Class, GoogleCalendar, Seen, Weaviate, WeaviateCluster};
use tenantry_integrations::egress::Request;
use tenantry_integrations::google_calendar::CalendarClient;
use tenantry_integrations::weaviate::WeaviateClient;

use crate::site::{SECRET, Site, secret};

fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn assert_within(found: &[&str], published: &[&str], what: &str) {
    let missing: Vec<_> = found.iter().filter(|name| !published.contains(name)).collect();
    assert!(missing.is_empty(), "{what}: {missing:?} is not published");
    assert!(!found.is_empty(), "{what}: nothing was there to be compared");
}

/// What the client asks for in both of its calls.
async fn asked_of_google(calendar: &str) -> Vec<Seen> {
    let server = GoogleCalendar::start(Calendars::new(calendar, SECRET)).await;
    let site = Site::of(&server);
    let client = CalendarClient::new(site.egress.clone(), site.endpoint(""));
    let google =
        tenantry_integrations::google_calendar::GoogleCalendar { api_key: secret(), calendar_id: calendar.to_owned() };
    client.verify(&google).await.unwrap();
    let (from, to) = ("2026-11-27T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(client.events(&google, from, to).await.unwrap().len(), 3);
    server.take_seen()
}

#[tokio::test]
async fn the_calendar_is_asked_as_the_discovery_document_has_it() {
    let document = contracts::google_calendar();
    let list = &document["resources"]["events"]["methods"]["list"];
    let known = [names(&list["parameters"]), names(&document["parameters"])].concat();
    assert_within(&GoogleCalendar::PARAMETERS, &known, "the parameters of the stand-in");
    assert_eq!(document["baseUrl"], "https://www.googleapis.com/calendar/v3/");
    let path = list["path"].as_str().unwrap().replace("{calendarId}", "acme");
    for seen in asked_of_google("acme").await {
        assert_eq!((seen.method, seen.path), (Method::GET, format!("/{path}")));
        let query: Vec<_> = url::form_urlencoded::parse(seen.query.as_bytes()).collect();
        let given: Vec<_> = query.iter().map(|(name, _)| name.as_ref()).collect();
        assert_within(&given, &known, "the parameters of the client");
        for (name, value) in &query {
            if let Some(values) = list["parameters"][name.as_ref()]["enum"].as_array() {
                assert!(values.contains(&json!(value)), "{name}={value}");
            }
        }
    }
    for name in ["timeMin", "timeMax"] {
        assert_eq!(list["parameters"][name]["format"], "date-time");
    }
}

#[tokio::test]
async fn the_calendar_stand_in_answers_with_published_fields() {
    let document = contracts::google_calendar();
    let fields = |schema: &str| names(&document["schemas"][schema]["properties"]);
    let server = GoogleCalendar::start(Calendars::new("acme", SECRET)).await;
    let request = Request::get(Site::of(&server).endpoint("").join("calendars/acme/events"));
    let answer = Site::of(&server).egress.send(request.query_secret("key", secret())).await.unwrap().json().unwrap();
    assert_within(&names(&answer), &fields("Events"), "the answer");
    for event in answer["items"].as_array().unwrap() {
        assert_within(&names(event), &fields("Event"), "an event");
        assert_within(&names(&event["start"]), &fields("EventDateTime"), "a beginning");
        assert_within(&names(&event["end"]), &fields("EventDateTime"), "an end");
    }
}

#[tokio::test]
async fn weaviate_is_asked_and_answers_as_its_types_have_it() {
    let types = contracts::weaviate();
    let class = Class::of_texts("Handbook", None, &[("Keys", "The mill has two")]);
    let server = Weaviate::start(WeaviateCluster { api_key: SECRET.to_owned(), classes: vec![class] }).await;
    let site = Site::of(&server);
    let weaviate = tenantry_integrations::weaviate::Weaviate { url: site.endpoint(""), api_key: secret() };
    let client = WeaviateClient::new(site.egress.clone());
    client.verify(&weaviate).await.unwrap();
    assert_eq!(client.search(&weaviate, "keys", 3).await.unwrap().len(), 1);
    let mut answers = Vec::new();
    for seen in server.take_seen() {
        assert_asked_as_published(&types, &seen);
        answers.push(answer_to(&site, &seen).await);
    }
    let [meta, schema, refused, found] = &answers[..] else { panic!("four requests") };
    assert_within(&names(meta), &types.members("Meta"), "meta");
    assert_within(&names(schema), &types.members("Schema"), "the schema");
    assert_within(&names(&schema["classes"][0]), &types.members("Class"), "a class");
    assert_within(&names(&schema["classes"][0]["properties"][0]), &types.members("Property"), "a property");
    for answer in [refused, found] {
        assert_within(&names(answer), &types.members("GraphQLResponse"), "an answer");
    }
    assert_within(&names(&refused["errors"][0]), &types.members("GraphQLError"), "an error");
}

fn assert_asked_as_published(types: &TypeScript, seen: &Seen) {
    let path = seen.path.strip_prefix("/v1").expect("the version stands in front of the path");
    let method = seen.method.as_str().to_lowercase();
    assert!(types.members(path).contains(&method.as_str()), "{method} {path}");
    if seen.method == Method::POST {
        assert_within(&names(&seen.json()), &types.members("GraphQLQuery"), "a question");
    }
}

/// What the stand-in answers when it is asked the same again.
async fn answer_to(site: &Site, seen: &Seen) -> Value {
    let url = site.endpoint("").join(&seen.path);
    let request = if seen.method == Method::POST { Request::post(url, seen.json()) } else { Request::get(url) };
    site.egress.send(request.authorization("Bearer", secret())).await.unwrap().json().unwrap()
}

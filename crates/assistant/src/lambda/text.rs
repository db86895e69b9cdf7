//! An event as it arrives: a text, which is read strictly, so that no two readers can take it for two things.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tenantry::problem::Problem;
use tenantry_core::json::{self, JsonError};

use super::shape::Shape;

/// The text of an event; nothing if what arrived is no JSON.
///
/// Every input can be deserialized as one: what cannot be read is found out later, where there is an answer to it.
#[derive(Clone, Debug)]
pub struct EventText(Option<Box<RawValue>>);

impl<'de> Deserialize<'de> for EventText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer).ok()))
    }
}

impl EventText {
    /// Reads the event; the problem names the place, never a value.
    pub(super) fn parse(&self) -> Result<Value, Box<Problem>> {
        let text = self.0.as_ref().ok_or_else(|| Box::new(unreadable("not JSON")))?;
        json::parse_nullable(text.get()).map(Value::from).map_err(|error| Box::new(misread(&error)))
    }

    /// The shape of an event that cannot be read, by what can be recognized of it.
    pub(super) fn shape(&self) -> Shape {
        let Some(text) = &self.0 else { return Shape::Direct };
        let mut event = outlines(text);
        if let Some(context) = members(text).get("requestContext") {
            event["requestContext"] = outlines(context);
        }
        Shape::of(&event)
    }
}

/// Reads JSON that is within an event as a text; nothing if it cannot be read.
pub(super) fn strict(text: &str) -> Option<Value> {
    json::parse_nullable(text).ok().map(Value::from)
}

fn misread(error: &JsonError) -> Problem {
    unreadable(&error.fault.to_string()).at(&error.pointer)
}

fn unreadable(why: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "event_invalid", format!("the event cannot be read: {why}"))
}

/// The members of an object, unread; none if it is no object.
fn members(raw: &RawValue) -> BTreeMap<String, &RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// An object with members of the same kinds, and nothing in them.
fn outlines(raw: &RawValue) -> Value {
    let outline = |raw: &RawValue| match raw.get().as_bytes().first() {
        Some(b'{') => json!({}),
        Some(b'"') => json!(""),
        _ => Value::Null,
    };
    members(raw).into_iter().map(|(name, member)| (name, outline(member))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(text: &str) -> EventText {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_event_is_read_with_its_nulls() {
        let text = r#"{"a":[null,{"b":null}],"c":1.5,"d":"x"}"#;
        assert_eq!(event(text).parse().unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_place_and_not_repeated() {
        for text in [r#"{"a":{"b":"CANARY","b":1}}"#, r#"{"a":{"b":"CANARY\ud800"}}"#] {
            let problem = event(text).parse().unwrap_err();
            assert_eq!((problem.status, problem.code), (StatusCode::BAD_REQUEST, "event_invalid"));
            assert_eq!(problem.errors[0].pointer, "/a/b");
            assert!(!problem.to_json().contains("CANARY"));
        }
        assert!(EventText(None).parse().is_err());
    }

    #[test]
    fn the_shape_is_seen_even_if_the_event_cannot_be_read() {
        let check = |text: &str, expected: Shape| assert_eq!(event(text).shape(), expected, "{text}");
        check(r#"{"x":"\ud800","requestContext":{"http":{"x":1,"x":2}}}"#, Shape::ApiGatewayV2);
        check(r#"{"x":"\ud800","requestContext":{"elb":{}},"multiValueHeaders":{}}"#, Shape::Alb { multi_value: true });
        check(r#"{"x":"\ud800","requestContext":{},"httpMethod":"GET"}"#, Shape::ApiGatewayV1);
        check(r#"{"x":"\ud800"}"#, Shape::Direct);
        check("7", Shape::Direct);
    }

    proptest! {
        #[test]
        fn every_text_is_an_event_of_some_shape(text in ".{0,40}") {
            let mut reader = serde_json::Deserializer::from_str(&text);
            let event = EventText::deserialize(&mut reader).unwrap();
            let _ = (event.parse(), event.shape());
        }
    }
}

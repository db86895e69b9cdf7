//! Tells the kinds of events apart, and gives each its own form of answer.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

/// What kind of event it is, which decides how it is read and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// API Gateway, payload format 1.0 (REST APIs, and HTTP APIs that ask for it).
    ApiGatewayV1,
    /// API Gateway, payload format 2.0 (HTTP APIs), and Function URLs, which use it too.
    ApiGatewayV2,
    /// Application Load Balancer.
    Alb {
        /// Whether the target group sends and wants lists of values: `lambda.multi_value_headers.enabled`.
        multi_value: bool,
    },
    /// The message itself, from a caller with permission to invoke the function.
    Direct,
}

impl Shape {
    /// Tells what kind of event it is. What looks like no HTTP request is a message, or nothing that is understood.
    pub(super) fn of(event: &Value) -> Self {
        let context = &event["requestContext"];
        if context["elb"].is_object() {
            Self::Alb { multi_value: event["multiValueHeaders"].is_object() }
        } else if context["http"].is_object() {
            Self::ApiGatewayV2
        } else if context.is_object() && event["httpMethod"].is_string() {
            Self::ApiGatewayV1
        } else {
            Self::Direct
        }
    }

    /// Puts an answer into the form that the event's sender understands.
    pub(super) fn answer(self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Value {
        let (text, is_base64) = match std::str::from_utf8(body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (STANDARD.encode(body), true),
        };
        let mut answer = match self {
            Self::Direct => return serde_json::from_str(&text).unwrap_or(Value::String(text)),
            Self::ApiGatewayV1 | Self::Alb { multi_value: true } => json!({ "multiValueHeaders": lists(headers) }),
            Self::ApiGatewayV2 => json!({ "headers": joined(headers), "cookies": cookies(headers) }),
            Self::Alb { multi_value: false } => json!({ "headers": joined(headers) }),
        };
        if matches!(self, Self::Alb { .. }) {
            answer["statusDescription"] = json!(status.to_string());
        }
        answer["statusCode"] = json!(status.as_u16());
        answer["body"] = json!(text);
        answer["isBase64Encoded"] = json!(is_base64);
        answer
    }
}

/// Every value of every header that is text, as all of ours are.
fn lists(headers: &HeaderMap) -> BTreeMap<&str, Vec<&str>> {
    let mut lists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers {
        lists.entry(name.as_str()).or_default().extend(value.to_str());
    }
    lists
}

fn joined(headers: &HeaderMap) -> Map<String, Value> {
    let lists = lists(headers).into_iter().filter(|(name, _)| *name != SET_COOKIE.as_str());
    lists.map(|(name, values)| (name.to_owned(), values.join(", ").into())).collect()
}

fn cookies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.append("vary", "origin".parse().unwrap());
        headers.append("vary", "accept".parse().unwrap());
        headers.append("set-cookie", "a=1".parse().unwrap());
        headers
    }

    fn check(shape: Shape, expected: &Value) {
        assert_eq!(&shape.answer(StatusCode::OK, &headers(), b"{}"), expected, "{shape:?}");
    }

    #[test]
    fn each_kind_of_event_gets_its_own_form_of_answer() {
        let lists = json!({"content-type": ["application/json"], "vary": ["origin", "accept"], "set-cookie": ["a=1"]});
        let (body, plain) = ("{}", false);
        check(
            Shape::ApiGatewayV1,
            &json!({"statusCode": 200, "multiValueHeaders": lists, "body": body, "isBase64Encoded": plain}),
        );
        check(
            Shape::ApiGatewayV2,
            &json!({
                "statusCode": 200, "headers": {"content-type": "application/json", "vary": "origin, accept"},
                "cookies": ["a=1"], "body": body, "isBase64Encoded": plain
            }),
        );
        check(
            Shape::Alb { multi_value: true },
            &json!({
                "statusCode": 200, "statusDescription": "200 OK", "multiValueHeaders": lists, "body": body,
                "isBase64Encoded": plain
            }),
        );
        check(Shape::Direct, &json!({}));
    }

    #[test]
    fn bytes_that_are_no_text_are_sent_in_base64() {
        let answer = Shape::ApiGatewayV2.answer(StatusCode::OK, &HeaderMap::new(), b"\xff\x00");
        assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    }
}

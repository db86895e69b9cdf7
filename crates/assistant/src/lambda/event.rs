//! Reads an event as the HTTP request that it stands for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::shape::Shape;
use crate::channels::http::MESSAGES;
use tenantry::problem::Problem;

/// Reads an event of a shape; the error says what cannot be read, never the value.
pub(super) fn read(event: &Value, shape: Shape) -> Result<Request<Vec<u8>>, Unreadable> {
    match shape {
        Shape::Direct => direct(event),
        Shape::ApiGatewayV1 | Shape::Alb { .. } => {
            request(event, &event["httpMethod"], path(&event["path"])?, &query(event, shape))
        }
        Shape::ApiGatewayV2 => request(
            event,
            &event["requestContext"]["http"]["method"],
            path_behind_stage(event)?,
            event["rawQueryString"].as_str().unwrap_or_default(),
        ),
    }
}

fn request(event: &Value, method: &Value, path: &str, query: &str) -> Result<Request<Vec<u8>>, Unreadable> {
    let mut request = Request::new(body(event)?);
    *request.method_mut() = method
        .as_str()
        .and_then(|method| Method::from_bytes(method.as_bytes()).ok())
        .ok_or(Unreadable("its HTTP method"))?;
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    *request.uri_mut() = target.parse::<Uri>().map_err(|_| Unreadable("its path or query"))?;
    *request.headers_mut() = headers(event)?;
    Ok(request)
}

fn path(path: &Value) -> Result<&str, Unreadable> {
    path.as_str().filter(|path| path.starts_with('/')).ok_or(Unreadable("its path"))
}

/// The path as the client wrote it has the stage in front, unless that is the default one.
fn path_behind_stage(event: &Value) -> Result<&str, Unreadable> {
    let path = path(&event["rawPath"])?;
    let stage = event["requestContext"]["stage"].as_str().unwrap_or("$default");
    let behind = path.strip_prefix('/').and_then(|rest| rest.strip_prefix(stage));
    Ok(behind.filter(|rest| rest.starts_with('/')).unwrap_or(path))
}

/// The query. API Gateway decodes the parameters and a load balancer does not.
fn query(event: &Value, shape: Shape) -> String {
    let pairs = pairs(&event["multiValueQueryStringParameters"], &event["queryStringParameters"]);
    if matches!(shape, Shape::Alb { .. }) {
        return pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    }
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Names with their values, from lists if there are any, else from single ones.
fn pairs<'a>(lists: &'a Value, single: &'a Value) -> Vec<(&'a str, &'a str)> {
    if let Value::Object(lists) = lists {
        let texts = |values: &'a Value| values.as_array().into_iter().flatten().filter_map(Value::as_str);
        return lists.iter().flat_map(|(name, values)| texts(values).map(|value| (name.as_str(), value))).collect();
    }
    let single = single.as_object().into_iter().flat_map(Map::iter);
    single.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}

fn headers(event: &Value) -> Result<HeaderMap, Unreadable> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(&event["multiValueHeaders"], &event["headers"]) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unreadable("the name of a header"))?;
        let value = HeaderValue::from_str(value).map_err(|_| Unreadable("the value of a header"))?;
        headers.try_append(name, value).map_err(|_| Unreadable("its headers, of which there are too many"))?;
    }
    // They told of the body on its way to the gateway; ours is whole.
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    Ok(headers)
}

fn body(event: &Value) -> Result<Vec<u8>, Unreadable> {
    let text = match &event["body"] {
        Value::Null => return Ok(Vec::new()),
        Value::String(text) => text,
        _ => return Err(Unreadable("its body, which is no string")),
    };
    if event["isBase64Encoded"].as_bool().unwrap_or(false) {
        return STANDARD.decode(text).map_err(|_| Unreadable("its body, which is not in base64"));
    }
    Ok(text.clone().into_bytes())
}

/// A message by itself: its token stands for the `Authorization` header, the rest is the body.
fn direct(event: &Value) -> Result<Request<Vec<u8>>, Unreadable> {
    let Value::Object(fields) = event else {
        return Err(Unreadable("it, because it is no object"));
    };
    let mut fields = fields.clone();
    let mut request = Request::new(Vec::new());
    if let Some(token) = fields.remove("token") {
        request.headers_mut().insert(AUTHORIZATION, bearer(&token)?);
    }
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(MESSAGES);
    *request.body_mut() = Value::Object(fields).to_string().into_bytes();
    Ok(request)
}

fn bearer(token: &Value) -> Result<HeaderValue, Unreadable> {
    let text = token.as_str().map(|token| format!("Bearer {token}"));
    let mut value = text.and_then(|text| HeaderValue::try_from(text).ok()).ok_or(Unreadable("its token"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What of an event cannot be read; never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable(&'static str);

impl From<Unreadable> for Problem {
    fn from(Unreadable(what): Unreadable) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "event_invalid", format!("the event cannot be read: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn example(name: &str) -> Value {
        let path = format!("{}/../../examples/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn check(event: &Value, expected: Shape) {
        let shape = Shape::of(event);
        assert_eq!(shape, expected);
        let request = read(event, shape).unwrap();
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::POST, MESSAGES), "{shape:?}");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert!(!request.headers().contains_key("content-length"));
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body, json!({"text": "When are you open on Saturday?", "dry_run": true}), "{shape:?}");
    }

    #[test]
    fn every_kind_of_event_is_the_same_request() {
        check(&example("api-gateway-v1"), Shape::ApiGatewayV1);
        check(&example("api-gateway-v2"), Shape::ApiGatewayV2);
        check(&example("function-url"), Shape::ApiGatewayV2);
        check(&example("alb"), Shape::Alb { multi_value: false });
        check(&example("alb-multi-value-headers"), Shape::Alb { multi_value: true });
        check(&example("direct"), Shape::Direct);
        check(&example("direct-with-tenant-id"), Shape::Direct);
    }

    #[test]
    fn the_query_is_kept_because_a_token_in_it_must_be_refused() {
        let uri = |name: &str, field: &str, value: Value| {
            let mut event = example(name);
            event[field] = value;
            read(&event, Shape::of(&event)).unwrap().uri().query().unwrap_or_default().to_owned()
        };
        assert_eq!(
            uri("api-gateway-v1", "multiValueQueryStringParameters", json!({"a b": ["1", "&"]})),
            "a+b=1&a+b=%26"
        );
        assert_eq!(uri("api-gateway-v1", "queryStringParameters", json!({"token": "t"})), "token=t");
        assert_eq!(uri("api-gateway-v2", "rawQueryString", json!("token=t")), "token=t");
        assert_eq!(uri("alb", "queryStringParameters", json!({"a%20b": "%26"})), "a%20b=%26");
    }

    #[test]
    fn a_header_that_comes_twice_stays_twice() {
        let mut event = example("api-gateway-v1");
        event["multiValueHeaders"]["x-tenant-id"] = json!(["acme", "beta"]);
        let request = read(&event, Shape::ApiGatewayV1).unwrap();
        assert_eq!(request.headers().get_all("x-tenant-id").iter().count(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_repeated() {
        let refused = |name: &str, change: fn(&mut Value)| {
            let mut event = example(name);
            change(&mut event);
            read(&event, Shape::of(&event)).unwrap_err()
        };
        let says = |refusal: Unreadable, what: &str| assert_eq!(refusal.0, what);
        says(refused("api-gateway-v1", |event| event["path"] = json!(null)), "its path");
        says(refused("api-gateway-v1", |event| event["body"] = json!({})), "its body, which is no string");
        says(refused("api-gateway-v2", |event| event["rawPath"] = json!("/a b")), "its path or query");
        says(refused("function-url", |event| event["body"] = json!("***")), "its body, which is not in base64");
        says(refused("alb", |event| event["headers"] = json!({"x": "CANARY\n"})), "the value of a header");
        says(refused("alb", |event| event["headers"] = json!({"CANARY x": ""})), "the name of a header");
        says(refused("alb", |event| event["httpMethod"] = json!(7)), "its HTTP method");
        says(refused("direct", |event| event["token"] = json!(["CANARY"])), "its token");
        says(read(&json!([]), Shape::Direct).unwrap_err(), "it, because it is no object");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), ".{0,8}".prop_map(Value::from)];
        let name = prop::sample::select(vec![
            "requestContext",
            "http",
            "elb",
            "method",
            "httpMethod",
            "path",
            "rawPath",
            "headers",
            "body",
            "stage",
            "multiValueHeaders",
            "queryStringParameters",
            "rawQueryString",
            "isBase64Encoded",
            "token",
            "text",
        ]);
        leaf.prop_recursive(3, 24, 6, move |inner| {
            let fields = prop::collection::hash_map(name.clone(), inner.clone(), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(Value::from),
                fields.prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_event_is_more_than_refused(event in any_json()) {
            let _ = read(&event, Shape::of(&event)).map_err(|Unreadable(what)| assert!(!what.is_empty()));
        }
    }
}

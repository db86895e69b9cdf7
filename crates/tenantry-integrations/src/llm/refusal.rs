//! Reads what a provider says when it refuses.
//!
//! Shapes that occur: `{"error":{"message","type","code":"invalid_api_key"}}` (OpenAI),
//! `{"error":{"code":429,"message","metadata"}}` also with status 200 or within a choice (OpenRouter),
//! `{"message","type","code"}` (Cerebras), and for servers of the same dialect `{"error":"…"}` and `{"detail":"…"}`.

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tenantry_core::secret::SecretText;

use crate::call::{CallError, refused, rejected};
use crate::egress::Response;
use crate::redact::redact;

/// What OpenAI calls an account without credit; it answers 429, but waiting does not help.
const NO_CREDIT: &str = "insufficient_quota";

/// Finds the refusal in an answer; `None` is an answer that went well.
pub(super) fn refusal(response: &Response, json: Option<&Value>, key: &SecretText) -> Option<CallError> {
    let fault = json.and_then(fault);
    let status = refused_status(response.status(), fault)?;
    let reason = json.and_then(|json| message(fault.unwrap_or(json))).map(|text| redact(text, &[key]));
    Some(error(status, reason, is_out_of_credit(fault), response.headers()))
}

fn error(status: StatusCode, reason: Option<String>, out_of_credit: bool, headers: &HeaderMap) -> CallError {
    if out_of_credit { rejected(status, reason) } else { refused(status, headers, reason) }
}

/// The error within an answer, if there is one.
fn fault(json: &Value) -> Option<&Value> {
    json.get("error").or_else(|| json.pointer("/choices/0/error")).filter(|fault| !fault.is_null())
}

/// The status of a refusal: the answer's, or where that claims success, the error's own code.
fn refused_status(status: StatusCode, fault: Option<&Value>) -> Option<StatusCode> {
    if !status.is_success() {
        return Some(status);
    }
    let code = fault?.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let own = code.and_then(|code| StatusCode::from_u16(code).ok());
    Some(own.filter(|own| own.is_client_error() || own.is_server_error()).unwrap_or(StatusCode::BAD_REQUEST))
}

fn message(fault: &Value) -> Option<&str> {
    let named = ["message", "detail"].iter().find_map(|name| fault.get(name));
    named.unwrap_or(fault).as_str().filter(|text| !text.trim().is_empty())
}

fn is_out_of_credit(fault: Option<&Value>) -> bool {
    fault.is_some_and(|fault| fault["code"] == NO_CREDIT || fault["type"] == NO_CREDIT)
}

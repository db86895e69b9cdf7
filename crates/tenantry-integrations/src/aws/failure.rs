//! What a failed call of an AWS service means for the caller.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::call::{CallError, malformed};
use crate::redact::redact;

/// Who asks is not known: the credentials must change.
const UNKNOWN_CALLERS: [&str; 10] = [
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "ExpiredTokenException",
    "ExpiredToken",
    "InvalidToken",
];

/// Too many calls.
const THROTTLED: [&str; 11] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottledException",
    "RequestThrottled",
    "KMS.ThrottlingException",
    "TooManyRequestsException",
    "LimitExceededException",
    "SlowDown",
];

/// Codes whose messages may repeat what was sent.
const REPEATING: [&str; 4] =
    ["ValidationException", "SerializationException", "InvalidRequest", "InvalidMessageContents"];

/// What is said of an answer that is not of the API.
const UNREADABLE: &str = "the answer cannot be read";

/// Makes the error of a failed call: never what was sent or stored. `limit` is how long one try could take.
pub(crate) fn failed<E>(error: &SdkError<E, HttpResponse>, limit: Duration) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(_) => of_answer(status(error), error.code(), error.message()),
        SdkError::TimeoutError(_) => CallError::TimedOut { limit },
        SdkError::ResponseError(_) => malformed(UNREADABLE),
        // No call was made, or no answer came: the cause is the transport's, and has nothing of the request in it.
        _ => CallError::Unreachable { reason: no_answer(error) },
    }
}

/// The status of a failed call's answer; 0 if there was none.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |answer| answer.status().as_u16())
}

/// The code of a failed call's answer; nothing if there was none.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error.code().unwrap_or_default()
}

fn of_answer(status: u16, code: Option<&str>, message: Option<&str>) -> CallError {
    // A success that the SDK could not read.
    if code.is_none() && (200..300).contains(&status) {
        return malformed(UNREADABLE);
    }
    let code = code.unwrap_or_default();
    if UNKNOWN_CALLERS.contains(&code) {
        return CallError::Unauthorized;
    }
    if THROTTLED.contains(&code) || status == 429 {
        return CallError::RateLimited { retry_after: None };
    }
    let message = message.filter(|_| !REPEATING.contains(&code)).unwrap_or_default();
    let told = [code, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    let told = if told.is_empty() { "it gave no reason".to_owned() } else { redact(&told, &[]) };
    if status >= 500 || code == "RequestTimeout" {
        return CallError::Unreachable { reason: format!("it answered with status {status}: {told}") };
    }
    CallError::Rejected { status, reason: told }
}

fn no_answer(error: &(dyn std::error::Error + 'static)) -> String {
    let told = chain(error);
    if told.contains("no credentials") || told.contains("credentials provider was not enabled") {
        let next = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID with its secret, or give this machine a role";
        return format!("no AWS credentials were found: {next}");
    }
    redact(&told, &[])
}

/// An error with its causes, one behind the other, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let (mut told, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.ends_with(&text) {
            let _ = fmt::Write::write_fmt(&mut told, format_args!(": {text}"));
        }
        next = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_known_by_its_code_or_status() {
        let of = |status, code, message| of_answer(status, Some(code), Some(message));
        assert_eq!(of(400, "UnrecognizedClientException", "x"), CallError::Unauthorized);
        assert_eq!(of(403, "InvalidAccessKeyId", "x"), CallError::Unauthorized);
        assert_eq!(of(400, "ThrottlingException", "x"), CallError::RateLimited { retry_after: None });
        assert_eq!(of(503, "SlowDown", "x"), CallError::RateLimited { retry_after: None });
        let denied = CallError::Rejected { status: 400, reason: "AccessDeniedException: not authorized".to_owned() };
        assert_eq!(of(400, "AccessDeniedException", "not authorized"), denied);
        assert!(matches!(of(500, "InternalServerError", "x"), CallError::Unreachable { .. }));
        assert!(matches!(of_answer(503, None, None), CallError::Unreachable { .. }));
        assert_eq!(of(403, "RequestThrottled", "x"), CallError::RateLimited { retry_after: None });
        assert_eq!(of_answer(200, None, None), malformed(UNREADABLE));
    }

    #[test]
    fn a_refusal_that_may_repeat_what_was_sent_keeps_its_code_alone() {
        let error = of_answer(400, Some("ValidationException"), Some("the value CANARY-acme is invalid"));
        assert_eq!(error, CallError::Rejected { status: 400, reason: "ValidationException".to_owned() });
    }
}

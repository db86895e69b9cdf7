//! What a failed call of an AWS service means for the caller.

use std::fmt;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

use crate::error::StoreError;

/// A service that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Amazon DynamoDB.
    DynamoDb,
    /// AWS Secrets Manager.
    SecretsManager,
    /// AWS Security Token Service.
    Sts,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DynamoDb => "DynamoDB",
            Self::SecretsManager => "Secrets Manager",
            Self::Sts => "STS",
        })
    }
}

/// What is told of a failed call: never what was sent or stored.
#[derive(Debug)]
pub(crate) struct Failure {
    service: Service,
    code: Option<String>,
    told: String,
    request_id: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.service)?;
        if let Some(code) = &self.code {
            write!(f, " answered {code}")?;
        }
        if !self.told.is_empty() {
            write!(f, ": {}", self.told)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Denials by their codes: whoever asks is known and refused, or is not known.
const DENIALS: [&str; 12] = [
    "AccessDeniedException",
    "AccessDenied",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "ExpiredTokenException",
    "ExpiredToken",
    "OptInRequired",
    // A key that was disabled, or that may not be used: the secret cannot be opened.
    "DecryptionFailure",
];

/// Passing troubles by their codes. An answer of a status from 500 counts as one whatever its code.
const PASSING: [&str; 14] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottledException",
    "TooManyRequestsException",
    "LimitExceededException",
    "InternalServerError",
    "InternalServiceError",
    "ServiceUnavailable",
    "TransactionInProgressException",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
];

/// Codes whose messages may repeat what was sent.
const REPEATING: [&str; 4] =
    ["ValidationException", "SerializationException", "InvalidParameterException", "InvalidRequestException"];

/// Makes the store's error of a failed call.
pub(crate) fn failed<E, R>(service: Service, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
    SdkError<E, R>: RequestId,
{
    let code = error.code();
    let request_id = error.request_id().map(str::to_owned);
    let told = match error {
        SdkError::ServiceError(_) => told(code, error.message()),
        // No answer at all, or none that can be read: the cause is the transport's, and has nothing of the request in it.
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ConstructionFailure(_) => chain(error),
        _ => "the answer cannot be read".to_owned(),
    };
    let failure = Box::new(Failure { service, code: code.map(str::to_owned), told, request_id });
    if !matches!(error, SdkError::ServiceError(_)) && failure.told.contains("no credentials") {
        let next = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID with its secret, or give this machine a role";
        return StoreError::CannotOpen(format!("no AWS credentials were found: {next}"));
    }
    match error {
        SdkError::ConstructionFailure(_) => StoreError::Denied(failure),
        SdkError::DispatchFailure(dispatch) if dispatch.is_user() => StoreError::Denied(failure),
        SdkError::ServiceError(_) => of_code(failure),
        _ => StoreError::Unavailable(failure),
    }
}

/// Whether IAM itself said no, and not another door behind it.
pub(crate) fn is_access_denied(error: &StoreError) -> bool {
    let StoreError::Denied(source) = error else { return false };
    let code = source.downcast_ref::<Failure>().and_then(|failure| failure.code.as_deref());
    matches!(code, Some("AccessDeniedException" | "AccessDenied"))
}

/// An error with its causes, one behind the other, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let (mut told, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.ends_with(&text) {
            told = format!("{told}: {text}");
        }
        next = cause.source();
    }
    told
}

fn told(code: Option<&str>, message: Option<&str>) -> String {
    match (code, message) {
        (Some(code), _) if REPEATING.contains(&code) => String::new(),
        (_, message) => message.unwrap_or_default().to_owned(),
    }
}

fn of_code(failure: Box<Failure>) -> StoreError {
    let code = failure.code.as_deref().unwrap_or_default();
    // Of a secret that is there and must not be used, Secrets Manager says that the request is invalid.
    let is_unusable_secret = code == "InvalidRequestException" && failure.service == Service::SecretsManager;
    // The ARN of the tenant role is none.
    let is_no_role = code == "ValidationError" && failure.service == Service::Sts;
    if DENIALS.contains(&code) || code.starts_with("KMS") || is_unusable_secret || is_no_role {
        return StoreError::Denied(failure);
    }
    if code == "ResourceNotFoundException" && failure.service == Service::DynamoDb {
        return StoreError::CannotOpen(format!("{failure}; run `tenantry init` with this --store to make the tables"));
    }
    if PASSING.contains(&code) {
        return StoreError::Unavailable(failure);
    }
    if code == "ValidationException" || code.starts_with("Invalid") || code.starts_with("Malformed") {
        let what = format!("{} refused a call as invalid", failure.service);
        return StoreError::Corrupt { what, source: Some(failure) };
    }
    // What is not known is taken for passing: an old answer with a label is better than none.
    StoreError::Unavailable(failure)
}

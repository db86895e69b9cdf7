//! What a sender is told when a message gets no answer.

use std::time::Duration;

use http::StatusCode;
use tenantry::problem::Problem;
use tenantry_integrations::call::CallError;
use tenantry_integrations::llm::Provider;

use crate::conversation::Refusal;
use crate::reply::ReplyError;

/// When a store of secrets is worth another try: the time that it is given to recover.
const SECRETS_RETRY: Duration = Duration::from_secs(5);
/// When a provider that names no time is worth another try.
const PROVIDER_RETRY: Duration = Duration::from_secs(10);

impl From<Refusal> for Problem {
    /// What is wrong with the message is 422; what is wrong with the configuration conflicts with any message: 409.
    fn from(refusal: Refusal) -> Self {
        match refusal.field() {
            Some(field) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.code(), refusal.to_string()).at(format!("/{field}"))
            }
            None => Self::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string()),
        }
    }
}

impl From<ReplyError> for Problem {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::Refused(refusal) => refusal.into(),
            ReplyError::SecretUnavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "secrets_unavailable", error.to_string())
                    .retry_after(SECRETS_RETRY)
            }
            ReplyError::OverLimit { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "monthly_tokens_used_up", error.to_string())
                    .with_hint("the operator of the service can raise limits.monthly_tokens")
            }
            ReplyError::LimitUnknown(_) => Self::new(StatusCode::CONFLICT, "monthly_tokens_unknown", error.to_string()),
            ReplyError::Model { provider, source } => of_model(provider, &source),
        }
    }
}

/// What a provider's failure is to the sender. What the provider says of its own inside is logged, not sent.
fn of_model(provider: Provider, error: &CallError) -> Problem {
    let bad_gateway = |code, detail: String| Problem::new(StatusCode::BAD_GATEWAY, code, detail);
    match error {
        CallError::Rejected { reason, .. } => {
            bad_gateway("model_rejected", format!("{provider} refused the request: {reason}"))
        }
        CallError::Unauthorized => {
            bad_gateway("model_key_rejected", format!("{provider} does not accept the key that is set"))
                .with_hint(format!("set {provider}.api_key to a key that is valid"))
        }
        CallError::RateLimited { retry_after } => {
            let detail = format!("{provider} takes no more requests of this account for now");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "model_busy", detail)
                .retry_after(retry_after.unwrap_or(PROVIDER_RETRY))
        }
        CallError::Unreachable { .. } => {
            bad_gateway("model_unreachable", format!("{provider} cannot be reached, or fails by itself"))
                .with_hint("try again later")
        }
        CallError::TimedOut { limit } => {
            let detail =
                format!("{provider} gave no answer within {} ms (limits.request_timeout_ms)", limit.as_millis());
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "model_timed_out", detail)
        }
        CallError::NotAllowed(rule) => {
            let detail = format!("{provider}.base_url must not be called: {rule}");
            Problem::new(StatusCode::CONFLICT, "url_not_allowed", detail)
        }
        CallError::TooLarge { limit } => {
            bad_gateway("model_answer_unusable", format!("{provider} answered with more than {limit} bytes"))
        }
        CallError::Malformed { reason } => {
            bad_gateway("model_answer_unusable", format!("{provider} gave an answer that makes no sense: {reason}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use tenantry_core::key::Key;
    use tenantry_core::scope::TenantId;
    use tenantry_integrations::egress::Rule;

    use super::*;

    #[test]
    fn each_failure_of_a_model_has_a_status_that_says_who_can_help() {
        let check = |error: CallError, status: u16, code: &str| {
            let problem = of_model(Provider::OpenAi, &error);
            assert_eq!((problem.status.as_u16(), problem.code), (status, code), "{error}");
        };
        check(CallError::Rejected { status: 404, reason: "no such model".to_owned() }, 502, "model_rejected");
        check(CallError::Unauthorized, 502, "model_key_rejected");
        check(CallError::RateLimited { retry_after: None }, 503, "model_busy");
        check(CallError::Unreachable { reason: "CANARY".to_owned() }, 502, "model_unreachable");
        check(CallError::TimedOut { limit: Duration::from_secs(1) }, 504, "model_timed_out");
        check(CallError::NotAllowed(Rule::Scheme), 409, "url_not_allowed");
        check(CallError::TooLarge { limit: 1 }, 502, "model_answer_unusable");
        check(CallError::Malformed { reason: "it has no text".to_owned() }, 502, "model_answer_unusable");
    }

    #[test]
    fn what_a_provider_says_of_its_inside_is_not_passed_on() {
        let problem = of_model(Provider::OpenAi, &CallError::Unreachable { reason: "CANARY".to_owned() });
        assert!(!problem.to_json().contains("CANARY"));
    }

    #[test]
    fn a_refusal_blames_the_message_or_the_configuration() {
        let message: Problem = Refusal::TextBlank.into();
        assert_eq!((message.status.as_u16(), message.errors[0].pointer.as_str()), (422, "/text"));
        let parameter = Key::parse("openai.api_key").unwrap();
        let tenant = TenantId::parse("acme").unwrap();
        let configuration: Problem = Refusal::NotConnected { parameter, tenant }.into();
        assert_eq!((configuration.status.as_u16(), configuration.code), (409, "connection_missing"));
        assert!(configuration.errors.is_empty());
    }
}

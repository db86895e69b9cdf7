//! How errors become HTTP: the only place where the API decides on a status.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tenantry::problem::{FieldError, Problem};
use tenantry_core::scope::Scope;
use tenantry_core::usable::Fault;
use tenantry_core::validate::{Violation, ViolationCode};
use tenantry_store::StoreError;

use crate::asked::conditions::STALE;
use crate::service::{ScopeFaults, ServiceError, Unusable};

/// A problem on its way out of a handler.
#[derive(Debug)]
pub(crate) struct Refused(Box<Problem>);

impl Refused {
    /// The problem.
    pub(crate) fn problem(&self) -> &Problem {
        &self.0
    }

    /// Changes the problem.
    pub(crate) fn map(self, change: impl FnOnce(Problem) -> Problem) -> Self {
        change(*self.0).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<Box<Problem>> for Refused {
    fn from(problem: Box<Problem>) -> Self {
        Self(problem)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

/// How long a caller waits before asking a store again that did not answer.
const STORE_RETRY: std::time::Duration = std::time::Duration::from_secs(2);

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        use StatusCode as S;
        let text = error.to_string();
        let problem = match error {
            ServiceError::UnknownTenant(_)
            | ServiceError::AnotherTenant(_)
            | ServiceError::NoSuchToken(_)
            | ServiceError::NotBound { .. } => Problem::not_found(),
            ServiceError::TenantExists(_) => Problem::new(S::CONFLICT, "tenant_exists", text),
            ServiceError::Full { .. } => {
                Problem::new(S::CONFLICT, "too_many", text).with_hint("give up one that is not needed any more")
            }
            ServiceError::NotSuspended(_) => Problem::new(S::CONFLICT, "not_suspended", text),
            // That the tenant is the caller's was found out before.
            ServiceError::NoSuchRevision { .. } => Problem::new(S::NOT_FOUND, "no_such_revision", text),
            ServiceError::Conflict { expected: Some(_), .. } => Problem::new(S::PRECONDITION_FAILED, STALE, text),
            ServiceError::Conflict { expected: None, .. } => Problem::new(S::CONFLICT, "contended", text),
            ServiceError::Unfit { field, .. } => {
                Problem::new(S::UNPROCESSABLE_ENTITY, "invalid", text).at(format!("/{field}"))
            }
            ServiceError::Taken(_) => Problem::new(S::UNPROCESSABLE_ENTITY, "taken", text),
            ServiceError::Invalid(violations) => invalid(&violations),
            ServiceError::InvalidImport(faults) => invalid_import(&faults),
            ServiceError::Unusable(unusable) => configuration_invalid(&unusable),
            ServiceError::NoSuchPrompt { .. } => Problem::new(S::NOT_FOUND, "no_such_prompt", text),
            ServiceError::Render { .. } => Problem::new(S::UNPROCESSABLE_ENTITY, "not_rendered", text),
            ServiceError::NotBehind(_) => Problem::new(S::NOT_FOUND, "not_behind", text),
            ServiceError::DefaultMoved { .. } => Problem::new(S::PRECONDITION_FAILED, "default_moved", text),
            ServiceError::NotMerged(_) => Problem::new(S::CONFLICT, "not_merged", text),
            ServiceError::PlanStale { .. } => Problem::new(S::PRECONDITION_FAILED, "plan_stale", text),
            ServiceError::PlanBreaks { .. } => Problem::new(S::CONFLICT, "plan_breaks_tenants", text)
                .with_hint("look at the plan's findings; despite_findings makes the change all the same"),
            ServiceError::NeedsTenant | ServiceError::BadRequest(_) => {
                Problem::new(S::BAD_REQUEST, "bad_request", text)
            }
            ServiceError::Interrupted { error, .. } => Problem::new(
                S::INTERNAL_SERVER_ERROR,
                "interrupted",
                format!("{text}: {error}; import it again, what is done stays as it is"),
            ),
            ServiceError::Store(StoreError::TooLarge { .. }) => Problem::new(S::PAYLOAD_TOO_LARGE, "too_large", text),
            // What no store can find or hold: such a cursor, or such a number.
            ServiceError::Store(StoreError::Refused(_)) => Problem::new(S::BAD_REQUEST, "bad_request", text),
            ServiceError::Store(error) => store_problem(&error),
        };
        problem.into()
    }
}

/// All violations of a change, each with its place.
fn invalid(violations: &[Violation]) -> Problem {
    let code = match violations {
        [only] => only.code.code(),
        _ => "invalid",
    };
    let status = match code {
        "operator_only" => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut problem = Problem::new(status, code, format!("{} of the values are not valid", violations.len()));
    problem.errors = violations.iter().map(|violation| field_error("", violation)).collect();
    problem.hint = violations.iter().find_map(hint);
    problem
}

/// What to do about it, by the operations of this API.
fn hint(violation: &Violation) -> Option<String> {
    match violation.code {
        ViolationCode::Misplaced if violation.message.starts_with("is a secret") => {
            Some(format!("set it with PUT …/secrets/{}", violation.key))
        }
        _ => violation.hint.clone(),
    }
}

fn invalid_import(faults: &[ScopeFaults]) -> Problem {
    let detail = "nothing was imported: some of the values are not valid";
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
    for fault in faults {
        let scope = format!("/{}", fault.scope);
        problem.errors.extend(fault.violations.iter().map(|violation| field_error(&scope, violation)));
    }
    problem
}

/// What is stored cannot be served: keys and rules, no values.
fn configuration_invalid(unusable: &Unusable) -> Problem {
    let detail = "what is stored cannot be used, and no other tier's value is served in its place";
    let mut problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "configuration_invalid", detail);
    problem.errors = unusable.0.iter().map(|(scope, fault)| unusable_value(scope, fault)).collect();
    problem.with_hint("set the parameters that are named here again")
}

fn unusable_value(scope: &Scope, fault: &Fault) -> FieldError {
    FieldError { pointer: pointer(fault.key.as_str()), message: format!("{fault} (stored in {scope})") }
}

fn field_error(scope: &str, violation: &Violation) -> FieldError {
    FieldError { pointer: format!("{scope}{}", pointer(&violation.key)), message: violation.to_string() }
}

/// The place of a parameter in a document of nested tables, as a JSON Pointer (RFC 6901).
pub(crate) fn pointer(key: &str) -> String {
    let escaped = key.replace('~', "~0").replace('/', "~1");
    format!("/{}", escaped.replace('.', "/"))
}

/// What a store's failure is to a caller; the cause is logged, not sent.
fn store_problem(error: &StoreError) -> Problem {
    tracing::error!(error = %error, cause = ?std::error::Error::source(error), "the store failed");
    if error.is_transient() {
        let detail = "the store does not answer: try again later";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail).retry_after(STORE_RETRY);
    }
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "store_failed", "the store cannot be used: its log says why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pointer_gives_another_meaning_is_escaped() {
        assert_eq!(pointer("persona.name"), "/persona/name");
        assert_eq!(pointer("a/b.c~d"), "/a~1b/c~0d");
    }
}

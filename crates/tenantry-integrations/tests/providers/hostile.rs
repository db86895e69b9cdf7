//! What every client makes of a server that behaves badly: written once, one line for each client.
//!
//! To add a client, write a function beside its tests that makes one call with [`SECRET`] as its credential,
//!
//! ```text
//! pub(crate) async fn verify(site: Site) -> Result<Identity, CallError> {
//!     OdooClient::new(site.egress.clone()).verify(&section(&site)).await
//! }
//! ```
//!
//! and a line `odoo_verify => crate::odoo::verify,` to the table at the end of this file. Each line becomes a module with a
//! test for each kind of bad behaviour; all errors are searched for the credential, which the server echoes.
//! A client that asks several times gets the same bad answer each time.

use std::fmt::Debug;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tenantry_emulators::providers::{Fault, Provider};
use tenantry_integrations::call::CallError;
use tenantry_integrations::egress::{MAX_BODY, Rule};
use tenantry_integrations::verify::Verdict;

use crate::site::{SECRET, Site, failed};

/// So many requests of one call get the bad answer.
const REQUESTS: usize = 8;

/// A time that no answer takes and that a test can wait.
const SHORT: Duration = Duration::from_millis(300);

/// The error that a call comes to if every answer to it is bad.
async fn error_of<T, F>(fault: Fault, call: impl FnOnce(Site) -> F) -> CallError
where
    T: Debug,
    F: Future<Output = Result<T, CallError>>,
{
    let provider = Provider::start(Router::new()).await;
    (0..REQUESTS).for_each(|_| provider.fail_next(fault.clone()));
    let site = match fault {
        Fault::Hang => Site::within(SHORT, provider.origin()),
        _ => Site::of(&provider),
    };
    let error = failed(call(site).await);
    assert!(!provider.take_seen().is_empty(), "nothing arrived, so nothing was tested");
    error
}

/// The credential, wherever one of the providers puts its reasons.
fn echo() -> Value {
    let reason = format!("the credential {SECRET} is not good");
    json!({
        "ok": false, "message": reason, "description": reason, "detail": reason, "exception": reason, "name": reason,
        "_server_messages": json!([json!({"message": reason}).to_string()]).to_string(),
        "error": {"message": reason, "data": {"message": reason}, "errors": [{"message": reason}]},
        "errors": [{"message": reason}],
    })
}

pub(crate) async fn hangs<T: Debug, F: Future<Output = Result<T, CallError>>>(call: impl FnOnce(Site) -> F) {
    assert_eq!(error_of(Fault::Hang, call).await, CallError::TimedOut { limit: SHORT });
}

pub(crate) async fn hangs_up<T: Debug, F: Future<Output = Result<T, CallError>>>(call: impl FnOnce(Site) -> F) {
    let error = error_of(Fault::HangUp, call).await;
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

pub(crate) async fn is_not_there<T: Debug, F: Future<Output = Result<T, CallError>>>(call: impl FnOnce(Site) -> F) {
    let gone = Provider::start(Router::new()).await.origin().to_owned();
    let error = failed(call(Site::within(Duration::from_mins(1), &gone)).await);
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

pub(crate) async fn is_internal<T: Debug, F: Future<Output = Result<T, CallError>>>(call: impl FnOnce(Site) -> F) {
    let error = failed(call(Site::forbidden("https://169.254.169.254")).await);
    assert_eq!(error, CallError::NotAllowed(Rule::InternalAddress));
}

pub(crate) async fn redirects<T: Debug, F: Future<Output = Result<T, CallError>>>(call: impl FnOnce(Site) -> F) {
    let error = error_of(Fault::Redirect(format!("https://elsewhere.example/{SECRET}")), call).await;
    assert_eq!(error, CallError::NotAllowed(Rule::Redirect));
}

pub(crate) async fn answers_with<T: Debug, F: Future<Output = Result<T, CallError>>>(
    nonsense: Fault,
    call: impl FnOnce(Site) -> F,
) {
    let error = error_of(nonsense, call).await;
    assert!(matches!(error, CallError::Malformed { .. }), "{error:?}");
}

pub(crate) async fn answers_too_much<T: Debug, F: Future<Output = Result<T, CallError>>>(
    fault: Fault,
    call: impl FnOnce(Site) -> F,
) {
    assert_eq!(error_of(fault, call).await, CallError::TooLarge { limit: MAX_BODY });
}

pub(crate) async fn does_not_know_the_credential<T: Debug, F: Future<Output = Result<T, CallError>>>(
    call: impl FnOnce(Site) -> F,
) {
    assert_eq!(error_of(Fault::Status(401, echo()), call).await, CallError::Unauthorized);
}

pub(crate) async fn forbids<T: Debug, F: Future<Output = Result<T, CallError>>>(call: impl FnOnce(Site) -> F) {
    let error = error_of(Fault::Status(403, echo()), call).await;
    assert!(matches!(Verdict::from(error), Verdict::Rejected { .. }));
}

pub(crate) async fn asks_to_slow_down<T: Debug, F: Future<Output = Result<T, CallError>>>(
    call: impl FnOnce(Site) -> F,
) {
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(error_of(Fault::RateLimited(7, echo()), call).await, CallError::RateLimited { retry_after });
}

pub(crate) async fn fails<T: Debug, F: Future<Output = Result<T, CallError>>>(call: impl FnOnce(Site) -> F) {
    let error = error_of(Fault::Status(503, echo()), call).await;
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

/// Makes of each line a module with a test for each kind of bad behaviour.
macro_rules! hostile {
    ($($name:ident => $call:path),+ $(,)?) => {$(
        mod $name {
            use serde_json::json;
            use tenantry_emulators::providers::Fault;

            #[tokio::test]
            async fn a_provider_that_never_answers_is_timed_out() {
                super::hangs($call).await;
            }

            #[tokio::test]
            async fn a_provider_that_hangs_up_is_unreachable() {
                super::hangs_up($call).await;
            }

            #[tokio::test]
            async fn a_provider_that_is_not_there_is_unreachable() {
                super::is_not_there($call).await;
            }

            #[tokio::test]
            async fn an_internal_address_is_not_allowed() {
                super::is_internal($call).await;
            }

            #[tokio::test]
            async fn a_redirect_is_not_allowed() {
                super::redirects($call).await;
            }

            #[tokio::test]
            async fn a_page_is_malformed() {
                super::answers_with(Fault::Page, $call).await;
            }

            #[tokio::test]
            async fn a_deep_answer_is_malformed() {
                super::answers_with(Fault::Deep, $call).await;
            }

            #[tokio::test]
            async fn an_answer_of_another_shape_is_malformed() {
                for other in [json!(7), json!(null), json!(true), json!("text")] {
                    super::answers_with(Fault::Status(200, other), $call).await;
                }
            }

            #[tokio::test]
            async fn a_huge_answer_is_too_large() {
                super::answers_too_much(Fault::Huge, $call).await;
            }

            #[tokio::test]
            async fn an_answer_without_end_is_too_large() {
                super::answers_too_much(Fault::Endless, $call).await;
            }

            #[tokio::test]
            async fn a_wrong_credential_is_unauthorized() {
                super::does_not_know_the_credential($call).await;
            }

            #[tokio::test]
            async fn what_is_forbidden_is_rejected() {
                super::forbids($call).await;
            }

            #[tokio::test]
            async fn too_many_requests_are_rate_limited() {
                super::asks_to_slow_down($call).await;
            }

            #[tokio::test]
            async fn a_failing_provider_is_unreachable() {
                super::fails($call).await;
            }
        }
    )+};
}

hostile! {
    chat_send => crate::chat::send,
    chat_verify_openai => crate::chat::verify_openai,
    chat_verify_openrouter => crate::chat::verify_openrouter,
    erpnext_find_partner => crate::erpnext::find_partner,
    erpnext_verify => crate::erpnext::verify,
    google_calendar_events => crate::google_calendar::events,
    google_calendar_verify => crate::google_calendar::verify,
    odoo_find_partner => crate::odoo::find_partner,
    odoo_verify => crate::odoo::verify,
    slack_post => crate::messengers::slack_post,
    slack_verify => crate::messengers::slack_verify,
    telegram_send => crate::messengers::telegram_send,
    telegram_verify => crate::messengers::telegram_verify,
    weaviate_search => crate::weaviate::search,
    weaviate_verify => crate::weaviate::verify,
}

//! Events that nobody waits for: queues, e-mail that arrived, and what other services of the account tell of.
//!
//! | event | comes from | whose it is |
//! |---|---|---|
//! | SQS | the assistant's own queue of jobs, or whoever IAM lets write to it | the tenant that the message names |
//! | SNS, SES | e-mail that SES received | the tenant that the recipient's address is bound to: `email:<address>` |
//! | EventBridge | services of the account | the tenant that `detail.tenant_id` names, or the recipient's |
//!
//! The recipient is the one of the envelope, which SES has accepted the mail for; headers of the mail say what they like.
//! Who can invoke the function with such an event is IAM's to say. Lambda's own tenant id, if the invocation has one, must be
//! the same tenant.
//!
//! What can never work is logged and not asked for again; of a queue it is reported, so that the queue's own count moves it to
//! the dead-letter queue, where somebody can look at it. What may work later fails, so that it comes again.
//!
//! Sources: docs.aws.amazon.com, "Using Lambda with Amazon SQS: reporting batch item failures", "Contents of notifications
//! for Amazon SES email receiving", "Amazon EventBridge event structure".

mod mail;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tenantry::LoadError;
use tenantry::identify::{Evidence, identify};
use tenantry_core::scope::TenantId;
use tenantry_store::{Binding, BindingKind, StoreError};
use tracing::{error, warn};

use super::text::strict;
use crate::app::App;
use crate::channels::email::Named;
use crate::job::{Email, Job, Work, WorkError, Worked};

pub(super) use self::mail::Received;

/// An event that nobody waits for.
#[derive(Debug)]
pub(super) enum Asynchronous<'a> {
    Queue(&'a [Value]),
    Notifications(&'a [Value]),
    Mail(&'a [Value]),
    Bridge(&'a Value),
}

impl<'a> Asynchronous<'a> {
    /// Tells such an event from the others by its shape.
    pub(super) fn of(event: &'a Value) -> Option<Self> {
        let records = event["Records"].as_array().filter(|records| !records.is_empty());
        match records.map(|records| (records.as_slice(), source(&records[0]))) {
            Some((records, "aws:sqs")) => Some(Self::Queue(records)),
            Some((records, "aws:sns")) => Some(Self::Notifications(records)),
            Some((records, "aws:ses")) => Some(Self::Mail(records)),
            Some(_) => None,
            None => (event["detail-type"].is_string() && event["source"].is_string() && event["detail"].is_object())
                .then_some(Self::Bridge(event)),
        }
    }
}

fn source(record: &Value) -> &str {
    // SNS writes it with a capital letter.
    record["eventSource"].as_str().or_else(|| record["EventSource"].as_str()).unwrap_or_default()
}

/// Why an event is to come again.
#[derive(Debug, thiserror::Error)]
#[error("the event could not be acted on for a passing reason: it is to be sent again")]
pub struct Again;

/// What came of one thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It can never work.
    Refused,
    /// It may work later.
    Later,
}

/// Acts on an event, and gives what the function answers.
pub(super) async fn act(app: &App, event: Asynchronous<'_>, lambda: Option<&str>) -> Result<Value, Again> {
    let acting = Acting { app, lambda };
    match event {
        Asynchronous::Queue(records) => Ok(acting.queue(records).await),
        Asynchronous::Notifications(records) => {
            let mut received = Vec::new();
            for record in records {
                let text = record["Sns"]["Message"].as_str().unwrap_or_default();
                received.extend(Received::of_notification(&serde_json::from_str(text).unwrap_or_default()));
            }
            acting.tell_all(&received, records.len()).await
        }
        Asynchronous::Mail(records) => {
            let received: Vec<_> =
                records.iter().filter_map(|record| Received::of_notification(&record["ses"])).collect();
            acting.tell_all(&received, records.len()).await
        }
        Asynchronous::Bridge(event) => acting.bridge(event).await,
    }
}

struct Acting<'a> {
    app: &'a App,
    lambda: Option<&'a str>,
}

impl Acting<'_> {
    /// Acts on messages of a queue, one after the other, and names those that failed. Behind a failure in a queue that keeps
    /// an order nothing is acted on: it would overtake.
    async fn queue(&self, records: &[Value]) -> Value {
        let mut failures = Vec::new();
        for record in records {
            let keeps_order = record["eventSourceARN"]
                .as_str()
                .is_some_and(|arn| arn.rsplit_once('.').is_some_and(|(_, end)| end == "fifo"));
            let outcome = if keeps_order && !failures.is_empty() { Outcome::Later } else { self.message(record).await };
            if outcome != Outcome::Done {
                failures.push(json!({ "itemIdentifier": record["messageId"] }));
            }
        }
        json!({ "batchItemFailures": failures })
    }

    async fn message(&self, record: &Value) -> Outcome {
        let body = strict(record["body"].as_str().unwrap_or_default()).unwrap_or_default();
        let id = record["messageId"].as_str().unwrap_or_default();
        if let Ok(job) = serde_json::from_value::<Job>(body.clone()) {
            return self.work(job).await;
        }
        // A topic that writes into the queue wraps what it was told.
        if let Some(told) = body["Message"].as_str() {
            let told = serde_json::from_str(told).unwrap_or_default();
            return match Received::of_notification(&told) {
                Some(received) => self.tell(&received).await,
                None => refused(id, "a notification that is none of e-mail"),
            };
        }
        match named_email(&body) {
            Some((tenant, email)) => self.work(email.job(tenant, || format!("queue:{id}"))).await,
            None => refused(id, "a message that is neither a job nor an e-mail"),
        }
    }

    async fn bridge(&self, event: &Value) -> Result<Value, Again> {
        let (detail, id) = (&event["detail"], event["id"].as_str().unwrap_or_default());
        let outcome = match (Received::of_notification(detail), named_email(detail)) {
            (Some(received), _) => self.tell(&received).await,
            (None, Some((tenant, email))) => self.work(email.job(tenant, || format!("event:{id}"))).await,
            (None, None) => refused(id, "an event that is no e-mail"),
        };
        answered(&[outcome])
    }

    async fn tell_all(&self, received: &[Received], sent: usize) -> Result<Value, Again> {
        if received.len() < sent {
            refused("", "a notification that is none of e-mail that was received");
        }
        let mut outcomes = Vec::new();
        for received in received {
            outcomes.push(self.tell(received).await);
        }
        answered(&outcomes)
    }

    /// Tells each tenant to whom a recipient belongs.
    async fn tell(&self, received: &Received) -> Outcome {
        if let Some(why) = received.unwanted {
            return refused(&received.id, why);
        }
        let recipients = match self.recipients(received).await {
            Ok(recipients) => recipients,
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "it cannot be told to whom an e-mail belongs");
                return Outcome::Later;
            }
        };
        let mut outcome = Outcome::Refused;
        for (tenant, to) in recipients {
            // Each is told of its own addresses: the others are other companies', or were not to be seen.
            let email = Email { to, ..received.email.clone() };
            let done = self.work(job_of(tenant, &format!("email:{}", received.id), email)).await;
            outcome = match (outcome, done) {
                (Outcome::Later, _) | (_, Outcome::Later) => Outcome::Later,
                (Outcome::Done, _) | (_, Outcome::Done) => Outcome::Done,
                (Outcome::Refused, Outcome::Refused) => Outcome::Refused,
            };
        }
        if outcome == Outcome::Refused {
            return refused(&received.id, "an e-mail for nobody here");
        }
        outcome
    }

    /// The tenants to whom it was sent, each with its own addresses.
    async fn recipients(&self, received: &Received) -> Result<Vec<(TenantId, Vec<String>)>, StoreError> {
        let mut found: Vec<(TenantId, Vec<String>)> = Vec::new();
        for address in &received.recipients {
            let Ok(binding) = Binding::new(BindingKind::Email, &address.to_ascii_lowercase()) else { continue };
            let Some(tenant) = self.app.bindings.bound(&binding).await? else { continue };
            match found.iter_mut().find(|(known, _)| *known == tenant) {
                Some((_, own)) => own.push(address.clone()),
                None => found.push((tenant, vec![address.clone()])),
            }
        }
        Ok(found)
    }

    async fn work(&self, job: Job) -> Outcome {
        let evidence = Evidence { lambda: self.lambda, queue: Some(&job.tenant), ..Evidence::default() };
        if let Err(error) = identify(&evidence) {
            return refused(&job.event, &error.to_string());
        }
        match self.app.work(&job).await {
            Ok(Worked::Now | Worked::Before) => Outcome::Done,
            // Whoever is at it may fail yet.
            Ok(Worked::Elsewhere) => Outcome::Later,
            Err(error) => failed(&job, &error),
        }
    }
}

fn failed(job: &Job, failure: &WorkError) -> Outcome {
    let (tenant, event) = (&job.tenant, &job.event);
    let shown = failure as &dyn std::error::Error;
    if failure.is_transient() {
        warn!(%tenant, event, error = shown, "an event is to come again");
        return Outcome::Later;
    }
    if matches!(failure, WorkError::Load(LoadError::UnknownTenant(_) | LoadError::Suspended(_))) {
        warn!(%tenant, event, error = shown, "an event for a tenant that is not served");
    } else {
        error!(%tenant, event, error = shown, "an event got no answer");
    }
    Outcome::Refused
}

fn refused(id: &str, why: &str) -> Outcome {
    warn!(event = id, why, "an event is not acted on");
    Outcome::Refused
}

fn answered(outcomes: &[Outcome]) -> Result<Value, Again> {
    if outcomes.contains(&Outcome::Later) {
        return Err(Again);
    }
    let done = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
    let status = if done == outcomes.len() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    Ok(json!({ "done": done, "refused": outcomes.len() - done, "status": status.as_u16() }))
}

/// An e-mail that says whose it is: `{"tenant_id", "from", "to", "subject", "text", "message_id"?}`.
fn named_email(body: &Value) -> Option<(TenantId, Named)> {
    let tenant = TenantId::parse(body["tenant_id"].as_str()?).ok()?;
    let mut fields = body.clone();
    fields.as_object_mut()?.remove("tenant_id");
    Some((tenant, Named::from_json(&fields).ok()?))
}

impl Named {
    /// What is to be done for it. It is told of once under the name that its sender gives it, by whatever way it comes; one
    /// without a name is as new as the event that brings it.
    fn job(self, tenant: TenantId, of_event: impl FnOnce() -> String) -> Job {
        let event = self.id.map_or_else(of_event, |id| format!("email:{id}"));
        job_of(tenant, &event, self.email)
    }
}

fn job_of(tenant: TenantId, event: &str, email: Email) -> Job {
    Job { tenant, incarnation: None, event: event.to_owned(), at: Timestamp::now(), work: Work::Email(email) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_by_their_shape() {
        let kind = |event: &Value| Asynchronous::of(event).map(|event| format!("{event:?}"));
        let starts = |event: Value, with: &str| assert!(kind(&event).unwrap().starts_with(with), "{event}");
        starts(json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}), "Queue");
        starts(json!({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}), "Notifications");
        starts(json!({"Records": [{"eventSource": "aws:ses", "ses": {}}]}), "Mail");
        starts(json!({"source": "mail", "detail-type": "E-mail", "detail": {}}), "Bridge");
        for other in [
            json!({"Records": []}),
            json!({"Records": [{"eventSource": "aws:s3"}]}),
            json!({"text": "Hi", "token": "x"}),
            json!({"source": "x", "detail-type": "y"}),
            json!({"requestContext": {"http": {}}, "rawPath": "/"}),
            json!(null),
        ] {
            assert!(kind(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn an_email_names_its_tenant_or_is_none() {
        let email = json!({"tenant_id": "acme", "from": "a@x.example", "to": "b", "subject": "s", "text": "t"});
        assert_eq!(named_email(&email).unwrap().0.as_str(), "acme");
        for id in [json!("Acme"), json!(null), json!("global")] {
            let mut other = email.clone();
            other["tenant_id"] = id;
            assert!(named_email(&other).is_none());
        }
    }
}

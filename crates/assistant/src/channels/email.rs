//! E-mail: what arrives is summarised, and told in the company's Slack channel.
//!
//! An e-mail comes by `POST /assistant/email` with the company's token, or as an event of the platform. Its text is that of
//! strangers: the model gets it as a message, never as an instruction.

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tenantry::TenantConfig;
use tenantry::layer::TenantLayer;
use tenantry::problem::Problem;
use tenantry_integrations::slack::{Post, escape};
use tracing::{info, warn};

use super::http::json_of;
use super::slack;
use super::webhook::{self, hand_over};
use crate::app::App;
use crate::job::{Email, Job, Work, WorkError};
use crate::reply::Assistant;
use crate::settings::Settings;

/// Where e-mails are posted.
const EMAILS: &str = "/assistant/email";

/// The most characters of an e-mail that are kept: what follows is not in its summary.
const LONGEST_TEXT: usize = 20_000;
/// The longest name of an e-mail, in bytes: the longest line that mail may have (RFC 5322, 2.1.1).
const LONGEST_ID: usize = 998;
/// The most characters of a line such as the subject.
const LONGEST_LINE: usize = 500;

pub(super) fn router(app: &App) -> Router {
    Router::new()
        .route(EMAILS, post(receive))
        .route_layer(TenantLayer::new(app.loader.clone(), app.tokens.clone()))
        .with_state(app.clone())
}

async fn receive(
    State(app): State<App>,
    Extension(config): Extension<TenantConfig<Settings>>,
    request: Request<Body>,
) -> Response {
    respond(&app, &config, request).await.unwrap_or_else(Problem::into_response)
}

async fn respond(app: &App, config: &TenantConfig<Settings>, request: Request<Body>) -> Result<Response, Problem> {
    let received = webhook::Event::read(request).await?;
    let body = json_of(&received.headers, &received.body)?;
    let Named { email, id } = Named::from_json(&(&body).into()).map_err(|(pointer, message)| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "email_invalid", message).at(pointer)
    })?;
    if !config.email_notifications.enabled {
        return Ok(Json(json!({"told": false, "because": "email_notifications.enabled is false"})).into_response());
    }
    let id = id.unwrap_or_else(|| own_name(&email));
    let work = Work::Email(email);
    hand_over(app, Job::of(config, format!("email:{id}"), Timestamp::now(), work)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "told": true }))).into_response())
}

/// What an e-mail without an id is called: two that are the same in all are told of once.
fn own_name(email: &Email) -> String {
    let parts = serde_json::to_vec(email).unwrap_or_default();
    blake3::hash(&parts).to_hex().to_string()
}

/// An e-mail, and what its sender calls it.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) email: Email,
    pub(crate) id: Option<String>,
}

impl Named {
    /// Reads `{"from", "to", "subject", "text", "message_id"?}`; an error is the place and what is wrong there.
    pub(crate) fn from_json(body: &Value) -> Result<Self, (&'static str, String)> {
        let fields = body.as_object().ok_or(("", "expected a table with from, to, subject and text".to_owned()))?;
        let known = ["from", "to", "subject", "text", "message_id"];
        if fields.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(("", format!("there is no such field; an e-mail has {}", known.join(", "))));
        }
        let text = |name: &'static str, pointer: &'static str| match body[name].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err((pointer, format!("{name} must be a text"))),
        };
        let to = match &body["to"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) if many.iter().all(Value::is_string) => {
                many.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => return Err(("/to", "to must be an address, or a list of them".to_owned())),
        };
        let email = Email::new(&text("from", "/from")?, &to, &text("subject", "/subject")?, &text("text", "/text")?);
        Ok(Self { email, id: fields.get("message_id").map(id).transpose()? })
    }
}

/// The name of an e-mail: what stands in its `Message-ID`, as a rule.
fn id(value: &Value) -> Result<String, (&'static str, String)> {
    let is_name = |id: &&str| !id.is_empty() && id.len() <= LONGEST_ID && !id.chars().any(char::is_control);
    let id = value.as_str().filter(is_name);
    let told = || ("/message_id", format!("message_id must be a text of 1 to {LONGEST_ID} bytes in one line"));
    id.map(str::to_owned).ok_or_else(told)
}

impl Email {
    /// An e-mail of bounded size; what is in HTML becomes plain text.
    pub fn new(from: &str, to: &[String], subject: &str, text: &str) -> Self {
        let line =
            |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_LINE).collect();
        Self {
            from: line(from),
            to: to.iter().map(|to| line(to)).take(50).collect(),
            subject: line(subject),
            text: text.chars().take(LONGEST_TEXT).collect(),
        }
    }
}

/// Makes the notice of an e-mail, if it could be posted; none if the company is not told of its e-mail.
pub(super) async fn compose(
    app: &App,
    config: &TenantConfig<Settings>,
    email: &Email,
    now: Timestamp,
) -> Result<Option<String>, WorkError> {
    if !config.email_notifications.enabled {
        info!(tenant = %config.tenant(), "an e-mail is not told of: email_notifications.enabled is false");
        return Ok(None);
    }
    slack::connection(config)?;
    channel(config)?;
    let summary = summary(app, config, email, now).await;
    Ok(Some(notice(config.email_notifications.user_id.as_deref(), email, summary.as_deref())))
}

/// Posts a notice in the company's Slack channel.
pub(super) async fn deliver(app: &App, config: &TenantConfig<Settings>, notice: &str) -> Result<(), WorkError> {
    let post = Post { channel: channel(config)?, thread: None, text: notice };
    slack::publish(app, slack::connection(config)?, &post).await
}

/// The channel in which the company is told of its e-mail.
fn channel(config: &TenantConfig<Settings>) -> Result<&str, WorkError> {
    config.email_notifications.chat_id.as_deref().ok_or(WorkError::NotConnected("email_notifications.chat_id"))
}

/// The summary of an e-mail; none if there is nothing to summarise, or no model that does: that there was an e-mail is true
/// and useful without it.
async fn summary(app: &App, config: &TenantConfig<Settings>, email: &Email, now: Timestamp) -> Option<String> {
    if email.text.is_empty() {
        return None;
    }
    match Assistant::new(app).summarise(config, email, now).await {
        Ok(summary) => Some(summary),
        Err(error) => {
            warn!(tenant = %config.tenant(), error = &error as &dyn std::error::Error, "an e-mail without its summary");
            None
        }
    }
}

/// The notice in Slack's mrkdwn: the mention is ours, everything else is what others wrote.
fn notice(user: Option<&str>, email: &Email, summary: Option<&str>) -> String {
    let mention = user.map(|user| format!("<@{user}> ")).unwrap_or_default();
    let head = format!("{mention}:email: *{}*\n{}", escape(&email.subject), escape(&email.from));
    match summary {
        Some(summary) => format!("{head}\n\n{}", escape(summary)),
        None => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email() -> Email {
        Email::new("Ana <ana@example.com>", &[], "Flour <!channel>\r\n order", "Dear bakers, …")
    }

    #[test]
    fn a_notice_mentions_one_person_and_nobody_else() {
        let notice = notice(Some("U1"), &email(), Some("Ana wants <!everyone> to know"));
        assert!(notice.starts_with("<@U1> :email: *Flour &lt;!channel&gt; order*\n"), "{notice}");
        assert_eq!(notice.matches('<').count(), 1, "{notice}");
    }

    #[test]
    fn without_a_summary_sender_and_subject_are_told() {
        let notice = notice(None, &email(), None);
        assert_eq!(notice, ":email: *Flour &lt;!channel&gt; order*\nAna &lt;ana@example.com&gt;");
    }

    #[test]
    fn what_is_no_email_is_refused_with_its_place() {
        for (body, place) in [
            (json!([]), ""),
            (json!({"from": "a", "to": "b", "subject": "c", "text": "d", "cc": "e"}), ""),
            (json!({"to": "b", "subject": "c", "text": "d"}), "/from"),
            (json!({"from": "a", "to": 7, "subject": "c", "text": "d"}), "/to"),
            (json!({"from": "a", "to": ["b", 7], "subject": "c", "text": "d"}), "/to"),
            (json!({"from": "a", "to": "b", "subject": "c", "text": 7}), "/text"),
            (json!({"from": "a", "to": "b", "subject": "c", "text": "d", "message_id": 7}), "/message_id"),
            (json!({"from": "a", "to": "b", "subject": "c", "text": "d", "message_id": ""}), "/message_id"),
            (json!({"from": "a", "to": "b", "subject": "c", "text": "d", "message_id": "e\n"}), "/message_id"),
            (
                json!({"from": "a", "to": "b", "subject": "c", "text": "d", "message_id": "e".repeat(999)}),
                "/message_id",
            ),
        ] {
            assert_eq!(Named::from_json(&body).unwrap_err().0, place, "{body}");
        }
    }

    #[test]
    fn an_email_is_kept_within_bounds() {
        let long = Email::new("a", &vec!["b".repeat(1000); 100], &"c".repeat(1000), &"d".repeat(100_000));
        assert_eq!((long.to.len(), long.to[0].len(), long.subject.len(), long.text.len()), (50, 500, 500, 20_000));
    }
}

//! Slack and Telegram against their stand-ins.

use serde_json::json;
use tenantry_core::secret::SecretText;
use tenantry_emulators::providers::{self, Fault};
use tenantry_integrations::call::CallError;
use tenantry_integrations::slack::{Post, Slack, SlackClient};
use tenantry_integrations::telegram::{Telegram, TelegramClient};
use tenantry_integrations::verify::{Identity, Verdict};

use crate::site::{Site, assert_shows_nothing, failed, secret};

fn slack() -> Slack {
    Slack { bot_token: secret(), signing_secret: SecretText::new("CANARY-signing".to_owned()) }
}

fn telegram() -> Telegram {
    Telegram { bot_token: secret(), webhook_secret: SecretText::new("CANARY-webhook".to_owned()) }
}

pub(crate) async fn slack_verify(site: Site) -> Result<Identity, CallError> {
    SlackClient::new(site.egress.clone(), site.endpoint("api")).verify(&slack()).await
}

pub(crate) async fn slack_post(site: Site) -> Result<String, CallError> {
    let post = Post { channel: "C1", thread: Some("1.2"), text: "Hello" };
    SlackClient::new(site.egress.clone(), site.endpoint("api")).post(&slack(), &post).await
}

pub(crate) async fn telegram_verify(site: Site) -> Result<Identity, CallError> {
    TelegramClient::new(site.egress.clone(), site.endpoint("")).verify(&telegram()).await
}

pub(crate) async fn telegram_send(site: Site) -> Result<(), CallError> {
    TelegramClient::new(site.egress.clone(), site.endpoint("")).send(&telegram(), 7, 5, "Hello").await
}

fn site(origin: &str) -> Site {
    Site::within(std::time::Duration::from_mins(1), origin)
}

#[tokio::test]
async fn a_workspace_is_named_and_a_message_is_posted_in_its_thread() {
    let server = providers::Slack::start(&[(secret().expose(), "T1")]).await;
    let identity = slack_verify(site(server.origin())).await.unwrap();
    assert_eq!(identity.whom, "assistant in Team T1 (T1)");
    slack_post(site(server.origin())).await.unwrap();
    let posted = server.take_posted();
    assert_eq!((posted[0].thread.as_deref(), posted[0].text.as_str()), (Some("1.2"), "Hello"));
}

#[tokio::test]
async fn what_slack_refuses_with_status_200_is_refused() {
    let server = providers::Slack::start(&[]).await;
    assert_eq!(failed(slack_verify(site(server.origin())).await), CallError::Unauthorized);
    for (error, verdict) in
        [("account_inactive", "rejected"), ("missing_scope", "rejected"), ("fatal_error", "unreachable")]
    {
        server.fail_next(Fault::Status(200, json!({"ok": false, "error": error})));
        let told = serde_json::to_value(Verdict::from(slack_verify(site(server.origin())).await)).unwrap();
        assert_eq!(told["verdict"], verdict, "{error}");
    }
}

#[tokio::test]
async fn a_bot_is_named_and_a_message_answers_another_one() {
    let server = providers::Telegram::start(&[(secret().expose(), "acme_bot")]).await;
    assert_eq!(telegram_verify(site(server.origin())).await.unwrap().whom, "@acme_bot (7301)");
    telegram_send(site(server.origin())).await.unwrap();
    let sent = server.take_sent();
    assert_eq!((sent[0].chat, sent[0].reply_to, sent[0].text.as_str()), (7, Some(5), "Hello"));
}

#[tokio::test]
async fn a_bots_token_is_in_no_error_although_it_is_in_every_url() {
    let server = providers::Telegram::start(&[]).await;
    assert_eq!(failed(telegram_verify(site(server.origin())).await), CallError::Unauthorized);
    server.fail_next(Fault::Status(400, json!({"ok": false, "description": format!("bad {}", secret().expose())})));
    let error = failed(telegram_send(site(server.origin())).await);
    assert!(matches!(error, CallError::Rejected { status: 400, .. }), "{error:?}");
    assert_shows_nothing(&format!("{error} {error:?}"));
}

//! Attachments from the HTTP channel to the model, to where they are kept, and into the memory of the conversation.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a test that fails")]
#![cfg(feature = "sqlite")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod stored;

use assistant::app::App;
use assistant::files::FilePlace;
use assistant::settings::Settings;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry::Loader;
use tenantry::token::Tokens;
use tenantry_core::scope::TenantId;
use tenantry_emulators::providers::{Llm, Seen};
use tenantry_integrations::egress::Egress;
use tenantry_store::{OpenOptions, StoreUrl, Stores};
use tower::ServiceExt;

use crate::stored::add_company;

struct Served {
    app: App,
    stores: Stores,
    llm: Llm,
    folder: TempDir,
}

async fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("tenantry.db"));
    let (stores, _) = Stores::create(&url, &OpenOptions::default()).await.unwrap();
    let llm = Llm::start(&["sk-CANARY-acme", "sk-CANARY-beta"]).await;
    let loader = Loader::<Settings>::builder(&stores).build().unwrap();
    let egress = Egress::builder().allow_origin(llm.origin()).unwrap().build();
    let mut app = App::new(loader, Tokens::open(&stores).await.unwrap(), stores.parameters(), egress);
    app.keep_beside(&url).await.unwrap();
    Served { app, stores, llm, folder }
}

impl Served {
    async fn company(&self, id: &str) -> String {
        let (key, base) = (format!("sk-CANARY-{id}"), self.llm.base_url());
        let values = [("ai.default.provider", "\"openai\""), ("ai.default.model", "\"gpt-5-mini\"")];
        add_company(&self.stores, id, &values, &[("openai_api_key", &key), ("openai_base_url", &base)]).await
    }

    async fn post(&self, token: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post("/assistant/messages").header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}")).body(Body::from(body.to_string()));
        let response = assistant::router(&self.app).oneshot(request.unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn kept(&self, tenant: &str, key: &str) -> Option<Vec<u8>> {
        let place = FilePlace { tenant: TenantId::parse(tenant).unwrap(), bucket: None };
        self.app.files.read(&place, key).await.unwrap()
    }
}

/// `a,b` and two bytes that are no text.
fn message() -> Value {
    json!({
        "text": "What is in it?",
        "intent": "chitchat",
        "conversation": "c1",
        "attachments": [
            {"name": "a.csv", "media_type": "text/csv", "content_base64": "YSxi"},
            {"name": "../b.bin", "content_base64": "//4="},
        ],
    })
}

fn said_to_the_model(seen: &Seen) -> Vec<String> {
    let messages = seen.json()["messages"].take();
    messages.as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_attachment_is_kept_shown_to_the_model_and_remembered_by_name() {
    let served = served().await;
    let (acme, beta) = (served.company("acme").await, served.company("beta").await);
    let (status, answer) = served.post(&acme, &message()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let kept = answer["attachments"].as_array().unwrap();
    assert_eq!((&kept[0]["name"], &kept[1]["name"]), (&json!("a.csv"), &json!("../b.bin")));
    let key = kept[0]["key"].as_str().unwrap();
    assert!(key.starts_with("acme/=http%3Ac1/") && key.ends_with("-a.csv"), "{key}");
    assert_eq!(served.kept("acme", key).await.unwrap(), b"a,b");
    assert_eq!(served.kept("acme", kept[1]["key"].as_str().unwrap()).await.unwrap(), [0xff, 0xfe]);
    assert_eq!(served.kept("beta", key).await, None);

    let asked = said_to_the_model(&served.llm.take_seen()[0]);
    let expected = "What is in it?\n\nAttachment 1: a.csv (text/csv, 3 bytes)\n---\na,b\n---\n\nAttachment 2: ../b.bin \
                    (application/octet-stream, 2 bytes)\nIts content cannot be shown here.";
    assert_eq!(asked.last().unwrap(), expected);

    let again = json!({"text": "And now?", "intent": "chitchat", "conversation": "c1"});
    let (_, answer) = served.post(&acme, &again).await;
    assert_eq!(answer.get("attachments"), None);
    let asked = said_to_the_model(&served.llm.take_seen()[0]);
    assert_eq!(asked[1], "What is in it?\n[attached: a.csv, ../b.bin]");
    served.post(&beta, &again).await;
    let asked = said_to_the_model(&served.llm.take_seen()[0]);
    assert_eq!(asked.len(), 2, "the other company's conversation of the same name is not remembered: {asked:?}");
}

#[tokio::test]
async fn a_rehearsal_shows_what_would_be_sent_and_keeps_nothing() {
    let served = served().await;
    let acme = served.company("acme").await;
    let mut rehearsed = message();
    rehearsed["dry_run"] = json!(true);
    let (status, shown) = served.post(&acme, &rehearsed).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    assert!(shown["request"].to_string().contains("Attachment 1: a.csv"), "{shown}");
    assert!(served.llm.take_seen().is_empty());
    let folder = served.folder.path().join("tenantry.attachments");
    assert!(!folder.exists());
}

#[tokio::test]
async fn an_attachment_that_cannot_be_kept_does_not_keep_the_answer_back() {
    let served = served().await;
    let acme = served.company("acme").await;
    std::fs::write(served.folder.path().join("tenantry.attachments"), "a file in the folder's place").unwrap();
    let (status, answer) = served.post(&acme, &message()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let expected = json!({"name": "a.csv", "note": "not kept: the store of files took nothing"});
    assert_eq!(answer["attachments"][0], expected);
}

//! Two companies talk to the assistant over Slack, Telegram and HTTP, at once and through one function: each gets its own
//! persona, model, data and language, and each server sees that company's credential and no other.

use jiff::Timestamp;
use ring::hmac;
use serde_json::{Value, json};
use tenantry_emulators::providers::{
    Calendars, Fault, GoogleCalendar, Llm, Odoo, OdooCompany, Posted, Seen, Slack, Telegram,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::function::Function;
use crate::store::Store;
use crate::{document, status};

/// A company, and the secrets that it signs with.
struct Company {
    id: &'static str,
    team: &'static str,
    bot: String,
    slack_secret: String,
    telegram_secret: String,
    token: String,
}

/// Two companies with different providers and systems behind one function.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) function: Function,
    pub(crate) slack: Slack,
    telegram: Telegram,
    /// Of acme, by OpenAI's name, and of beta, by Cerebras's.
    models: [Llm; 2],
    odoo: Odoo,
    calendar: GoogleCalendar,
    companies: [Company; 2],
}

const NAMES: [&str; 2] = ["acme", "beta"];

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with more variables for the function.
    async fn with(more: &[(&'static str, String)]) -> Self {
        let slack = Slack::start(&[("xoxb-CANARY-acme", "T0ACME"), ("xoxb-CANARY-beta", "T0BETA")]).await;
        let telegram = Telegram::start(&[("11:CANARY-acme", "acme_bot"), ("22:CANARY-beta", "beta_bot")]).await;
        let models = [Llm::start(&["sk-CANARY-acme"]).await, Llm::start(&["csk-CANARY-beta"]).await];
        let odoo = Odoo::start(OdooCompany::new("acme", "CANARY-odoo-acme")).await;
        let calendar = GoogleCalendar::start(Calendars::new("beta@example.com", "CANARY-google-beta")).await;
        let store = Store::new().await;
        let acme = acme(&store, models[0].base_url(), odoo.origin()).await;
        let beta = beta(&store, models[1].base_url()).await;
        let origins = [
            slack.origin(),
            telegram.origin(),
            models[0].origin(),
            models[1].origin(),
            odoo.origin(),
            calendar.origin(),
        ];
        let bases =
            format!("slack={},telegram={},google_calendar={}", slack.base_url(), telegram.origin(), calendar.origin());
        let variables =
            [("TENANTRY_STORE", store.url()), ("TENANTRY_LOG", "debug".to_owned()), ("TENANTRY_PROVIDERS", bases)];
        let variables = [&variables, more].concat();
        let function = Function::start_with(&variables, &origins.join(","), store.file("log")).await;
        Self { store, function, slack, telegram, models, odoo, calendar, companies: [acme, beta] }
    }

    /// Sends an event of Slack, signed with a secret.
    async fn slack_event(&mut self, body: &Value, secret: &str, at: i64) -> Value {
        let text = body.to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("v0:{at}:{text}").as_bytes());
        let digits = tag.as_ref().iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        let headers = json!({
            "content-type": "application/json", "x-slack-signature": format!("v0={digits}"),
            "x-slack-request-timestamp": at.to_string(),
        });
        self.function.invoke(&http("/assistant/slack/events", &headers, &text)).await
    }

    async fn mention(&mut self, at: usize, event: &str, text: &str) -> Value {
        let company = &self.companies[at];
        let (body, secret) = (mention(company.team, event, text), company.slack_secret.clone());
        self.slack_event(&body, &secret, Timestamp::now().as_second()).await
    }

    async fn update(&mut self, at: usize, update: i64, text: &str, secret: &str) -> Value {
        self.update_of(77, at, update, text, secret).await
    }

    async fn update_of(&mut self, chat: i64, at: usize, update: i64, text: &str, secret: &str) -> Value {
        let body = json!({"update_id": update, "message": {
            "message_id": 5, "date": 1, "text": text, "chat": {"id": chat, "type": "private"},
            "from": {"id": 7, "is_bot": false, "first_name": "Ana"},
        }});
        let path = format!("/assistant/telegram/{}", self.companies[at].bot);
        let headers = json!({"content-type": "application/json", "x-telegram-bot-api-secret-token": secret});
        self.function.invoke(&http(&path, &headers, &body.to_string())).await
    }

    /// Nothing of one company is in what the servers of the other saw.
    pub(crate) fn assert_apart(&self) {
        for (at, model) in self.models.iter().enumerate() {
            for seen in model.take_seen() {
                let shown = shown(&seen);
                assert!(!shown.contains(NAMES[1 - at]), "{} sees {}: {shown}", NAMES[at], NAMES[1 - at]);
            }
        }
        for seen in self.odoo.take_seen() {
            assert!(!shown(&seen).contains("beta"), "{}", shown(&seen));
        }
        for seen in self.calendar.take_seen() {
            assert!(!shown(&seen).contains("acme"), "{}", shown(&seen));
        }
    }
}

/// All that a request shows, in small letters.
fn shown(seen: &Seen) -> String {
    let body = String::from_utf8_lossy(&seen.body);
    format!("{} {}?{} {:?} {body}", seen.method, seen.path, seen.query, seen.headers).to_lowercase()
}

async fn acme(store: &Store, model: String, odoo: &str) -> Company {
    let values = [
        ("persona.name", "\"Ada of acme\""),
        ("company.name", "\"Acme\""),
        ("prompts.erp_lookup", "\"You are {{ persona.name }}. Look it up.\""),
        ("prompts.chitchat", "\"You are {{ persona.name }}.\""),
        ("routing.fallback", "\"erp_lookup\""),
        ("routing.routes.erp_lookup.enabled", "true"),
        ("storage.dynamodb_table_prefix", "\"acme-\""),
        ("access.telegram_chats", "[76]"),
        ("email_notifications.enabled", "true"),
        ("email_notifications.chat_id", "\"C0ACMEMAIL\""),
        ("email_notifications.user_id", "\"U0ACME\""),
    ];
    let secrets = [
        ("openai_api_key", "sk-CANARY-acme"),
        ("openai_base_url", model.as_str()),
        ("slack_bot_token", "xoxb-CANARY-acme"),
        ("slack_signing_secret", "CANARY-slack-acme"),
        ("telegram_bot_token", "11:CANARY-acme"),
        ("telegram_webhook_secret", "CANARY-telegram-acme"),
        ("odoo_url", odoo),
        ("odoo_db", "acme"),
        ("odoo_login", "assistant@acme.example"),
        ("odoo_password", "CANARY-odoo-acme"),
    ];
    company(store, "acme", "T0ACME", &values, &secrets).await
}

async fn beta(store: &Store, model: String) -> Company {
    let values = [
        ("persona.name", "\"Bruno von beta\""),
        ("persona.language", "\"de\""),
        ("company.name", "\"Beta GmbH\""),
        ("company.timezone", "\"Europe/Berlin\""),
        ("ai.default.provider", "\"cerebras\""),
        ("ai.default.model", "\"gpt-oss-120b\""),
        ("prompts.scheduling", "\"Du bist {{ persona.name }}. Sieh im Kalender nach.\""),
        ("prompts.chitchat", "\"Du bist {{ persona.name }}.\""),
        ("routing.fallback", "\"scheduling\""),
        ("routing.routes.scheduling.enabled", "true"),
        ("email_notifications.enabled", "true"),
        ("email_notifications.chat_id", "\"C0BETAMAIL\""),
    ];
    let secrets = [
        ("cerebras_api_key", "csk-CANARY-beta"),
        ("cerebras_base_url", model.as_str()),
        ("slack_bot_token", "xoxb-CANARY-beta"),
        ("slack_signing_secret", "CANARY-slack-beta"),
        ("telegram_bot_token", "22:CANARY-beta"),
        ("telegram_webhook_secret", "CANARY-telegram-beta"),
        ("google_api_key", "CANARY-google-beta"),
        ("calendar_id", "beta@example.com"),
    ];
    company(store, "beta", "T0BETA", &values, &secrets).await
}

async fn company(
    store: &Store,
    id: &'static str,
    team: &'static str,
    values: &[(&str, &str)],
    secrets: &[(&str, &str)],
) -> Company {
    let token = store.company(id, values, secrets).await;
    let bot = format!("b0t-{}", id.len() * 1000 + id.bytes().map(usize::from).sum::<usize>());
    for binding in [format!("slack:{team}"), format!("telegram:{bot}"), format!("email:office@{id}.example")] {
        store.bind(id, &binding).await;
    }
    let secret = |name: &str| secrets.iter().find(|(field, _)| *field == name).unwrap().1.to_owned();
    let (slack_secret, telegram_secret) = (secret("slack_signing_secret"), secret("telegram_webhook_secret"));
    Company { id, team, bot, slack_secret, telegram_secret, token }
}

/// An event of API Gateway, payload format 2.0.
fn http(path: &str, headers: &Value, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
        "body": body, "isBase64Encoded": false,
    })
}

fn mention(team: &str, event: &str, text: &str) -> Value {
    json!({"type": "event_callback", "team_id": team, "event_id": event, "event": {
        "type": "app_mention", "user": "U1", "text": format!("<@U0BOT> {text}"), "ts": "1712.0001", "channel": "C1",
    }})
}

fn only(posted: Vec<Posted>) -> Posted {
    let [posted] = posted.try_into().expect("one message is posted");
    posted
}

#[tokio::test]
async fn two_companies_talk_over_slack_and_telegram_each_with_its_own_persona_model_data_and_language() {
    let mut world = World::new().await;
    world.models[0].calls("rye", "get_stock", &json!({"item": "rye"}));
    world.models[1].calls("Termine", "list_events", &json!({"from": "2026-11-27", "to": "2026-12-03"}));
    for round in 0..2 {
        for (at, text) in [(0, "How much rye is there?"), (1, "Welche Termine gibt es?")] {
            let answer = world.mention(at, &format!("Ev{round}"), text).await;
            assert_eq!(status(&answer), 200, "{answer}");
            let posted = only(world.slack.take_posted());
            assert_eq!((posted.team.as_str(), posted.thread.as_deref()), (world.companies[at].team, Some("1712.0001")));
            let seen = world.models[at].take_seen();
            let system = seen.last().unwrap().json()["messages"][0]["content"].as_str().unwrap().to_owned();
            assert!(system.starts_with(["You are Ada of acme.", "Du bist Bruno von beta."][at]), "{system}");
            let asked = seen.last().unwrap().json();
            assert_eq!(asked["model"], ["gpt-4.1-mini", "gpt-oss-120b"][at]);
            let result = asked["messages"].as_array().unwrap().last().unwrap()["content"].clone();
            assert!(result.as_str().unwrap().starts_with("{\"found\":["), "the tool found something: {result}");
            assert!(seen.iter().all(|seen| seen.header("authorization").contains(NAMES[at])));
        }
        for (at, name) in [(0, "acme_bot"), (1, "beta_bot")] {
            let secret = world.companies[at].telegram_secret.clone();
            let answer = world.update(at, round, "Hello", &secret).await;
            assert_eq!(status(&answer), 200, "{answer}");
            let sent = world.telegram.take_sent();
            assert_eq!(sent.len(), 1, "{sent:?}");
            assert_eq!((sent[0].bot.as_str(), sent[0].chat, sent[0].reply_to), (name, 77, Some(5)));
            assert!(sent[0].text.contains(["Ada of acme", "Bruno von beta"][at]), "{sent:?}");
        }
    }
    world.assert_apart();
    world.function.stop();
}

#[tokio::test]
async fn in_telegram_a_chat_that_the_company_does_not_name_gets_no_tools() {
    let mut world = World::new().await;
    world.models[0].calls("rye", "get_stock", &json!({"item": "rye"}));
    let secret = world.companies[0].telegram_secret.clone();
    for (update, chat, looked_up) in [(1, 76, true), (2, 77, false)] {
        let answer = world.update_of(chat, 0, update, "How much rye is there?", &secret).await;
        assert_eq!((status(&answer), world.telegram.take_sent().len()), (200, 1), "{answer}");
        assert_eq!(!world.odoo.take_seen().is_empty(), looked_up, "chat {chat}");
        let asked = world.models[0].take_seen();
        assert_eq!(asked.iter().any(|seen| !seen.json()["tools"].is_null()), looked_up, "chat {chat}");
    }
    world.function.stop();
}

#[tokio::test]
async fn in_slack_people_of_other_workspaces_get_no_tools() {
    let mut world = World::new().await;
    world.models[0].calls("rye", "get_stock", &json!({"item": "rye"}));
    let secret = world.companies[0].slack_secret.clone();
    for (event, team, looked_up) in [("Ev1", "T0ACME", true), ("Ev2", "T0OTHER", false)] {
        let mut body = mention("T0ACME", event, "How much rye is there?");
        body["is_ext_shared_channel"] = json!(true);
        body["event"]["user_team"] = json!(team);
        let answer = world.slack_event(&body, &secret, Timestamp::now().as_second()).await;
        assert_eq!((status(&answer), world.slack.take_posted().len()), (200, 1), "{answer}");
        assert_eq!(!world.odoo.take_seen().is_empty(), looked_up, "{team}");
    }
    world.function.stop();
}

#[tokio::test]
async fn a_thread_is_remembered_by_its_own_company_alone() {
    let mut world = World::new().await;
    world.mention(0, "Ev1", "My number is four").await;
    world.mention(1, "Ev1", "Meine Zahl ist neun").await;
    world.models.iter().for_each(|model| drop(model.take_seen()));
    for (at, own) in [(0, "My number is four"), (1, "Meine Zahl ist neun")] {
        world.mention(at, "Ev2", "Which number?").await;
        let messages = world.models[at].take_seen().last().unwrap().json()["messages"].clone();
        let said: Vec<_> =
            messages.as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect();
        assert_eq!((said[1], said.len()), (own, 4), "system, the earlier turn, the message: {said:?}");
    }
    world.assert_apart();
    world.function.stop();
}

#[tokio::test]
async fn what_is_sent_again_is_answered_once() {
    let mut world = World::new().await;
    for _ in 0..3 {
        assert_eq!(status(&world.mention(0, "Ev1", "Hello").await), 200);
        let secret = world.companies[1].telegram_secret.clone();
        assert_eq!(status(&world.update(1, 9, "Hallo", &secret).await), 200);
    }
    assert_eq!((world.slack.take_posted().len(), world.telegram.take_sent().len()), (1, 1));
    // The same name of an event is another company's own.
    assert_eq!(status(&world.mention(1, "Ev1", "Hallo").await), 200);
    assert_eq!(only(world.slack.take_posted()).team, "T0BETA");
    world.function.stop();
}

#[tokio::test]
async fn what_could_not_be_delivered_is_sent_again_and_answered_then() {
    let mut world = World::new().await;
    world.slack.fail_next(Fault::Status(503, json!({"ok": false})));
    let answer = world.mention(0, "Ev1", "Hello").await;
    assert_eq!(status(&answer), 503, "Slack sends it again: {answer}");
    assert_eq!(status(&world.mention(0, "Ev1", "Hello").await), 200);
    assert_eq!(only(world.slack.take_posted()).team, "T0ACME");
    world.function.stop();
}

#[tokio::test]
async fn what_may_have_arrived_or_is_refused_is_not_asked_of_a_model_again() {
    let mut world = World::new().await;
    let blocked = Fault::Status(403, json!({"ok": false, "description": "Forbidden: bot was blocked by the user"}));
    for (update, fault) in [(1, blocked), (2, Fault::HangUp), (3, Fault::Page)] {
        world.telegram.fail_next(fault);
        let secret = world.companies[0].telegram_secret.clone();
        assert_eq!(status(&world.update(0, update, "Hello", &secret).await), 200, "{update}");
        assert!(!world.models[0].take_seen().is_empty());
        assert_eq!(status(&world.update(0, update, "Hello", &secret).await), 200, "Telegram sends it again");
        assert!(world.models[0].take_seen().is_empty() && world.telegram.take_sent().is_empty(), "{update}");
    }
    world.function.stop();
}

#[tokio::test]
async fn a_job_of_an_earlier_tenant_of_the_name_is_not_done() {
    let mut world = World::new().await;
    let job = json!({
        "tenant": "acme", "incarnation": "another", "event": "slack:Ev7", "at": Timestamp::now().to_string(),
        "work": {"kind": "slack", "channel": "C1", "thread": "1.2", "user": "U1", "text": "CANARY of the old one"},
    });
    let wake = json!({"Records": [{"messageId": "m1", "eventSource": "aws:sqs", "body": job.to_string()}]});
    assert_eq!(world.function.invoke(&wake).await, json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}));
    assert!(world.slack.take_posted().is_empty() && world.models[0].take_seen().is_empty());
    world.function.stop();
}

#[tokio::test]
async fn a_provider_that_fails_is_apologised_for_in_the_companys_language() {
    let mut world = World::new().await;
    for (at, sorry) in [(0, "I'm sorry"), (1, "Das tut mir leid")] {
        // The router's question and the answer's.
        world.models[at].fail_next(Fault::Status(500, json!({"error": {"message": "CANARY db-7"}})));
        world.models[at].fail_next(Fault::Status(500, json!({"error": {"message": "CANARY db-7"}})));
        assert_eq!(status(&world.mention(at, "Ev1", "Hello").await), 200);
        let posted = only(world.slack.take_posted());
        assert!(posted.text.starts_with(sorry) && !posted.text.contains("CANARY"), "{posted:?}");
    }
    world.function.stop();
}

#[tokio::test]
async fn whoever_is_not_slack_gets_one_answer_whatever_is_wrong() {
    let mut world = World::new().await;
    let now = Timestamp::now().as_second();
    let (acme, beta) = (world.companies[0].slack_secret.clone(), world.companies[1].slack_secret.clone());
    let mut answers = Vec::new();
    for (body, secret, at) in [
        (mention("T0ACME", "Ev1", "Hello"), "CANARY-guessed", now),
        // One company's secret on another one's workspace.
        (mention("T0ACME", "Ev1", "Hello"), beta.as_str(), now),
        (mention("T0ACME", "Ev1", "Hello"), acme.as_str(), now - 301),
        (mention("T0NOBODY", "Ev1", "Hello"), acme.as_str(), now),
        (json!({"type": "event_callback"}), acme.as_str(), now),
    ] {
        let answer = world.slack_event(&body, secret, at).await;
        answers.push((status(&answer), document(&answer)));
    }
    assert_eq!(answers[0].0, 401, "{answers:?}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(world.slack.take_posted().is_empty() && world.models[0].take_seen().is_empty());
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1aB"});
    let answer = world.slack_event(&challenge, "whatever", now).await;
    assert_eq!(document(&answer), json!({"challenge": "3eZbrw1aB"}));
    world.function.stop();
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_not_told_of_to_whoever_sends_an_event() {
    let mut world = World::new().await;
    world.store.set_global("limits.history_turns", "-1").await;
    let body = mention("T0ACME", "Ev1", "Hello");
    let answer = world.slack_event(&body, "CANARY-guessed", Timestamp::now().as_second()).await;
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(!answer.to_string().contains("acme") && !answer.to_string().contains("history"), "{answer}");
    world.function.stop();
}

#[tokio::test]
async fn whoever_is_not_telegram_gets_one_answer_whatever_is_wrong() {
    let mut world = World::new().await;
    let other = world.companies[1].telegram_secret.clone();
    let mut answers =
        vec![world.update(0, 1, "Hello", "CANARY-guessed").await, world.update(0, 1, "Hello", &other).await];
    for path in ["/assistant/telegram/acme", "/assistant/telegram/nobody"] {
        let headers = json!({"x-telegram-bot-api-secret-token": other});
        answers.push(world.function.invoke(&http(path, &headers, "{}")).await);
    }
    let answers: Vec<_> = answers.iter().map(|answer| (status(answer), document(answer))).collect();
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(world.telegram.take_sent().is_empty());
    world.function.stop();
}

#[tokio::test]
async fn over_http_a_conversation_goes_on_and_an_answer_comes_in_pieces() {
    let mut world = World::new().await;
    let token = world.companies[0].token.clone();
    let ask = |text: &str| {
        let headers = json!({
            "content-type": "application/json", "authorization": format!("Bearer {token}"), "accept": "text/event-stream",
        });
        let body = json!({"text": text, "intent": "chitchat", "conversation": "c1"}).to_string();
        http("/assistant/messages", &headers, &body)
    };
    world.function.invoke(&ask("One two three")).await;
    let answer = world.function.invoke(&ask("And then?")).await;
    let body = answer["body"].as_str().unwrap();
    assert!(body.starts_with("event: delta\ndata: {\"text\":") && body.contains("event: answer\n"), "{body}");
    let messages = world.models[0].take_seen().last().unwrap().json()["messages"].clone();
    assert_eq!((&messages[1]["content"], &messages[3]["content"]), (&json!("One two three"), &json!("And then?")));
    world.models[0].fail_next(Fault::Status(401, json!({"error": {"message": "no", "code": "invalid_api_key"}})));
    let refused = world.function.invoke(&ask("Hello")).await;
    assert_eq!((status(&refused), &document(&refused)["code"]), (502, &json!("model_key_rejected")), "{refused}");
    assert_eq!(world.companies[0].id, "acme");
    world.function.stop();
}

#[tokio::test]
async fn when_the_months_tokens_are_used_up_nobody_is_asked_any_more() {
    let mut world = World::new().await;
    world.store.set_global("limits.monthly_tokens", "15").await;
    for event in ["Ev1", "Ev2"] {
        world.mention(0, event, "Hello").await;
    }
    let posted = world.slack.take_posted();
    assert!(posted[0].text.contains("You said"), "{posted:?}");
    assert!(posted[1].text.contains("used up what was agreed for this month"), "{posted:?}");
    world.mention(1, "Ev1", "Hallo").await;
    let other = only(world.slack.take_posted());
    assert!(other.text.contains("You said"), "another company's tokens are its own: {other:?}");
    world.function.stop();
}

/// A call to SQS in moto: the answer's text.
async fn sqs(form: &str) -> String {
    let shared = tenantry_emulators::shared().await;
    let address = shared.moto.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The region is read from the credential; the signature is not looked at.
    let credential =
        "AWS4-HMAC-SHA256 Credential=AKIATEST/20261127/eu-central-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nauthorization: {credential}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What stands between two tags of an answer, with its escapes undone.
fn between(answer: &str, tag: &str) -> String {
    let (_, rest) = answer.split_once(&format!("<{tag}>")).unwrap_or_else(|| panic!("{tag} is in {answer}"));
    let (text, _) = rest.split_once(&format!("</{tag}>")).unwrap();
    text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[tokio::test]
async fn with_a_queue_slack_is_answered_at_once_and_the_message_when_the_queue_wakes_the_function() {
    let shared = tenantry_emulators::shared().await;
    let url = between(&sqs("Action=CreateQueue&QueueName=jobs-of-slack").await, "QueueUrl");
    let text = |text: &str| text.to_owned();
    let mut world = World::with(&[
        ("TENANTRY_QUEUE", url.clone()),
        ("AWS_ENDPOINT_URL_SQS", text(shared.moto.url())),
        ("AWS_REGION", text("eu-central-1")),
        ("AWS_ACCESS_KEY_ID", text("AKIAFUNCTION")),
        ("AWS_SECRET_ACCESS_KEY", text("secret")),
    ])
    .await;
    assert_eq!(status(&world.mention(0, "Ev1", "Hello").await), 200);
    assert!(world.slack.take_posted().is_empty() && world.models[0].take_seen().is_empty(), "nobody was asked yet");
    let received = sqs(&format!("Action=ReceiveMessage&QueueUrl={url}")).await;
    let job = between(&received, "Body");
    assert!(!job.contains("CANARY"), "a job holds no secret: {job}");
    let wake = json!({"Records": [{
        "messageId": "m1", "eventSource": "aws:sqs", "body": job,
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:jobs-of-slack",
    }]});
    assert_eq!(world.function.invoke(&wake).await, json!({"batchItemFailures": []}));
    assert_eq!(only(world.slack.take_posted()).team, "T0ACME");
    world.function.stop();
}

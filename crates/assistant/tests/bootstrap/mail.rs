//! E-mail comes by queue, topic, event and HTTP, and each company is told of its own in its own Slack channel.

use jiff::Timestamp;
use serde_json::{Value, json};
use tenantry_emulators::providers::Fault;

use crate::channels::World;
use crate::example;
use crate::function::Outcome;

/// What SES tells of a mail that it received for these recipients.
fn received(id: &str, recipients: &[&str]) -> Value {
    json!({
        "notificationType": "Received",
        "mail": {
            "messageId": id, "source": "ana@x.example", "destination": ["office@acme.example"],
            "commonHeaders": {"from": ["Ana <ana@x.example>"], "subject": "Order 4711"},
        },
        "receipt": {
            "recipients": recipients, "spamVerdict": {"status": "PASS"}, "virusVerdict": {"status": "PASS"},
            "action": {"type": "SNS", "encoding": "UTF-8"},
        },
        "content": "Subject: Order 4711\r\nContent-Type: text/plain\r\n\r\nTwo kilos of rye, please.",
    })
}

fn topic(told: &Value) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Message": told.to_string()}}]})
}

fn queue(bodies: &[Value]) -> Value {
    let record = |(at, body): (usize, &Value)| {
        json!({
            "messageId": format!("m{at}"), "eventSource": "aws:sqs", "body": body.to_string(),
            "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:jobs",
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn email(tenant: &str, subject: &str) -> Value {
    json!({"tenant_id": tenant, "from": "ana@x.example", "to": "office", "subject": subject, "text": "Two kilos of rye."})
}

#[tokio::test]
async fn a_mail_is_summarised_for_the_company_of_its_recipient_and_mentions_its_person() {
    let mut world = World::new().await;
    for (id, recipient, channel, start) in [
        ("1", "Office@acme.example", "C0ACMEMAIL", "<@U0ACME> :email: *Order 4711*"),
        ("2", "office@beta.example", "C0BETAMAIL", ":email: *Order 4711*"),
    ] {
        let answer = world.function.invoke(&topic(&received(id, &[recipient]))).await;
        assert_eq!(answer["done"], 1, "{answer}");
        let posted = world.slack.take_posted();
        assert_eq!((posted.len(), posted[0].channel.as_str()), (1, channel), "{posted:?}");
        assert!(posted[0].text.starts_with(start) && posted[0].text.contains("You said: From: Ana"), "{posted:?}");
    }
    // The topic sends it again.
    world.function.invoke(&topic(&received("1", &["office@acme.example"]))).await;
    assert!(world.slack.take_posted().is_empty());
    world.function.stop();
}

#[tokio::test]
async fn of_a_mail_for_two_companies_each_is_told_its_own_address_alone() {
    let mut world = World::new().await;
    let told = received("1", &["office@acme.example", "office@beta.example"]);
    assert_eq!(world.function.invoke(&topic(&told)).await["done"], 1);
    let posted = world.slack.take_posted();
    assert_eq!(posted.len(), 2, "{posted:?}");
    // The model's answer repeats what it was given, and each company's servers see what is its own.
    for (posted, other) in posted.iter().zip(["beta", "acme"]) {
        assert!(!posted.text.contains(other), "{posted:?}");
    }
    world.assert_apart();
    world.function.stop();
}

#[tokio::test]
async fn a_mail_for_nobody_or_spam_is_told_to_nobody() {
    let mut world = World::new().await;
    let mut spam = received("1", &["office@acme.example"]);
    spam["receipt"]["spamVerdict"]["status"] = json!("FAIL");
    // The headers name acme; the envelope does not.
    for told in
        [received("2", &["office@nobody.example"]), received("3", &[]), spam, json!({"notificationType": "Bounce"})]
    {
        let answer = world.function.invoke(&topic(&told)).await;
        assert_eq!(answer["done"], 0, "{answer}");
    }
    assert!(world.slack.take_posted().is_empty());
    world.function.stop();
}

#[tokio::test]
async fn of_a_batch_only_what_failed_is_to_come_again() {
    let mut world = World::new().await;
    let job = json!({
        "tenant": "beta", "event": "slack:Ev7", "at": Timestamp::now().to_string(),
        "work": {"kind": "slack", "channel": "C1", "thread": "1.2", "user": "U1", "text": "Hallo"},
    });
    let batch = queue(&[email("acme", "First"), json!({"nonsense": true}), job, email("nobody", "Third")]);
    let answer = world.function.invoke(&batch).await;
    let failed = json!({"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m3"}]});
    assert_eq!(answer, failed);
    let posted = world.slack.take_posted();
    let teams: Vec<_> = posted.iter().map(|posted| (posted.team.as_str(), posted.channel.as_str())).collect();
    assert_eq!(teams, [("T0ACME", "C0ACMEMAIL"), ("T0BETA", "C1")]);
    // The batch comes again, and with it what was done already.
    assert_eq!(world.function.invoke(&batch).await, failed);
    assert!(world.slack.take_posted().is_empty());
    world.function.stop();
}

#[tokio::test]
async fn an_event_that_could_not_be_acted_on_for_now_fails_so_that_it_comes_again() {
    let mut world = World::new().await;
    let event = json!({
        "version": "0", "id": "e1", "source": "shop", "detail-type": "E-mail", "detail": email("acme", "Hello"),
    });
    world.slack.fail_next(Fault::Status(503, json!({})));
    assert!(matches!(world.function.send(event.to_string(), None).await, Outcome::Failure(_)));
    let answer = world.function.invoke(&event).await;
    assert_eq!((&answer["done"], world.slack.take_posted().len()), (&json!(1), 1), "{answer}");
    world.function.stop();
}

#[tokio::test]
async fn lambdas_own_tenant_id_must_agree_with_the_message() {
    let mut world = World::new().await;
    let refused = world.function.invoke_as(&queue(&[email("acme", "Hello")]), Some("beta")).await;
    assert_eq!(refused, json!({"batchItemFailures": [{"itemIdentifier": "m0"}]}));
    assert!(world.slack.take_posted().is_empty());
    world.function.stop();
}

#[tokio::test]
async fn an_email_that_has_a_name_is_told_of_once_by_whatever_way_it_comes() {
    let mut world = World::new().await;
    let mut named = email("acme", "Hello");
    named["message_id"] = json!("<4711@x.example>");
    let event = json!({"version": "0", "id": "e1", "source": "shop", "detail-type": "E-mail", "detail": named});
    assert_eq!(world.function.invoke(&queue(&[named.clone(), named.clone()])).await, json!({"batchItemFailures": []}));
    assert_eq!(world.function.invoke(&event).await["done"], 1);
    assert_eq!(world.slack.take_posted().len(), 1);
    world.function.stop();
}

#[tokio::test]
async fn an_email_in_a_queue_is_read_strictly() {
    let mut world = World::new().await;
    let twice = email("acme", "Hello").to_string().replacen('{', r#"{"tenant_id":"beta","#, 1);
    let mut batch = queue(&[json!({})]);
    batch["Records"][0]["body"] = json!(twice);
    assert_eq!(world.function.invoke(&batch).await, json!({"batchItemFailures": [{"itemIdentifier": "m0"}]}));
    assert!(world.slack.take_posted().is_empty());
    world.function.stop();
}

#[tokio::test]
async fn the_example_of_each_kind_of_event_is_told_to_the_company_of_its_recipient() {
    let mut world = World::new().await;
    // Topic and receipt rule tell of one e-mail, queue and event of another: each is told of once.
    for (name, posted) in [("sns-ses", 1), ("ses", 0), ("sqs", 1), ("eventbridge", 0)] {
        let answer = world.function.invoke(&example(name, "")).await;
        assert!(answer["done"] == 1 || answer == json!({"batchItemFailures": []}), "{name}: {answer}");
        let told = world.slack.take_posted();
        assert_eq!(told.len(), posted, "{name}");
        assert!(told.iter().all(|told| told.text.contains("*Order 4711*")), "{told:?}");
    }
    world.function.stop();
}

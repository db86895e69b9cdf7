//! A queue of moto's, and a network that breaks what is sent there.

use bytes::Bytes;
use serde_json::{Value, json};
use tenantry_core::secret::SecretText;
use tenantry_emulators::{Answer, Calls, Fault, Proxy, shared};

use super::*;
use crate::aws::{AwsOptions, unique};

/// The secret of the access key: it must be seen nowhere.
const SECRET: &str = "CANARY-aws-secret-9d27";
/// Part of what is sent: it must be seen in no error.
const SAID: &str = "CANARY-said-51b0";
/// What calls are waited for that are to be answered: enough for a busy machine.
const AMPLE: Duration = Duration::from_mins(1);

/// A queue of its own behind a proxy, and a way around the proxy.
struct Site {
    queue: Queue,
    proxy: Proxy,
    direct: Client,
}

impl Site {
    async fn new() -> Self {
        let (name, moto) = (format!("t{}", &unique()[..16]), shared().await.moto.url());
        let (config, proxy) = (config(AMPLE).await, Proxy::before(moto).await);
        let direct = Client::new(&at(&config, moto));
        let url = direct.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
        let queue = Queue::by(&at(&config, proxy.url()), url, AMPLE);
        Self { queue, proxy, direct }
    }

    async fn broken_by(calls: Calls, fault: Fault) -> Self {
        let site = Self::new().await;
        site.proxy.on(calls, fault);
        site
    }

    /// What stands in the queue, none of it hidden by having been read before.
    async fn texts(&self) -> Vec<String> {
        let read = self.direct.receive_message().queue_url(&self.queue.url);
        let answer = read.max_number_of_messages(10).visibility_timeout(0).send().await.unwrap();
        answer.messages.unwrap_or_default().into_iter().map(|message| message.body.unwrap()).collect()
    }

    /// Sends what no error may show, and gives the error.
    async fn failure(&self) -> CallError {
        let error = self.queue.send(&said()).await.expect_err("the call fails");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("CANARY"), "{shown}");
        error
    }

    fn tries(&self) -> usize {
        self.proxy.calls().len()
    }
}

async fn config(attempt: Duration) -> SdkConfig {
    let options = AwsOptions {
        region: Some("eu-central-1".to_owned()),
        attempt: Some(attempt),
        access_key: Some(("AKIATEST".to_owned(), SecretText::new(SECRET.to_owned()))),
        ..AwsOptions::default()
    };
    Aws::open(options).await.unwrap().config().clone()
}

fn at(config: &SdkConfig, url: &str) -> SdkConfig {
    config.to_builder().endpoint_url(url).build()
}

fn said() -> String {
    json!({ "said": SAID }).to_string()
}

/// A JSON text of so many bytes.
fn text_of(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

#[tokio::test]
async fn a_text_arrives_as_it_was_sent() {
    let site = Site::new().await;
    let text = json!({ "said": "two\nlines, \"quoted\" & <tagged> – ümläute 🦀 \u{0}\u{1b}\u{7f}" }).to_string();
    site.queue.send(&text).await.unwrap();
    assert_eq!(site.texts().await, [text]);
    assert_eq!(site.proxy.calls()[0].target, "AmazonSQS.SendMessage");
}

#[tokio::test]
async fn each_send_is_one_call_with_the_callers_own_key() {
    let site = Site::new().await;
    for _ in 0..3 {
        site.queue.send(&said()).await.unwrap();
    }
    let keys: Vec<_> = site.proxy.calls().into_iter().map(|call| (call.access_key, call.has_session_token)).collect();
    assert_eq!(keys, vec![(Some("AKIATEST".to_owned()), false); 3]);
    assert_eq!(site.texts().await.len(), 3);
}

// moto takes them; Amazon answers InvalidMessageContents.
#[tokio::test]
async fn characters_that_a_queue_refuses_arrive_as_escapes() {
    let (site, value) = (Site::new().await, json!({ "said": "a\u{fffe}b\u{ffff}c\u{fffd}" }));
    site.queue.send(&value.to_string()).await.unwrap();
    let texts = site.texts().await;
    assert!(!texts[0].contains(['\u{fffe}', '\u{ffff}']), "{texts:?}");
    assert_eq!(serde_json::from_str::<Value>(&texts[0]).unwrap(), value);
}

#[tokio::test]
async fn the_longest_text_is_taken() {
    let (site, text) = (Site::new().await, text_of(LONGEST_MESSAGE));
    site.queue.send(&text).await.unwrap();
    assert_eq!(site.texts().await, [text]);
}

#[tokio::test]
async fn a_longer_text_is_refused_without_a_call() {
    let (site, too_large) = (Site::new().await, Err(CallError::TooLarge { limit: LONGEST_MESSAGE }));
    assert_eq!(site.queue.send(&text_of(LONGEST_MESSAGE + 1)).await, too_large);
    // Bytes count and not characters, and an escape counts as what it is written with.
    let wide = format!("\"{}\"", "ü".repeat(LONGEST_MESSAGE / 2));
    let escaped = format!("\"{}\"", "\u{ffff}".repeat(LONGEST_MESSAGE / 6 + 1));
    assert_eq!(site.queue.send(&wide).await, too_large);
    assert_eq!(site.queue.send(&escaped).await, too_large);
    assert_eq!(site.tries(), 0);
}

#[tokio::test]
async fn a_queue_that_takes_less_says_how_much() {
    use aws_sdk_sqs::types::QueueAttributeName::MaximumMessageSize;
    let site = Site::new().await;
    let smaller = site.direct.set_queue_attributes().queue_url(&site.queue.url).attributes(MaximumMessageSize, "1024");
    smaller.send().await.unwrap();
    let error = site.queue.send(&text_of(1025)).await.unwrap_err();
    assert!(is_rejected(&error, "shorter than 1024 bytes"), "{error:?}");
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_named_as_the_reason() {
    let mut site = Site::new().await;
    site.queue.url.push_str("-absent");
    let error = site.failure().await;
    assert!(is_rejected(&error, "NonExistentQueue"), "{error:?}");
    assert_eq!(site.tries(), 1);
}

#[tokio::test]
async fn a_queue_that_keeps_an_order_is_refused() {
    use aws_sdk_sqs::types::QueueAttributeName::FifoQueue;
    let mut site = Site::new().await;
    let name = format!("t{}.fifo", &unique()[..16]);
    let made = site.direct.create_queue().queue_name(name).attributes(FifoQueue, "true").send().await.unwrap();
    site.queue.url = made.queue_url.unwrap();
    let error = site.failure().await;
    assert!(is_rejected(&error, "MessageGroupId"), "{error:?}");
}

fn is_rejected(error: &CallError, has: &str) -> bool {
    matches!(error, CallError::Rejected { status: 400, reason } if reason.contains(has))
}

#[tokio::test]
async fn each_refusal_is_told_by_what_can_be_done() {
    let denied = CallError::Rejected { status: 403, reason: "AccessDenied: not authorized".to_owned() };
    let slow = || CallError::RateLimited { retry_after: None };
    let cases = [
        (Answer::error(403, "AccessDenied", "not authorized"), denied),
        (Answer::error(403, "InvalidClientTokenId", "no such token"), CallError::Unauthorized),
        (Answer::error(403, "SignatureDoesNotMatch", SAID), CallError::Unauthorized),
        (Answer::error(403, "RequestThrottled", "too many"), slow()),
        (Answer::error(400, "KMS.ThrottlingException", "too many"), slow()),
        (Answer::error(400, "ThrottlingException", "Rate exceeded"), slow()),
        (Answer::error(400, "InvalidMessageContents", SAID), rejected("InvalidMessageContents")),
        (Answer::error(400, "ValidationException", SAID), rejected("ValidationException")),
    ];
    let site = Site::new().await;
    for (answer, expected) in cases {
        site.proxy.heal();
        site.proxy.on(Calls::all(), Fault::Answer(answer));
        assert_eq!(site.failure().await, expected);
    }
    assert!(site.texts().await.is_empty());
}

fn rejected(reason: &str) -> CallError {
    CallError::Rejected { status: 400, reason: reason.to_owned() }
}

#[tokio::test]
async fn a_passing_failure_is_tried_again() {
    let site = Site::broken_by(Calls::all().once(), Fault::error(500, "InternalError", "try again")).await;
    site.proxy.on(Calls::all().once(), Fault::Reset);
    site.queue.send(&said()).await.unwrap();
    assert_eq!((site.tries(), site.texts().await), (3, vec![said()]));
}

#[tokio::test]
async fn a_lasting_failure_ends_after_three_tries() {
    let cases = [
        (Fault::error(500, "InternalError", "try again"), "status 500: InternalError: try again"),
        (Fault::Answer(Answer::text(503, "<html>busy</html>")), "status 503"),
        (Fault::Reset, ""),
    ];
    for (fault, has) in cases {
        let site = Site::broken_by(Calls::all(), fault).await;
        let error = site.failure().await;
        assert!(matches!(&error, CallError::Unreachable { reason } if reason.contains(has)), "{error:?}");
        assert_eq!(site.tries(), 3);
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let site = Site::new().await;
    site.proxy.stop().await;
    let error = site.failure().await;
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    site.proxy.resume().await;
    site.queue.send(&said()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_never_comes_is_waited_for_within_the_limit() {
    let (mut site, limit) = (Site::broken_by(Calls::all(), Fault::Hang).await, Duration::from_millis(20));
    site.queue = Queue::by(&at(&config(limit).await, site.proxy.url()), site.queue.url.clone(), limit);
    assert_eq!(site.failure().await, CallError::TimedOut { limit });
    assert_eq!(site.tries(), 3);
}

#[tokio::test]
async fn a_lost_answer_leaves_it_twice_rather_than_not_at_all() {
    let site = Site::broken_by(Calls::all().once(), Fault::lost_answer()).await;
    site.queue.send(&said()).await.unwrap();
    assert_eq!(site.texts().await, [said(), said()]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_believed() {
    let site = Site::broken_by(Calls::all(), Fault::Truncate(5)).await;
    let error = site.failure().await;
    assert!(matches!(error, CallError::Unreachable { .. } | CallError::Malformed { .. }), "{error:?}");
    assert!(site.texts().await.contains(&said()));
}

#[tokio::test]
async fn an_answer_that_is_none_of_a_queue_is_not_believed() {
    let bodies: [&'static [u8]; 3] = [b"{}", b"<html>hello</html>", b"[]"];
    for body in bodies {
        let fault = Fault::rewrite(move |_| Bytes::from_static(body));
        let site = Site::broken_by(Calls::all(), fault).await;
        let error = site.failure().await;
        assert!(matches!(error, CallError::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn debug_names_the_queue_and_not_the_key() {
    let site = Site::new().await;
    let shown = format!("{:?} {:#?}", site.queue, site.queue.clone());
    assert!(shown.contains(&site.queue.url) && !shown.contains("CANARY") && !shown.contains("AKIATEST"), "{shown}");
}

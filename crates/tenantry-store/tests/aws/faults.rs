//! What a store on AWS does when the services fail: real HTTP faults between the SDK and the emulators.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use bytes::Bytes;
use serde_json::{Value, json};
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;
use tenantry_emulators::{Answer, Calls, Fault, Proxy, shared};
use tenantry_store::contract::acts::{Draft, WHOLE_LOG, binding, read, scope, value, whole_log};
use tenantry_store::contract::place::Place;
use tenantry_store::{PageRequest, StoreError, Stores};

/// A store behind two proxies.
pub(crate) struct Behind {
    pub(crate) place: Place,
    pub(crate) dynamodb: Proxy,
    pub(crate) secrets_manager: Proxy,
    pub(crate) stores: Stores,
}

impl Behind {
    pub(crate) async fn proxies() -> Self {
        let shared = shared().await;
        let dynamodb = Proxy::before(shared.dynamo.url()).await;
        let secrets_manager = Proxy::before(shared.moto.url()).await;
        let place = Place::behind(dynamodb.url(), secrets_manager.url());
        let stores = place.create().await;
        Self { place, dynamodb, secrets_manager, stores }
    }
}

fn throttled() -> Fault {
    Fault::error(400, "ThrottlingException", "Rate exceeded")
}

#[tokio::test]
async fn a_read_is_one_query_and_a_secret_one_call() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).secret(None, &[("f", Some("s"))]).done(&behind.stores).await;
    behind.dynamodb.forget_calls();
    behind.secrets_manager.forget_calls();
    read(&behind.stores, &scope("acme")).await;
    behind.stores.read_secret(&scope("acme")).await.unwrap();
    let targets = |proxy: &Proxy| proxy.calls().iter().map(|call| call.operation().to_owned()).collect::<Vec<_>>();
    assert_eq!(targets(&behind.dynamodb), ["Query"]);
    assert_eq!(targets(&behind.secrets_manager), ["GetSecretValue"]);
}

#[tokio::test]
async fn a_passing_trouble_is_tried_again_and_a_lasting_one_is_told_as_such() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).done(&behind.stores).await;
    let troubles: [fn() -> Fault; 6] = [
        throttled,
        || Fault::error(400, "ProvisionedThroughputExceededException", "The level of throughput is exceeded"),
        || Fault::error(500, "InternalServerError", "Internal"),
        || Fault::Answer(Answer::text(503, "<html>a page of a load balancer</html>")),
        || Fault::Reset,
        || Fault::Truncate(20),
    ];
    for trouble in troubles {
        let told = format!("{:?}", trouble());
        behind.dynamodb.on(Calls::to("Query").once(), trouble());
        assert_eq!(value(&behind.stores, &scope("acme"), "a").await, Some(1.into()), "{told}");
        behind.dynamodb.heal();
        behind.dynamodb.on(Calls::to("Query"), trouble());
        let error = behind.stores.read(&scope("acme")).await.unwrap_err();
        assert!(error.is_transient(), "{told}: {error:?}");
        behind.dynamodb.heal();
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_told_apart_from_one_that_is_not_there() {
    let behind = Behind::proxies().await;
    Draft::create("acme").secret(None, &[("f", Some("s"))]).done(&behind.stores).await;
    behind.secrets_manager.on(Calls::to("GetSecretValue"), throttled());
    let error = behind.stores.read_secret(&scope("acme")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    behind.secrets_manager.heal();
    assert!(behind.stores.read_secret(&scope("beta")).await.unwrap().is_none());
}

#[tokio::test]
async fn denied_access_and_a_disabled_key_do_not_pass() {
    let behind = Behind::proxies().await;
    Draft::create("acme").secret(None, &[("f", Some("s"))]).done(&behind.stores).await;
    for code in ["AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"] {
        behind.dynamodb.on(Calls::to("Query"), Fault::error(400, code, "User is not authorized"));
        let error = behind.stores.read(&scope("acme")).await.unwrap_err();
        assert!(matches!(error, StoreError::Denied(_)) && !error.is_transient(), "{code}: {error:?}");
        behind.dynamodb.heal();
    }
    // The last one is also said of a deleted secret; a key that is disabled must not pass for that.
    for code in ["AccessDeniedException", "DecryptionFailure", "KMSDisabledException", "InvalidRequestException"] {
        behind.secrets_manager.on(Calls::to("GetSecretValue"), Fault::error(400, code, "the key is disabled"));
        let error = behind.stores.read_secret(&scope("acme")).await.unwrap_err();
        assert!(matches!(error, StoreError::Denied(_)), "{code}: {error:?}");
        behind.secrets_manager.heal();
    }
}

/// A tenant of three pages: a page ends at 1 MB.
async fn three_pages(stores: &Stores) {
    Draft::create("acme").done(stores).await;
    let text = "x".repeat(60 * 1024);
    for (revision, from) in [(1, 0), (2, 15), (3, 30)] {
        let values = (from..from + 15)
            .fold(Draft::change(scope("acme"), revision), |draft, n| draft.set(&format!("v.n{n}"), text.as_str()));
        values.done(stores).await;
    }
}

#[tokio::test]
async fn a_page_that_fails_fails_the_read_as_a_whole() {
    let behind = Behind::proxies().await;
    three_pages(&behind.stores).await;
    behind.dynamodb.forget_calls();
    assert_eq!(read(&behind.stores, &scope("acme")).await.items.len(), 45);
    assert_eq!(behind.dynamodb.calls().len(), 3, "three pages");
    let later = |call: &tenantry_emulators::Call| !call.json()["ExclusiveStartKey"].is_null();
    behind.dynamodb.on(Calls::to("Query").when(later), throttled());
    let error = behind.stores.read(&scope("acme")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

/// The answer of a Query without the item of a key.
fn without(key: &'static str) -> Fault {
    Fault::rewrite(move |body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        answer["Items"].as_array_mut().unwrap().retain(|item| item["config_key"]["S"] != key);
        Bytes::from(answer.to_string())
    })
}

#[tokio::test]
async fn a_torn_read_is_made_again() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).set("b", 2).done(&behind.stores).await;
    behind.dynamodb.on(Calls::to("Query").once(), without("b"));
    let found = read(&behind.stores, &scope("acme")).await;
    assert_eq!((found.items.len(), found.drift), (2, false));
    behind.dynamodb.heal();
    behind.dynamodb.on(Calls::to("Query"), without("b"));
    behind.dynamodb.forget_calls();
    let found = read(&behind.stores, &scope("acme")).await;
    assert_eq!((found.items.len(), found.drift), (1, true), "what stays so is a change by hand: served, and labelled");
    assert_eq!(behind.dynamodb.calls().len(), 2, "the same twice is enough to know");
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_refused_with_all_that_came_along() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).secret(None, &[("f", Some("CANARY"))]).done(&behind.stores).await;
    let to_beta = Fault::rewrite(|body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        answer["Items"][1]["tenant_id"] = json!({"S": "beta"});
        Bytes::from(answer.to_string())
    });
    behind.dynamodb.on(Calls::to("Query"), to_beta);
    let error = behind.stores.read(&scope("acme")).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied(_)), "{error:?}");
    let another_name = Fault::rewrite(|body| {
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        answer["Name"] = json!("production/tenant/acme-corp");
        Bytes::from(answer.to_string())
    });
    behind.secrets_manager.on(Calls::to("GetSecretValue"), another_name);
    let error = behind.stores.read_secret(&scope("acme")).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("CANARY"));
}

#[tokio::test]
async fn a_commit_whose_answers_are_lost_is_made_once() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).done(&behind.stores).await;
    for (revision, lost) in [(1, 1), (2, usize::MAX)] {
        behind.dynamodb.on(Calls::to("TransactWriteItems").times(lost), Fault::lost_answer());
        let committed = Draft::change(scope("acme"), revision).set("a", 2).done(&behind.stores).await;
        assert_eq!(committed.revision, Revision(revision + 1));
        behind.dynamodb.heal();
        assert_eq!(read(&behind.stores, &scope("acme")).await.head.revision, Revision(revision + 1));
    }
    assert_eq!(whole_log(&behind.stores, &WHOLE_LOG).await.len(), 3);
}

#[tokio::test]
async fn a_commit_that_cannot_be_sent_changes_nothing_and_may_be_tried_again() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).done(&behind.stores).await;
    for fault in [throttled, || Fault::Reset, || Fault::error(500, "InternalServerError", "Internal")] {
        behind.dynamodb.on(Calls::to("TransactWriteItems"), fault());
        let error =
            Draft::change(scope("acme"), 1).set("a", 2).take("slack:T1").send(&behind.stores).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        behind.dynamodb.heal();
        assert_eq!(value(&behind.stores, &scope("acme"), "a").await, Some(1.into()));
        assert_eq!(behind.stores.bound(&binding("slack:T1")).await.unwrap(), None);
    }
    Draft::change(scope("acme"), 1).set("a", 2).done(&behind.stores).await;
}

#[tokio::test]
async fn writers_that_meet_in_one_transaction_come_again() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).done(&behind.stores).await;
    let reasons = json!([{"Code": "TransactionConflict"}, {"Code": "None"}, {"Code": "None"}]);
    let conflict = || {
        let answer = Answer::error(400, "TransactionCanceledException", "Transaction cancelled");
        Fault::Answer(answer.field("CancellationReasons", reasons.clone()))
    };
    behind.dynamodb.on(Calls::to("TransactWriteItems").times(2), conflict());
    Draft::change(scope("acme"), 1).set("a", 2).done(&behind.stores).await;
    assert_eq!(value(&behind.stores, &scope("acme"), "a").await, Some(2.into()));
}

#[tokio::test]
async fn what_a_batch_leaves_out_is_asked_for_again() {
    let behind = Behind::proxies().await;
    Draft::create("acme").done(&behind.stores).await;
    let table = format!("{}-TenantConfiguration", behind.place.name);
    let left = Fault::rewrite(move |_| {
        let key = json!({"tenant_id": {"S": "acme"}, "config_key": {"S": "#head"}});
        let left = json!({"Responses": {}, "UnprocessedKeys": {&table: {"Keys": [key], "ConsistentRead": true}}});
        Bytes::from(left.to_string())
    });
    behind.dynamodb.on(Calls::to("BatchGetItem").once(), left);
    let listed = behind.stores.tenants(&PageRequest::first(9)).await.unwrap();
    assert_eq!(listed.items.len(), 1);
}

#[tokio::test]
async fn a_service_that_is_gone_is_a_passing_trouble_until_it_is_back() {
    let behind = Behind::proxies().await;
    Draft::create_global().set("a", 1).done(&behind.stores).await;
    behind.dynamodb.stop().await;
    assert!(behind.stores.read(&Scope::Global).await.unwrap_err().is_transient());
    behind.dynamodb.resume().await;
    assert_eq!(value(&behind.stores, &Scope::Global, "a").await, Some(1.into()));
}

#[tokio::test]
async fn no_error_of_a_service_repeats_what_was_sent() {
    let behind = Behind::proxies().await;
    Draft::create("acme").done(&behind.stores).await;
    let repeats = || Fault::error(400, "InvalidParameterException", "Value 'CANARY' at 'secretString' is not valid");
    behind.secrets_manager.on(Calls::to("PutSecretValue"), repeats());
    let refused = Draft::change(scope("acme"), 1).secret(None, &[("f", Some("CANARY"))]).send(&behind.stores).await;
    let error = refused.unwrap_err();
    let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(!shown.contains("CANARY"), "{shown}");
}

//! The contract on both stand-ins for DynamoDB, and what happens when it fails.

use std::sync::Arc;
use std::time::Duration;

use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;
use tenantry_emulators::{Calls, Fault, Proxy, shared};
use tenantry_integrations::aws::{Aws, AwsOptions};
use tokio::sync::OnceCell;

use super::*;

mod on_dynoxide {
    use super::*;
    conversations_contract!(store(shared().await.dynamo.url()));
}

// Its writes are atomic only when calls come one by one.
mod on_moto {
    use super::*;
    conversations_contract!(async {
        static IN_TURN: OnceCell<Proxy> = OnceCell::const_new();
        let moto = shared().await.moto.url();
        store(IN_TURN.get_or_init(|| Proxy::in_turn(moto)).await.url()).await
    });
}

/// A table of its own behind an endpoint.
async fn store(url: &str) -> (Arc<TableConversations>, ()) {
    let prefix = format!("t{}-", &unique()[..16]);
    let tables = Tables::new(aws(url, Duration::from_mins(5)).await);
    tables.create(&prefix).await.unwrap();
    (Arc::new(TableConversations::new(tables, prefix)), ())
}

async fn aws(url: &str, attempt: Duration) -> Aws {
    let options = AwsOptions {
        dynamodb_url: Some(url.to_owned()),
        region: Some("eu-central-1".to_owned()),
        attempt: Some(attempt),
        access_key: Some(("AKIATEST".to_owned(), SecretText::new("CANARY-secret-key".to_owned()))),
        ..AwsOptions::default()
    };
    Aws::open(options).await.unwrap()
}

/// The same table through a proxy.
async fn behind_proxy() -> (TableConversations, Proxy) {
    let url = shared().await.dynamo.url();
    let (store, ()) = store(url).await;
    let proxy = Proxy::before(url).await;
    let tables = Tables::new(aws(proxy.url(), Duration::from_secs(30)).await);
    (TableConversations::new(tables, store.prefix.clone()), proxy)
}

fn place(prefix: Option<&str>) -> Place {
    Place { tenant: TenantId::parse("acme").unwrap(), incarnation: "i1".to_owned(), prefix: prefix.map(str::to_owned) }
}

fn turn(at: Timestamp) -> Turn {
    Turn { at, said: "CANARY-said".to_owned(), answered: "CANARY-answered".to_owned() }
}

#[tokio::test]
async fn a_tenants_own_prefix_leads_to_a_table_of_its_own() {
    let (store, proxy) = behind_proxy().await;
    let own = format!("own-{}-", &unique()[..16]);
    let now = Timestamp::now();
    let missing = store.add(&place(Some(&own)), "c", &turn(now)).await.unwrap_err().to_string();
    let next = format!("there is no table {own}Conversations: make it with `tenantry -t acme storage init`");
    assert!(missing.ends_with(&next), "{missing}");
    store.tables.create(&own).await.unwrap();
    store.add(&place(Some(&own)), "c", &turn(now)).await.unwrap();
    assert!(store.turns(&place(None), "c", 9).await.unwrap().is_empty());
    let call = proxy.calls().into_iter().find(|call| call.operation() == "PutItem").unwrap().json();
    assert_eq!(call["TableName"], format!("{own}Conversations"));
}

#[tokio::test]
async fn every_key_begins_with_the_tenant_and_every_row_expires() {
    let (store, proxy) = behind_proxy().await;
    let now = Timestamp::now();
    store.add(&place(None), "slack:C1:1.0", &turn(now)).await.unwrap();
    store.claim(&place(None), "slack:Ev1", now).await.unwrap();
    store.finish(&place(None), "slack:Ev1", now).await.unwrap();
    let puts: Vec<_> =
        proxy.calls().iter().filter(|call| call.operation() == "PutItem").map(tenantry_emulators::Call::json).collect();
    let keys: Vec<_> = puts.iter().map(|put| put["Item"]["conversation_key"]["S"].as_str().unwrap()).collect();
    assert_eq!(keys, ["acme#i1#conversation#=slack:C1:1.0", "acme#i1#event#=slack:Ev1", "acme#i1#event#=slack:Ev1"]);
    let in_days = |put: &serde_json::Value| {
        let at: i64 = put["Item"]["expires_at"]["N"].as_str().unwrap().parse().unwrap();
        (at - now.as_second()) / (24 * 3600)
    };
    assert_eq!(puts.iter().map(in_days).collect::<Vec<_>>(), [KEPT_DAYS, 0, 7]);
    store.spend(&place(None), &Month::of(now), 3).await.unwrap();
    let update = proxy.calls().last().unwrap().json();
    assert_eq!(update["Key"]["conversation_key"]["S"], "acme#i1#tokens");
}

#[tokio::test]
async fn turns_that_dynamodb_has_not_removed_yet_are_not_shown() {
    let (store, _proxy) = behind_proxy().await;
    let now = Timestamp::now();
    let old = now - SignedDuration::from_hours(24 * KEPT_DAYS + 1);
    for at in [old, now] {
        store.add(&place(None), "c", &turn(at)).await.unwrap();
    }
    assert_eq!(store.turns(&place(None), "c", 9).await.unwrap(), [turn(now)]);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_still_the_callers() {
    let (store, proxy) = behind_proxy().await;
    proxy.on(Calls::to("PutItem").once(), Fault::lost_answer());
    assert_eq!(store.claim(&place(None), "e", Timestamp::now()).await.unwrap(), Claim::Taken);
    assert_eq!(proxy.calls().iter().filter(|call| call.operation() == "PutItem").count(), 2);
    assert_eq!(store.claim(&place(None), "e", Timestamp::now()).await.unwrap(), Claim::InProgress);
}

#[tokio::test]
async fn all_pages_of_long_turns_are_read() {
    let (store, _proxy) = behind_proxy().await;
    let now = Timestamp::now();
    let long = "x".repeat(LONGEST_TEXT);
    // 12 × 300 KB: pages end at 1 MB.
    for n in 0..12 {
        let turn = Turn { at: now + SignedDuration::from_secs(n), said: long.clone(), answered: long.clone() };
        store.add(&place(None), "c", &turn).await.unwrap();
    }
    assert_eq!(store.turns(&place(None), "c", 20).await.unwrap().len(), 12);
    assert_eq!(store.turns(&place(None), "c", 7).await.unwrap().len(), 7);
}

async fn error_with(fault: Fault) -> ConversationsError {
    let (store, proxy) = behind_proxy().await;
    proxy.on(Calls::all(), fault);
    let error = store.add(&place(None), "c", &turn(Timestamp::now())).await.unwrap_err();
    let shown = format!("{error:?} {error} {store:?}");
    assert!(!shown.contains("CANARY"), "{shown}");
    error
}

#[tokio::test]
async fn throttling_and_outages_pass() {
    for fault in [
        Fault::error(400, "ThrottlingException", "Rate exceeded"),
        Fault::error(500, "InternalServerError", "try again"),
        Fault::Reset,
    ] {
        let error = error_with(fault).await;
        assert!(matches!(error, ConversationsError::Unavailable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn denials_and_invalid_calls_are_refusals_that_name_the_table() {
    for (code, told) in [
        ("AccessDeniedException", "AccessDeniedException: not for CANARX"),
        ("ValidationException", "ValidationException"),
        ("UnrecognizedClientException", "does not accept the credentials"),
    ] {
        let error = error_with(Fault::error(400, code, "not for CANARX")).await;
        let ConversationsError::Refused(reason) = &error else { panic!("{error:?}") };
        assert!(reason.contains("Conversations: ") && reason.contains(told), "{reason}");
    }
}

#[tokio::test]
async fn another_tenants_row_that_comes_back_is_refused() {
    let (store, proxy) = behind_proxy().await;
    store.add(&place(None), "c", &turn(Timestamp::now())).await.unwrap();
    proxy.on(
        Calls::to("Query"),
        Fault::rewrite(|body| String::from_utf8_lossy(&body).replace("acme#", "beta#").into_bytes().into()),
    );
    let error = store.turns(&place(None), "c", 9).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("another tenant") && !told.contains("CANARY"), "{told}");
}

#[test]
fn a_long_name_and_its_hash_do_not_meet() {
    let long = "x".repeat(LONGEST_NAME + 1);
    let hashed = partition(&place(None), "event", &long);
    let forged = hashed.strip_prefix("i1#event#").unwrap();
    assert_ne!(partition(&place(None), "event", forged), hashed);
    assert!(partition(&place(None), "event", &"x".repeat(LONGEST_NAME)).len() < 2048 - 64);
}

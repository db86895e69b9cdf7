//! Interleavings and inputs that once broke a promise of the store on AWS.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_core::layer::Revision;
use tenantry_emulators::{Calls, Fault, Gate, shared};
use tenantry_store::contract::acts::{
    Draft, copy_of, entry, log_of, read_secret, scope, tenant, texts, value, whole_log,
};
use tenantry_store::memory::MemoryStore;
use tenantry_store::{Action, PageRequest, ScopeCopy, StoreUrl, Stores};

use crate::faults::Behind;
use crate::interrupted::{begin, change, down, let_it_age};
use crate::own_place;

async fn place_elsewhere(behind: &Behind) -> Stores {
    let shared = shared().await;
    behind.place.through(shared.dynamo.url(), shared.moto.url()).open().await
}

async fn a_copy(secret: bool) -> ScopeCopy {
    let from = Stores::new(std::sync::Arc::new(MemoryStore::new()));
    let mut create = Draft::create("acme").set("a", 1).take("slack:T1");
    if secret {
        create = create.secret(None, &[("f", Some("1"))]);
    }
    create.done(&from).await;
    copy_of(&from, &scope("acme")).await
}

async fn told(stores: &Stores) -> String {
    let found = stores.check().await.unwrap();
    found.iter().map(|found| format!("{}: {}", found.subject, found.message)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn two_stores_of_one_environment_do_not_share_secrets() {
    let place = own_place().await;
    let one = place.create().await;
    Draft::create("acme").secret(None, &[("f", Some("CANARY"))]).done(&one).await;
    let url = StoreUrl::parse(&format!("aws:?environment={0}&table_prefix={0}-other-", place.name)).unwrap();
    let refused = Stores::create(&url, &place.options).await.err().unwrap().to_string();
    assert!(refused.contains("in use by the store in the table"), "{refused}");
}

#[tokio::test]
async fn a_transaction_that_was_made_is_finished_although_its_second_try_is_denied() {
    let (behind, _, version) = begin().await;
    behind.dynamodb.on(Calls::to("TransactWriteItems").nth(1), Fault::lost_answer());
    behind.dynamodb.on(
        Calls::to("TransactWriteItems").once(),
        Fault::error(400, "ExpiredTokenException", "The security token included in the request is expired"),
    );
    let answer = change(1, &version).send(&behind.stores).await;
    behind.dynamodb.heal();
    let value = value(&behind.stores, &scope("acme"), "a").await.unwrap().to_json();
    let secret = texts(&read_secret(&behind.stores, &scope("acme")).await)["f"].to_owned();
    let intents = told(&behind.stores).await;
    assert!(
        value == secret || intents.contains("under way"),
        "half made and nothing tells: {value} {secret} {answer:?}\n{intents}"
    );
}

#[tokio::test]
async fn settling_does_not_take_back_what_a_hand_wrote_since() {
    let (behind, raw, version) = begin().await;
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage"), down());
    change(1, &version).send(&behind.stores).await.unwrap_err();
    behind.secrets_manager.heal();
    raw.rotate("acme", r#"{"f":"1","by_hand":"x"}"#).await;
    let_it_age(&raw).await;
    told(&behind.stores).await;
    let secret = read_secret(&behind.stores, &scope("acme")).await;
    assert_eq!(texts(&secret).get("by_hand"), Some(&"x"));
}

#[tokio::test]
async fn settling_does_not_lose_a_change_that_is_made_meanwhile() {
    let (behind, raw, version) = begin().await;
    let (made, ended) = (Gate::shut(), Gate::shut());
    behind.dynamodb.on(Calls::to("TransactWriteItems").once(), Fault::Wait(made.clone()));
    let writer = tokio::spawn({
        let (stores, version) = (behind.stores.clone(), version.clone());
        async move { change(1, &version).send(&stores).await }
    });
    made.reached().await;
    let_it_age(&raw).await;
    // The doctor has read the head, and is about to remove the intent.
    let other = behind.place.open().await;
    behind.dynamodb.on(Calls::to("DeleteItem").once(), Fault::Wait(ended.clone()));
    let doctor = tokio::spawn(async move { told(&other).await });
    ended.reached().await;
    // The writer's transaction is made, and then the writer dies.
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage").once(), Fault::Hang);
    made.open();
    while value(&behind.stores, &scope("acme"), "a").await.unwrap().to_json() != "2" {
        tokio::task::yield_now().await;
    }
    writer.abort();
    behind.secrets_manager.heal();
    ended.open();
    let report = doctor.await.unwrap();
    let other = place_elsewhere(&behind).await;
    told(&other).await;
    let secret = texts(&read_secret(&other, &scope("acme")).await)["f"].to_owned();
    assert_eq!(secret, "2", "parameters made, secret lost:\n{report}\n{}", told(&other).await);
}

#[tokio::test]
async fn the_doctor_ends_although_a_version_can_never_be_put_in_force() {
    let (behind, raw, version) = begin().await;
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage"), down());
    change(1, &version).send(&behind.stores).await.unwrap_err();
    behind.secrets_manager.heal();
    let_it_age(&raw).await;
    // The version lost its label to another one, and the service has removed it.
    let gone =
        Fault::error(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret version.");
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage"), gone);
    let ended = tokio::time::timeout(Duration::from_secs(5), told(&behind.stores)).await;
    assert!(ended.is_ok(), "{} calls without an end", behind.secrets_manager.calls().len());
}

#[tokio::test]
async fn an_erasure_that_slept_does_not_erase_the_next_tenant_of_the_name() {
    let (behind, _, _) = begin().await;
    Draft::suspend("acme", 1).take("slack:T1").done(&behind.stores).await;
    let gate = Gate::shut();
    behind.dynamodb.on(Calls::to("TransactWriteItems").nth(2), Fault::Wait(gate.clone()));
    let sleeper = tokio::spawn({
        let stores = behind.stores.clone();
        async move { stores.erase(&tenant("acme"), Revision(2), entry(&scope("acme"), Action::Delete)).await }
    });
    gate.reached().await;
    let other = place_elsewhere(&behind).await;
    assert!(told(&other).await.contains("erasure of acme was finished"));
    Draft::create("acme").set("a", 9).done(&other).await;
    // Its binding went to yet another tenant.
    Draft::create("gamma").take("slack:T1").done(&other).await;
    gate.open();
    sleeper.await.unwrap().ok();
    let found = other.read(&scope("acme")).await.unwrap();
    assert!(found.is_some_and(|found| found.items.len() == 1 && !found.drift), "the new acme is gone");
}

/// An eraser that falls asleep before a call to Secrets Manager, while another one finishes and a new tenant of the name comes.
async fn slept_before(call: &'static str) {
    let (behind, _, _) = begin().await;
    Draft::suspend("acme", 1).done(&behind.stores).await;
    let gate = Gate::shut();
    behind.secrets_manager.on(Calls::to(call).once(), Fault::Wait(gate.clone()));
    let sleeper = tokio::spawn({
        let stores = behind.stores.clone();
        async move { stores.erase(&tenant("acme"), Revision(2), entry(&scope("acme"), Action::Delete)).await }
    });
    gate.reached().await;
    let other = place_elsewhere(&behind).await;
    assert!(told(&other).await.contains("erasure of acme was finished"), "{call}");
    Draft::create("acme").secret(None, &[("odoo_password", Some("CANARY-new"))]).done(&other).await;
    gate.open();
    sleeper.await.unwrap().ok();
    let secret = other.read_secret(&scope("acme")).await.unwrap();
    let password = secret.and_then(|secret| secret.fields.get("odoo_password").map(|text| text.expose().to_owned()));
    assert_eq!(password.as_deref(), Some("CANARY-new"), "asleep before {call}: the new acme's secret is gone");
}

#[tokio::test]
async fn an_erasure_that_slept_does_not_empty_the_next_tenants_secret() {
    slept_before("UpdateSecretVersionStage").await;
}

#[tokio::test]
async fn an_erasure_that_slept_does_not_delete_the_next_tenants_secret() {
    slept_before("DeleteSecret").await;
}

#[tokio::test]
async fn a_copy_made_again_without_a_secret_leaves_none_of_the_first_attempt() {
    let behind = Behind::proxies().await;
    behind.dynamodb.on(Calls::to("TransactWriteItems"), down());
    behind.stores.take_over(a_copy(true).await).await.unwrap_err();
    behind.dynamodb.heal();
    behind.stores.take_over(a_copy(false).await).await.unwrap();
    let secret = behind.stores.read_secret(&scope("acme")).await.unwrap();
    assert!(secret.is_none_or(|secret| secret.fields.is_empty()), "a secret that its source removed");
}

#[tokio::test]
async fn a_copy_of_the_defaults_made_again_keeps_the_log_that_was_here() {
    let from = Stores::new(std::sync::Arc::new(MemoryStore::new()));
    let global = tenantry_core::scope::Scope::Global;
    Draft::create_global().set("a", 1).done(&from).await;
    let copy = copy_of(&from, &global).await;
    let behind = Behind::proxies().await;
    behind.stores.record(entry(&global, Action::CreateToken)).await.unwrap();
    behind.dynamodb.on(Calls::to("TransactWriteItems"), down());
    behind.stores.take_over(copy.clone()).await.unwrap_err();
    behind.dynamodb.heal();
    behind.stores.take_over(copy).await.unwrap();
    let log = whole_log(&behind.stores, &log_of(&global)).await;
    assert!(log.iter().any(|entry| entry.action == Action::CreateToken), "the audit event is gone: {log:?}");
}

#[tokio::test]
async fn a_key_that_is_about_to_be_deleted_is_no_secret_that_is_not_there() {
    let (behind, _, _) = begin().await;
    let told =
        "You can't access a secret from a different AWS account or whose KMS key arn:aws:kms:x is pending deletion.";
    behind.secrets_manager.on(Calls::to("GetSecretValue"), Fault::error(400, "InvalidRequestException", told));
    let found = behind.stores.read_secret(&scope("acme")).await;
    assert!(found.is_err(), "the operator's connections would be served in place of the tenant's: {found:?}");
}

#[tokio::test]
async fn a_creation_that_was_refused_can_be_made_again_with_its_secret() {
    let behind = Behind::proxies().await;
    Draft::create("beta").take("slack:T1").done(&behind.stores).await;
    let create = || Draft::create("acme").secret(None, &[("f", Some("1"))]);
    create().take("slack:T1").send(&behind.stores).await.unwrap_err();
    let left = behind.stores.read_secret(&scope("acme")).await.unwrap();
    let again = create().send(&behind.stores).await;
    assert!(left.is_none() && again.is_ok(), "{left:?} {again:?}");
}

#[tokio::test]
async fn one_broken_head_does_not_hide_all_tenants() {
    let (behind, raw, _) = begin().await;
    Draft::create("beta").done(&behind.stores).await;
    raw.set("acme", "#head", "status", AttributeValue::S("odd".to_owned())).await;
    let listed = behind.stores.tenants(&PageRequest::first(9)).await;
    let checked = behind.stores.check().await;
    assert!(listed.is_ok() && checked.is_ok(), "{listed:?} {checked:?}");
}

#[tokio::test]
async fn one_broken_token_does_not_stop_the_erasure_of_others() {
    let (behind, raw, _) = begin().await;
    raw.put("#tokens", "0000000000000000", AttributeValue::S("odd".to_owned())).await;
    Draft::suspend("acme", 1).done(&behind.stores).await;
    behind.stores.erase(&tenant("acme"), Revision(2), entry(&scope("acme"), Action::Delete)).await.unwrap();
}

#[tokio::test]
async fn a_history_that_is_ahead_of_its_head_is_told_as_such() {
    let (behind, raw, _) = begin().await;
    Draft::change(scope("acme"), 1).set("a", 2).done(&behind.stores).await;
    // As after the table of parameters was restored to an earlier time, and the log was not.
    raw.set("acme", "#head", "revision", AttributeValue::N("1".to_owned())).await;
    let wrote = Draft::change(scope("acme"), 1).set("a", 3).send(&behind.stores).await;
    assert!(wrote.as_ref().err().is_none_or(|error| !error.is_transient()), "stuck for ever: {wrote:?}");
}

#[tokio::test]
async fn a_head_or_log_of_the_largest_number_makes_no_writer_panic() {
    let (behind, raw, _) = begin().await;
    raw.set("acme", "#head", "revision", AttributeValue::N(u64::MAX.to_string())).await;
    let stores = behind.stores.clone();
    let wrote =
        tokio::spawn(async move { Draft::change(scope("acme"), u64::MAX).set("a", 3).send(&stores).await }).await;
    assert!(wrote.is_ok(), "{wrote:?}");
}

#[tokio::test]
async fn an_intent_whose_answer_was_lost_is_recognised_as_ones_own() {
    let (behind, _, version) = begin().await;
    behind.dynamodb.on(Calls::to("PutItem").once(), Fault::lost_answer());
    let made = change(1, &version).send(&behind.stores).await;
    assert!(made.is_ok(), "{made:?}");
}

/// The answer of a Query without the item of a key.
fn without(key: &'static str) -> Fault {
    Fault::rewrite(move |body| {
        let mut answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        answer["Items"].as_array_mut().unwrap().retain(|item| item["config_key"]["S"] != key);
        bytes::Bytes::from(answer.to_string())
    })
}

#[tokio::test]
async fn what_is_torn_differently_each_time_is_not_served() {
    let behind = Behind::proxies().await;
    Draft::create("acme").set("a", 1).set("b", 2).set("c", 3).done(&behind.stores).await;
    for key in ["a", "b", "c"] {
        behind.dynamodb.on(Calls::to("Query").once(), without(key));
    }
    let found = behind.stores.read(&scope("acme")).await;
    assert!(found.is_err(), "half of a state, called a change by hand: {found:?}");
}

#[tokio::test]
async fn an_erased_tenants_intent_does_not_stand_in_the_way_of_the_next_one() {
    let (behind, raw, version) = begin().await;
    behind.secrets_manager.on(Calls::to("UpdateSecretVersionStage"), down());
    change(1, &version).send(&behind.stores).await.unwrap_err();
    behind.secrets_manager.heal();
    Draft::suspend("acme", 2).done(&behind.stores).await;
    behind.stores.erase(&tenant("acme"), Revision(3), entry(&scope("acme"), Action::Delete)).await.unwrap();
    let left = raw.attribute("#intents", "acme", "actor").await;
    let made = Draft::create("acme").secret(None, &[("f", Some("9"))]).send(&behind.stores).await;
    assert!(left.is_none() && made.is_ok(), "{left:?} {made:?}");
}

#[tokio::test]
async fn the_log_of_all_goes_on_behind_an_entry_that_is_gone() {
    let behind = Behind::proxies().await;
    for n in 0..6 {
        Draft::create(&format!("t{n}")).done(&behind.stores).await;
    }
    // The index, which follows later, still names an entry that is gone.
    let lost = Fault::rewrite(|body| {
        let mut answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        for rows in answer["Responses"].as_object_mut().unwrap().values_mut() {
            rows.as_array_mut().unwrap().pop();
        }
        bytes::Bytes::from(answer.to_string())
    });
    behind.dynamodb.on(Calls::to("BatchGetItem").once(), lost);
    let query = tenantry_store::contract::acts::WHOLE_LOG;
    let page = behind.stores.log(&query, &PageRequest::first(2)).await.unwrap();
    assert!(page.next.is_some(), "{} of 6, and no more", page.items.len());
}

#[tokio::test]
async fn a_copy_does_not_take_the_place_of_a_tenant_made_meanwhile() {
    let behind = Behind::proxies().await;
    let copy = a_copy(false).await;
    let gate = Gate::shut();
    behind.dynamodb.on(Calls::to("TransactWriteItems").once(), Fault::Wait(gate.clone()));
    let taking = tokio::spawn({
        let stores = behind.stores.clone();
        async move { stores.take_over(copy).await }
    });
    gate.reached().await;
    let other = place_elsewhere(&behind).await;
    Draft::create("acme").set("mine", 1).done(&other).await;
    gate.open();
    let taken = taking.await.unwrap();
    let head = other.read(&scope("acme")).await.unwrap().unwrap();
    let is_mine = head.items.iter().any(|item| item.key.to_string() == "mine") && !head.drift;
    assert!(taken.is_err() && is_mine, "an acknowledged tenant was overwritten: {taken:?} {head:?}");
}

#[tokio::test]
async fn an_interrupted_copy_is_found_by_doctor() {
    let behind = Behind::proxies().await;
    behind.dynamodb.on(Calls::to("BatchWriteItem"), down());
    behind.stores.take_over(a_copy(true).await).await.unwrap_err();
    behind.dynamodb.heal();
    let told = told(&behind.stores).await;
    assert!(told.contains("acme"), "{told}");
}

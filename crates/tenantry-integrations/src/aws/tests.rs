//! Whose credentials a call is made with, and what is told when there are none.

use super::stand_in::{SECRET, StandIn, name, stand_in, tenant};
use super::*;
use crate::dynamodb::{Row, RowKey, Tables};
use crate::s3::{Buckets, NewObject};
use crate::verify::Verdict;
use tenantry_emulators::{Calls, Fault};

const ROLE: &str = "arn:aws:iam::123456789012:role/tenant";

fn row() -> Row {
    Row::new(RowKey { partition: "tokens".to_owned(), sort: "2026-11".to_owned() }, i64::MAX)
}

async fn write(aws: &Aws, id: &str, prefix: &str) -> Result<(), CallError> {
    Tables::new(aws.clone()).rows(&tenant(id), prefix).await?.put(row()).await
}

#[tokio::test]
async fn each_tenant_is_reached_in_a_session_of_its_own_that_is_begun_once() {
    let StandIn { aws, dynamo, moto } = stand_in(Some(ROLE)).await;
    let prefix = name();
    Tables::new(aws.clone()).create(&prefix).await.unwrap();
    dynamo.forget_calls();
    for id in ["acme", "acme", "beta"] {
        write(&aws, id, &prefix).await.unwrap();
    }
    let calls = dynamo.calls();
    let keys: Vec<_> = calls.iter().map(|call| call.access_key.clone().unwrap()).collect();
    assert!(calls.iter().all(|call| call.has_session_token) && !keys.contains(&"AKIATEST".to_owned()));
    assert!(keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
    let begun: Vec<_> = moto.calls().iter().map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect();
    assert_eq!(begun.len(), 2);
    for (form, id) in begun.iter().zip(["acme", "beta"]) {
        assert!(form.contains("Tags.member.1.Key=tenant_id"), "{form}");
        assert!(form.contains(&format!("Tags.member.1.Value={id}")) && !form.contains("Tags.member.2"), "{form}");
    }
}

#[tokio::test]
async fn objects_are_kept_in_the_same_session() {
    let StandIn { aws, moto, .. } = stand_in(Some(ROLE)).await;
    let bucket = name();
    crate::s3::make(&aws, &bucket, "eu-central-1").await;
    moto.forget_calls();
    let object = NewObject { key: "acme/1", media_type: "text/plain", bytes: b"x" };
    Buckets::new(aws).put(&tenant("acme"), &bucket, object).await.unwrap();
    let put = moto.calls().into_iter().find(|call| call.target.starts_with("PUT ")).unwrap();
    assert!(put.has_session_token && put.access_key.as_deref() != Some("AKIATEST"));
}

#[tokio::test]
async fn callers_that_come_together_begin_one_session() {
    let StandIn { aws, moto, .. } = stand_in(Some(ROLE)).await;
    let acme = tenant("acme");
    futures::future::join_all((0..8).map(|_| aws.of(&acme)))
        .await
        .into_iter()
        .for_each(|clients| drop(clients.unwrap()));
    assert_eq!(moto.calls().len(), 1);
}

#[tokio::test]
async fn without_a_session_nothing_is_called_with_other_credentials() {
    let StandIn { aws, dynamo, moto } = stand_in(Some(ROLE)).await;
    moto.on(Calls::all(), Fault::error(403, "AccessDenied", "not authorized to perform sts:TagSession"));
    let error = write(&aws, "acme", "p").await.unwrap_err();
    assert!(matches!(&error, CallError::Rejected { reason, .. } if reason.starts_with("AccessDenied")), "{error:?}");
    assert!(dynamo.calls().is_empty());
    moto.heal();
    // What failed is not remembered.
    Tables::new(aws.clone()).create("healed-").await.unwrap();
    write(&aws, "acme", "healed-").await.unwrap();
}

#[tokio::test]
async fn a_slow_or_absent_service_is_unreachable() {
    let StandIn { aws, dynamo, .. } = stand_in(None).await;
    dynamo.stop().await;
    let error = write(&aws, "acme", "p").await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    let hasty = AwsOptions { attempt: Some(Duration::from_millis(20)), ..aws.0.options.clone() };
    dynamo.resume().await;
    dynamo.on(Calls::all(), Fault::Hang);
    let error = write(&Aws::open(hasty).await.unwrap(), "acme", "p").await.unwrap_err();
    assert_eq!(error, CallError::TimedOut { limit: Duration::from_millis(20) });
    assert!(matches!(Verdict::from(error), Verdict::Unreachable { .. }));
}

#[tokio::test]
async fn the_key_is_in_no_debug_text() {
    let StandIn { aws, dynamo: _dynamo, moto: _moto } = stand_in(Some(ROLE)).await;
    let rows = Tables::new(aws.clone()).rows(&tenant("acme"), "p").await.unwrap();
    let shown = format!("{aws:?} {:?} {rows:?} {:?}", aws.0.options, Buckets::new(aws.clone()));
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn unique_names_are_of_one_length_and_differ() {
    let names: std::collections::BTreeSet<_> = (0..100).map(|_| unique()).collect();
    assert!(names.len() == 100 && names.iter().all(|name| name.len() == 32));
}

//! Verifying buckets, keeping and reading objects, and every way in which it fails.

use tenantry_emulators::{Answer, Calls, Fault};

use super::*;
use crate::aws::stand_in::{StandIn, name, stand_in, tenant};
use crate::verify::Verdict;

async fn bucket() -> (Buckets, String, StandIn) {
    let (stand_in, name) = (stand_in(None).await, name());
    make(&stand_in.aws, &name, "eu-central-1").await;
    (Buckets::new(stand_in.aws.clone()), name, stand_in)
}

async fn verdict(buckets: &Buckets, bucket: &str) -> Verdict {
    let verdict = Verdict::from(buckets.verify(bucket).await);
    assert!(!format!("{verdict:?}").contains("CANARY"), "{verdict:?}");
    verdict
}

#[tokio::test]
async fn a_bucket_verifies_with_its_region() {
    let (buckets, name, _stand_in) = bucket().await;
    let verified = Verdict::Verified { whom: format!("bucket {name} in eu-central-1"), notes: vec![] };
    assert_eq!(verdict(&buckets, &name).await, verified);
}

#[tokio::test]
async fn a_bucket_of_another_region_is_rejected() {
    let stand_in = stand_in(None).await;
    let (buckets, name) = (Buckets::new(stand_in.aws.clone()), name());
    make(&stand_in.aws, &name, "eu-west-1").await;
    let reason = format!("the bucket {name} is in eu-west-1, expected one in eu-central-1");
    assert_eq!(verdict(&buckets, &name).await, Verdict::Rejected { reason });
}

#[tokio::test]
async fn a_missing_bucket_is_rejected() {
    let stand_in = stand_in(None).await;
    let buckets = Buckets::new(stand_in.aws.clone());
    let reason = "there is no bucket nobodys-bucket".to_owned();
    assert_eq!(verdict(&buckets, "nobodys-bucket").await, Verdict::Rejected { reason });
}

#[tokio::test]
async fn each_failure_has_its_verdict() {
    let (buckets, name, stand_in) = bucket().await;
    let cases = [
        (Fault::Answer(Answer::text(403, "")), "rejected: the bucket", "another account's"),
        (Fault::Answer(Answer::text(301, "")), "rejected: the bucket", "cannot be used in eu-central-1"),
        (Fault::Answer(Answer::text(503, "")), "unreachable: ", "status 503"),
        (Fault::Reset, "unreachable: the provider cannot be reached", ""),
    ];
    for (fault, begins, has) in cases {
        stand_in.moto.heal();
        stand_in.moto.on(Calls::all(), fault);
        let told = match verdict(&buckets, &name).await {
            Verdict::Rejected { reason } => format!("rejected: {reason}"),
            Verdict::Unreachable { reason } => format!("unreachable: {reason}"),
            other => panic!("{other:?}"),
        };
        assert!(told.starts_with(begins) && told.contains(has), "{told}");
    }
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_kept() {
    let (buckets, name, _stand_in) = bucket().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let object = NewObject { key: "acme/slack%3AC1/a b-ü.bin", media_type: "application/octet-stream", bytes: &bytes };
    buckets.put(&tenant("acme"), &name, object).await.unwrap();
    assert_eq!(buckets.read(&tenant("acme"), &name, object.key).await.unwrap(), Some(bytes));
    assert_eq!(buckets.read(&tenant("acme"), &name, "acme/none").await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_kept_or_read_is_told_without_its_content() {
    let (buckets, name, stand_in) = bucket().await;
    let object = NewObject { key: "acme/1", media_type: "text/plain", bytes: b"CANARY-content" };
    let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    stand_in.moto.on(Calls::all(), Fault::Answer(Answer::text(403, denied)));
    let expected = CallError::Rejected { status: 403, reason: "AccessDenied: Access Denied".to_owned() };
    assert_eq!(buckets.put(&tenant("acme"), &name, object).await, Err(expected.clone()));
    assert_eq!(buckets.read(&tenant("acme"), &name, "acme/1").await, Err(expected));
    stand_in.moto.heal();
    stand_in.moto.on(Calls::all(), Fault::Answer(Answer::text(503, "<Error><Code>SlowDown</Code></Error>")));
    assert_eq!(buckets.put(&tenant("acme"), &name, object).await, Err(CallError::RateLimited { retry_after: None }));
    stand_in.moto.heal();
    let missing = buckets.put(&tenant("acme"), "nobodys-bucket", object).await.unwrap_err();
    assert!(
        matches!(&missing, CallError::Rejected { status: 404, reason } if reason.contains("NoSuchBucket")),
        "{missing:?}"
    );
}

#[tokio::test]
async fn an_object_that_breaks_off_or_never_ends_is_refused() {
    let (buckets, name, stand_in) = bucket().await;
    let object = NewObject { key: "acme/1", media_type: "text/plain", bytes: &[7; 10_000] };
    buckets.put(&tenant("acme"), &name, object).await.unwrap();
    stand_in.moto.on(Calls::all(), Fault::Truncate(100));
    assert!(matches!(buckets.read(&tenant("acme"), &name, "acme/1").await, Err(CallError::Unreachable { .. })));
    stand_in.moto.heal();
    stand_in.moto.on(Calls::all(), Fault::Answer(Answer::text(200, &"x".repeat(MOST_READ + 1))));
    let error = buckets.read(&tenant("acme"), &name, "acme/1").await;
    assert_eq!(error, Err(CallError::TooLarge { limit: MOST_READ }));
}

//! Making and verifying tables, on both stand-ins for DynamoDB, and every way in which it fails.

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use tenantry_emulators::{Calls, Fault, shared};

use super::*;
use crate::aws::AwsOptions;
use crate::aws::stand_in::{SECRET, StandIn, name, stand_in};
use crate::verify::{Identity, Verdict};

async fn makes_a_table_that_verifies(tables: &Tables) {
    let prefix = format!("{}-", name());
    assert!(tables.create(&prefix).await.unwrap());
    assert!(!tables.create(&prefix).await.unwrap(), "what is there stays as it is");
    let expected = Identity::new(format!("table {prefix}Conversations in eu-central-1"));
    assert_eq!(tables.verify(&prefix).await.unwrap(), expected);
}

#[tokio::test]
async fn a_table_is_made_once_and_verifies() {
    let stand_in = stand_in(None).await;
    makes_a_table_that_verifies(&Tables::new(stand_in.aws.clone())).await;
}

#[tokio::test]
async fn a_table_is_made_once_and_verifies_on_moto() {
    let moto = shared().await.moto.url().to_owned();
    let options = AwsOptions {
        dynamodb_url: Some(moto),
        region: Some("eu-central-1".to_owned()),
        access_key: Some(("AKIATEST".to_owned(), tenantry_core::secret::SecretText::new(SECRET.to_owned()))),
        ..AwsOptions::default()
    };
    makes_a_table_that_verifies(&Tables::new(Aws::open(options).await.unwrap())).await;
}

#[tokio::test]
async fn a_table_is_on_demand_protected_and_expires() {
    let StandIn { aws, dynamo, .. } = stand_in(None).await;
    Tables::new(aws).create(&name()).await.unwrap();
    let of = |operation: &str| dynamo.calls().into_iter().find(|call| call.operation() == operation).unwrap().json();
    let made = of("CreateTable");
    assert_eq!(made["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(made["DeletionProtectionEnabled"], true);
    assert_eq!(of("UpdateTimeToLive")["TimeToLiveSpecification"]["AttributeName"], "expires_at");
}

#[tokio::test]
async fn one_that_is_being_made_by_another_is_waited_for() {
    let StandIn { aws, dynamo, .. } = stand_in(None).await;
    let (tables, prefix) = (Tables::new(aws), name());
    tables.create(&prefix).await.unwrap();
    dynamo.on(Calls::to("DescribeTable").once(), Fault::error(400, "ResourceNotFoundException", "not yet"));
    dynamo.on(Calls::to("CreateTable").once(), Fault::error(400, "ResourceInUseException", "it is being made"));
    assert!(!tables.create(&prefix).await.unwrap());
}

/// A table of other keys under the name that is expected.
async fn make_foreign(aws: &Aws, prefix: &str) {
    let attribute = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let create = aws.own().dynamodb.create_table().table_name(table_name(prefix));
    let create = create.billing_mode(BillingMode::PayPerRequest).key_schema(key.build().unwrap());
    create.attribute_definitions(attribute.build().unwrap()).send().await.unwrap();
}

/// An answer in which one word stands for another.
fn with_changed(word: &'static str, by: &'static str) -> Fault {
    Fault::rewrite(move |body| String::from_utf8_lossy(&body).replace(word, by).into_bytes().into())
}

async fn verdict(tables: &Tables, prefix: &str) -> Verdict {
    let verdict = Verdict::from(tables.verify(prefix).await);
    assert!(!format!("{verdict:?}").contains("CANARY"), "{verdict:?}");
    verdict
}

#[tokio::test]
async fn a_missing_table_is_rejected_with_the_next_step() {
    let stand_in = stand_in(None).await;
    let tables = Tables::new(stand_in.aws.clone());
    let reason = "there is no table acme-Conversations: make it with `tenantry storage init`".to_owned();
    assert_eq!(verdict(&tables, "acme-").await, Verdict::Rejected { reason });
}

#[tokio::test]
async fn a_table_of_other_keys_is_rejected_and_left_alone() {
    let StandIn { aws, dynamo: _dynamo, .. } = stand_in(None).await;
    let prefix = name();
    make_foreign(&aws, &prefix).await;
    let tables = Tables::new(aws);
    let reason = format!(
        "the table {prefix}Conversations is keyed by id, expected conversation_key and item_key: use another prefix"
    );
    assert_eq!(verdict(&tables, &prefix).await, Verdict::Rejected { reason: reason.clone() });
    assert_eq!(tables.create(&prefix).await, Err(CallError::Rejected { status: 400, reason }));
}

#[tokio::test]
async fn a_table_that_is_not_active_is_unreachable_for_now() {
    let StandIn { aws, dynamo, .. } = stand_in(None).await;
    let (tables, prefix) = (Tables::new(aws), name());
    tables.create(&prefix).await.unwrap();
    dynamo.on(Calls::to("DescribeTable"), with_changed("ACTIVE", "CREATING"));
    let Verdict::Unreachable { reason } = verdict(&tables, &prefix).await else { panic!("it is not usable yet") };
    assert!(reason.ends_with("is not active: it is CREATING"), "{reason}");
}

#[tokio::test]
async fn a_table_without_time_to_live_verifies_with_a_note() {
    let StandIn { aws, dynamo, .. } = stand_in(None).await;
    let (tables, prefix) = (Tables::new(aws), name());
    tables.create(&prefix).await.unwrap();
    dynamo.on(Calls::to("DescribeTimeToLive"), with_changed("ENABLED", "DISABLED"));
    let Verdict::Verified { notes, .. } = verdict(&tables, &prefix).await else { panic!("the table is there") };
    assert!(notes[0].starts_with("rows stay forever"), "{notes:?}");
}

#[tokio::test]
async fn each_failure_has_its_verdict() {
    let StandIn { aws, dynamo, .. } = stand_in(None).await;
    let tables = Tables::new(aws);
    let cases = [
        (
            Fault::error(400, "AccessDeniedException", "not authorized"),
            "rejected: AccessDeniedException: not authorized",
        ),
        (
            Fault::error(400, "UnrecognizedClientException", "bad"),
            "rejected: the provider does not accept the credentials",
        ),
        (Fault::error(400, "ThrottlingException", "slow"), "unreachable: the provider asks to slow down"),
        (Fault::error(500, "InternalServerError", "bad day"), "unreachable: the provider cannot be reached"),
        (Fault::Reset, "unreachable: the provider cannot be reached"),
    ];
    for (fault, expected) in cases {
        dynamo.heal();
        dynamo.on(Calls::to("DescribeTable"), fault);
        let told = match verdict(&tables, "p").await {
            Verdict::Rejected { reason } => format!("rejected: {reason}"),
            Verdict::Unreachable { reason } => format!("unreachable: {reason}"),
            other => panic!("{other:?}"),
        };
        assert!(told.starts_with(expected), "{told}");
    }
}

//! Making a store, again and again, and recognising one that is not the right one.

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use tenantry_core::secret::SecretText;
use tenantry_store::contract::acts::{Draft, scope, secret, value};
use tenantry_store::{OpenOptions, StoreError, StoreUrl, Stores};

use crate::own_place;
use crate::raw::Raw;

#[tokio::test]
async fn init_makes_tables_and_keys_and_changes_nothing_when_it_is_made_again() {
    let place = own_place().await;
    let (stores, created) = Stores::create(&place.url(), &place.options).await.unwrap();
    let name = &place.name;
    let made = [
        format!("table {name}-TenantConfiguration"),
        format!("table {name}-TenantConfigurationLog"),
        format!("secret {name}/keys"),
    ];
    assert_eq!((created.existed, created.made), (false, made.into()));
    Draft::create("acme").set("a", 1).done(&stores).await;
    let (again, created) = Stores::create(&place.url(), &place.options).await.unwrap();
    assert!(created.existed && created.made.is_empty(), "{created:?}");
    assert_eq!(value(&again, &scope("acme"), "a").await, Some(1.into()));
    let print =
        async |stores: &Stores| stores.keys().await.unwrap().fingerprint.fingerprint(&scope("acme"), "f", &secret("s"));
    assert_eq!(print(&stores).await, print(&again).await);
}

#[tokio::test]
async fn tables_are_on_demand_and_protected() {
    let place = own_place().await;
    place.create().await;
    let raw = Raw::of(&place).await;
    for table in [raw.table(), format!("{}Log", raw.table())] {
        let described = raw.dynamodb.describe_table().table_name(&table).send().await.unwrap().table.unwrap();
        assert_eq!(described.deletion_protection_enabled, Some(true), "{table}");
        let billing = described.billing_mode_summary.and_then(|summary| summary.billing_mode);
        assert_eq!(billing, Some(BillingMode::PayPerRequest), "{table}");
    }
}

fn refused<T>(opened: Result<T, StoreError>) -> String {
    match opened {
        Err(StoreError::CannotOpen(told)) => told,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it opened"),
    }
}

#[tokio::test]
async fn where_nothing_is_the_next_step_is_told() {
    let place = own_place().await;
    let told = refused(Stores::open(&place.url(), &place.options).await.map(drop));
    assert!(told.contains("tenantry init"), "{told}");
}

#[tokio::test]
async fn another_environment_on_the_same_tables_is_refused() {
    let place = own_place().await;
    place.create().await;
    let other = StoreUrl::parse(&format!("aws:?environment=other&table_prefix={}-", place.name)).unwrap();
    let key = SecretText::new("0a".repeat(32));
    let options = OpenOptions { master_key: Some(key), ..place.options.clone() };
    for told in [
        refused(Stores::open(&other, &options).await.map(drop)),
        refused(Stores::create(&other, &options).await.map(drop)),
    ] {
        assert!(told.contains(&place.name) && told.contains("expected other"), "{told}");
    }
}

#[tokio::test]
async fn another_master_key_is_refused_and_never_shown() {
    let place = own_place().await;
    let with =
        |digits: &str| OpenOptions { master_key: Some(SecretText::new(digits.repeat(32))), ..place.options.clone() };
    let (_, created) = Stores::create(&place.url(), &with("1a")).await.unwrap();
    assert!(!created.made.iter().any(|made| made.starts_with("secret")), "a key that is given is kept nowhere");
    Stores::open(&place.url(), &with("1a")).await.unwrap();
    let told = refused(Stores::open(&place.url(), &with("2b")).await.map(drop));
    assert!(told.contains("another master key") && !told.contains("2b2b"), "{told}");
    let told = refused(Stores::open(&place.url(), &with("zz")).await.map(drop));
    assert!(told.contains("64 hexadecimal digits") && !told.contains("zzzz"), "{told}");
    let told = refused(Stores::open(&place.url(), &place.options).await.map(drop));
    assert!(told.contains("TENANTRY_MASTER_KEY"), "{told}");
}

#[tokio::test]
async fn a_table_of_other_keys_is_refused() {
    let place = own_place().await;
    let raw = Raw::of(&place).await;
    let attribute = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build();
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build();
    raw.dynamodb
        .create_table()
        .table_name(raw.table())
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute.unwrap())
        .key_schema(key.unwrap())
        .send()
        .await
        .unwrap();
    let told = refused(Stores::create(&place.url(), &place.options).await.map(drop));
    assert!(told.contains("other keys, expected tenant_id and config_key"), "{told}");
}

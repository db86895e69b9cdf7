//! Items and secrets that other programs wrote: they load as they are, and what is odd is told and breaks nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as A;
use tenantry_core::layer::Revision;
use tenantry_store::contract::acts::{Draft, json, key, read, read_secret, scope, texts, value};
use tenantry_store::{PageRequest, Severity, StoreError, TenantStatus};

use crate::own_place;
use crate::raw::Raw;

fn text(text: &str) -> A {
    A::S(text.to_owned())
}

fn number(text: &str) -> A {
    A::N(text.to_owned())
}

#[tokio::test]
async fn items_of_four_attributes_are_a_tenant() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    let ai = HashMap::from([
        ("temperature".to_owned(), number("0.12345678901234567890123456789012345678")),
        ("model".to_owned(), text("m")),
    ]);
    raw.put("acme", "persona.name", text("Ada")).await;
    raw.put("acme", "limits.history_turns", number("9223372036854775808")).await;
    raw.put("acme", "email_notifications.enabled", A::Bool(true)).await;
    raw.put("acme", "ai.default", A::M(ai)).await;
    raw.put("acme", "routing.routes.x.tools", A::L(vec![text("a"), A::L(vec![])])).await;
    let found = read(&stores, &scope("acme")).await;
    assert!(found.odd.is_empty() && !found.drift, "{found:?}");
    assert_eq!((found.head.revision, found.head.status), (Revision(0), TenantStatus::Active));
    let shown: Vec<_> = found.items.iter().map(|item| format!("{} {:?}", item.key, item.value)).collect();
    assert_eq!(
        shown,
        [
            r#"ai.default {"model":"m","temperature":0.12345678901234567890123456789012345678}"#,
            "email_notifications.enabled true",
            "limits.history_turns 9223372036854775808",
            r#"persona.name "Ada""#,
            r#"routing.routes.x.tools ["a",[]]"#,
        ]
    );
    assert!(found.items.iter().all(|item| item.meta.is_none()));
}

#[tokio::test]
async fn the_first_managed_write_adopts_a_tenant() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    raw.put("acme", "persona.name", text("Ada")).await;
    raw.put("acme", "persona.language", text("de")).await;
    assert!(stores.tenants(&PageRequest::first(9)).await.unwrap().items.is_empty(), "tenants are never found by Scan");
    Draft::change(scope("acme"), 0).set("persona.name", "Grace").by("grace", 3).done(&stores).await;
    let found = read(&stores, &scope("acme")).await;
    assert_eq!((found.head.revision, found.head.updated_by.as_str()), (Revision(1), "grace"));
    assert!(!found.head.incarnation.is_empty() && !found.drift);
    assert_eq!(found.items[1].meta.as_ref().unwrap().revision, Revision(1));
    assert_eq!(found.items[0].meta, None, "what it does not name stays as it is");
    assert_eq!(value(&stores, &scope("acme"), "persona.language").await, Some("de".into()));
    let listed = stores.tenants(&PageRequest::first(9)).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    let description = raw.attribute("acme", "persona.name", "description").await;
    assert_eq!(description, Some(text("by hand")), "what somebody wrote of the item stays");
}

#[tokio::test]
async fn odd_items_are_told_without_their_values_and_break_nothing() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    Draft::create("acme").set("persona.name", "Ada").done(&stores).await;
    let odd = [
        ("binary", A::B(Blob::new("CANARY"))),
        ("null", A::Null(true)),
        ("set", A::Ss(vec!["CANARY".to_owned()])),
        ("numbers", A::Ns(vec!["1".to_owned()])),
        ("deep", A::M(HashMap::from([("a".to_owned(), A::L(vec![A::Null(true)]))]))),
        ("na me", text("CANARY")),
        ("a..b", text("CANARY")),
        ("#mine", text("CANARY")),
    ];
    for (name, value) in odd.clone() {
        raw.put("acme", name, value).await;
    }
    raw.put("acme", "valueless", text("x")).await;
    raw.dynamodb
        .update_item()
        .table_name(raw.table())
        .key("tenant_id", text("acme"))
        .key("config_key", text("valueless"))
        .update_expression("REMOVE config_value")
        .send()
        .await
        .unwrap();
    let found = read(&stores, &scope("acme")).await;
    assert_eq!(found.items.len(), 1);
    assert_eq!(found.odd.len(), odd.len() + 1, "{:?}", found.odd);
    assert!(found.drift, "what was added by hand is seen");
    assert!(!format!("{found:?}").contains("CANARY"));
    assert!(found.odd.iter().any(|odd| odd.key == "binary" && odd.reason.contains("found B")), "{:?}", found.odd);
    let findings = stores.check().await.unwrap();
    assert!(findings.iter().any(|finding| finding.severity == Severity::Warning && finding.message.contains("acme")));
    assert!(!format!("{findings:?}").contains("CANARY"));
}

#[tokio::test]
async fn every_change_by_hand_is_seen_as_drift_and_a_managed_write_takes_it_over() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    Draft::create("acme").set("a", 1).set("b", 2).done(&stores).await;
    assert!(!read(&stores, &scope("acme")).await.drift);
    raw.set("acme", "a", "config_value", number("7")).await;
    let found = read(&stores, &scope("acme")).await;
    assert!(found.drift, "the value was edited, its revision left standing");
    assert_eq!(found.items[0].value, json("7"), "it is served all the same");
    Draft::change(scope("acme"), 1).set("b", 3).done(&stores).await;
    assert!(!read(&stores, &scope("acme")).await.drift);
    raw.delete("acme", "b").await;
    assert!(read(&stores, &scope("acme")).await.drift);
    raw.put("acme", "c", number("1")).await;
    assert!(read(&stores, &scope("acme")).await.drift);
}

#[tokio::test]
async fn a_head_of_something_else_names_the_attribute_and_not_its_value() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    Draft::create("acme").set("a", 1).done(&stores).await;
    raw.set("acme", "#head", "revision", text("CANARY")).await;
    let error = stores.read(&scope("acme")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { what, .. } if what.contains("revision")), "{error:?}");
    assert!(!format!("{error:?}").contains("CANARY"));
    Draft::create("beta").set("a", 1).done(&stores).await;
    assert_eq!(value(&stores, &scope("beta"), "a").await, Some(1.into()), "others are served");
}

#[tokio::test]
async fn a_removed_head_gives_no_revision_twice() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    Draft::create("acme").set("a", 1).done(&stores).await;
    Draft::change(scope("acme"), 1).set("a", 2).done(&stores).await;
    raw.delete("acme", "#head").await;
    assert_eq!(read(&stores, &scope("acme")).await.head.revision, Revision(0));
    let committed = Draft::change(scope("acme"), 0).set("a", 3).done(&stores).await;
    assert_eq!(committed.revision, Revision(3));
    let entry = stores.revision(&scope("acme"), Revision(2)).await.unwrap();
    assert!(entry.is_none(), "what the head does not vouch for is not shown as this life's history");
}

#[tokio::test]
async fn a_secret_that_another_program_wrote_loads_by_its_field_names() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    raw.put("acme", "persona.name", text("Ada")).await;
    raw.create_secret(
        "acme",
        r#"{"odoo_url": "https://odoo.example", "odoo_password": "p\"ü", "port": 8069, "x": null}"#,
    )
    .await;
    let found = read_secret(&stores, &scope("acme")).await;
    assert_eq!(
        texts(&found).into_iter().collect::<Vec<_>>(),
        [("odoo_password", "p\"ü"), ("odoo_url", "https://odoo.example")]
    );
    let odd: Vec<_> = found.odd.iter().map(|odd| odd.key.as_str()).collect();
    assert_eq!(odd, ["port", "x"]);
    let draft = Draft::change(scope("acme"), 0).secret(Some(&found.version), &[("odoo_password", Some("q"))]);
    draft.done(&stores).await;
    let found = read_secret(&stores, &scope("acme")).await;
    assert_eq!(texts(&found)["odoo_password"], "q");
    assert_eq!(found.odd.len(), 2, "what is not understood is kept");
}

#[tokio::test]
async fn a_secret_without_a_value_is_filled_by_the_first_write() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    Draft::create("acme").done(&stores).await;
    raw.secrets_manager.create_secret().name(raw.secret("acme")).send().await.unwrap();
    assert!(stores.read_secret(&scope("acme")).await.unwrap().is_none());
    Draft::change(scope("acme"), 1).secret(None, &[("f", Some("1"))]).done(&stores).await;
    assert_eq!(texts(&read_secret(&stores, &scope("acme")).await)["f"], "1");
}

#[tokio::test]
async fn a_secret_that_is_no_object_is_named_and_not_shown() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    for (tenant, content) in [("a", "CANARY"), ("b", "[\"CANARY\"]"), ("c", ""), ("d", "{\"CANARY\": }")] {
        let content = if content.is_empty() { " " } else { content };
        raw.create_secret(tenant, content).await;
        let error = stores.read_secret(&scope(tenant)).await.unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { what, .. } if what.contains(tenant)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("CANARY"));
    }
}

#[tokio::test]
async fn a_secret_rotated_by_hand_is_another_version_than_the_heads() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    Draft::create("acme").secret(None, &[("f", Some("1"))]).done(&stores).await;
    let (found, secret) = (read(&stores, &scope("acme")).await, read_secret(&stores, &scope("acme")).await);
    assert_eq!(found.secret_version.as_ref(), Some(&secret.version));
    raw.rotate("acme", r#"{"f":"by hand"}"#).await;
    let (found, secret) = (read(&stores, &scope("acme")).await, read_secret(&stores, &scope("acme")).await);
    assert_ne!(found.secret_version.as_ref(), Some(&secret.version));
    assert_eq!(texts(&secret)["f"], "by hand");
    let findings = stores.check().await.unwrap();
    assert!(findings.iter().any(|finding| finding.message.contains("acme: its secret was changed by hand")));
}

#[tokio::test]
async fn a_key_that_no_tenant_has_is_none_of_its_items() {
    let place = own_place().await;
    let (stores, raw) = (place.create().await, Raw::of(&place).await);
    Draft::create("acme").set("a", 1).done(&stores).await;
    raw.put("acme-corp", "a", number("2")).await;
    raw.put("ACME", "a", number("3")).await;
    let found = read(&stores, &scope("acme")).await;
    assert_eq!(found.items.iter().map(|item| item.key.clone()).collect::<Vec<_>>(), [key("a")]);
    assert_eq!(value(&stores, &scope("acme-corp"), "a").await, Some(2.into()));
}

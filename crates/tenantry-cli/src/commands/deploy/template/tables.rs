//! The tables: two of the store, in the shape that `tenantry init` makes and accepts (docs/decisions/0009), and that of
//! conversations, in the shape that `tenantry storage init` makes.

use serde_json::{Value, json};

use super::{Resources, resource, tags, with};

/// The tables. They outlive the stack: whoever deletes it still has every configuration.
pub(super) fn tables() -> Resources {
    let keep = json!({"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"});
    let table = |name, properties: &Value| with(resource(name, "AWS::DynamoDB::Table", properties), keep.clone());
    let mut log = shape("TenantConfigurationLog", &["tenant_id", "config_key", "log", "logged_at"]);
    log["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by_time",
        "KeySchema": keys("log", "logged_at"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }]);
    vec![
        table("Configuration", &shape("TenantConfiguration", &["tenant_id", "config_key"])),
        table("Log", &log),
        table("Conversations", &conversations()),
    ]
}

/// For tenants without a prefix of their own. What it holds goes by itself, so no past of it is kept.
fn conversations() -> Value {
    let mut conversations = shape("Conversations", &["conversation_key", "item_key"]);
    conversations["KeySchema"] = keys("conversation_key", "item_key");
    conversations["TimeToLiveSpecification"] = json!({"AttributeName": "expires_at", "Enabled": true});
    conversations["PointInTimeRecoverySpecification"] = json!({"PointInTimeRecoveryEnabled": false});
    conversations
}

fn shape(name: &str, attributes: &[&str]) -> Value {
    let attributes: Vec<_> =
        attributes.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
    json!({
        "TableName": {"Fn::Sub": format!("${{TablePrefix}}{name}")},
        "AttributeDefinitions": attributes,
        "KeySchema": keys("tenant_id", "config_key"),
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": true,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
        "Tags": tags(),
    })
}

fn keys(partition: &str, sort: &str) -> Value {
    json!([{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}])
}

//! The two tables, in the shape that `tenantry init` makes and accepts (docs/decisions/0009).

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
    vec![table("Configuration", &shape("TenantConfiguration", &["tenant_id", "config_key"])), table("Log", &log)]
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

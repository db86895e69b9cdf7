//! The function and its log group.

use serde_json::{Value, json};

use super::{Resources, WITH_RESERVE, WITHOUT_ISOLATION, only_if, resource, tags, with};

/// How long the function may take, in seconds: the longest `limits.request_timeout_ms`, the question for the route before it,
/// and the delivery behind it. A function that is killed tells nobody; an HTTP caller hears of it after 30 s, as the API has it.
pub(super) const TIMEOUT: u32 = 150;
/// In MiB. More brings more processor too.
const MEMORY: u32 = 256;
/// Where the function finds the store, and under which role it reads tenants.
const STORE: &str = "aws:?environment=${Environment}&table_prefix=${TablePrefix}&tenant_role=${TenantRole.Arn}";

/// The function and its log group.
pub(super) fn function() -> Resources {
    vec![
        log_group("FunctionLog", "/aws/lambda/${AWS::StackName}"),
        with(
            resource("Function", "AWS::Lambda::Function", &properties()),
            // Without its permissions its first start would fail.
            json!({"DependsOn": ["FunctionPolicy", "TenantPolicy"]}),
        ),
    ]
}

/// A log group that goes with the stack.
pub(super) fn log_group(name: &str, path: &str) -> (String, Value) {
    let properties = json!({
        "LogGroupName": {"Fn::Sub": path},
        "RetentionInDays": {"Ref": "LogRetentionDays"},
        "Tags": tags(),
    });
    let goes = json!({"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"});
    with(resource(name, "AWS::Logs::LogGroup", &properties), goes)
}

fn properties() -> Value {
    json!({
        "Description": "The assistant: answers each request with its own tenant's configuration",
        "Runtime": "provided.al2023",
        "Architectures": ["arm64"],
        "Handler": "bootstrap",
        "Code": {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}},
        "Role": {"Fn::GetAtt": ["FunctionRole", "Arn"]},
        "Timeout": TIMEOUT,
        "MemorySize": MEMORY,
        "ReservedConcurrentExecutions": only_if(WITH_RESERVE, &json!({"Ref": "ReservedConcurrency"})),
        "TenancyConfig": {
            "Fn::If": [WITHOUT_ISOLATION, {"Ref": "AWS::NoValue"}, {"TenantIsolationMode": "PER_TENANT"}],
        },
        "Environment": {
            "Variables": {
                "TENANTRY_STORE": {"Fn::Sub": STORE},
                "TENANTRY_LOG": "info",
                "TENANTRY_QUEUE": only_if(WITHOUT_ISOLATION, &json!({"Ref": "Jobs"})),
            },
        },
        "LoggingConfig": {"LogGroup": {"Ref": "FunctionLog"}},
        "Tags": tags(),
    })
}

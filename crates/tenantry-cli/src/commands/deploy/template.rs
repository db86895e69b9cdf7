//! The CloudFormation template: its parameters, conditions and outputs, and the resources of the files beside this one.
//!
//! Nothing in it has a name of its own but the tables, whose names the store knows; so several stacks may stand in one
//! account, and no more than `CAPABILITY_IAM` has to be granted.

mod alarms;
mod api;
mod function;
mod queue;
mod references;
mod roles;
mod tables;

use serde_json::{Map, Value, json};
use tenantry_store::policy::Names;

/// Holds where the tenant isolation mode is off. An HTTP API may stand only there: it cannot tell Lambda a tenant id.
const WITHOUT_ISOLATION: &str = "WithoutTenantIsolation";
/// Holds where a principal was named that may manage.
const WITH_OPERATOR: &str = "WithOperator";
/// Holds where a topic was named that is told of alarms.
const WITH_TOPIC: &str = "WithAlarmTopic";
/// Holds where a reserved concurrency was named.
const WITH_RESERVE: &str = "WithReservedConcurrency";

/// Holds where buckets were named in which tenants keep attachments.
const WITH_BUCKETS: &str = "WithAttachmentBuckets";

/// The whole template.
pub(super) fn template() -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Tenantry: the store of configurations in DynamoDB and Secrets Manager, the roles that keep tenants \
                        apart, and the assistant as a function behind an HTTP API. Made by `tenantry deploy template`.",
        "Parameters": parameters(),
        "Conditions": conditions(),
        "Resources": resources(),
        "Outputs": outputs(),
    })
}

fn resources() -> Map<String, Value> {
    let names = names();
    let parts =
        [tables::tables(), roles::roles(&names), function::function(), queue::queue(), api::api(), alarms::alarms()];
    parts.into_iter().flatten().collect()
}

/// What the template calls the things that policies are about.
fn names() -> Names {
    let text = str::to_owned;
    Names {
        partition: text("${AWS::Partition}"),
        region: text("${AWS::Region}"),
        account: text("${AWS::AccountId}"),
        environment: text("${Environment}"),
        table_prefix: text("${TablePrefix}"),
    }
}

fn parameters() -> Value {
    json!({
        "Environment": {
            "Type": "String",
            "Default": "production",
            "AllowedPattern": "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
            "ConstraintDescription": "at most 63 of a-z, 0-9 and inner hyphens",
            "Description": "The outermost prefix of the secrets' names",
        },
        "TablePrefix": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "[A-Za-z0-9_.-]{0,200}",
            "ConstraintDescription": "at most 200 of A-Z, a-z, 0-9, '_', '-' and '.'",
            "Description": "What the names of all tables begin with; two environments in one region need different ones",
        },
        "CodeBucket": {
            "Type": "String",
            "MinLength": 3,
            "Description": "The S3 bucket with the function's zip file, in the region of the stack",
        },
        "CodeKey": {
            "Type": "String",
            "MinLength": 1,
            "Description": "The zip file's key; a new version needs a new key, or CloudFormation sees no change",
        },
        "LogRetentionDays": {
            "Type": "Number",
            "Default": 30,
            "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
            "Description": "How many days logs are kept",
        },
        "ReservedConcurrency": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "[0-9]{0,5}",
            "ConstraintDescription": "a number, or nothing",
            "Description": "How many requests the function serves at once, taken from the account's limit; empty: no such reserve",
        },
        "AlarmTopic": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "(arn:[a-z-]+:sns:.+)?",
            "ConstraintDescription": "the ARN of an SNS topic, or nothing",
            "Description": "The SNS topic that is told of alarms; empty: alarms are only shown",
        },
        "OperatorPrincipal": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "(arn:[a-z-]+:iam::[0-9]{12}:.+)?",
            "ConstraintDescription": "the ARN of a role, a user or an account's root, or nothing",
            "Description": "Who may take on the role that manages; empty: there is no such role, only its policies",
        },
        "AttachmentBuckets": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "[a-z0-9*][a-z0-9.*-]{0,62}|",
            "ConstraintDescription": "a pattern of names of buckets, such as *-attachments, or nothing",
            "Description": "The buckets of this account in which tenants' attachments may be kept, as a pattern; empty: none",
        },
        "TenantIsolation": {
            "Type": "String",
            "Default": "no",
            "AllowedValues": ["yes", "no"],
            "Description": "Lambda's tenant isolation mode. With yes there is no HTTP API, because none can hand the function \
                            a tenant id; it cannot be changed while the function stands",
        },
    })
}

fn conditions() -> Value {
    let given = |parameter: &str| json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]});
    json!({
        WITH_OPERATOR: given("OperatorPrincipal"),
        WITH_TOPIC: given("AlarmTopic"),
        WITH_RESERVE: given("ReservedConcurrency"),
        WITH_BUCKETS: given("AttachmentBuckets"),
        WITHOUT_ISOLATION: {"Fn::Equals": [{"Ref": "TenantIsolation"}, "no"]},
    })
}

fn outputs() -> Value {
    json!({
        "Store": {
            "Description": "The store, for --store",
            "Value": {"Fn::Sub": "aws:?environment=${Environment}&table_prefix=${TablePrefix}"},
        },
        "ApiUrl": {
            "Condition": WITHOUT_ISOLATION,
            "Description": "Where the assistant answers",
            "Value": {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"},
        },
        "Function": {"Description": "The function", "Value": {"Ref": "Function"}},
        "FunctionRole": {"Description": "The function's role", "Value": {"Fn::GetAtt": ["FunctionRole", "Arn"]}},
        "TenantRole": {
            "Description": "The role under which tenants are read",
            "Value": {"Fn::GetAtt": ["TenantRole", "Arn"]},
        },
        "OperatorRole": {
            "Condition": WITH_OPERATOR,
            "Description": "The role that manages",
            "Value": {"Fn::GetAtt": ["OperatorRole", "Arn"]},
        },
        "OperatorPolicy": {"Description": "What managing needs", "Value": {"Ref": "OperatorPolicy"}},
        "ProvisionerPolicy": {"Description": "What `tenantry init` and `tenantry storage init` need", "Value": {"Ref": "ProvisionerPolicy"}},
    })
}

/// A part of the template: resources by their logical names.
type Resources = Vec<(String, Value)>;

/// A resource under its name.
fn resource(name: &str, kind: &str, properties: &Value) -> (String, Value) {
    (name.to_owned(), json!({"Type": kind, "Properties": properties}))
}

/// The same with attributes beside its properties: a condition, what it waits for, what becomes of it.
fn with((name, mut resource): (String, Value), attributes: Value) -> (String, Value) {
    if let (Some(resource), Value::Object(attributes)) = (resource.as_object_mut(), attributes) {
        resource.extend(attributes);
    }
    (name, resource)
}

/// The value if the condition holds, and nothing otherwise.
fn only_if(condition: &str, value: &Value) -> Value {
    json!({"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]})
}

/// Of which environment it is, and who made it.
fn tags() -> Value {
    json!([{"Key": "environment", "Value": {"Ref": "Environment"}}, {"Key": "managed-by", "Value": "tenantry"}])
}

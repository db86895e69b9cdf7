//! The roles, with the policies that [`tenantry_store::policy`] makes and the tests judge.
//!
//! Each policy stands beside its role: the tenant role trusts the function's, and the function's policy names the tenant role,
//! so a role that held its own policy would have to stand before itself.

use serde_json::{Value, json};
use tenantry_store::policy::{
    Names, bucket_permissions, file_permissions, function_permissions, operator_permissions, provisioner_permissions,
    tenant_permissions, tenant_trust,
};

use super::references::substituted;
use super::{Resources, WITH_BUCKETS, WITH_OPERATOR, only_if, resource, tags, with};

/// The function's log group. Its own attribute `Arn` ends in `:*`, and the policy adds that.
const LOG_GROUP: &str = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${FunctionLog}";
/// How long a session of a role may last, in seconds. AWS allows no more where one role begins the session of another.
const LONGEST_SESSION: u32 = 3600;

/// The pattern of names of buckets with attachments.
const BUCKETS: &str = "${AttachmentBuckets}";

/// The roles and policies.
pub(super) fn roles(names: &Names) -> Resources {
    let function = function_permissions(names, "${TenantRole.Arn}", LOG_GROUP);
    let with_buckets = |policy| with(policy, json!({"Condition": WITH_BUCKETS}));
    vec![
        function_role(),
        inline("FunctionPolicy", "tenantry", "FunctionRole", function),
        tenant_role(),
        inline("TenantPolicy", "tenantry", "TenantRole", tenant_permissions(names)),
        with_buckets(inline("FilePolicy", "tenantry-files", "TenantRole", file_permissions(names, BUCKETS))),
        operator_role(),
        managed("OperatorPolicy", "What managing configurations needs", operator_permissions(names)),
        managed("ProvisionerPolicy", "What making the store and its tables needs", provisioner_permissions(names)),
        with_buckets(managed("BucketPolicy", "What verifying buckets needs", bucket_permissions(names, BUCKETS))),
    ]
}

/// A policy of one role.
pub(super) fn inline(name: &str, called: &str, role: &str, permissions: Value) -> (String, Value) {
    let properties = json!({
        "PolicyName": called,
        "Roles": [{"Ref": role}],
        "PolicyDocument": substituted(permissions),
    });
    resource(name, "AWS::IAM::Policy", &properties)
}

/// A policy that anybody may be given, and that the operator's role has.
fn managed(name: &str, told: &str, permissions: Value) -> (String, Value) {
    let properties = json!({
        "Description": told,
        "Roles": only_if(WITH_OPERATOR, &json!([{"Ref": "OperatorRole"}])),
        "PolicyDocument": substituted(permissions),
    });
    resource(name, "AWS::IAM::ManagedPolicy", &properties)
}

fn function_role() -> (String, Value) {
    let properties = json!({
        "Description": "The function: finds out who asks, and begins the session of that tenant",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }],
        },
        "Tags": tags(),
    });
    resource("FunctionRole", "AWS::IAM::Role", &properties)
}

fn tenant_role() -> (String, Value) {
    let properties = json!({
        "Description": "A session of this role, tagged with a tenant, reads that tenant and the defaults, and keeps its conversations",
        "AssumeRolePolicyDocument": substituted(tenant_trust("${FunctionRole.Arn}")),
        "MaxSessionDuration": LONGEST_SESSION,
        "Tags": tags(),
    });
    resource("TenantRole", "AWS::IAM::Role", &properties)
}

fn operator_role() -> (String, Value) {
    let properties = json!({
        "Description": "Makes the store and manages all tenants of the environment",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": {"Ref": "OperatorPrincipal"}},
                "Action": "sts:AssumeRole",
            }],
        },
        "MaxSessionDuration": LONGEST_SESSION,
        "Tags": tags(),
    });
    with(resource("OperatorRole", "AWS::IAM::Role", &properties), json!({"Condition": WITH_OPERATOR}))
}

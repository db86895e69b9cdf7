//! The roles, with the policies that [`tenantry_store::policy`] makes and the tests judge.
//!
//! The function's policy stands beside its role: the tenant role trusts the function's, and the function's policy names the
//! tenant role, so a role that held its own policy would have to stand before itself.

use serde_json::{Value, json};
use tenantry_store::policy::{
    Names, function_permissions, operator_permissions, provisioner_permissions, tenant_permissions, tenant_trust,
};

use super::references::substituted;
use super::{Resources, WITH_OPERATOR, resource, tags, with};

/// The function's log group. Its own attribute `Arn` ends in `:*`, and the policy adds that.
const LOG_GROUP: &str = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${FunctionLog}";
/// How long a session of a role may last, in seconds. AWS allows no more where one role begins the session of another.
const LONGEST_SESSION: u32 = 3600;

/// The roles and policies.
pub(super) fn roles(names: &Names) -> Resources {
    let function = function_permissions(names, "${TenantRole.Arn}", LOG_GROUP);
    let function_policy = json!({
        "PolicyName": "function",
        "Roles": [{"Ref": "FunctionRole"}],
        "PolicyDocument": substituted(function),
    });
    let managed = |name, told: &str, permissions: Value| {
        let properties = json!({"Description": told, "PolicyDocument": substituted(permissions)});
        resource(name, "AWS::IAM::ManagedPolicy", &properties)
    };
    vec![
        function_role(),
        tenant_role(names),
        resource("FunctionPolicy", "AWS::IAM::Policy", &function_policy),
        managed("OperatorPolicy", "What managing configurations needs", operator_permissions(names)),
        managed("ProvisionerPolicy", "What tenantry init needs", provisioner_permissions(names)),
        operator_role(),
    ]
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

fn tenant_role(names: &Names) -> (String, Value) {
    let properties = json!({
        "Description": "A session of this role, tagged with a tenant, reads that tenant and the defaults",
        "AssumeRolePolicyDocument": substituted(tenant_trust("${FunctionRole.Arn}")),
        "MaxSessionDuration": LONGEST_SESSION,
        "Policies": [{"PolicyName": "tenant", "PolicyDocument": substituted(tenant_permissions(names))}],
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
        "ManagedPolicyArns": [{"Ref": "OperatorPolicy"}, {"Ref": "ProvisionerPolicy"}],
        "Tags": tags(),
    });
    with(resource("OperatorRole", "AWS::IAM::Role", &properties), json!({"Condition": WITH_OPERATOR}))
}

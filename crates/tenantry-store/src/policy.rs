//! The IAM policies that keep tenants apart where the application could forget to: made by one place, for the template that
//! deploys them and for those who judge them.
//!
//! | role | may |
//! |---|---|
//! | the tenant role, in a session tagged `tenant_id` | read that tenant's partition and secret, and the operator's defaults; keep that tenant's conversations and attachments |
//! | the function | find out who asks, and begin such sessions; it can read no tenant by itself |
//! | the operator | manage everything of the environment |
//! | the provisioner | make the tables and the secret with the master key: what `tenantry init` does |
//!
//! Four traps are avoided here, and shown by the tests beside [`evaluate`]:
//!
//! * `ForAllValues:StringEquals` holds when the key is absent, as it is for a `Scan`: `Null` asks for it to be there.
//! * The pattern `production/tenant/acme-*` matches the secret of `acme-corp` as well, because ARNs of secrets end in a hyphen
//!   and six characters: whose secret it is, its tag says, and never its name.
//! * Replaced versions of a secret can be read by their ids: a session has to ask for the one in force.
//! * A session without a tag is one of nobody: each statement asks for the tag to be there.
//!
//! * A `*` in the ARN of objects goes over slashes: `*-files/acme/*` is also about `acme` further down another tenant's keys.
//!   So no part of a key but the first can be a tenant's id: the second begins with `=` or `~`, the third is a time.
//!
//! Sources: AWS Identity and Access Management User Guide, "IAM JSON policy elements: Condition operators" and "Passing
//! session tags in AWS STS"; Amazon DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control";
//! AWS Secrets Manager User Guide, "Attribute-based access control"; Service Authorization Reference, "AWS Secrets Manager".

mod evaluate;
pub mod proof;

use serde_json::{Value, json};
use tenantry_core::scope::{Scope, TenantId};

pub use self::evaluate::{Answer, EvaluateError, Request, evaluate};

/// The session tag that says for which tenant a session is.
pub const TENANT_TAG: &str = "tenant_id";
/// Its value for the operator's defaults: a reserved word, so no tenant has it as its id.
pub const GLOBAL_TAG: &str = "global";
/// The value of the session tag for a scope, by which its secret is tagged too.
pub fn tag_of(scope: &Scope) -> &str {
    scope.tenant().map_or(GLOBAL_TAG, TenantId::as_str)
}

/// The partitions that tell who asks, which the function reads by itself.
pub const ASKING: [&str; 4] = ["#bindings", "#tokens", "#revocations", "#store"];
/// What stands for the tag of the session that asks.
const TAG_OF_SESSION: &str = "${aws:PrincipalTag/tenant_id}";
/// The label of the version of a secret that is in force.
const IN_FORCE: &str = "AWSCURRENT";
/// The version of the policy language.
const LANGUAGE: &str = "2012-10-17";

/// The names of what the policies are about. Each may also be a reference of a template, such as `${AWS::Region}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account's twelve digits.
    pub account: String,
    /// The environment.
    pub environment: String,
    /// What the names of both tables begin with.
    pub table_prefix: String,
}

impl Names {
    /// The ARN of the table of parameters.
    pub fn table(&self) -> String {
        self.arn("dynamodb", &format!("table/{}TenantConfiguration", self.table_prefix))
    }

    /// The ARN of the log's table.
    pub fn log_table(&self) -> String {
        self.arn("dynamodb", &format!("table/{}TenantConfigurationLog", self.table_prefix))
    }

    /// The ARNs of the tables of conversations: the platform's own, and those under tenants' prefixes.
    pub fn conversations(&self) -> String {
        self.arn("dynamodb", "table/*Conversations")
    }

    /// The ARN of buckets, by a pattern of their names.
    pub fn buckets(&self, pattern: &str) -> String {
        format!("arn:{}:s3:::{pattern}", self.partition)
    }

    /// The ARN of a secret, or a pattern of such, behind the environment: `tenant/*`, `global-??????`.
    pub fn secret(&self, name: &str) -> String {
        self.arn("secretsmanager", &format!("secret:{}/{name}", self.environment))
    }

    /// The ARN of a role.
    pub fn role(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role/{name}", self.partition, self.account)
    }

    /// The ARN of a function's group of logs.
    pub fn log_group(&self, function: &str) -> String {
        self.arn("logs", &format!("log-group:/aws/lambda/{function}"))
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }
}

/// What a session of the tenant role may do: all of it for the tenant of its tag alone.
pub fn tenant_permissions(names: &Names) -> Value {
    let tagged = format!("aws:PrincipalTag/{TENANT_TAG}");
    document(&[
        json!({
            "Sid": "OwnParametersAndTheDefaults",
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": names.table(),
            "Condition": {
                "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [TAG_OF_SESSION, "#global"]},
                "Null": {"dynamodb:LeadingKeys": "false", &tagged: "false"},
            },
        }),
        json!({
            "Sid": "OwnSecret",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": names.secret("tenant/*"),
            "Condition": {
                "StringEquals": {
                    "aws:ResourceTag/tenant_id": TAG_OF_SESSION,
                    "aws:ResourceTag/environment": &names.environment,
                },
                "ForAnyValue:StringEquals": in_force(),
                "Null": {&tagged: "false"},
            },
        }),
        json!({
            "Sid": "SecretOfTheDefaults",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": names.secret("global-??????"),
            "Condition": {"ForAnyValue:StringEquals": in_force(), "Null": {&tagged: "false"}},
        }),
        json!({
            "Sid": "OwnConversations",
            "Effect": "Allow",
            "Action": [
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            "Resource": names.conversations(),
            "Condition": {
                // The sign behind the id ends it: `acme` is not the beginning of `acme-corp#…`.
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [format!("{TAG_OF_SESSION}#*")]},
                "Null": {"dynamodb:LeadingKeys": "false", &tagged: "false"},
            },
        }),
    ])
}

/// What a session of the tenant role may do with buckets whose names fit a pattern: keep and read attachments of the tenant of
/// its tag. It lists nothing, and a bucket of another account is not the platform's whatever it is called.
pub fn file_permissions(names: &Names, buckets: &str) -> Value {
    document(&[json!({
        "Sid": "OwnFiles",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": format!("{}/{TAG_OF_SESSION}/*", names.buckets(buckets)),
        "Condition": {
            "StringEquals": {"aws:ResourceAccount": &names.account},
            "Null": {format!("aws:PrincipalTag/{TENANT_TAG}"): "false"},
        },
    })])
}

/// What looking at buckets needs: whether they are there, and in which region.
pub fn bucket_permissions(names: &Names, buckets: &str) -> Value {
    document(&[json!({
        "Sid": "Buckets",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": names.buckets(buckets),
        "Condition": {"StringEquals": {"aws:ResourceAccount": &names.account}},
    })])
}

/// What the function needs of its queue: to put jobs into it, and to be woken by them.
pub fn queue_permissions(queue: &str) -> Value {
    document(&[json!({
        "Sid": "Jobs",
        "Effect": "Allow",
        "Action": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"],
        "Resource": queue,
    })])
}

/// Who may begin a session of the tenant role, and how: the function, with exactly the one tag.
pub fn tenant_trust(function_role: &str) -> Value {
    document(&[json!({
        "Sid": "SessionsOfOneTenant",
        "Effect": "Allow",
        "Principal": {"AWS": function_role},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringLike": {"aws:RequestTag/tenant_id": "?*"},
            "ForAllValues:StringEquals": {"aws:TagKeys": [TENANT_TAG]},
            "Null": {"aws:TagKeys": "false"},
        },
    })])
}

/// What the function may do by itself: find out who asks, and begin a session for that tenant.
pub fn function_permissions(names: &Names, tenant_role: &str, log_group: &str) -> Value {
    document(&[
        json!({
            "Sid": "WhoAsks",
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": names.table(),
            "Condition": leading_keys(&ASKING),
        }),
        json!({
            "Sid": "WhenATokenWasUsed",
            "Effect": "Allow",
            "Action": "dynamodb:UpdateItem",
            "Resource": names.table(),
            "Condition": {
                "ForAllValues:StringEquals": {
                    "dynamodb:LeadingKeys": ["#tokens"],
                    "dynamodb:Attributes": ["tenant_id", "config_key", "last_used_at"],
                },
                "StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"]},
                "Null": {"dynamodb:LeadingKeys": "false", "dynamodb:Attributes": "false"},
            },
        }),
        json!({
            "Sid": "MasterKey",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": names.secret("keys-??????"),
            "Condition": {"ForAnyValue:StringEquals": in_force()},
        }),
        json!({
            "Sid": "SessionsOfTenants",
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Resource": tenant_role,
        }),
        json!({
            "Sid": "Log",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": format!("{log_group}:*"),
        }),
    ])
}

/// What managing needs: the command line, and a server that manages.
pub fn operator_permissions(names: &Names) -> Value {
    document(&[
        json!({
            "Sid": "Parameters",
            "Effect": "Allow",
            "Action": [
                "dynamodb:BatchGetItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:DeleteItem",
                "dynamodb:DescribeContinuousBackups",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            "Resource": [names.table(), names.log_table(), format!("{}/index/by_time", names.log_table())],
        }),
        json!({
            "Sid": "Secrets",
            "Effect": "Allow",
            "Action": [
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:RestoreSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            "Resource": names.secret("*"),
        }),
        json!({
            "Sid": "LooksOfConversations",
            "Effect": "Allow",
            "Action": ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"],
            "Resource": names.conversations(),
        }),
    ])
}

/// What `tenantry init` and `tenantry storage init` need.
pub fn provisioner_permissions(names: &Names) -> Value {
    document(&[
        json!({
            "Sid": "Tables",
            "Effect": "Allow",
            "Action": [
                "dynamodb:CreateTable",
                "dynamodb:DescribeContinuousBackups",
                "dynamodb:DescribeTable",
                "dynamodb:TagResource",
                "dynamodb:UpdateContinuousBackups",
            ],
            "Resource": [names.table(), names.log_table()],
        }),
        json!({
            "Sid": "TablesOfConversations",
            "Effect": "Allow",
            "Action": [
                "dynamodb:CreateTable",
                "dynamodb:DescribeTable",
                "dynamodb:DescribeTimeToLive",
                "dynamodb:TagResource",
                "dynamodb:UpdateTimeToLive",
            ],
            "Resource": names.conversations(),
        }),
        json!({
            "Sid": "RecordOfTheStore",
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Resource": names.table(),
            "Condition": leading_keys(&["#store"]),
        }),
        json!({
            "Sid": "MasterKey",
            "Effect": "Allow",
            "Action": ["secretsmanager:CreateSecret", "secretsmanager:GetSecretValue", "secretsmanager:TagResource"],
            "Resource": names.secret("keys-??????"),
        }),
    ])
}

/// Holds for calls that ask for the version in force, by its label. A version that has been replaced can be named by its id
/// alone: it may be one of an erased tenant whose name is another one's now.
fn in_force() -> Value {
    json!({"secretsmanager:VersionStage": [IN_FORCE]})
}

/// Holds for calls about these partitions, and for no call that does not tell of which it is.
fn leading_keys(partitions: &[&str]) -> Value {
    json!({
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": partitions},
        "Null": {"dynamodb:LeadingKeys": "false"},
    })
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": LANGUAGE, "Statement": statements})
}

#[cfg(test)]
mod tests;

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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tenantry_core::scope::RESERVED_TENANT_IDS;

    fn names() -> Names {
        let text = str::to_owned;
        Names {
            partition: text("aws"),
            region: text("eu-central-1"),
            account: text("123456789012"),
            environment: text("production"),
            table_prefix: String::new(),
        }
    }

    /// A session of the tenant role with a tag, or with none.
    fn session(tag: Option<&str>) -> Request {
        let request = Request::default();
        match tag {
            Some(tag) => request.with("aws:PrincipalTag/tenant_id", &[tag]),
            None => request,
        }
    }

    fn query(session: &Request, partition: &str) -> Request {
        session.asking("dynamodb:Query", &names().table()).with("dynamodb:LeadingKeys", &[partition])
    }

    fn secret_of(session: &Request, tenant: &str) -> Request {
        let arn = names().secret(&format!("tenant/{tenant}-a1B2c3"));
        let request = session.asking("secretsmanager:GetSecretValue", &arn);
        let request = request.with("aws:ResourceTag/tenant_id", &[tenant]);
        request.with("aws:ResourceTag/environment", &["production"]).with("secretsmanager:VersionStage", &[IN_FORCE])
    }

    fn secret_of_the_defaults(session: &Request) -> Request {
        let request = session.asking("secretsmanager:GetSecretValue", &names().secret("global-a1B2c3"));
        request.with("secretsmanager:VersionStage", &[IN_FORCE])
    }

    fn allows(policy: &Value, request: &Request) -> bool {
        evaluate(policy, request).unwrap() == Answer::Allowed
    }

    fn may(request: &Request) -> bool {
        allows(&tenant_permissions(&names()), request)
    }

    #[test]
    fn a_session_reads_its_own_tenant_and_the_defaults_and_nothing_else() {
        let acme = session(Some("acme"));
        assert!(may(&query(&acme, "acme")) && may(&query(&acme, "#global")) && may(&secret_of(&acme, "acme")));
        assert!(may(&secret_of_the_defaults(&acme)));
        for partition in ["beta", "acme-corp", "acm", "#tokens", "#bindings", "#tenants", "#intents", "", "*"] {
            assert!(!may(&query(&acme, partition)), "{partition}");
        }
        for tenant in ["beta", "acme-corp", "acm"] {
            assert!(!may(&secret_of(&acme, tenant)), "{tenant}");
        }
        assert!(!may(&acme.asking("secretsmanager:GetSecretValue", &names().secret("keys-a1B2c3"))));
        let log = acme.asking("dynamodb:Query", &names().log_table()).with("dynamodb:LeadingKeys", &["acme"]);
        assert!(!may(&log), "the history is the operator's to show");
    }

    #[test]
    fn a_session_writes_nothing_and_scans_nothing() {
        let acme = session(Some("acme"));
        for action in ["PutItem", "UpdateItem", "DeleteItem", "BatchGetItem", "PartiQLSelect"] {
            let request = acme.asking(&format!("dynamodb:{action}"), &names().table());
            assert!(!may(&request.with("dynamodb:LeadingKeys", &["acme"])), "{action}");
        }
        assert!(!may(&acme.asking("dynamodb:Scan", &names().table())));
        assert!(!may(&acme.asking("dynamodb:Query", &names().table())), "a call that tells of no partition");
        for action in ["PutSecretValue", "DescribeSecret", "ListSecrets", "BatchGetSecretValue"] {
            let request = secret_of(&acme, "acme").asking(&format!("secretsmanager:{action}"), &names().secret("x"));
            assert!(!may(&request), "{action}");
        }
    }

    fn conversations_of(session: &Request, action: &str, keys: &[&str]) -> Request {
        let table = "arn:aws:dynamodb:eu-central-1:123456789012:table/acme-Conversations";
        session.asking(&format!("dynamodb:{action}"), table).with("dynamodb:LeadingKeys", keys)
    }

    #[test]
    fn a_session_keeps_its_own_conversations_and_touches_no_others() {
        let acme = session(Some("acme"));
        for action in ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"] {
            assert!(may(&conversations_of(&acme, action, &["acme#conversation#=slack:C1"])), "{action}");
            for key in ["acme-corp#tokens", "beta#tokens", "acm#tokens", "acme", "#tokens", "beta#acme#tokens", ""] {
                assert!(!may(&conversations_of(&acme, action, &[key])), "{action} {key}");
            }
            assert!(!may(&conversations_of(&acme, action, &["acme#tokens", "beta#tokens"])), "{action}");
            assert!(!may(&conversations_of(&session(None), action, &["acme#tokens"])), "{action}");
            assert!(!may(&acme.asking(&format!("dynamodb:{action}"), &names().conversations())), "{action} of no key");
        }
        for action in ["Scan", "BatchGetItem", "DeleteTable", "UpdateTimeToLive", "PartiQLSelect"] {
            assert!(!may(&conversations_of(&acme, action, &["acme#tokens"])), "{action}");
        }
    }

    #[test]
    fn the_function_by_itself_touches_no_conversation_and_no_file() {
        let policy = function_permissions(&names(), "arn:aws:iam::123456789012:role/tenant", "arn:aws:logs:::f");
        let function = Request::default();
        assert!(!allows(&policy, &conversations_of(&function, "GetItem", &["acme#tokens"])));
        assert!(!allows(&file_permissions(&names(), "*-files"), &file(&function, "acme-files", "acme/=c/1-a.txt")));
    }

    fn file(session: &Request, bucket: &str, key: &str) -> Request {
        let object = session.asking("s3:PutObject", &format!("arn:aws:s3:::{bucket}/{key}"));
        object.with("aws:ResourceAccount", &["123456789012"])
    }

    #[test]
    fn a_session_keeps_its_own_files_and_touches_no_others() {
        let policy = file_permissions(&names(), "*-files");
        let acme = session(Some("acme"));
        assert!(allows(&policy, &file(&acme, "acme-files", "acme/=http%3Ac/20261126T235900Z-ab-a.txt")));
        for (bucket, key) in [
            ("acme-files", "beta/=c/1-a.txt"),
            ("acme-files", "acme-corp/=c/1-a.txt"),
            ("acme-files", "acme"),
            ("acme-exports", "acme/=c/1-a.txt"),
            // A conversation that has the name of another tenant, or of a bucket.
            ("beta-files", "beta/=acme/20261126T235900Z-ab-a.txt"),
            ("beta-x", "beta/=x-files/20261126T235900Z-acme"),
        ] {
            assert!(!allows(&policy, &file(&acme, bucket, key)), "{bucket} {key}");
        }
        let elsewhere = file(&acme, "theirs-files", "acme/=c/1-a.txt").with("aws:ResourceAccount", &["999999999999"]);
        assert!(!allows(&policy, &elsewhere), "another account's bucket");
        assert!(!allows(&policy, &file(&session(None), "acme-files", "acme/=c/1-a.txt")));
        for action in ["s3:ListBucket", "s3:DeleteObject", "s3:PutBucketPolicy"] {
            let own = file(&acme, "acme-files", "acme/=c/1-a.txt");
            assert!(!allows(&policy, &own.asking(action, &own.resource)), "{action}");
        }
    }

    #[test]
    fn the_trap_of_slashes_is_closed_by_the_form_of_keys_alone() {
        let acme = session(Some("acme"));
        let without_the_sign = file(&acme, "beta-files", "beta/x-files/acme/1-a.txt");
        assert!(allows(&file_permissions(&names(), "*-files"), &without_the_sign), "`*` goes over slashes");
    }

    #[test]
    fn several_partitions_at_once_are_allowed_only_if_each_of_them_is() {
        let request = session(Some("acme")).asking("dynamodb:Query", &names().table());
        assert!(!may(&request.with("dynamodb:LeadingKeys", &["acme", "beta"])));
    }

    #[test]
    fn a_session_without_a_tag_is_nobodys() {
        let nobody = session(None);
        assert!(!may(&query(&nobody, "acme")) && !may(&query(&nobody, "#global")));
        assert!(!may(&query(&nobody, "${aws:PrincipalTag/tenant_id}")));
        assert!(!may(&secret_of(&nobody, "acme")));
        assert!(!may(&secret_of_the_defaults(&nobody)));
    }

    #[test]
    fn a_session_reads_the_version_in_force_alone() {
        let acme = session(Some("acme"));
        for secret in [secret_of(&acme, "acme"), secret_of_the_defaults(&acme)] {
            assert!(may(&secret));
            for label in ["AWSPREVIOUS", "TENANTRYPENDING", "awscurrent", ""] {
                assert!(!may(&secret.with("secretsmanager:VersionStage", &[label])), "{label}");
            }
            let by_id = secret.with("secretsmanager:VersionStage", &[]);
            assert!(!may(&by_id.with("secretsmanager:VersionId", &["a1b2"])), "no label, but an id");
            assert!(!may(&by_id), "neither");
        }
    }

    #[test]
    fn the_session_of_the_defaults_reads_no_tenant() {
        assert!(RESERVED_TENANT_IDS.contains(&GLOBAL_TAG));
        let global = session(Some(GLOBAL_TAG));
        assert!(may(&query(&global, "#global")) && !may(&query(&global, "acme")) && !may(&secret_of(&global, "acme")));
    }

    #[test]
    fn the_trap_of_an_absent_key_is_closed_by_null_alone() {
        let mut open = tenant_permissions(&names());
        let scan = session(Some("acme")).asking("dynamodb:Query", &names().table());
        assert!(!allows(&open, &scan));
        open["Statement"][0]["Condition"]["Null"].as_object_mut().unwrap().remove("dynamodb:LeadingKeys");
        assert!(allows(&open, &scan), "ForAllValues holds of no values at all");
    }

    #[test]
    fn the_trap_of_names_is_closed_by_tags_alone() {
        let mut open = tenant_permissions(&names());
        open["Statement"][1]["Resource"] = names().secret("tenant/${aws:PrincipalTag/tenant_id}-*").into();
        open["Statement"][1].as_object_mut().unwrap().remove("Condition");
        assert!(allows(&open, &secret_of(&session(Some("acme")), "acme-corp")), "the pattern ends too late");
        assert!(!may(&secret_of(&session(Some("acme")), "acme-corp")));
    }

    #[test]
    fn the_function_finds_out_who_asks_and_reads_no_tenant() {
        let policy =
            function_permissions(&names(), "arn:aws:iam::123456789012:role/tenant", "arn:aws:logs:::log-group:f");
        let function = Request::default();
        for partition in ASKING {
            assert!(allows(&policy, &query(&function, partition)), "{partition}");
        }
        for partition in ["acme", "#global", "#tenants", "#intents"] {
            assert!(!allows(&policy, &query(&function, partition)), "{partition}");
        }
        assert!(!allows(&policy, &secret_of(&function, "acme")));
        let keys = function.asking("secretsmanager:GetSecretValue", &names().secret("keys-a1B2c3"));
        assert!(allows(&policy, &keys.with("secretsmanager:VersionStage", &[IN_FORCE])));
        assert!(!allows(&policy, &keys), "a master key that was replaced");
        let touch = |attribute: &str| {
            let touch = function.asking("dynamodb:UpdateItem", &names().table());
            let touch = touch.with("dynamodb:LeadingKeys", &["#tokens"]);
            touch.with("dynamodb:Attributes", &["tenant_id", "config_key", attribute])
        };
        assert!(allows(&policy, &touch("last_used_at")));
        assert!(!allows(&policy, &touch("revoked_at")), "it revokes no token, and revives none");
    }

    #[test]
    fn a_tenants_session_is_begun_by_the_function_with_its_tag_alone() {
        let role = "arn:aws:iam::123456789012:role/function";
        let trust = tenant_trust(role);
        let begin = |by: &str, tags: &[(&str, &str)]| {
            let keys: Vec<_> = tags.iter().map(|(key, _)| *key).collect();
            let mut request = Request::default().asking("sts:AssumeRole", "").by(by);
            if !keys.is_empty() {
                request = request.with("aws:TagKeys", &keys);
            }
            tags.iter().fold(request, |request, (key, value)| request.with(&format!("aws:RequestTag/{key}"), &[*value]))
        };
        assert!(allows(&trust, &begin(role, &[("tenant_id", "acme")])));
        assert!(!allows(&trust, &begin("arn:aws:iam::123456789012:role/other", &[("tenant_id", "acme")])));
        assert!(!allows(&trust, &begin(role, &[])), "no tag");
        assert!(!allows(&trust, &begin(role, &[("tenant_id", "")])), "an empty tag");
        assert!(!allows(&trust, &begin(role, &[("tenant_id", "acme"), ("environment", "x")])), "another tag beside it");
    }

    #[test]
    fn the_operator_manages_its_environment_and_no_other() {
        let policy = operator_permissions(&names());
        let put = |name: &str| Request::default().asking("secretsmanager:PutSecretValue", name);
        assert!(allows(&policy, &put(&names().secret("tenant/acme-a1B2c3"))));
        let staging = Names { environment: "staging".to_owned(), ..names() };
        assert!(!allows(&policy, &put(&staging.secret("tenant/acme-a1B2c3"))));
        assert!(!allows(&policy, &Request::default().asking("dynamodb:DeleteTable", &names().table())));
        assert!(!allows(&policy, &Request::default().asking("dynamodb:Scan", &names().table())));
    }

    fn ids() -> impl Strategy<Value = String> {
        "[a-c]([a-c-]{0,4}[a-c])?"
    }

    proptest! {
        #[test]
        fn of_any_two_tenants_each_reads_itself_alone(one in ids(), other in ids()) {
            let session = session(Some(&one));
            prop_assert_eq!(may(&query(&session, &other)), one == other);
            prop_assert_eq!(may(&secret_of(&session, &other)), one == other);
            prop_assert_eq!(may(&conversations_of(&session, "Query", &[&format!("{other}#tokens")])), one == other);
            let kept = allows(&file_permissions(&names(), "*-files"), &file(&session, "x-files", &format!("{other}/=c/1-a")));
            prop_assert_eq!(kept, one == other);
        }
    }
}

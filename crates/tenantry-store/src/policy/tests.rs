//! The policies judged: who may do what, and the traps that they are written around.

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
    let policy = function_permissions(&names(), "arn:aws:iam::123456789012:role/tenant", "arn:aws:logs:::log-group:f");
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

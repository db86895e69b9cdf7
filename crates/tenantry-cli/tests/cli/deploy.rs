//! The template: committed as it is made, without a fault that cfn-lint finds, and really created.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::{Value, json};
use tenantry_emulators::cfn_lint;
use tenantry_store::policy::{
    Names, bucket_permissions, file_permissions, function_permissions, operator_permissions, provisioner_permissions,
    queue_permissions, tenant_permissions, tenant_trust,
};

use crate::cloud::{ACCOUNT, Cloud, REGION};
use crate::program::{Program, Ran};

/// What moto's CloudFormation does not make, or makes without a name. A type that it learns must be taken from here, and then
/// asserted.
const BEYOND_MOTO: [&str; 7] = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::Permission",
    "AWS::Logs::MetricFilter",
];

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn committed() -> String {
    fs::read_to_string(workspace("deploy/template.json")).unwrap_or_default()
}

#[test]
fn the_committed_template_is_the_one_that_is_printed() {
    let printed = Program::without_store().run(&["deploy", "template"]);
    if env::var_os("TENANTRY_BLESS").is_some() {
        fs::write(workspace("deploy/template.json"), printed.ok()).unwrap();
    }
    assert!(committed() == printed.ok(), "deploy/template.json is not that of today: run `make bless`");
}

#[test]
fn as_yaml_it_says_the_same() {
    let printed = Program::without_store().run(&["deploy", "template", "-o", "yaml"]);
    let read: Value = serde_saphyr::from_str(printed.ok()).unwrap();
    assert_eq!(read, serde_json::from_str::<Value>(&committed()).unwrap());
}

#[test]
fn cfn_lint_finds_nothing_to_say() {
    let said = Ran::of(&mut cfn_lint(&workspace("deploy/template.json")));
    assert_eq!((said.code, said.all().as_str()), (0, ""));
}

#[test]
fn it_may_be_sent_as_it_is_without_a_bucket() {
    let limit = 51_200;
    assert!(committed().len() <= limit, "CloudFormation takes {limit} bytes, found {}", committed().len());
}

#[test]
fn tables_outlive_the_stack_and_can_be_put_back() {
    let template: Value = serde_json::from_str(&committed()).unwrap();
    let is_table = |resource: &&Value| resource["Type"] == "AWS::DynamoDB::Table";
    let tables: Vec<_> = template["Resources"].as_object().unwrap().values().filter(is_table).collect();
    assert_eq!(tables.len(), 3);
    for table in tables {
        assert_eq!((&table["DeletionPolicy"], &table["UpdateReplacePolicy"]), (&json!("Retain"), &json!("Retain")));
        // moto's CloudFormation passes over both.
        let expires = table["Properties"]["TableName"]["Fn::Sub"] == "${TablePrefix}Conversations";
        let time_to_live = if expires { json!({"AttributeName": "expires_at", "Enabled": true}) } else { Value::Null };
        assert_eq!(table["Properties"]["TimeToLiveSpecification"], time_to_live);
        let recovery = &table["Properties"]["PointInTimeRecoverySpecification"];
        assert_eq!(*recovery, json!({"PointInTimeRecoveryEnabled": !expires}));
    }
}

#[test]
fn the_words_that_alarms_look_for_are_those_that_are_logged() {
    for (words, source) in [
        ("the store denies access", "crates/tenantry/src/refresh.rs"),
        ("the store denies access", "crates/tenantry/src/global.rs"),
        ("access to the store is denied", "crates/tenantry-store/src/error.rs"),
        ("belongs to another scope", "crates/tenantry-store/src/dynamodb.rs"),
    ] {
        assert!(committed().contains(words), "no alarm looks for {words:?}");
        assert!(fs::read_to_string(workspace(source)).unwrap().contains(words), "{source} does not log {words:?}");
    }
}

/// A stack in moto, with an environment and tables of its own.
struct Stack {
    cloud: Cloud,
    name: String,
    /// The names of what was made, by those in the template.
    made: BTreeMap<String, String>,
}

impl Stack {
    async fn create(name: &str, parameters: &[(&str, &str)]) -> Self {
        let cloud = Cloud::new().await;
        cloud.upload(&format!("{name}-code"), "bootstrap.zip", "a zip file, were it read");
        let (bucket, prefix) = (format!("{name}-code"), format!("{name}-"));
        let given =
            [("Environment", name), ("TablePrefix", &prefix), ("CodeBucket", &bucket), ("CodeKey", "bootstrap.zip")];
        let mut fields = vec![("StackName".to_owned(), name.to_owned()), ("TemplateBody".to_owned(), committed())];
        for (at, (parameter, value)) in given.iter().chain(parameters).enumerate() {
            let member = format!("Parameters.member.{}", at + 1);
            fields.push((format!("{member}.ParameterKey"), (*parameter).to_owned()));
            fields.push((format!("{member}.ParameterValue"), (*value).to_owned()));
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        cloud.call("cloudformation", "CreateStack", &fields).ok();
        let described = cloud.call("cloudformation", "DescribeStackResources", &[("StackName", name)]).ok();
        let made = described.members().into_iter().filter(|resource| !resource.texts("PhysicalResourceId").is_empty());
        let named = made.map(|resource| (resource.text("LogicalResourceId"), resource.text("PhysicalResourceId")));
        Self { made: named.collect(), name: name.to_owned(), cloud }
    }

    fn names(&self) -> Names {
        Names {
            partition: "aws".to_owned(),
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            environment: self.name.clone(),
            table_prefix: format!("{}-", self.name),
        }
    }

    fn table(&self, name: &str) -> Value {
        self.cloud.dynamodb("DescribeTable", &json!({"TableName": self.made[name]}))["Table"].take()
    }

    fn role(&self, name: &str) -> crate::cloud::Answer {
        self.cloud.call("iam", "GetRole", &[("RoleName", &self.made[name])]).ok()
    }

    fn inline(&self, role: &str, policy: &str) -> Value {
        let fields = [("RoleName", self.made[role].as_str()), ("PolicyName", policy)];
        self.cloud.call("iam", "GetRolePolicy", &fields).ok().policy("PolicyDocument")
    }

    fn managed(&self, name: &str) -> Value {
        let fields = [("PolicyArn", self.made[name].as_str()), ("VersionId", "v1")];
        self.cloud.call("iam", "GetPolicyVersion", &fields).ok().policy("Document")
    }

    /// The program, told of the stack's store or of another way to it.
    fn command(&self, program: &Program, store: &str, arguments: &[&str]) -> Command {
        let mut command = program.command(arguments);
        command
            .env("TENANTRY_STORE", store)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_ENDPOINT_URL", self.cloud.url());
        command
    }
}

#[tokio::test]
async fn a_stack_has_the_tables_of_the_store() {
    let stack = Stack::create("tables", &[]).await;
    for (name, table) in [("Configuration", "tables-TenantConfiguration"), ("Log", "tables-TenantConfigurationLog")] {
        let found = stack.table(name);
        assert_eq!(found["TableName"], table);
        assert_eq!(found["KeySchema"], keys("tenant_id", "config_key"));
        assert_eq!(found["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
        assert_eq!(found["DeletionProtectionEnabled"], true);
    }
    let conversations = stack.table("Conversations");
    assert_eq!(conversations["TableName"], "tables-Conversations");
    assert_eq!(conversations["KeySchema"], keys("conversation_key", "item_key"));
    let index = &stack.table("Log")["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexName"], &index["KeySchema"]), (&json!("by_time"), &keys("log", "logged_at")));
    assert_eq!(index["Projection"]["ProjectionType"], "KEYS_ONLY");
    assert_eq!(stack.table("Configuration")["GlobalSecondaryIndexes"], json!([]));
}

fn keys(partition: &str, sort: &str) -> Value {
    json!([{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}])
}

#[tokio::test]
async fn a_stack_has_the_roles_and_policies_that_are_judged() {
    let stack = Stack::create("roles", &[("AttachmentBuckets", "*-attachments")]).await;
    let names = stack.names();
    let arn = |role| stack.role(role).text("Arn");
    assert_eq!(stack.inline("TenantRole", "tenantry"), tenant_permissions(&names));
    let trust = stack.role("TenantRole").policy("AssumeRolePolicyDocument");
    assert_eq!(trust, tenant_trust(&arn("FunctionRole")));
    assert_eq!(stack.role("TenantRole").text("MaxSessionDuration"), "3600");
    let log = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/roles");
    let function = function_permissions(&names, &arn("TenantRole"), &log);
    assert_eq!(stack.inline("FunctionRole", "tenantry"), function);
    assert_eq!(stack.managed("OperatorPolicy"), operator_permissions(&names));
    assert_eq!(stack.managed("ProvisionerPolicy"), provisioner_permissions(&names));
    assert_eq!(stack.inline("TenantRole", "tenantry-files"), file_permissions(&names, "*-attachments"));
    assert_eq!(stack.managed("BucketPolicy"), bucket_permissions(&names, "*-attachments"));
    let jobs = stack.made["Jobs"].rsplit('/').next().unwrap();
    let queue = queue_permissions(&format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{jobs}"));
    assert_eq!(stack.inline("FunctionRole", "tenantry-queue"), queue);
    assert!(!stack.made.contains_key("OperatorRole"), "nobody was named");
}

#[tokio::test]
async fn who_is_named_may_take_on_the_role_that_manages() {
    let principal = format!("arn:aws:iam::{ACCOUNT}:user/grace");
    let stack = Stack::create("operator", &[("OperatorPrincipal", &principal)]).await;
    let trust = stack.role("OperatorRole").policy("AssumeRolePolicyDocument");
    assert_eq!(trust["Statement"][0]["Principal"], json!({"AWS": principal}));
    let fields = [("RoleName", stack.made["OperatorRole"].as_str())];
    let attached = stack.cloud.call("iam", "ListAttachedRolePolicies", &fields).ok().texts("PolicyArn");
    assert_eq!(attached, [&*stack.made["OperatorPolicy"], &*stack.made["ProvisionerPolicy"]]);
}

#[tokio::test]
async fn a_store_is_made_in_the_stacks_tables_and_read_the_way_the_function_is_told() {
    let stack = Stack::create("store", &[]).await;
    let (program, store) = (Program::without_store(), "aws:?environment=store&table_prefix=store-");
    let run = |store: &str, arguments: &[&str]| Ran::of(&mut stack.command(&program, store, arguments));
    let made = run(store, &["init"]);
    assert!(made.ok().contains("secret store/keys") && !made.ok().contains("table "), "{made:?}");
    run(store, &["tenant", "create", "acme", "--name", "Acme Bakery"]).ok();
    run(store, &["-t", "acme", "set", "persona.name", "Ada"]).ok();
    let told = stack.cloud.function(&stack.made["Function"])["Environment"]["Variables"]["TENANTRY_STORE"].take();
    let told = told.as_str().unwrap();
    assert_eq!(told, format!("{store}&tenant_role={}", stack.role("TenantRole").text("Arn")));
    assert_eq!(run(told, &["-t", "acme", "get", "persona.name"]).ok().trim(), "Ada");
    assert!(run(store, &["doctor"]).ok().contains("there are none"));
}

#[tokio::test]
async fn jobs_wait_in_a_queue_that_wakes_the_function_and_are_kept_when_they_cannot_be_done() {
    let stack = Stack::create("queue", &[]).await;
    let attributes = |name: &str| {
        let fields = [("QueueUrl", stack.made[name].as_str()), ("AttributeName.1", "All")];
        stack.cloud.call("sqs", "GetQueueAttributes", &fields).ok()
    };
    let value = |queue: &str, name: &str| {
        let answer = attributes(queue);
        let at = answer.texts("Name").iter().position(|found| found == name).unwrap();
        answer.texts("Value")[at].clone()
    };
    assert_eq!(value("Jobs", "VisibilityTimeout"), "900");
    let redrive: Value = serde_json::from_str(&value("Jobs", "RedrivePolicy")).unwrap();
    assert_eq!(redrive["deadLetterTargetArn"], value("UndoneJobs", "QueueArn"));
    assert_eq!(redrive["maxReceiveCount"], 5);
    assert_eq!(value("UndoneJobs", "MessageRetentionPeriod"), "1209600");
    let function = stack.cloud.function(&stack.made["Function"]);
    assert_eq!(function["Environment"]["Variables"]["TENANTRY_QUEUE"], *stack.made["Jobs"]);
    let mapping = &stack.cloud.event_sources(&stack.made["Function"])["EventSourceMappings"][0];
    assert_eq!(mapping["EventSourceArn"], value("Jobs", "QueueArn"));
    assert_eq!(mapping["BatchSize"], 1);
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
}

#[tokio::test]
async fn the_function_is_made_as_it_is_built() {
    let stack = Stack::create("function", &[("ReservedConcurrency", "7")]).await;
    let function = stack.cloud.function(&stack.made["Function"]);
    assert_eq!((&function["Runtime"], &function["Handler"]), (&json!("provided.al2023"), &json!("bootstrap")));
    assert_eq!((&function["Timeout"], &function["MemorySize"]), (&json!(150), &json!(256)));
    assert_eq!(function["Role"], stack.role("FunctionRole").text("Arn"));
    assert_eq!(stack.made["FunctionLog"], "/aws/lambda/function");
    let permission = &stack.cloud.function_policy(&stack.made["Function"])["Statement"][0];
    assert_eq!(permission["Principal"], json!({"Service": "apigateway.amazonaws.com"}), "{permission}");
}

#[tokio::test]
async fn nothing_is_passed_over_but_what_moto_does_not_know() {
    let stack = Stack::create("whole", &[]).await;
    let template: Value = serde_json::from_str(&committed()).unwrap();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let expected =
            !BEYOND_MOTO.contains(&kind) && !["OperatorRole", "FilePolicy", "BucketPolicy"].contains(&&**name);
        assert_eq!(stack.made.contains_key(name), expected, "{name}, of type {kind}");
    }
}

#[tokio::test]
async fn in_the_tenant_isolation_mode_there_is_no_api() {
    let stack = Stack::create("isolated", &[("TenantIsolation", "yes")]).await;
    assert!(stack.made.contains_key("Function"));
    assert!(!stack.made.keys().any(|name| name.starts_with("Api") || name.contains("Jobs")), "{:?}", stack.made);
    let variables = stack.cloud.function(&stack.made["Function"])["Environment"]["Variables"].take();
    assert_eq!(variables.get("TENANTRY_QUEUE"), None);
}

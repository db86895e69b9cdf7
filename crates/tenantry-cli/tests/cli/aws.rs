//! The same commands on DynamoDB and Secrets Manager.

use std::io::{Read as _, Write as _};
use std::process::Command;

use serde_json::json;
use tenantry_emulators::shared;
use tenantry_store::StoreUrl;
use tenantry_store::contract::place::Place;

use crate::program::{Program, Ran};

const COMPANIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/companies.yaml");

/// The program with a store on the emulators.
pub(crate) struct OnAws {
    pub(crate) program: Program,
    pub(crate) place: Place,
}

impl OnAws {
    /// Before `init`.
    async fn without_store() -> Self {
        let shared = shared().await;
        Self::behind(shared.dynamo.url(), shared.moto.url())
    }

    /// Before `init`, with the services behind these endpoints.
    pub(crate) fn behind(dynamodb: &str, others: &str) -> Self {
        Self { program: Program::without_store(), place: Place::behind(dynamodb, others) }
    }

    pub(crate) async fn new() -> Self {
        let on_aws = Self::without_store().await;
        on_aws.run(&["init"]).ok();
        on_aws
    }

    pub(crate) fn url(&self) -> StoreUrl {
        self.place.url()
    }

    /// Calls DynamoDB as another program does.
    pub(crate) fn put_item(&self, tenant: &str, key: &str, value: &str) {
        let item = format!(
            r#"{{"TableName":"{}-TenantConfiguration","Item":{{"tenant_id":{{"S":"{tenant}"}},"config_key":{{"S":"{key}"}},"config_value":{value},"description":{{"S":"by hand"}}}}}}"#,
            self.place.name
        );
        let aws = &self.place.options.aws;
        post(aws.dynamodb_url.as_ref().unwrap(), "dynamodb", "DynamoDB_20120810.PutItem", &item);
    }

    /// Puts another version of a secret in force, as another program does. In steps, because moto forgets to take the
    /// label from a version to which it was moved before.
    pub(crate) fn put_secret(&self, tenant: &str, text: &str) {
        let name = format!("{}/tenant/{tenant}", self.place.name);
        let call = |action: &str, body: serde_json::Value| -> serde_json::Value {
            let url = self.place.options.aws.secrets_manager_url.as_ref().unwrap();
            let answer = post(url, "secretsmanager", &format!("secretsmanager.{action}"), &body.to_string());
            serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
        };
        let current = call("GetSecretValue", json!({"SecretId": name, "VersionStage": "AWSCURRENT"}));
        let token = "f".repeat(32);
        let put =
            json!({"SecretId": name, "SecretString": text, "ClientRequestToken": token, "VersionStages": ["MINE"]});
        let made = call("PutSecretValue", put);
        let moved = json!({
            "SecretId": name,
            "VersionStage": "AWSCURRENT",
            "RemoveFromVersionId": current["VersionId"],
            "MoveToVersionId": made["VersionId"],
        });
        call("UpdateSecretVersionStage", moved);
    }

    /// The environment of its secrets.
    pub(crate) fn environment(&self) -> &str {
        &self.place.name
    }

    /// The program as a person has it: told by AWS's own variables where things are.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program.command(arguments);
        let aws = &self.place.options.aws;
        command
            .env("TENANTRY_STORE", self.url().to_string())
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_ENDPOINT_URL_DYNAMODB", aws.dynamodb_url.as_ref().unwrap())
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.secrets_manager_url.as_ref().unwrap())
            .env("AWS_ENDPOINT_URL_STS", aws.sts_url.as_ref().unwrap());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let file = self.program.file("input", input);
        let mut command = self.command(arguments);
        command.stdin(std::fs::File::open(file).unwrap());
        Ran::of(&mut command)
    }
}

/// Sends one call of AWS's JSON protocol; the emulators look at no signature.
fn post(url: &str, service: &str, target: &str, body: &str) -> String {
    let version = if service == "dynamodb" { "1.0" } else { "1.1" };
    let authority = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let credential = format!("AKIATEST/20260101/eu-central-1/{service}/aws4_request");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {authority}\r\nX-Amz-Target: {target}\r\nX-Amz-Date: 20260101T000000Z\r\n\
         Content-Type: application/x-amz-json-{version}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(authority).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

#[tokio::test]
async fn a_company_is_kept_from_its_first_day_to_its_last() {
    let aws = OnAws::without_store().await;
    let made = aws.run(&["init"]);
    assert!(made.ok().contains("TenantConfigurationLog") && made.ok().contains("/keys"), "{made:?}");
    assert!(aws.run(&["init"]).ok().contains("was there already"));
    aws.run(&["tenant", "create", "acme", "--name", "Acme Bakery"]).ok();
    aws.run(&["-t", "acme", "set", "persona.name", "Ada", "--reason", "our voice"]).ok();
    let set = aws.run_with(&["-t", "acme", "set", "openai.api_key", "-"], "sk-CANARY-123456");
    assert!(set.ok().contains("openai.api_key") && !set.all().contains("CANARY"), "{set:?}");
    assert_eq!(aws.run(&["-t", "acme", "get", "persona.name"]).ok().trim(), "Ada");
    aws.run(&["-t", "acme", "set", "persona.name", "Grace"]).ok();
    let stale = aws.run(&["-t", "acme", "set", "persona.name", "Eve", "--expected", "2"]);
    assert_ne!(stale.code, 0, "{stale:?}");
    aws.run(&["-t", "acme", "restore", "2"]).ok();
    assert_eq!(aws.run(&["-t", "acme", "get", "persona.name"]).ok().trim(), "Ada");
    let history = aws.run(&["-t", "acme", "history", "-o", "json"]).json();
    assert_eq!(history.as_array().unwrap().len(), 5, "{history}");
    assert!(aws.run(&["doctor"]).ok().contains("there are none"));
    aws.run(&["tenant", "suspend", "acme"]).ok();
    aws.run(&["tenant", "delete", "acme", "--yes"]).ok();
    assert_eq!(aws.run(&["tenant", "list", "-o", "json"]).json().as_array().unwrap().len(), 0);
    let log = aws.run(&["log", "-o", "json"]);
    assert!(log.ok().contains("delete") && !log.ok().contains("Ada"), "what was said of it is gone: {log:?}");
}

#[tokio::test]
async fn the_sample_companies_read_the_same_as_from_a_file() {
    let (aws, file) = (OnAws::new().await, Program::new());
    // More than one transaction takes, so it is imported scope by scope.
    assert!(aws.run(&["apply", "-f", COMPANIES]).ok().contains("sonrisa"));
    assert!(aws.run(&["apply", "-f", COMPANIES]).ok().contains("as it was"));
    file.run(&["apply", "-f", COMPANIES]).ok();
    for command in [&["export", "--all"][..], &["export", "--all", "-o", "json"], &["validate", "--all"]] {
        assert_eq!(aws.run(command).ok(), file.run(command).ok(), "{command:?}");
    }
    for tenant in ["sonnkorn", "sonrisa", "brightwell"] {
        // Each store has versions and fingerprints of its own; which secrets are set is the same.
        let shown = |mut all: serde_json::Value| {
            let secrets = all["secrets"].take();
            let names: Vec<_> = secrets.as_object().into_iter().flat_map(|secrets| secrets.keys().cloned()).collect();
            (all.to_string(), names)
        };
        let command = ["-t", tenant, "get", "-o", "json"];
        assert!(shown(aws.run(&command).json()) == shown(file.run(&command).json()), "{tenant}");
        let command = ["-t", tenant, "get", "prompts.chitchat"];
        assert!(aws.run(&command).ok() == file.run(&command).ok(), "{tenant}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_way_to_the_store_is_told_with_the_next_step() {
    let aws = OnAws::without_store().await;
    let told = |command: &mut Command, code: i32, what: &str| {
        let ran = Ran::of(command);
        assert!(ran.refused(code).contains(what), "{what}: {ran:?}");
    };
    told(&mut aws.command(&["tenant", "list"]), 7, "tenantry init");
    aws.run(&["init"]).ok();
    told(aws.command(&["tenant", "list"]).env_remove("AWS_REGION"), 7, "AWS_REGION");
    told(aws.command(&["tenant", "list"]).env("TENANTRY_STORE", "aws:?env=x"), 7, "the options are environment");
    told(aws.command(&["tenant", "list"]).env("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"), 7, "unavailable");
    let mut without = aws.command(&["tenant", "list"]);
    without
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    told(&mut without, 7, "no AWS credentials were found");
    let backup = aws.run(&["backup", "copy.db"]);
    assert!(backup.stderr.contains("point-in-time recovery"), "{backup:?}");
}

//! The API of the running server: asked by schemathesis all that its document allows and more, and read by OpenFeature's own
//! client.

use std::process::Output;

use tenantry_emulators::{python, schemathesis};

use crate::program::Program;
use crate::serve::{Server, token};

/// What is asked of the tool: real ids, so that it comes past 404, and the statuses with which this API
/// refuses: for a missing header 428, and 412 where another tag than the scope's stands before what is wrong behind it.
const CONFIGURATION: &str = r#"
[parameters]
"path.tenant_id" = "acme"
"path.key" = "persona.name"
"path.revision" = 1
"path.flag" = "persona.name"
"path.token" = "0123456789abcdef"

[[operations]]
include-path-regex = "^/v1/tenants/\\{tenant_id\\}(/suspend|/resume)?$"
include-method = ["POST", "DELETE"]
parameters = { "path.tenant_id" = "gamma" }

[[operations]]
include-path-regex = "/secrets/"
parameters = { "path.key" = "openai.api_key" }

[[operations]]
include-path-regex = "/prompts/"
parameters = { "path.key" = "prompts.chitchat" }

[checks]
missing_required_header.expected-statuses = ["400", "401", "403", "404", "406", "415", "422", "428"]
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "415", "422", "428", "429"]
"#;

/// Whoever asks thousands of things, many of them without a credential, is told to slow down.
const WITHOUT_LIMITS: [&str; 4] = ["--tenant-rate", "0", "--address-rate", "0"];

/// For how long each of the two runs asks, in seconds. It bounds the run: what was found by then counts.
const BUDGET: &str = "45";

fn program() -> Program {
    let program = Program::with_acme();
    for tenant in ["beta", "gamma"] {
        program.run(&["tenant", "create", tenant, "--name", tenant]).ok();
    }
    program.file("schemathesis.toml", CONFIGURATION);
    program
}

/// Asks the whole document with a token.
fn run(program: &Program, server: &Server, token: &str) -> Output {
    let configuration = program.path("schemathesis.toml");
    let mut command = schemathesis();
    command.current_dir(program.folder()).arg("--config-file").arg(configuration).arg("run");
    command.arg(format!("http://{}/openapi.json", server.address()));
    command.args(["--header", &format!("Authorization: Bearer {token}"), "--checks", "all"]);
    // A value of the right form can still name what does not exist, or break a rule of the catalog.
    command.args(["--exclude-checks", "positive_data_acceptance"]);
    command.args(["--phases", "coverage,fuzzing", "--max-examples", "10", "--max-time", BUDGET, "--no-color"]);
    // The same questions each time: what one machine finds, every machine finds.
    command.args(["--seed", "20261127"]);
    command.output().unwrap()
}

#[track_caller]
fn assert_clean(output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("cases:") || told.contains("generated"), "it asked nothing: {told}");
    assert!(!told.contains("CANARY"), "{told}");
}

#[test]
fn the_operator_finds_no_server_error_and_nothing_that_the_document_does_not_say() {
    let program = program();
    let operator = program.run(&["--global", "token", "create", "--role", "operator"]).ok().trim().to_owned();
    let server = Server::start(&program, &WITHOUT_LIMITS);
    assert_clean(&run(&program, &server, &operator));
}

#[test]
fn a_company_finds_no_server_error_and_nothing_that_the_document_does_not_say() {
    let program = program();
    let admin = token(&program, "acme");
    let server = Server::start(&program, &WITHOUT_LIMITS);
    assert_clean(&run(&program, &server, &admin));
    let left = program.run(&["-t", "beta", "history", "-o", "json"]).json();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "another company's scope is as it was: {left}");
}

#[test]
fn openfeatures_own_client_reads_the_parameters_of_its_token() {
    let script = r#"
import sys
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider

url, token = sys.argv[1:]
api.set_provider(OFREPProvider(url, headers_factory=lambda: {"Authorization": "Bearer " + token}))
client = api.get_client()
assert client.get_string_value("persona.name", "none") == "Ada of acme"
assert client.get_float_value("ai.default.temperature", 9.9) == 0.25
assert client.get_boolean_value("email_notifications.enabled", True) is False
assert client.get_object_value("persona", {})["name"] == "Ada of acme"
details = client.get_string_details("persona.name", "none")
assert (details.reason.value, details.variant) == ("TARGETING_MATCH", "tenant"), details
missing = client.get_string_details("openai.api_key", "none")
assert (missing.value, missing.error_code.value) == ("none", "FLAG_NOT_FOUND"), missing
print("read")
"#;
    let program = Program::with_acme();
    program.run(&["-t", "acme", "set", "persona.name", "Ada of acme", "ai.default.temperature", "0.25"]).ok();
    program.set_secret("acme", "openai.api_key", "sk-CANARY-acme");
    let token = token(&program, "acme");
    let server = Server::start(&program, &[]);
    let url = format!("http://{}", server.address());
    let output = python().args(["-c", script, &url, &token]).output().unwrap();
    let (told, trouble) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.trim(), "read", "{trouble}");
}

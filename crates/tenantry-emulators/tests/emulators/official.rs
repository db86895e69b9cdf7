//! The official clients, pointed at our stand-ins: what they understand has the providers' shape.

use serde_json::json;
use tenantry_emulators::providers::{Llm, Slack};
use tenantry_emulators::python;

/// Runs a script of `tests/official` with these arguments, beside the server that it talks to.
async fn run(script: &str, arguments: &[&str]) -> String {
    let script = format!("{}/tests/official/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = python();
    command.arg(script).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn openais_own_client_understands_the_stand_in() {
    let llm = Llm::start(&["sk-CANARY"]).await;
    llm.calls("rye", "get_stock", &json!({"item": "rye"}));
    let said = run("openai_client.py", &[&llm.base_url(), "sk-CANARY"]).await;
    let expected = "\
whole: [Be brief.] You said: Hello stop 10
pieces: [Be brief.] You said: Hello 10
call: get_stock {\"item\":\"rye\"}
result: [How much rye?] You said: 3 kg
call in pieces: get_stock {\"item\":\"rye\"}
models: True
refused: 401 invalid_api_key
refused: 400
";
    assert_eq!(said, expected);
}

#[tokio::test]
async fn slacks_own_client_understands_the_stand_in_and_signs_as_we_check() {
    let slack = Slack::start(&[("xoxb-CANARY", "T1")]).await;
    let (body, at) = (r#"{"type":"event_callback"}"#, "1712000000");
    let said = run("slack_client.py", &[&slack.base_url(), "xoxb-CANARY", "CANARY-signing", body, at]).await;
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..3], ["team: T1 True", "posted: True C1", "refused: invalid_auth"]);
    // The test beside `slack::signature::check` takes the same one for genuine.
    assert_eq!(lines[3], "signature: v0=9ea7e6950c0fd48fd6afa66cb222d96bac1bdce1f26d08f4683c4a12bb3922a1");
    let posted = slack.take_posted();
    assert_eq!((posted.len(), posted[0].thread.as_deref()), (1, Some("1.2")));
}

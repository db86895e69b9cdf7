//! People and programs that log in at an identity provider: its tokens are taken by the running server for what they say.

use serde_json::Value;
use tenantry_emulators::{OidcProvider, python};

use crate::program::Program;
use crate::serve::Server;

/// A token of the provider for one of its clients.
fn token(provider: &OidcProvider, client: &str) -> String {
    let script = r#"
import sys, requests
issuer, client = sys.argv[1:]
form = {"grant_type": "client_credentials", "scope": "api", "resource": "urn:tenantry"}
answer = requests.post(issuer + "/token", data=form, auth=(client, "secret-of-a-test"), timeout=20)
print(answer.json()["access_token"])
"#;
    let output = python().args(["-c", script, provider.issuer(), client]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_identity_provider_reach_what_they_say_and_nothing_else() {
    let provider = OidcProvider::start().await;
    let program = Program::with_acme();
    program.run(&["tenant", "create", "beta", "--name", "Beta"]).ok();
    let issuer = provider.issuer();
    let flags = ["--allow-origin", issuer, "--oidc-issuer", issuer, "--oidc-audience", "tenantry"];
    let server = Server::start(&program, &flags);
    let ask = |path: &str, client: &str| -> (u16, Value) { server.get(path, &token(&provider, client)) };
    let (acme, beta) = ("/v1/tenants/acme/tokens", "/v1/tenants/beta/tokens");
    let first = ask(acme, "acme.tenant-admin");
    assert_eq!(first.0, 200, "{first:?}");
    assert_eq!(ask(beta, "acme.tenant-admin").0, 404, "another company does not exist");
    assert_eq!(ask(acme, "acme.tenant-viewer").0, 403);
    assert_eq!((ask(acme, "operator").0, ask("/v1/tenants", "operator").0), (200, 200));
    // A role that does not go with the tenant, and none at all.
    for client in ["acme.operator", "acme"] {
        let (status, problem) = ask(acme, client);
        assert_eq!((status, &problem["code"]), (401, &"token_invalid".into()), "{client}: {problem}");
    }
    let own = program.run(&["-t", "acme", "token", "create", "--role", "tenant-admin"]).ok().trim().to_owned();
    assert_eq!(server.get(acme, &own).0, 200, "API tokens hold as before");
    let audience = ["--allow-origin", issuer, "--oidc-issuer", issuer, "--oidc-audience", "somebody-else"];
    let other = Server::start(&program, &audience);
    assert_eq!(other.get(acme, &token(&provider, "acme.tenant-admin")).0, 401, "it is meant for somebody else");
    let without = Server::start(&program, &[]);
    assert_eq!(without.get(acme, &token(&provider, "acme.tenant-admin")).0, 401);
}

//! Stands in for a company's identity provider: npm's `oidc-provider`, which is certified by the OpenID Foundation.

use std::path::Path;
use std::process::Command;

use crate::server::Server;
use crate::tools;

/// An identity provider with clients that are named for what their tokens say: `acme.tenant-admin`, `operator`. Their secret
/// is `secret-of-a-test`, and the audience of their tokens `tenantry`. It ends when it is dropped.
#[derive(Debug)]
pub struct OidcProvider(Server);

impl OidcProvider {
    /// Starts one and waits until it takes connections.
    pub async fn start() -> Self {
        let package = tools::find("npm/oidc-provider/node_modules/oidc-provider/package.json");
        let folder = package.ancestors().nth(3).expect("a package lies in a folder of packages").to_owned();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/oidc_provider.mjs");
        let command = move |port: u16| {
            let mut command = Command::new("node");
            command.arg(&script).arg(&folder).arg(port.to_string());
            command
        };
        Self(Server::start("oidc-provider", command).await)
    }

    /// The issuer: `http://127.0.0.1:<port>`.
    pub fn issuer(&self) -> &str {
        self.0.url()
    }
}

//! Stands in for DynamoDB: the program dynoxide, which keeps its tables in memory.

use std::process::Command;

use crate::server::Server;
use crate::tools;

/// A DynamoDB with no tables, which ends when it is dropped.
#[derive(Debug)]
pub struct Dynamo(Server);

impl Dynamo {
    /// Starts one and waits until it takes connections.
    pub async fn start() -> Self {
        let program = tools::find("bin/dynoxide");
        let command = move |port: u16| {
            let mut command = Command::new(&program);
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command
        };
        Self(Server::start("dynoxide", command).await)
    }

    /// Its endpoint: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        self.0.url()
    }
}

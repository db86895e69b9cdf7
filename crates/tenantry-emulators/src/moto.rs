//! Stands in for Secrets Manager, STS and the other services: moto's server, which keeps everything in memory.

use std::process::Command;

use crate::server::Server;
use crate::tools;

/// An AWS account with nothing in it, which ends when it is dropped.
#[derive(Debug)]
pub struct Moto(Server);

impl Moto {
    /// Starts one and waits until it takes connections.
    pub async fn start() -> Self {
        let python = tools::find("python/bin/python");
        let command = move |port: u16| {
            let mut command = Command::new(&python);
            // By the module and not by the script, whose first line names the folder that it was installed in.
            // Unbuffered, so that the line that says "running" comes at once.
            command.args(["-u", "-m", "moto.server", "--host", "127.0.0.1", "--port", &port.to_string()]);
            command
        };
        Self(Server::start("moto", command).await)
    }

    /// Its endpoint: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        self.0.url()
    }
}

//! What the clients make of a server's behaviour, good and bad: each test has a server of its own on this machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod chat;
mod egress;
mod sections;
mod server;
mod tls;

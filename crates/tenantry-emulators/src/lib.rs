//! Starts what stands in for outside systems in tests, and breaks it on purpose.
//!
//! [`Dynamo`] stands in for DynamoDB, [`Moto`] for Secrets Manager, STS and more; a test process has one of each by
//! [`shared`]. Each is a process of its own on a free port of 127.0.0.1, and ends with the process that started it, however
//! that ends. A [`Proxy`] in front of one records the calls and answers some of them with a [`Fault`].
//!
//! [`cfn_lint`] checks the template that deploys all of it.
//!
//! The [`providers`] stand in for the systems that the assistant talks to: servers of this process.
//!
//! [`contracts`] are what providers publish of their APIs: stand-ins and clients are held to them.
//!
//! `make tools` installs what is not Rust. A test that does not find them fails.

mod cfn_lint;
pub mod contracts;
mod dynamo;
mod moto;
mod oidc_provider;
pub mod providers;
mod proxy;
mod server;
mod shared;
mod tools;

pub use cfn_lint::cfn_lint;
pub use dynamo::Dynamo;
pub use moto::Moto;
pub use oidc_provider::OidcProvider;
pub use proxy::{Answer, Call, Calls, Fault, Gate, Proxy};
pub use shared::{Shared, shared};
pub use tools::{python, schemathesis};

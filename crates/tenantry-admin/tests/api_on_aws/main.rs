//! The same tests of the API over DynamoDB by dynoxide and Secrets Manager by moto.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../api/world.rs"]
mod world;

#[path = "../api/audit.rs"]
mod audit;
#[path = "../api/bodies.rs"]
mod bodies;
#[path = "../api/changes.rs"]
mod changes;
#[path = "../api/configuration.rs"]
mod configuration;
#[path = "../api/openfeature.rs"]
mod openfeature;
#[path = "../api/refusals.rs"]
mod refusals;
#[path = "../api/sweep.rs"]
mod sweep;
#[path = "../api/tenants.rs"]
mod tenants;
#[path = "../api/traffic.rs"]
mod traffic;

use tenantry_emulators::shared;
use tenantry_store::Stores;
use tenantry_store::contract::place::Place;

/// A store with nothing in it, at a place of its own.
async fn empty_stores() -> Stores {
    let shared = shared().await;
    Place::behind(shared.dynamo.url(), shared.moto.url()).patient().create().await
}

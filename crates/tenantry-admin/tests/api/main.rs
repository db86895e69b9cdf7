//! The API through its router, in process, over a store in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;
mod world;

mod audit;
mod bodies;
mod changes;
mod configuration;
mod document;
mod oidc;
mod openfeature;
mod refusals;
mod sweep;
mod tenants;
mod time;
mod traffic;

use std::sync::Arc;

use tenantry_store::Stores;
use tenantry_store::memory::MemoryStore;

/// A store with nothing in it.
async fn empty_stores() -> Stores {
    std::future::ready(Stores::new(Arc::new(MemoryStore::new()))).await
}

//! Runs the contract of the ports for every store of this crate.

use std::sync::Arc;

use tenantry_store::memory::MemoryStore;
use tenantry_store::{Stores, store_contract};

store_contract!(memory, async { (Stores::new(Arc::new(MemoryStore::new())), ()) });

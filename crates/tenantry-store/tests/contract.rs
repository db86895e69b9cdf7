//! Runs the contract of the ports for every store of this crate.

use std::sync::Arc;

use tenantry_store::memory::MemoryStore;
use tenantry_store::{OpenOptions, StoreUrl, Stores, store_contract};

store_contract!(memory, async { (Stores::new(Arc::new(MemoryStore::new())), ()) });

store_contract!(sqlite, async {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("store.db"));
    let (stores, _) = Stores::create(&url, &OpenOptions::default()).await.unwrap();
    (stores, folder)
});

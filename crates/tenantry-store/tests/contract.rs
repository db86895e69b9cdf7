//! Runs the contract of the ports for every store of this crate.

use std::sync::Arc;

use tenantry_emulators::{Proxy, shared};
use tenantry_store::contract::place::Place;
use tenantry_store::memory::MemoryStore;
use tenantry_store::{OpenOptions, StoreUrl, Stores, store_contract};
use tokio::sync::OnceCell;

store_contract!(memory, async { (Stores::new(Arc::new(MemoryStore::new())), ()) });

store_contract!(traced, async { (Stores::new(Arc::new(MemoryStore::new())).traced(), ()) });

store_contract!(sqlite, async {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("store.db"));
    let (stores, _) = Stores::create(&url, &OpenOptions::default()).await.unwrap();
    (stores, folder)
});

// DynamoDB by dynoxide, Secrets Manager by moto.
store_contract!(aws, async {
    let shared = shared().await;
    (Place::behind(shared.dynamo.url(), shared.moto.url()).patient().create().await, ())
});

// A second opinion on DynamoDB. Its transactions are atomic only when calls come one by one.
store_contract!(aws_on_moto, async {
    static IN_TURN: OnceCell<Proxy> = OnceCell::const_new();
    let moto = shared().await.moto.url();
    let in_turn = IN_TURN.get_or_init(|| Proxy::in_turn(moto)).await;
    // Calls wait for their turns, on a machine that may be busy.
    (Place::behind(in_turn.url(), moto).patient().create().await, ())
});

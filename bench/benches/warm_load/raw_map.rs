//! The maps that a warm load is compared with: nothing but a lookup by tenant and a copied pointer.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, RwLock};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use tenantry_core::scope::TenantId;

use tenantry_bench::workload::Settings;

/// A map that is read without a lock.
pub(crate) type Papaya = papaya::HashMap<TenantId, Arc<Settings>, RandomState>;
/// A map that is replaced as a whole when it changes.
pub(crate) type Swapped = ArcSwap<HashMap<TenantId, Arc<Settings>, RandomState>>;

/// Maps with a lock each.
pub(crate) struct Sharded {
    shards: Vec<RwLock<HashMap<TenantId, Arc<Settings>, RandomState>>>,
    hasher: RandomState,
}

impl Sharded {
    /// As many as usual for a machine of a few cores.
    const SHARDS: usize = 64;

    /// The settings of a tenant.
    pub(crate) fn load(&self, tenant: &TenantId) -> Option<Arc<Settings>> {
        self.shard(tenant).read().expect("nobody panics with the lock").get(tenant).cloned()
    }

    fn shard(&self, tenant: &TenantId) -> &RwLock<HashMap<TenantId, Arc<Settings>, RandomState>> {
        let hash = self.hasher.hash_one(tenant);
        // The high bits, as the map within a shard uses the low ones.
        &self.shards[usize::try_from(hash >> 58).expect("six bits fit")]
    }
}

impl FromIterator<(TenantId, Arc<Settings>)> for Sharded {
    fn from_iter<T: IntoIterator<Item = (TenantId, Arc<Settings>)>>(tenants: T) -> Self {
        let shards = (0..Self::SHARDS).map(|_| RwLock::default()).collect();
        let sharded = Self { shards, hasher: RandomState::default() };
        for (tenant, settings) in tenants {
            sharded.shard(&tenant).write().expect("nobody panics with the lock").insert(tenant, settings);
        }
        sharded
    }
}

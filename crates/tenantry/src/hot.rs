//! The hot set: what is ready for the tenants in use, found by two accesses to memory and without a lock.
//!
//! A table of buckets, each one line of the processor's cache: five tags (a part of the tenant's hash) and five pointers.
//! A tenant has one bucket; a matching tag leads to a configuration, which carries its tenant's id in its first lines, so
//! that comparing it costs no further miss. What finds its bucket full goes into an ordinary map, and the bucket says so.
//! With tens of thousands of tenants nearly all that a lookup costs are misses, and a general map has twice as many.
//!
//! Readers take no lock. Writers must not be concurrent: the shelf changes the hot set under its own lock.

use std::array;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwapOption;
use tenantry_core::scope::TenantId;

type Hasher = foldhash::fast::RandomState;

/// Places in a bucket: what fits into 64 bytes.
const WAYS: usize = 5;

/// Something that belongs to one tenant, and can tell at a glance.
pub(crate) trait OfTenant {
    /// The tenant.
    fn tenant(&self) -> &TenantId;

    /// Whether it is this tenant's.
    fn is_of(&self, tenant: &TenantId) -> bool;
}

/// Configurations by tenant.
pub(crate) struct HotSet<T> {
    /// As many as a power of two.
    buckets: Box<[Bucket<T>]>,
    overflow: papaya::HashMap<TenantId, Arc<T>, Hasher>,
    hasher: Hasher,
}

/// A tag of zero marks a free place.
#[repr(align(64))]
struct Bucket<T> {
    tags: [AtomicU32; WAYS],
    /// How many of this bucket's tenants are in the overflow.
    overflowed: AtomicU32,
    configs: [ArcSwapOption<T>; WAYS],
}

impl<T: OfTenant> Bucket<T> {
    fn empty() -> Self {
        Self {
            tags: array::from_fn(|_| AtomicU32::new(0)),
            overflowed: AtomicU32::new(0),
            configs: array::from_fn(|_| ArcSwapOption::const_empty()),
        }
    }

    /// The places whose tag says that the tenant may be there.
    fn candidates(&self, tag: u32) -> impl Iterator<Item = usize> {
        // Acquire: what a writer put there before it set the tag can be seen.
        (0..WAYS).filter(move |way| self.tags[*way].load(Ordering::Acquire) == tag)
    }

    /// The place of a tenant; for the writer.
    fn place(&self, tenant: &TenantId, tag: u32) -> Option<usize> {
        self.candidates(tag).find(|way| self.configs[*way].load().as_ref().is_some_and(|config| config.is_of(tenant)))
    }
}

impl<T: OfTenant> HotSet<T> {
    /// Makes a set in which `tenants` tenants find their places.
    pub(crate) fn new(tenants: usize) -> Self {
        // Half of the places stay free, so that few buckets are ever full.
        let buckets = (2 * tenants / WAYS).max(1).next_power_of_two();
        let buckets = std::iter::repeat_with(Bucket::empty).take(buckets).collect();
        Self { buckets, overflow: papaya::HashMap::default(), hasher: Hasher::default() }
    }

    /// Looks at a tenant's configuration, and takes it if `is_good` says so.
    #[inline]
    pub(crate) fn find(&self, tenant: &TenantId, is_good: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let (bucket, tag) = self.bucket(tenant);
        for way in bucket.candidates(tag) {
            let config = bucket.configs[way].load();
            if let Some(config) = config.as_ref().filter(|config| config.is_of(tenant)) {
                return is_good(config).then(|| Arc::clone(config));
            }
        }
        if bucket.overflowed.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.overflow.pin().get(tenant).filter(|config| is_good(config)).map(Arc::clone)
    }

    /// Puts a tenant's configuration in place of any earlier one. Not to be called concurrently.
    pub(crate) fn insert(&self, config: Arc<T>) {
        let (bucket, tag) = self.bucket(config.tenant());
        let is_free = |way: &usize| bucket.tags[*way].load(Ordering::Relaxed) == 0;
        if let Some(way) = bucket.place(config.tenant(), tag) {
            bucket.configs[way].store(Some(config));
        } else if let Some(way) = (0..WAYS).find(is_free) {
            self.remove_overflowed(bucket, config.tenant());
            bucket.configs[way].store(Some(config));
            bucket.tags[way].store(tag, Ordering::Release);
        } else if self.overflow.pin().insert(config.tenant().clone(), config).is_none() {
            bucket.overflowed.fetch_add(1, Ordering::Release);
        }
    }

    /// Takes a tenant out. Not to be called concurrently.
    pub(crate) fn remove(&self, tenant: &TenantId) {
        let (bucket, tag) = self.bucket(tenant);
        match bucket.place(tenant, tag) {
            Some(way) => {
                bucket.tags[way].store(0, Ordering::Release);
                bucket.configs[way].store(None);
            }
            None => self.remove_overflowed(bucket, tenant),
        }
    }

    /// Takes everybody out. Not to be called concurrently.
    pub(crate) fn clear(&self) {
        for bucket in &self.buckets {
            for (tag, config) in bucket.tags.iter().zip(&bucket.configs) {
                tag.store(0, Ordering::Release);
                config.store(None);
            }
            bucket.overflowed.store(0, Ordering::Release);
        }
        self.overflow.pin().clear();
    }

    fn remove_overflowed(&self, bucket: &Bucket<T>, tenant: &TenantId) {
        if bucket.overflowed.load(Ordering::Relaxed) > 0 && self.overflow.pin().remove(tenant).is_some() {
            bucket.overflowed.fetch_sub(1, Ordering::Release);
        }
    }

    /// A tenant's bucket, and its tag there.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits name the bucket, the upper ones make the tag")]
    fn bucket(&self, tenant: &TenantId) -> (&Bucket<T>, u32) {
        let hash = self.hasher.hash_one(tenant.as_str());
        let bucket = &self.buckets[hash as usize & (self.buckets.len() - 1)];
        (bucket, (hash >> 32) as u32 | 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A tenant's value.
    struct Entry(TenantId, u32);

    impl OfTenant for Entry {
        fn tenant(&self) -> &TenantId {
            &self.0
        }

        fn is_of(&self, tenant: &TenantId) -> bool {
            self.0 == *tenant
        }
    }

    fn tenant(number: usize) -> TenantId {
        TenantId::parse(&format!("t{number}")).unwrap()
    }

    fn found(set: &HotSet<Entry>, number: usize) -> Option<u32> {
        set.find(&tenant(number), |_| true).map(|entry| entry.1)
    }

    #[test]
    fn a_bucket_is_a_line_of_the_cache() {
        assert_eq!((size_of::<Bucket<Entry>>(), align_of::<Bucket<Entry>>()), (64, 64));
    }

    #[test]
    fn what_finds_its_bucket_full_is_found_all_the_same() {
        // One bucket for all of them.
        let set = HotSet::new(1);
        for number in 0..40 {
            set.insert(Arc::new(Entry(tenant(number), 7)));
        }
        assert!((0..40).all(|number| found(&set, number) == Some(7)));
        for number in 0..20 {
            set.remove(&tenant(number));
        }
        for number in 0..40 {
            assert_eq!(found(&set, number).is_some(), number >= 20, "{number}");
        }
    }

    #[test]
    fn what_is_not_good_is_not_taken() {
        let set = HotSet::new(4);
        set.insert(Arc::new(Entry(tenant(1), 7)));
        assert!(set.find(&tenant(1), |entry| entry.1 == 8).is_none());
        assert!(set.find(&tenant(1), |entry| entry.1 == 7).is_some());
    }

    #[test]
    fn a_reader_never_gets_another_tenants_entry_while_places_change_hands() {
        let set = Arc::new(HotSet::new(1));
        let reader = {
            let set = Arc::clone(&set);
            std::thread::spawn(move || {
                for _ in 0..20_000 {
                    for number in 0..8 {
                        if let Some(value) = found(&set, number) {
                            assert_eq!(value as usize, number);
                        }
                    }
                }
            })
        };
        for round in 0..20_000_usize {
            let number = round % 8;
            set.insert(Arc::new(Entry(tenant(number), u32::try_from(number).unwrap())));
            set.remove(&tenant((round + 3) % 8));
        }
        reader.join().unwrap();
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_would_hold(acts in prop::collection::vec((0usize..12, prop::option::of(0u32..9)), 0..80), size in 1usize..8) {
            let (set, mut map) = (HotSet::new(size), BTreeMap::new());
            for (number, value) in acts {
                if let Some(value) = value {
                    set.insert(Arc::new(Entry(tenant(number), value)));
                    map.insert(number, value);
                } else {
                    set.remove(&tenant(number));
                    map.remove(&number);
                }
                for number in 0..12 {
                    prop_assert_eq!(found(&set, number), map.get(&number).copied());
                }
            }
            set.clear();
            prop_assert!((0..12).all(|number| found(&set, number).is_none()));
        }
    }
}

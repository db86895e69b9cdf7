//! Prints how many bytes each cached tenant takes: `memory WAY TENANTS`, one way of keeping them in each process.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tenantry::Loader;
use tenantry_bench::made_up::MadeUp;
use tenantry_bench::workload::{self, Settings};
use tenantry_core::key::Key;
use tenantry_core::resolve::resolve;
use tenantry_core::scope::TenantId;
use tenantry_core::value::Value;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static HEAP: Jemalloc = Jemalloc;

type Map<V> = HashMap<TenantId, V, RandomState>;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, way, tenants] = arguments.as_slice() else { panic!("write: memory WAY TENANTS") };
    let tenants: usize = tenants.parse().expect("a number of tenants");
    let bytes = match way.as_str() {
        "json" => taken_by(|| map(tenants, |number| workload::overrides_json(number).into_boxed_str())),
        "typed" => taken_by(|| map(tenants, |_| Arc::new(Settings::default()))),
        "merged" => merged(tenants),
        "packed" => loaded(tenants, 1),
        "hot" => loaded(tenants, tenants),
        _ => panic!("{way:?} is no way: write json, typed, merged, packed or hot"),
    };
    #[expect(clippy::cast_precision_loss, reason = "no tenant takes as many bytes as a float has digits")]
    let each = bytes as f64 / tenants as f64;
    println!("{each:.1}");
}

/// How many bytes of the heap something takes: size classes and all, as the allocator counts them.
fn taken_by<T>(make: impl FnOnce() -> T) -> usize {
    let before = allocated();
    let made = black_box(make());
    let taken = allocated() - before;
    drop(made);
    taken
}

fn allocated() -> usize {
    tikv_jemalloc_ctl::epoch::advance().expect("the allocator counts");
    tikv_jemalloc_ctl::stats::allocated::read().expect("the allocator counts")
}

fn map<V>(tenants: usize, value: impl Fn(usize) -> V) -> Map<V> {
    let mut map = Map::default();
    for number in 0..tenants {
        map.insert(workload::tenant(number), value(number));
    }
    map
}

/// A fully merged map for each tenant; the names of the keys are shared.
fn merged(tenants: usize) -> usize {
    let catalog = workload::catalog();
    let merge = |number| {
        let layers = vec![Arc::clone(catalog.defaults()), Arc::new(workload::layer(number))];
        let resolved = resolve(layers, catalog.connections());
        let leaf = |leaf: tenantry_core::resolve::Effective<'_>| Some((leaf.key.clone(), leaf.entry.value()?.clone()));
        resolved.iter().filter_map(leaf).collect::<BTreeMap<Key, Value>>()
    };
    taken_by(|| map(tenants, merge))
}

/// A loader that has seen so many tenants and keeps so many of them ready.
fn loaded(tenants: usize, hot_tenants: usize) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let (parameters, secrets) = MadeUp::ports();
    let loader = Loader::<Settings>::with_ports(parameters, secrets).hot_tenants(hot_tenants).build();
    let loader = loader.expect("the settings are a catalog");
    let load = |number| drop(runtime.block_on(loader.load(&workload::tenant(number))).expect("it can be read"));
    // What is made once for all tenants is no tenant's.
    load(tenants);
    loader.purge(&workload::tenant(tenants));
    let taken = taken_by(|| (0..tenants).for_each(load));
    let stats = loader.stats();
    assert_eq!((stats.hot_tenants, stats.packed_tenants), (hot_tenants, tenants - hot_tenants), "all are cached");
    taken
}

//! The path of nearly every request: the configuration of a tenant that is cached and fresh.

mod raw_map;
mod superposition;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use tenantry::{Freshness, Loader};
use tenantry_bench::made_up::MadeUp;
use tenantry_bench::rounds::{Effort, Side, in_turns, with_criterion};
use tenantry_bench::table::{Row, Table, Target, Unit};
use tenantry_bench::workload::{Draw, Settings, tenant};
use tenantry_core::scope::TenantId;
use tokio::runtime::{Handle, Runtime};

use crate::raw_map::{Papaya, Sharded, Swapped};
use crate::superposition::Workspace;

/// How many loads are timed at once.
const LOADS: u32 = 1_000;
/// How many by each of two threads, so that starting together does not count.
const LOADS_OF_A_THREAD: u32 = 20_000;

fn main() {
    let effort = Effort::of_environment();
    let runtime = Runtime::new().expect("a runtime starts");
    let sizes: &[usize] = effort.choose(&[100, 1_000, 10_000], &[100, 1_000, 10_000, 100_000]);
    let caches: Vec<_> = sizes.iter().map(|tenants| Caches::of(*tenants, *tenants, &runtime)).collect();
    let rounds = effort.choose(200, 3_000);

    let mut table = Table::new("warm load");
    for pace in [Pace::OneByOne, Pace::BackToBack] {
        for caches in &caches {
            one_thread(&mut table, caches, pace, rounds);
        }
    }
    growth(&mut table, &caches[0], &caches[caches.len() - 1], rounds);
    for caches in [&caches[1], &caches[caches.len() - 1]] {
        two_threads(&mut table, caches, caches.tenants, rounds / 10);
    }
    two_threads(&mut table, &caches[0], 1, rounds / 10);
    for caches in &caches {
        beside_superposition(&mut table, caches, effort);
    }
    let tenants = sizes[sizes.len() - 1];
    drop(caches);
    beyond_the_hot_set(&mut table, &Caches::of(tenants, tenants / 10, &runtime), rounds / 10);
    table.finish();
}

/// How the loads follow one another.
#[derive(Clone, Copy)]
enum Pace {
    /// Each waits for the one before, as when a request has other things to do as well: the time that a load takes.
    OneByOne,
    /// The processor may look up several at once: the time by which a load holds up others.
    BackToBack,
}

impl Pace {
    fn name(self) -> &'static str {
        match self {
            Self::OneByOne => "one by one",
            Self::BackToBack => "back to back",
        }
    }

    /// Zero: but where each load waits for the one before, the processor learns that from what the one before found.
    fn zero<T>(self, found: &T) -> usize {
        match self {
            // No address is so high.
            Self::OneByOne => std::ptr::from_ref(found).addr() >> (usize::BITS - 1),
            Self::BackToBack => 0,
        }
    }
}

/// The same tenants in the loader and in the raw maps.
struct Caches {
    tenants: usize,
    loader: Loader<Settings>,
    papaya: Papaya,
    swapped: Swapped,
    sharded: Sharded,
    runtime: Handle,
}

impl Caches {
    /// Loads so many tenants, of which so many stay hot.
    fn of(tenants: usize, hot_tenants: usize, runtime: &Runtime) -> Self {
        let loader = loader(tenants, hot_tenants, runtime);
        // Each map has values of its own: otherwise looking into one would warm the next one's.
        let copies = || (0..tenants).map(|number| (tenant(number), Arc::new(Settings::default())));
        Self {
            tenants,
            loader,
            papaya: copies().collect(),
            swapped: Swapped::from_pointee(copies().collect::<HashMap<_, _, _>>()),
            sharded: copies().collect(),
            runtime: runtime.handle().clone(),
        }
    }

    /// So many draws among the tenants, each id parsed anew as a request's would be.
    fn draws(&self) -> impl FnMut() -> Vec<TenantId> + use<> {
        let (mut draw, tenants) = (Draw::new(1), self.tenants);
        move || draw.tenants(LOADS as usize, tenants)
    }

    fn time_loads(&self, tenants: &[TenantId], pace: Pace) -> Duration {
        self.runtime.block_on(async {
            let (start, mut next) = (Instant::now(), 0);
            while let Some(tenant) = tenants.get(next) {
                let found = black_box(self.loader.load(tenant).await.expect("the tenant is cached"));
                next += 1 + pace.zero(found.settings());
            }
            start.elapsed()
        })
    }

    fn sides(&self, pace: Pace) -> [Side<'_, Vec<TenantId>>; 4] {
        [
            Side::timed("load", LOADS, move |tenants: &Vec<TenantId>| self.time_loads(tenants, pace)),
            Side::timed("papaya map", LOADS, move |tenants: &Vec<TenantId>| {
                time(tenants, pace, |id| of_papaya(&self.papaya, id))
            }),
            Side::timed("ArcSwap<HashMap>", LOADS, move |tenants: &Vec<TenantId>| {
                time(tenants, pace, |id| of_swapped(&self.swapped, id))
            }),
            Side::timed("64 RwLock<HashMap>", LOADS, move |tenants: &Vec<TenantId>| {
                time(tenants, pace, |id| self.sharded.load(id))
            }),
        ]
    }
}

/// A loader whose tenants stay fresh while they are measured. What decides about that is looked at in each load all the same,
/// by the system's clock; revocations are asked for every two seconds, as always.
fn loader(tenants: usize, hot_tenants: usize, runtime: &Runtime) -> Loader<Settings> {
    let (parameters, secrets) = MadeUp::ports();
    let day = Duration::from_hours(24);
    let freshness = Freshness { parameters_fresh: day, secrets_fresh: day, ..Freshness::default() };
    let builder = Loader::with_ports(parameters, secrets).freshness(freshness).hot_tenants(hot_tenants);
    let loader = builder.build().expect("the settings are a catalog");
    runtime.block_on(async {
        for number in 0..tenants {
            loader.load(&tenant(number)).await.expect("the tenant can be read");
        }
    });
    assert_eq!(loader.stats().hot_tenants, hot_tenants.min(tenants), "the hot set is as large as it should be");
    loader
}

fn of_papaya(map: &Papaya, tenant: &TenantId) -> Option<Arc<Settings>> {
    map.pin().get(tenant).cloned()
}

fn of_swapped(map: &Swapped, tenant: &TenantId) -> Option<Arc<Settings>> {
    map.load().get(tenant).cloned()
}

fn time(tenants: &[TenantId], pace: Pace, look_up: impl Fn(&TenantId) -> Option<Arc<Settings>>) -> Duration {
    let (start, mut next) = (Instant::now(), 0);
    while let Some(tenant) = tenants.get(next) {
        let found = black_box(look_up(tenant).expect("the tenant is there"));
        next += 1 + pace.zero(&*found);
    }
    start.elapsed()
}

fn one_thread(table: &mut Table, caches: &Caches, pace: Pace, rounds: usize) {
    let mut sides = caches.sides(pace);
    let figures = in_turns(rounds, caches.draws(), &mut sides);
    let what = format!("{} tenants, all hot, {}", caches.tenants, pace.name());
    for other in figures.others() {
        table.compare(what.clone(), &figures, other, Target::AtMost(1.3));
    }
    with_criterion(&format!("warm load, {what}"), caches.draws(), &mut sides);
}

/// How much slower a load is among many tenants than among few, beside how much slower the raw map gets.
fn growth(table: &mut Table, few: &Caches, many: &Caches, rounds: usize) {
    type Both = [Vec<TenantId>; 2];
    let pace = Pace::OneByOne;
    let (mut of_few, mut of_many) = (few.draws(), many.draws());
    let mut sides = [
        Side::timed("load among few", LOADS, |[tenants, _]: &Both| few.time_loads(tenants, pace)),
        Side::timed("map of few", LOADS, |[tenants, _]: &Both| time(tenants, pace, |id| of_papaya(&few.papaya, id))),
        Side::timed("load among many", LOADS, |[_, tenants]: &Both| many.time_loads(tenants, pace)),
        Side::timed("map of many", LOADS, |[_, tenants]: &Both| time(tenants, pace, |id| of_papaya(&many.papaya, id))),
    ];
    let figures = in_turns(rounds, || [of_few(), of_many()], &mut sides);
    let (ours, theirs) = (figures.ratio(2, 0), figures.ratio(3, 1));
    table.row(Row {
        what: format!("growth from {} to {} tenants", few.tenants, many.tenants),
        ours,
        other: "the growth of the papaya map".to_owned(),
        theirs,
        ratio: ours / theirs,
        unit: Unit::Times,
        target: Target::AtMost(1.3),
    });
}

fn two_threads(table: &mut Table, caches: &Caches, tenants: usize, rounds: usize) {
    type Both = [Vec<TenantId>; 2];
    let pace = Pace::OneByOne;
    let mut draw = Draw::new(2);
    let mut prepare = || [(); 2].map(|()| draw.tenants(LOADS_OF_A_THREAD as usize, tenants));
    let mut sides = [
        Side::timed("load", LOADS_OF_A_THREAD, |both: &Both| on_two_threads(both, |ids| caches.time_loads(ids, pace))),
        Side::timed("papaya map", LOADS_OF_A_THREAD, |both: &Both| {
            on_two_threads(both, |ids| time(ids, pace, |id| of_papaya(&caches.papaya, id)))
        }),
        Side::timed("ArcSwap<HashMap>", LOADS_OF_A_THREAD, |both: &Both| {
            on_two_threads(both, |ids| time(ids, pace, |id| of_swapped(&caches.swapped, id)))
        }),
        Side::timed("64 RwLock<HashMap>", LOADS_OF_A_THREAD, |both: &Both| {
            on_two_threads(both, |ids| time(ids, pace, |id| caches.sharded.load(id)))
        }),
    ];
    let figures = in_turns(rounds, &mut prepare, &mut sides);
    for other in figures.others() {
        let what = if tenants == 1 { "one tenant, two threads" } else { "tenants, all hot, two threads" };
        let what = if tenants == 1 { what.to_owned() } else { format!("{tenants} {what}") };
        table.compare(what, &figures, other, Target::AtMost(1.3));
    }
}

/// The mean of what two threads measured that began together.
fn on_two_threads(both: &[Vec<TenantId>; 2], work: impl Fn(&[TenantId]) -> Duration + Sync) -> Duration {
    let start = Barrier::new(2);
    let taken = std::thread::scope(|scope| {
        let begin = |tenants| {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(tenants)
            })
        };
        both.each_ref().map(|tenants| begin(tenants.as_slice())).map(|thread| thread.join().expect("it does not panic"))
    });
    (taken[0] + taken[1]) / 2
}

fn beside_superposition(table: &mut Table, caches: &Caches, effort: Effort) {
    let workspace = Workspace::of(caches.tenants);
    let evaluations = if caches.tenants < 10_000 { 20 } else { 2 };
    let evaluate = |tenants: &Vec<TenantId>| {
        let start = Instant::now();
        for tenant in &tenants[..evaluations as usize] {
            black_box(workspace.eval(tenant));
        }
        start.elapsed()
    };
    let mut sides = [
        Side::timed("load", LOADS, |tenants: &Vec<TenantId>| caches.time_loads(tenants, Pace::OneByOne)),
        Side::timed("superposition_core 0.118, eval", evaluations, evaluate),
    ];
    let figures = in_turns(effort.choose(10, 50), caches.draws(), &mut sides);
    let target = match caches.tenants {
        1_000 => Target::Beats(100.0),
        100_000 => Target::Beats(10_000.0),
        _ => Target::None,
    };
    table.compare(format!("{} tenants", caches.tenants), &figures, 1, target);
}

/// Nine of ten loads are of a tenant that is packed: its configuration is built anew, without asking the store.
fn beyond_the_hot_set(table: &mut Table, caches: &Caches, rounds: usize) {
    let reads = || caches.loader.stats().parameter_reads;
    let before = reads();
    let figures = in_turns(rounds.min(100), caches.draws(), &mut caches.sides(Pace::OneByOne)[..2]);
    assert_eq!(reads(), before, "no store was asked");
    let what = format!("{} tenants, a tenth of them hot, the others packed", caches.tenants);
    table.compare(what, &figures, 1, Target::None);
}

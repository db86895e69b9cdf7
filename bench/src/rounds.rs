//! Measures two or more things in turns, so that whatever else the machine does falls on all of them alike.
//!
//! Only ratios are told: the median of the ratios of the rounds. Criterion measures the same sides one after the other,
//! for those who compare one run with the next.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Enough to see that everything runs, in a few minutes: `BENCH_QUICK=1`.
    Quick,
    /// Enough to believe the ratios.
    Full,
}

impl Effort {
    /// Reads `BENCH_QUICK`.
    pub fn of_environment() -> Self {
        match std::env::var("BENCH_QUICK").as_deref() {
            Err(_) | Ok("" | "0") => Self::Full,
            Ok(_) => Self::Quick,
        }
    }

    /// One of two numbers.
    pub fn choose<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// One of the things that are compared: does its work on what a round prepared, so many operations at a time.
pub struct Side<'a, I> {
    name: String,
    operations: u32,
    run: Box<dyn FnMut(&I) -> Duration + 'a>,
}

impl<'a, I> Side<'a, I> {
    /// A side that measures its own time, for what must be prepared or cleared away each time.
    pub fn timed(name: impl Into<String>, operations: u32, run: impl FnMut(&I) -> Duration + 'a) -> Self {
        Self { name: name.into(), operations, run: Box::new(run) }
    }

    /// A side that does its operation again and again.
    pub fn new<T>(name: impl Into<String>, operations: u32, mut operation: impl FnMut(&I) -> T + 'a) -> Self {
        let run = move |input: &I| {
            let start = Instant::now();
            for _ in 0..operations {
                black_box(operation(black_box(input)));
            }
            start.elapsed()
        };
        Self::timed(name, operations, run)
    }

    /// Nanoseconds for one operation.
    fn measure(&mut self, input: &I) -> f64 {
        nanoseconds((self.run)(input)) / f64::from(self.operations)
    }
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

/// What was measured: for each side the nanoseconds of one operation in every round.
pub struct Figures {
    names: Vec<String>,
    rounds: Vec<Vec<f64>>,
}

/// Every side once in each round, each round another one first. The first tenth of the rounds only warms up.
pub fn in_turns<I>(rounds: usize, mut prepare: impl FnMut() -> I, sides: &mut [Side<'_, I>]) -> Figures {
    let mut figures = Figures { names: sides.iter().map(|side| side.name.clone()).collect(), rounds: Vec::new() };
    let warm_up = rounds.div_ceil(10);
    for round in 0..warm_up + rounds {
        let input = prepare();
        let mut measured = vec![0.0; sides.len()];
        for turn in 0..sides.len() {
            let side = (round + turn) % sides.len();
            measured[side] = sides[side].measure(&input);
        }
        if round >= warm_up {
            figures.rounds.push(measured);
        }
    }
    figures
}

impl Figures {
    /// The median time of a side's operation, in nanoseconds.
    pub fn median(&self, side: usize) -> f64 {
        median(self.rounds.iter().map(|round| round[side]))
    }

    /// How many times as long one side took as another: the median of the rounds' ratios.
    pub fn ratio(&self, side: usize, other: usize) -> f64 {
        median(self.rounds.iter().map(|round| round[side] / round[other]))
    }

    /// A side's name.
    pub fn name(&self, side: usize) -> &str {
        &self.names[side]
    }

    /// The numbers of the sides with which the first is compared.
    pub fn others(&self) -> std::ops::Range<usize> {
        1..self.names.len()
    }
}

/// The median of what was measured; there must be something.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
    f64::midpoint(sorted[low], sorted[high])
}

/// Measures the same sides with Criterion, unless it should be quick.
pub fn with_criterion<I>(group: &str, mut prepare: impl FnMut() -> I, sides: &mut [Side<'_, I>]) {
    if Effort::of_environment() == Effort::Quick {
        return;
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut group = criterion.benchmark_group(group);
    for side in sides {
        group.bench_function(side.name.clone(), |bencher| {
            bencher.iter_custom(|operations| {
                let runs = operations.div_ceil(u64::from(side.operations));
                let taken: Duration = (0..runs).map(|_| (side.run)(&prepare())).sum();
                let share = operations as f64 / (runs * u64::from(side.operations)) as f64;
                taken.mul_f64(share)
            });
        });
    }
    group.finish();
}

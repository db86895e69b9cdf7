//! Says which calls a fault is for.

use std::fmt;
use std::ops::RangeInclusive;

use super::call::Call;

type Condition = Box<dyn Fn(&Call) -> bool + Send + Sync>;

/// Which calls: those of an operation, or all; of these the ones that fulfil a condition; of these the ones of a number.
pub struct Calls {
    target: Option<String>,
    condition: Option<Condition>,
    numbers: RangeInclusive<usize>,
}

impl Calls {
    /// Those of an operation: `Query`, or, where services share a name, `DynamoDB_20120810.Query`.
    pub fn to(target: &str) -> Self {
        Self { target: Some(target.to_owned()), ..Self::all() }
    }

    /// All calls.
    pub fn all() -> Self {
        Self { target: None, condition: None, numbers: 1..=usize::MAX }
    }

    /// Only those for which `condition` holds.
    #[must_use]
    pub fn when(self, condition: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        Self { condition: Some(Box::new(condition)), ..self }
    }

    /// Only the `number`th that comes from now on; the first is 1.
    #[must_use]
    pub fn nth(self, number: usize) -> Self {
        Self { numbers: number..=number, ..self }
    }

    /// Only the first `count` that come from now on.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self { numbers: 1..=count, ..self }
    }

    /// Only the first that comes from now on.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Whether `call` is one of these, its number aside.
    pub(super) fn include(&self, call: &Call) -> bool {
        let named = self.target.as_ref().is_none_or(|target| *target == call.target || target == call.operation());
        named && self.condition.as_ref().is_none_or(|holds| holds(call))
    }

    pub(super) fn include_number(&self, number: usize) -> bool {
        self.numbers.contains(&number)
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("target", &self.target).field("numbers", &self.numbers).finish_non_exhaustive()
    }
}

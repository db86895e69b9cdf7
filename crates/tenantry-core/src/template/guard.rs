//! What a condition tells of names: which of them have a value where it holds, and where it does not.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{BinOpKind, Expr, Filter, Test, UnaryOpKind};

use super::tree::dotted;

/// What a read asks of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: the template looks whether there is a value, or brings its own for the case that there is none.
    Nothing,
    /// To be looked at: whether it is empty decides on something. A name without a value is an error even so.
    Truth,
    /// A value that is put to use.
    Value,
}

/// The names that have a value wherever a condition turns out as `held`.
///
/// ```text
/// {% if a is defined and b %}  both have one here  {% else %}  nothing is known of them here  {% endif %}
/// ```
pub(super) fn known(condition: &Expr<'_>, held: bool) -> BTreeSet<String> {
    if let Some((_, name)) = dotted(condition) {
        return if held { BTreeSet::from([name]) } else { BTreeSet::new() };
    }
    match condition {
        Expr::Test(test) if test.name == if held { "defined" } else { "undefined" } => {
            dotted(&test.expr).map(|(_, name)| name).into_iter().collect()
        }
        Expr::UnaryOp(op) if matches!(op.op, UnaryOpKind::Not) => known(&op.expr, !held),
        Expr::BinOp(op) if matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
            let (left, right) = (known(&op.left, held), known(&op.right, held));
            let both_turn_out = matches!(op.op, BinOpKind::ScAnd) == held;
            if both_turn_out { &left | &right } else { &left & &right }
        }
        _ => BTreeSet::new(),
    }
}

/// Whether a test may be asked of a name without a value.
pub(super) fn asks(test: &Test<'_>) -> bool {
    ["defined", "undefined", "none"].contains(&test.name)
}

/// Whether a filter gives a value to a name that has none.
pub(super) fn fills(filter: &Filter<'_>) -> bool {
    ["default", "d"].contains(&filter.name)
}

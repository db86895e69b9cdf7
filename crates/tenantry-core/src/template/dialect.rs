//! Which expressions a prompt may use.
//!
//! Fuel pays for instructions and for the bytes and slots that they make, but not for walking a list that holds the
//! same list a thousand times, which holds another … a thousand times: printing or comparing that would never end.
//! So lists and tables in a prompt come from its context, which is small, or hold only texts and numbers. Growing one
//! list out of another is what these rules make impossible; everything else is left to fuel.

use minijinja::machinery::ast::{BinOp, BinOpKind, CallArg, Expr, Filter, Test};

/// Filters whose result is a text, a number or a boolean.
const SCALAR_FILTERS: [&str; 17] = [
    "abs",
    "bool",
    "capitalize",
    "count",
    "float",
    "format",
    "indent",
    "int",
    "join",
    "length",
    "lower",
    "replace",
    "round",
    "string",
    "title",
    "trim",
    "upper",
];

/// Filters that answer with a list, or with a part of what they are given.
const OTHER_FILTERS: [&str; 19] = [
    "d",
    "default",
    "dictsort",
    "first",
    "items",
    "last",
    "lines",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "sort",
    "split",
    "unique",
];

/// Filters that the engine has and prompts do not: they build lists of lists, show internals or escape.
pub(super) const REMOVED_FILTERS: [&str; 11] =
    ["attr", "batch", "chain", "e", "escape", "groupby", "pprint", "safe", "slice", "sum", "zip"];

/// Functions that the engine has and prompts do not: they build tables, hold state or show internals.
pub(super) const REMOVED_FUNCTIONS: [&str; 3] = ["debug", "dict", "namespace"];

/// Tests that the engine has and prompts do not: they read a whole text without paying for it.
pub(super) const REMOVED_TESTS: [&str; 2] = ["lower", "upper"];

const TESTS: [&str; 36] = [
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

/// What a rule says about one expression, not about those within it.
pub(super) enum Verdict {
    /// It may stand.
    Fine,
    /// It names a filter or a test that prompts do not have.
    Unknown(String),
    /// It could grow one list out of another.
    Forbidden(String),
}

/// Judges one expression by itself.
pub(super) fn judge(expr: &Expr<'_>) -> Verdict {
    match expr {
        Expr::List(list) => judge_items(list.items.iter()),
        Expr::Tuple(tuple) => judge_items(tuple.items.iter()),
        Expr::Map(map) => judge_items(map.keys.iter().chain(&map.values)),
        Expr::BinOp(op) => judge_operator(op),
        Expr::Filter(filter) => judge_filter(filter),
        Expr::Test(test) => judge_test(test),
        Expr::Call(call) => judge_arguments(&call.args),
        _ => Verdict::Fine,
    }
}

fn judge_items<'e, 's: 'e>(mut items: impl Iterator<Item = &'e Expr<'s>>) -> Verdict {
    if items.all(is_scalar) {
        return Verdict::Fine;
    }
    Verdict::Forbidden("a list written in a prompt holds only texts and numbers: write `name|string`".to_owned())
}

fn judge_operator(op: &BinOp<'_>) -> Verdict {
    let (left, right) = (is_scalar(&op.left), is_scalar(&op.right));
    match op.op {
        BinOpKind::Add if !left && !right => {
            Verdict::Forbidden("`+` adds numbers: write `a|int + b`, or `a ~ b` to join texts".to_owned())
        }
        BinOpKind::Mul if !left || !right => {
            Verdict::Forbidden("`*` multiplies numbers: write `a|float * b|float`".to_owned())
        }
        _ => Verdict::Fine,
    }
}

fn judge_filter(filter: &Filter<'_>) -> Verdict {
    if !SCALAR_FILTERS.contains(&filter.name) && !OTHER_FILTERS.contains(&filter.name) {
        let known: Vec<&str> = SCALAR_FILTERS.iter().chain(&OTHER_FILTERS).copied().collect();
        return Verdict::Unknown(unknown("filter", filter.name, &known));
    }
    if filter.name == "map" { judge_map(&filter.args) } else { judge_arguments(&filter.args) }
}

/// `map` may read an attribute or apply a scalar filter; with a default it could repeat a list.
fn judge_map(args: &[CallArg<'_>]) -> Verdict {
    let fine = match args {
        [CallArg::Kwarg("attribute", _)] => true,
        [CallArg::Pos(name), rest @ ..] => {
            matches!(name, Expr::Const(name) if name.value.as_str().is_some_and(|name| SCALAR_FILTERS.contains(&name)))
                && rest.iter().all(|arg| matches!(arg, CallArg::Pos(_)))
        }
        _ => false,
    };
    if fine {
        return Verdict::Fine;
    }
    Verdict::Forbidden(format!(
        "`map` takes `attribute=\"name\"` or the name of one of these filters: {}",
        SCALAR_FILTERS.join(", ")
    ))
}

fn judge_test(test: &Test<'_>) -> Verdict {
    if TESTS.contains(&test.name) {
        return judge_arguments(&test.args);
    }
    Verdict::Unknown(unknown("test", test.name, &TESTS))
}

fn judge_arguments(args: &[CallArg<'_>]) -> Verdict {
    if args.iter().any(|arg| matches!(arg, CallArg::PosSplat(_) | CallArg::KwargSplat(_))) {
        return Verdict::Forbidden("arguments are written one by one, not as `*list`".to_owned());
    }
    Verdict::Fine
}

/// Whether the result can only be a text, a number or a boolean, whatever the context holds.
fn is_scalar(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Const(_) | Expr::UnaryOp(_) | Expr::Compare(_) | Expr::Test(_) => true,
        Expr::BinOp(op) => match op.op {
            BinOpKind::ScAnd | BinOpKind::ScOr => is_scalar(&op.left) && is_scalar(&op.right),
            // A scalar is never added to a list, and a list never multiplied: `judge` sees to that.
            _ => true,
        },
        Expr::IfExpr(cond) => is_scalar(&cond.true_expr) && cond.false_expr.as_ref().is_none_or(is_scalar),
        Expr::Filter(filter) => SCALAR_FILTERS.contains(&filter.name),
        Expr::GetAttr(attr) => {
            let of_loop = matches!(&attr.expr, Expr::Var(var) if var.id == "loop");
            of_loop && !["previtem", "nextitem"].contains(&attr.name)
        }
        _ => false,
    }
}

/// Says what is unknown, what may have been meant, and what there is.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let meant = nearest(name, known).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    format!("unknown {what} `{name}`{meant} (known: {})", known.join(", "))
}

/// The known name that is most like the one given, if any is.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    /// Below this similarity a suggestion confuses more than it helps.
    const LIKENESS: f64 = 0.6;
    let scored = known.iter().map(|&near| (strsim::normalized_damerau_levenshtein(name, near), near));
    scored.filter(|(score, _)| *score >= LIKENESS).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_filter_and_test_exists_in_the_engine() {
        let env = minijinja::Environment::new();
        for name in SCALAR_FILTERS.iter().chain(&OTHER_FILTERS).chain(&REMOVED_FILTERS) {
            assert_eq!(env.render_str(&format!("{{{{ '{name}' is filter }}}}"), ()).unwrap(), "True", "{name}");
        }
        for name in TESTS.iter().chain(&REMOVED_TESTS) {
            assert_eq!(env.render_str(&format!("{{{{ '{name}' is test }}}}"), ()).unwrap(), "True", "{name}");
        }
    }

    #[test]
    fn suggests_only_what_is_alike() {
        assert_eq!(nearest("uper", &["lower", "upper"]), Some("upper"));
        assert_eq!(nearest("zzz", &["lower", "upper"]), None);
    }
}

//! Ways through the engine's syntax tree.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{self, CallArg, Expr, Stmt};

/// The first name and the whole dotted name of `a.b`, `a["b"]` or `a`.
pub(super) fn dotted<'e, 's>(expr: &'e Expr<'s>) -> Option<(&'e ast::Spanned<ast::Var<'s>>, String)> {
    let (inner, name) = match expr {
        Expr::Var(var) => return Some((var, var.id.to_owned())),
        Expr::GetAttr(attr) => (&attr.expr, attr.name),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(name) => (&item.expr, name.value.as_str()?),
            _ => return None,
        },
        _ => return None,
    };
    dotted(inner).map(|(root, path)| (root, format!("{path}.{name}")))
}

/// The expressions directly within one.
pub(super) fn parts<'e, 's>(expr: &'e Expr<'s>) -> Vec<&'e Expr<'s>> {
    match expr {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(slice) => [Some(&slice.expr), slice.start.as_ref(), slice.stop.as_ref(), slice.step.as_ref()]
            .into_iter()
            .flatten()
            .collect(),
        Expr::UnaryOp(op) => vec![&op.expr],
        Expr::BinOp(op) => vec![&op.left, &op.right],
        Expr::Compare(compare) => {
            std::iter::once(&compare.expr).chain(compare.ops.iter().map(|operand| &operand.expr)).collect()
        }
        Expr::IfExpr(cond) => {
            [Some(&cond.test_expr), Some(&cond.true_expr), cond.false_expr.as_ref()].into_iter().flatten().collect()
        }
        Expr::Filter(filter) => filter.expr.iter().chain(filter.args.iter().map(argument_value)).collect(),
        Expr::Test(test) => std::iter::once(&test.expr).chain(test.args.iter().map(argument_value)).collect(),
        Expr::GetAttr(attr) => vec![&attr.expr],
        Expr::GetItem(item) => vec![&item.expr, &item.subscript_expr],
        Expr::Call(call) => std::iter::once(&call.expr).chain(call.args.iter().map(argument_value)).collect(),
        Expr::List(list) => list.items.iter().collect(),
        Expr::Tuple(tuple) => tuple.items.iter().collect(),
        Expr::Map(map) => map.keys.iter().chain(&map.values).collect(),
    }
}

/// The expression that an argument passes, by place or by name.
pub(super) fn argument_value<'e, 's>(argument: &'e CallArg<'s>) -> &'e Expr<'s> {
    match argument {
        CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => expr,
    }
}

/// Adds the names of all macros, also of those within blocks.
pub(super) fn collect_macros<'s>(statements: &[Stmt<'s>], macros: &mut BTreeSet<&'s str>) {
    for statement in statements {
        match statement {
            Stmt::Macro(declared) => {
                macros.insert(declared.name);
                collect_macros(&declared.body, macros);
            }
            Stmt::ForLoop(each) => {
                collect_macros(&each.body, macros);
                collect_macros(&each.else_body, macros);
            }
            Stmt::IfCond(cond) => {
                collect_macros(&cond.true_body, macros);
                collect_macros(&cond.false_body, macros);
            }
            Stmt::WithBlock(with) => collect_macros(&with.body, macros),
            Stmt::SetBlock(set) => collect_macros(&set.body, macros),
            Stmt::FilterBlock(block) => collect_macros(&block.body, macros),
            _ => {}
        }
    }
}

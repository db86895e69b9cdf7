//! Walks a parsed template once: what it reads, what it may not do, and which names are behind each piece of output.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::ast::{self, BinOpKind, Expr, Stmt, UnaryOpKind};

use super::dialect::{self, Verdict};
use super::guard::{self, Need};
use super::issue::{IssueCode, TemplateIssue};
use super::tree::{argument_value, collect_macros, dotted, parts};

/// The highest number that `list[number]` may name.
const FARTHEST_ITEM: i64 = 999;

/// Dotted names of the context.
pub(super) type Names = BTreeSet<String>;

/// What a template does with names.
#[derive(Default)]
pub(super) struct Analysis {
    /// Each read of the context: the dotted name, and its offset in the source.
    pub(super) reads: Vec<(String, usize)>,
    /// What the template asks of each name of the context where no condition around it says that there is a value.
    pub(super) needs: BTreeMap<String, Need>,
    /// Each name that the template gives to a value of its own, and the offset.
    pub(super) assigned: Vec<(String, usize)>,
    /// For each expression that writes output, by its start and end in the source, the names behind the output.
    pub(super) outputs: BTreeMap<(usize, usize), Names>,
    /// What prompts may not do.
    pub(super) issues: Vec<TemplateIssue>,
}

impl Analysis {
    /// Analyses the parsed form of `source`.
    pub(super) fn of(template: &Stmt<'_>, source: &str) -> Self {
        let Stmt::Template(root) = template else { return Self::default() };
        let mut macros = BTreeSet::new();
        collect_macros(&root.children, &mut macros);
        let mut walk = Walk {
            source,
            macros,
            scopes: vec![BTreeMap::new()],
            known: Vec::new(),
            within: Vec::new(),
            calls: BTreeMap::new(),
            found: Self::default(),
        };
        walk.body(&root.children);
        walk.refuse_recursion();
        walk.found
    }
}

struct Walk<'a, 's> {
    source: &'a str,
    /// All macros, because one may call another that comes later.
    macros: BTreeSet<&'s str>,
    /// The template's own names, innermost scope last, each with the names of the context behind it.
    scopes: Vec<BTreeMap<&'s str, Names>>,
    /// The names of the context that have a value here, by each condition around.
    known: Vec<Names>,
    /// The macros that the walk is in.
    within: Vec<&'s str>,
    /// Which macro calls which, and where.
    calls: BTreeMap<&'s str, BTreeMap<&'s str, usize>>,
    found: Analysis,
}

impl<'s> Walk<'_, 's> {
    fn body(&mut self, statements: &[Stmt<'s>]) -> Names {
        let mut names = Names::new();
        for statement in statements {
            names.append(&mut self.statement(statement));
        }
        names
    }

    fn statement(&mut self, statement: &Stmt<'s>) -> Names {
        match statement {
            Stmt::EmitExpr(emit) => {
                let names = self.expr(&emit.expr);
                let span = emit.span();
                self.output(span, names)
            }
            Stmt::ForLoop(each) => self.for_loop(each),
            Stmt::IfCond(cond) => {
                self.expr_for(&cond.expr, Need::Truth);
                let mut names = self.where_known(guard::known(&cond.expr, true), |walk| walk.body(&cond.true_body));
                let otherwise = guard::known(&cond.expr, false);
                names.append(&mut self.where_known(otherwise, |walk| walk.body(&cond.false_body)));
                names
            }
            Stmt::WithBlock(with) => {
                self.scopes.push(BTreeMap::new());
                for (target, value) in &with.assignments {
                    let names = self.expr(value);
                    self.assign(target, &names);
                }
                let names = self.body(&with.body);
                self.scopes.pop();
                names
            }
            Stmt::Set(set) => {
                let names = self.expr(&set.expr);
                self.assign(&set.target, &names);
                Names::new()
            }
            Stmt::SetBlock(set) => {
                let mut names = self.body(&set.body);
                names.extend(set.filter.iter().flat_map(|filter| self.expr(filter)));
                self.assign(&set.target, &names);
                Names::new()
            }
            Stmt::FilterBlock(block) => {
                let mut names = self.body(&block.body);
                names.append(&mut self.expr(&block.filter));
                self.output(block.filter_span, names)
            }
            Stmt::Macro(declared) => {
                self.declare(declared);
                Names::new()
            }
            // The other statements are refused before a template is parsed, or have no expressions.
            _ => Names::new(),
        }
    }

    fn for_loop(&mut self, each: &ast::ForLoop<'s>) -> Names {
        let source = self.expr(&each.iter);
        self.scopes.push(BTreeMap::from([("loop", Names::new())]));
        self.assign(&each.target, &source);
        let known = each.filter_expr.as_ref().map(|filter| {
            self.expr_for(filter, Need::Truth);
            guard::known(filter, true)
        });
        let mut names = self.where_known(known.unwrap_or_default(), |walk| walk.body(&each.body));
        self.scopes.pop();
        names.append(&mut self.body(&each.else_body));
        names
    }

    fn declare(&mut self, declared: &ast::Macro<'s>) {
        for outer in self.within.clone() {
            self.calls.entry(outer).or_default().entry(declared.name).or_default();
        }
        self.scopes.push(BTreeMap::new());
        self.within.push(declared.name);
        for parameter in &declared.args {
            self.assign(parameter, &Names::new());
        }
        let mut names: Names = declared.defaults.iter().flat_map(|default| self.expr(default)).collect();
        names.append(&mut self.body(&declared.body));
        self.within.pop();
        self.scopes.pop();
        self.bind(declared.name, names);
    }

    fn output(&mut self, span: minijinja::machinery::Span, names: Names) -> Names {
        self.found.outputs.insert((span.start_offset as usize, span.end_offset as usize), names.clone());
        names
    }

    fn assign(&mut self, target: &Expr<'s>, names: &Names) {
        match target {
            Expr::Var(var) => {
                self.found.assigned.push((var.id.to_owned(), var.span().start_offset as usize));
                self.bind(var.id, names.clone());
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.assign(item, names)),
            other => self.refuse(other, "a prompt sets plain names, not parts of a value"),
        }
    }

    fn bind(&mut self, name: &'s str, names: Names) {
        let scope = self.scopes.last_mut().expect("the outermost scope is never popped");
        // A second value may come from another branch: what the name holds may stem from either.
        scope.entry(name).or_default().extend(names);
    }

    /// Walks on where names are known to have a value.
    fn where_known(&mut self, names: Names, walk: impl FnOnce(&mut Self) -> Names) -> Names {
        self.known.push(names);
        let found = walk(self);
        self.known.pop();
        found
    }

    /// Judges an expression and all within it; answers with the names of the context behind its value.
    fn expr(&mut self, expr: &Expr<'s>) -> Names {
        self.expr_for(expr, Need::Value)
    }

    /// The same where the value itself may not be needed.
    fn expr_for(&mut self, expr: &Expr<'s>, need: Need) -> Names {
        match dialect::judge(expr) {
            Verdict::Fine => {}
            Verdict::Unknown(message) => self.issue(expr, IssueCode::Syntax, message),
            Verdict::Forbidden(message) => self.issue(expr, IssueCode::Forbidden, message),
        }
        if let Some((root, path)) = dotted(expr) {
            return self.read(root, path, need);
        }
        match expr {
            Expr::Call(call) => return self.call(call),
            Expr::BinOp(op) if matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                let mut names = self.expr_for(&op.left, Need::Truth);
                let known = guard::known(&op.left, matches!(op.op, BinOpKind::ScAnd));
                names.append(&mut self.where_known(known, |walk| walk.expr_for(&op.right, need)));
                return names;
            }
            Expr::UnaryOp(op) if matches!(op.op, UnaryOpKind::Not) => return self.expr_for(&op.expr, Need::Truth),
            Expr::IfExpr(cond) => return self.either(cond, need),
            Expr::Test(test) if guard::asks(test) => return self.without_need(parts(expr)),
            Expr::Filter(filter) if guard::fills(filter) => return self.without_need(parts(expr)),
            Expr::GetItem(item) => self.judge_subscript(&item.subscript_expr),
            Expr::Slice(slice) => self.judge_slice(&slice.expr),
            _ => {}
        }
        parts(expr).into_iter().flat_map(|part| self.expr(part)).collect()
    }

    fn either(&mut self, cond: &ast::IfExpr<'s>, need: Need) -> Names {
        let mut names = self.expr_for(&cond.test_expr, Need::Truth);
        let known = guard::known(&cond.test_expr, true);
        names.append(&mut self.where_known(known, |walk| walk.expr_for(&cond.true_expr, need)));
        if let Some(otherwise) = &cond.false_expr {
            let known = guard::known(&cond.test_expr, false);
            names.append(&mut self.where_known(known, |walk| walk.expr_for(otherwise, need)));
        }
        names
    }

    /// The first of these expressions may be without a value; the others are its arguments.
    fn without_need(&mut self, parts: Vec<&Expr<'s>>) -> Names {
        let needs = std::iter::once(Need::Nothing).chain(std::iter::repeat(Need::Value));
        parts.into_iter().zip(needs).flat_map(|(part, need)| self.expr_for(part, need)).collect()
    }

    /// Finding a character walks the text up to it and costs nothing, so it must not be far away.
    fn judge_subscript(&mut self, subscript: &Expr<'s>) {
        let near = match subscript {
            Expr::Const(place) => {
                place.value.as_str().is_some() || place.value.as_i64().is_some_and(|i| (0..=FARTHEST_ITEM).contains(&i))
            }
            other => self.is_of_context(other),
        };
        if !near {
            let message = format!("`[…]` takes a name, a number up to {FARTHEST_ITEM}, or a variable of the prompt");
            self.refuse(subscript, &message);
        }
    }

    /// A part of a text walks all of it and costs nothing, so it must not be a long one that was made here.
    fn judge_slice(&mut self, whole: &Expr<'s>) {
        if !self.is_of_context(whole) {
            self.refuse(whole, "`[from:to]` takes a part of a variable of the prompt only");
        }
    }

    fn is_of_context(&self, expr: &Expr<'s>) -> bool {
        dotted(expr).is_some_and(|(root, _)| self.own(root.id).is_none())
    }

    fn own(&self, name: &str) -> Option<&Names> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name))
    }

    fn read(&mut self, root: &ast::Spanned<ast::Var<'s>>, path: String, need: Need) -> Names {
        if let Some(names) = self.own(root.id) {
            return names.clone();
        }
        self.found.reads.push((path.clone(), root.span().start_offset as usize));
        let has_value = |known: &String| is_within(known, &path);
        if need != Need::Nothing && !self.known.iter().flatten().any(has_value) {
            let known = self.found.needs.entry(path.clone()).or_insert(need);
            *known = need.max(*known);
        }
        Names::from([path])
    }

    fn call(&mut self, call: &ast::Call<'s>) -> Names {
        let mut names = match &call.expr {
            Expr::Var(callee) if self.macros.contains(callee.id) => self.call_macro(callee),
            Expr::Var(callee) if ["range", "loop"].contains(&callee.id) => Names::new(),
            Expr::Var(callee) => {
                let known: Vec<&str> = self.macros.iter().copied().chain(["range"]).collect();
                let message = dialect::unknown("function", callee.id, &known);
                self.issue(&call.expr, IssueCode::Syntax, message);
                Names::new()
            }
            Expr::GetAttr(method) if matches!(&method.expr, Expr::Var(var) if var.id == "loop") => Names::new(),
            other => {
                self.refuse(other, "values have no methods in a prompt: use a filter, such as `name|upper`");
                Names::new()
            }
        };
        for argument in &call.args {
            names.append(&mut self.expr(argument_value(argument)));
        }
        names
    }

    fn call_macro(&mut self, callee: &ast::Spanned<ast::Var<'s>>) -> Names {
        if let Some(caller) = self.within.last() {
            let offset = callee.span().start_offset as usize;
            self.calls.entry(caller).or_default().insert(callee.id, offset);
        }
        self.own(callee.id).cloned().unwrap_or_default()
    }

    /// Refuses macros that call themselves, directly or by way of others.
    fn refuse_recursion(&mut self) {
        let recursive: Vec<(&str, usize)> = self
            .calls
            .iter()
            .flat_map(|(caller, callees)| callees.iter().map(move |(callee, offset)| (*caller, *callee, *offset)))
            .filter(|&(caller, callee, offset)| offset > 0 && self.reaches(callee, caller))
            .map(|(_, callee, offset)| (callee, offset))
            .collect();
        for (callee, offset) in recursive {
            let message = format!("the macro `{callee}` calls itself here, which would never end");
            self.found.issues.push(TemplateIssue::at(self.source, offset, IssueCode::Forbidden, message));
        }
    }

    fn reaches(&self, from: &'s str, to: &'s str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            if name == to {
                return true;
            }
            if seen.insert(name) {
                open.extend(self.calls.get(name).into_iter().flat_map(BTreeMap::keys));
            }
        }
        false
    }

    fn refuse(&mut self, expr: &Expr<'s>, message: &str) {
        self.issue(expr, IssueCode::Forbidden, message.to_owned());
    }

    fn issue(&mut self, expr: &Expr<'s>, code: IssueCode, message: String) {
        let offset = expr.span().start_offset as usize;
        self.found.issues.push(TemplateIssue::at(self.source, offset, code, message));
    }
}

/// Whether a dotted name is another one, or lies below it.
fn is_within(name: &str, other: &str) -> bool {
    name.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

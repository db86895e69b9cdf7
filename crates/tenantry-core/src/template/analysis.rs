//! Walks a parsed template once: what it reads, what it may not do, and which names are behind each piece of output.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::ast::{self, CallArg, Expr, Stmt};

use super::dialect::{self, Verdict};
use super::issue::{IssueCode, TemplateIssue};

/// Dotted names of the context.
pub(super) type Names = BTreeSet<String>;

/// What a template does with names.
#[derive(Default)]
pub(super) struct Analysis {
    /// Each read of the context: the dotted name, and its offset in the source.
    pub(super) reads: Vec<(String, usize)>,
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
                self.expr(&cond.expr);
                let mut names = self.body(&cond.true_body);
                names.append(&mut self.body(&cond.false_body));
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
        if let Some(filter) = &each.filter_expr {
            self.expr(filter);
        }
        let mut names = self.body(&each.body);
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

    /// Judges an expression and all within it; answers with the names of the context behind its value.
    fn expr(&mut self, expr: &Expr<'s>) -> Names {
        match dialect::judge(expr) {
            Verdict::Fine => {}
            Verdict::Unknown(message) => self.issue(expr, IssueCode::Syntax, message),
            Verdict::Forbidden(message) => self.issue(expr, IssueCode::Forbidden, message),
        }
        if let Some((root, path)) = dotted(expr) {
            return self.read(root, path);
        }
        if let Expr::Call(call) = expr {
            return self.call(call);
        }
        parts(expr).into_iter().flat_map(|part| self.expr(part)).collect()
    }

    fn read(&mut self, root: &ast::Spanned<ast::Var<'s>>, path: String) -> Names {
        if let Some(names) = self.scopes.iter().rev().find_map(|scope| scope.get(root.id)) {
            return names.clone();
        }
        self.found.reads.push((path.clone(), root.span().start_offset as usize));
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
        self.scopes.iter().rev().find_map(|scope| scope.get(callee.id)).cloned().unwrap_or_default()
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

/// The first name and the whole dotted name of `a.b`, `a["b"]` or `a`.
fn dotted<'e, 's>(expr: &'e Expr<'s>) -> Option<(&'e ast::Spanned<ast::Var<'s>>, String)> {
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
fn parts<'e, 's>(expr: &'e Expr<'s>) -> Vec<&'e Expr<'s>> {
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

fn argument_value<'e, 's>(argument: &'e CallArg<'s>) -> &'e Expr<'s> {
    match argument {
        CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => expr,
    }
}

fn collect_macros<'s>(statements: &[Stmt<'s>], macros: &mut BTreeSet<&'s str>) {
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

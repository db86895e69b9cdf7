//! What is told of a copy: counts for people, each scope for programs, and what is left to do.

use serde::Serialize;
use tenantry_admin::service::{CopiedScope, CopiedTokens, CopyOutcome, Part};

use crate::output::{Output, Tone, note};
use crate::shown;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Task {
    Copy,
    Plan,
    Verify,
}

/// Picks outcomes.
type Which = fn(&CopyOutcome) -> bool;

/// What came of it.
pub(super) struct Report {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) task: Task,
    pub(super) scopes: Vec<CopiedScope>,
    pub(super) tokens: CopiedTokens,
    /// Whether there are entries in the log that belong to no scope.
    pub(super) leaves_entries: bool,
}

impl Report {
    /// Whether the other store has all that was asked for, or would have it.
    pub(super) fn is_good(&self) -> bool {
        self.problems().next().is_none() && self.tokens.different.is_empty() && self.verified_tokens()
    }

    fn verified_tokens(&self) -> bool {
        self.task != Task::Verify || self.tokens.missing == 0
    }

    /// The scopes that are not as they should be.
    fn problems(&self) -> impl Iterator<Item = &CopiedScope> {
        self.scopes.iter().filter(|copied| match copied.outcome {
            CopyOutcome::Copied | CopyOutcome::Same => false,
            CopyOutcome::Missing => self.task == Task::Verify,
            CopyOutcome::Different { .. } | CopyOutcome::Refused(_) => true,
        })
    }

    /// The document for programs.
    pub(super) fn document(&self) -> Document<'_> {
        Document {
            from: &self.from,
            to: &self.to,
            task: self.task,
            good: self.is_good(),
            scopes: self.scopes.iter().map(Row::of).collect(),
            tokens: Tokens::of(&self.tokens),
        }
    }

    /// The text for people.
    pub(super) fn text(&self, output: &Output) -> String {
        let paint = output.paint();
        let mut lines = Vec::new();
        for (word, which) in self.counted() {
            let scopes: Vec<_> = self.scopes.iter().filter(|copied| which(&copied.outcome)).collect();
            if !scopes.is_empty() {
                lines.push(format!("{} {}", paint.tone(Tone::Strong, &format!("{word:<10}")), extent(&scopes)));
            }
        }
        lines.extend(self.tokens_line().map(|line| format!("{} {line}", paint.tone(Tone::Strong, "API tokens"))));
        // What is missing is counted above.
        let is_counted = |copied: &&CopiedScope| matches!(copied.outcome, CopyOutcome::Missing);
        for copied in self.problems().filter(|copied| !is_counted(copied)) {
            let (scope, told) = (shown::scope(&copied.scope), told(&copied.outcome));
            lines.push(format!("{} {scope}: {told}", paint.tone(Tone::Bad, "✗")));
        }
        for id in &self.tokens.different {
            lines.push(format!("{} the API token {id} is another one there", paint.tone(Tone::Bad, "✗")));
        }
        if lines.is_empty() { "there is nothing to copy".to_owned() } else { lines.join("\n") }
    }

    /// The outcomes that are summed up, each with its word.
    fn counted(&self) -> [(&'static str, Which); 3] {
        let missing = if self.task == Task::Plan { "to copy" } else { "missing" };
        [
            ("copied", |outcome| matches!(outcome, CopyOutcome::Copied)),
            (missing, |outcome| matches!(outcome, CopyOutcome::Missing)),
            ("the same", |outcome| matches!(outcome, CopyOutcome::Same)),
        ]
    }

    fn tokens_line(&self) -> Option<String> {
        let CopiedTokens { copied, missing, same, .. } = &self.tokens;
        let missing_word = if self.task == Task::Plan { "to copy" } else { "missing" };
        let counts = [(*copied, "copied"), (*missing, missing_word), (*same, "the same")];
        let told: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// Says on standard error what is left to do.
    pub(super) fn tell_next_steps(&self) {
        let differs = |copied: &CopiedScope| matches!(copied.outcome, CopyOutcome::Different { .. });
        if let Some(copied) = self.scopes.iter().find(|copied| differs(copied)) {
            let flag = crate::exit::scope_flag(&copied.scope);
            note(&format!(
                "help: what differs was left as it is in both stores. To bring values over: `tenantry --store FROM {flag} \
                 export | tenantry --store TO apply -f -`. To have all of it as it was, copy into a new store"
            ));
        }
        if self.tokens.left > 0 {
            let left = shown::count(self.tokens.left, "API token");
            note(&format!(
                "{left} {} left: the other store has other keys, and would not know them. Make new ones there with \
                 `tenantry token create`",
                if self.tokens.left == 1 { "was" } else { "were" }
            ));
        }
        let strange: usize = self.scopes.iter().map(|copied| copied.extent.strange_fingerprints).sum();
        if strange > 0 {
            let prints = shown::count(strange, "fingerprint");
            note(&format!(
                "{prints} of old secrets in the history compare with nothing there: the other store has other keys"
            ));
        }
        if self.leaves_entries {
            note("the log's entries about the operator were left: nothing was ever set for all tenants");
        }
    }
}

/// `3 scopes (global, acme and 1 more): 12 values, 3 secrets, 1 binding, 9 revisions`.
fn extent(scopes: &[&CopiedScope]) -> String {
    let names = scopes.iter().map(|copied| shown::scope(&copied.scope)).collect::<Vec<_>>();
    let names = match names.as_slice() {
        [first, second, third, more @ ..] if more.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", more.len())
        }
        few => few.join(", "),
    };
    let sum = |part: fn(&CopiedScope) -> usize| scopes.iter().map(|copied| part(copied)).sum::<usize>();
    let parts = [
        shown::count(sum(|copied| copied.extent.values), "value"),
        shown::count(sum(|copied| copied.extent.secrets), "secret"),
        shown::count(sum(|copied| copied.extent.bindings), "binding"),
        shown::count(sum(|copied| copied.extent.revisions), "revision"),
    ];
    format!("{} ({names}): {}", shown::count(scopes.len(), "scope"), parts.join(", "))
}

fn told(outcome: &CopyOutcome) -> String {
    match outcome {
        CopyOutcome::Copied => "copied".to_owned(),
        CopyOutcome::Missing => "is missing there".to_owned(),
        CopyOutcome::Same => "is the same there".to_owned(),
        CopyOutcome::Different { parts, from, to } => {
            let parts: Vec<_> = parts.iter().map(Part::to_string).collect();
            format!("differs in {}: revision {from} here, {to} there", parts.join(", "))
        }
        CopyOutcome::Refused(error) => error.to_string(),
    }
}

/// A copy as programs read it.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    from: &'a str,
    to: &'a str,
    task: Task,
    good: bool,
    scopes: Vec<Row<'a>>,
    tokens: Tokens<'a>,
}

/// A scope as programs read it.
#[derive(Serialize)]
struct Row<'a> {
    scope: String,
    outcome: &'static str,
    values: usize,
    secrets: usize,
    bindings: usize,
    revisions: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    differs_in: &'a [Part],
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl<'a> Row<'a> {
    fn of(copied: &'a CopiedScope) -> Self {
        let CopiedScope { scope, extent, outcome } = copied;
        let (word, differs_in): (_, &[Part]) = match outcome {
            CopyOutcome::Copied => ("copied", &[]),
            CopyOutcome::Missing => ("missing", &[]),
            CopyOutcome::Same => ("same", &[]),
            CopyOutcome::Different { parts, .. } => ("different", parts),
            CopyOutcome::Refused(_) => ("refused", &[]),
        };
        let is_problem = matches!(outcome, CopyOutcome::Different { .. } | CopyOutcome::Refused(_));
        Self {
            scope: shown::scope(scope),
            outcome: word,
            values: extent.values,
            secrets: extent.secrets,
            bindings: extent.bindings,
            revisions: extent.revisions,
            differs_in,
            problem: is_problem.then(|| told(outcome)),
        }
    }
}

/// API tokens as programs read them.
#[derive(Serialize)]
struct Tokens<'a> {
    copied: usize,
    missing: usize,
    same: usize,
    left: usize,
    different: &'a [String],
}

impl<'a> Tokens<'a> {
    fn of(tokens: &'a CopiedTokens) -> Self {
        let CopiedTokens { copied, missing, same, left, different } = tokens;
        Self { copied: *copied, missing: *missing, same: *same, left: *left, different }
    }
}

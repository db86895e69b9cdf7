//! Checks a source before it is stored: all that is wrong with it, at once.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::syntax::SyntaxConfig;

use super::analysis::Analysis;
use super::dialect::nearest;
use super::guard::Need;
use super::issue::{IssueCode, TemplateIssue};
use super::locked;
use super::scan::{self, Scan};
use super::trial;
use super::{TemplateLimits, check_size};

/// Syntax errors that one check names; a source with more of them is something else than a template.
const SYNTAX_ERRORS: usize = 20;

/// What a prompt may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateRules {
    /// Dotted names such as `persona.name`. With a name everything below it is allowed, as for a table of facts; the
    /// name above it, `persona`, is not.
    pub variables: BTreeSet<String>,
}

impl TemplateRules {
    /// Rules that allow these dotted names.
    pub fn new<N: Into<String>>(variables: impl IntoIterator<Item = N>) -> Self {
        Self { variables: variables.into_iter().map(Into::into).collect() }
    }
}

/// Checks a prompt: whether it compiles and renders within the default limits, reads only what `rules` allow, and keeps
/// the locked blocks of `base`, the prompt that it overrides. Issues come in the order of the source.
///
/// ```
/// use tenantry_core::template::{IssueCode, TemplateRules, lint};
///
/// let rules = TemplateRules::new(["persona.name", "company.facts"]);
/// let issues = lint("I am {{ persona.nmae }}.", &rules, None);
/// assert_eq!((issues[0].line, issues[0].column, issues[0].code), (1, 9, IssueCode::UnknownVariable));
/// assert!(issues[0].message.contains("did you mean `persona.name`?"));
/// ```
pub fn lint(source: &str, rules: &TemplateRules, base: Option<&str>) -> Vec<TemplateIssue> {
    let checked = check(source, &TemplateLimits::default());
    let mut issues = checked.issues;
    issues.extend(conflict(source));
    if let Some(analysis) = checked.analysis {
        issues.extend(unknown_variables(source, rules, &analysis));
        issues.extend(hidden_variables(source, rules, &analysis));
        if issues.is_empty() {
            issues.extend(trial::check(source, rules, &analysis.reads));
        }
    }
    if check_size(source, &TemplateLimits::default()).is_none() {
        let (kept, faults) = locked::read(source, &Scan::new(source));
        issues.extend(faults);
        issues.extend(locked::missing(&base.map(locked::locked_blocks).unwrap_or_default(), &kept));
    }
    issues.sort_by_key(|issue| (issue.line, issue.column));
    issues
}

/// What a source asks of the dotted names of the context that it reads; nothing of one that cannot be parsed.
///
/// A name is left out where it may be without a value: where the template asks whether it is defined, or gives a default.
/// What is around the read counts, as it does when the template is rendered.
///
/// ```
/// use tenantry_core::template::{Need, needs};
///
/// let names = needs("{{ persona.name }}, {% if company.website %}see {{ company.website }}{% endif %}");
/// let names: Vec<_> = names.iter().map(|(name, need)| (name.as_str(), *need)).collect();
/// assert_eq!(names, [("company.website", Need::Truth), ("persona.name", Need::Value)]);
///
/// let guarded = "{% if company.facts.parking is defined %}Park {{ company.facts.parking }}.{% endif %}";
/// assert!(needs(guarded).is_empty() && needs("{{ company.facts.parking|default('in the yard') }}").is_empty());
/// ```
pub fn needs(source: &str) -> BTreeMap<String, Need> {
    let analysis = check(source, &TemplateLimits::default()).analysis;
    analysis.map(|analysis| analysis.needs).unwrap_or_default()
}

/// What can be said of a source without rules.
pub(super) struct Checked {
    pub(super) issues: Vec<TemplateIssue>,
    /// Absent if nothing could be parsed.
    pub(super) analysis: Option<Analysis>,
}

/// Scans, parses and analyses a source, going on after what can be left out.
pub(super) fn check(source: &str, limits: &TemplateLimits) -> Checked {
    if let Some(issue) = check_size(source, limits) {
        return Checked { issues: vec![issue], analysis: None };
    }
    let mut scan = Scan::new(source);
    let mut issues = scan.forbidden(source);
    if !scan.faults.is_empty() {
        issues.append(&mut scan.faults);
        return Checked { issues, analysis: None };
    }
    let mut rest = source.to_owned();
    for tag in scan.tags.iter().filter(|tag| scan::is_forbidden(tag)) {
        scan::blank(&mut rest, tag.start, tag.end);
    }
    let analysis = parse(source, &mut rest, &scan, &mut issues).map(|mut analysis| {
        issues.append(&mut analysis.issues);
        analysis
    });
    issues.sort_by_key(|issue| (issue.line, issue.column));
    Checked { issues, analysis }
}

/// Parses, blanking each tag that does not parse as long as the blocks stay whole.
fn parse(source: &str, rest: &mut String, scan: &Scan<'_>, issues: &mut Vec<TemplateIssue>) -> Option<Analysis> {
    for _ in 0..SYNTAX_ERRORS {
        let err = match minijinja::machinery::parse(rest, super::engine::NAME, SyntaxConfig::default()) {
            Ok(template) => return Some(Analysis::of(&template, source)),
            Err(err) => err,
        };
        let offset = super::engine::error_offset(&err, source);
        let tag = scan.tag_at(offset);
        let message = err.detail().unwrap_or("not a template").to_owned();
        if let Some(tag) = tag.filter(|tag| tag.keyword.is_none() || !tag.is_known()) {
            issues.push(TemplateIssue::at(source, offset, IssueCode::Syntax, message));
            scan::blank(rest, tag.start, tag.end);
            continue;
        }
        issues.push(match scan.unclosed().filter(|_| message.contains("end of input")) {
            Some(open) => {
                let message = format!("`{{% {} %}}` is never closed", open.keyword.unwrap_or("block"));
                TemplateIssue::at(source, open.start, IssueCode::Syntax, message)
            }
            None => TemplateIssue::at(source, offset, IssueCode::Syntax, message),
        });
        return None;
    }
    None
}

/// Both sides of a conflict, as a merge of two changes leaves them: between lines of marks, for a person to choose from.
fn conflict(source: &str) -> Option<TemplateIssue> {
    let mut lines = source.split_inclusive('\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some((start, line.trim_end()))
    });
    let (start, _) = lines.find(|(_, line)| line.starts_with("<<<<<<< "))?;
    lines.find(|(_, line)| *line == "=======")?;
    lines.find(|(_, line)| line.starts_with(">>>>>>> "))?;
    let message = "a conflict begins here: resolve the conflict first, by leaving of the lines between \
                   `<<<<<<<` and `>>>>>>>` what shall be said, and none of the marks";
    Some(TemplateIssue::at(source, start, IssueCode::Conflict, message))
}

fn unknown_variables(source: &str, rules: &TemplateRules, analysis: &Analysis) -> Vec<TemplateIssue> {
    let unknown = analysis.reads.iter().filter(|(name, _)| !rules.allow(name));
    unknown
        .map(|(name, offset)| TemplateIssue::at(source, *offset, IssueCode::UnknownVariable, rules.refusal(name)))
        .collect()
}

/// A template that gives a new value to `persona` could make a locked block say something else.
fn hidden_variables(source: &str, rules: &TemplateRules, analysis: &Analysis) -> Vec<TemplateIssue> {
    let roots: BTreeSet<&str> = rules.variables.iter().map(|name| root(name)).collect();
    let hidden = analysis.assigned.iter().filter(|(name, _)| roots.contains(name.as_str()));
    hidden
        .map(|(name, offset)| {
            let message = format!("`{name}` is a variable of this prompt: choose another name");
            TemplateIssue::at(source, *offset, IssueCode::Forbidden, message)
        })
        .collect()
}

impl TemplateRules {
    fn allow(&self, name: &str) -> bool {
        self.variables.contains(name) || name.match_indices('.').any(|(dot, _)| self.variables.contains(&name[..dot]))
    }

    fn refusal(&self, name: &str) -> String {
        let all: Vec<&str> = self.variables.iter().map(String::as_str).collect();
        let below: Vec<&str> = all.iter().copied().filter(|known| is_below(known, name)).collect();
        if !below.is_empty() {
            return format!("`{name}` is a group: name one of its parts ({})", below.join(", "));
        }
        let meant = nearest(name, &all).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        format!("unknown variable `{name}`{meant} (allowed: {})", all.join(", "))
    }
}

fn is_below(name: &str, group: &str) -> bool {
    name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'))
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

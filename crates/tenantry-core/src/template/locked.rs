//! Parts of a default prompt that an override must keep.

use super::issue::{IssueCode, TemplateIssue, position};
use super::scan::{Comment, Scan};

/// A part between `{# locked: NAME #}` and `{# end locked #}`, at a level where it is always written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedBlock {
    /// The name after `locked:`.
    pub name: String,
    /// The block with both marks, exactly as it stands.
    pub text: String,
    /// Line of the first mark, counted from 1.
    pub line: usize,
    /// Column of the first mark in characters, counted from 1.
    pub column: usize,
    /// Whether it stands within a statement, and so may not be written.
    conditional: bool,
}

/// The locked blocks of a source, in order. Marks without their counterpart are left out; [`lint`](super::lint) names
/// them.
pub fn locked_blocks(source: &str) -> Vec<LockedBlock> {
    read(source, &Scan::new(source)).0
}

/// The blocks, and what is wrong with the marks.
pub(super) fn read(source: &str, scan: &Scan<'_>) -> (Vec<LockedBlock>, Vec<TemplateIssue>) {
    let mut blocks = Vec::new();
    let mut issues = Vec::new();
    let mut open: Option<(&str, &Comment<'_>)> = None;
    let mut fault = |comment: &Comment<'_>, message: String| {
        issues.push(TemplateIssue::at(source, comment.start, IssueCode::Syntax, message));
    };
    for comment in &scan.comments {
        if let Some(name) = comment.text.strip_prefix("locked:").map(str::trim) {
            if let Some((outer, start)) = open.replace((name, comment)) {
                fault(start, format!("the locked block `{outer}` has no `{{# end locked #}}` before the next begins"));
            }
        } else if comment.text == "end locked" {
            match open.take() {
                Some((name, start)) => blocks.push(LockedBlock::new(source, name, start, comment)),
                None => fault(comment, "`{# end locked #}` without a `{# locked: NAME #}`".to_owned()),
            }
        }
    }
    if let Some((name, start)) = open {
        fault(start, format!("the locked block `{name}` has no `{{# end locked #}}`"));
    }
    (blocks, issues)
}

/// Which locked blocks of the base the override lacks, changed, or put where they may not be written.
pub(super) fn missing(base: &[LockedBlock], kept: &[LockedBlock]) -> Vec<TemplateIssue> {
    base.iter().filter_map(|block| block.missing_from(kept)).collect()
}

impl LockedBlock {
    fn new(source: &str, name: &str, start: &Comment<'_>, end: &Comment<'_>) -> Self {
        let (line, column) = position(source, start.start);
        let text = source[start.start..end.end].to_owned();
        Self { name: name.to_owned(), text, line, column, conditional: start.depth > 0 }
    }

    fn missing_from(&self, kept: &[Self]) -> Option<TemplateIssue> {
        let named: Vec<&Self> = kept.iter().filter(|block| block.name == self.name).collect();
        let same: Vec<&&Self> = named.iter().filter(|block| block.text == self.text).collect();
        if same.iter().any(|block| self.conditional || !block.conditional) {
            return None;
        }
        let name = &self.name;
        let (found, message) = match (same.first(), named.first()) {
            (Some(block), _) => {
                (Some(**block), format!("the locked block `{name}` must not stand within a statement or a macro"))
            }
            (None, Some(block)) => (
                Some(*block),
                format!("the locked block `{name}` is changed; it must be kept as it is:\n{}", self.text),
            ),
            (None, None) => (None, format!("the locked block `{name}` is missing; keep it as it is:\n{}", self.text)),
        };
        let (line, column) = found.map_or((1, 1), |block| (block.line, block.column));
        Some(TemplateIssue { line, column, message, code: IssueCode::MissingLockedBlock })
    }
}

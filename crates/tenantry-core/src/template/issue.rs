//! What is wrong with a template, and where.

use std::fmt;

/// One fault of a template's source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TemplateIssue {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// What kind of fault it is, for programs.
    pub code: IssueCode,
}

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueCode {
    /// The source does not parse, or names a filter, test or function that does not exist.
    Syntax,
    /// A variable that this prompt does not have.
    UnknownVariable,
    /// The source, one tag of it, the nesting of its blocks, or what it writes is over the limit.
    TooLarge,
    /// It takes too many steps to render.
    Endless,
    /// Something that templates elsewhere may do and prompts may not.
    Forbidden,
    /// A locked block of the prompt below is missing or changed.
    MissingLockedBlock,
    /// The two sides of a merge stand in it, between marks.
    Conflict,
}

impl TemplateIssue {
    /// The issue at a byte offset of the source.
    pub(super) fn at(source: &str, offset: usize, code: IssueCode, message: impl Into<String>) -> Self {
        let (line, column) = position(source, offset);
        Self { line, column, message: message.into(), code }
    }
}

impl fmt::Display for TemplateIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// Line and column, both from 1, of a byte offset; an offset past the end is the end.
pub(super) fn position(source: &str, offset: usize) -> (usize, usize) {
    let offset = (0..=offset.min(source.len())).rev().find(|&o| source.is_char_boundary(o)).unwrap_or(0);
    let before = &source[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

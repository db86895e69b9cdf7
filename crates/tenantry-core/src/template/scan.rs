//! Looks at the tags and comments of a source before it is parsed.
//!
//! The parser and the code generator recurse as deep as an expression or a chain of `elif` is long, and would run out
//! of stack on a hostile one. What passes this scan is short and flat enough for them.

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::engine::error_offset;
use super::issue::{IssueCode, TemplateIssue};

/// Tokens in one tag; what is as deep as this still fits a stack of 1 MiB in a debug build.
const TAG_TOKENS: usize = 400;
/// Tokens in all tags; bounds the time to compile.
const TOKENS: usize = 10_000;
/// Blocks in blocks; an `elif` counts as one, because it is one to the parser.
const NESTING: usize = 32;

/// Statements that a prompt may not use, each with its reason.
const FORBIDDEN: [(&str, &str); 8] = [
    ("include", NO_OTHER_TEMPLATES),
    ("import", NO_OTHER_TEMPLATES),
    ("from", NO_OTHER_TEMPLATES),
    ("extends", NO_OTHER_TEMPLATES),
    ("block", NO_OTHER_TEMPLATES),
    ("autoescape", "a prompt is plain text, nothing is escaped"),
    ("call", "call the macro in an expression instead"),
    ("do", "an expression without output does nothing in a prompt"),
];
const NO_OTHER_TEMPLATES: &str = "a prompt stands alone, there are no other templates";

/// Statements that open a block; `set` does so only without `=`.
const OPENERS: [&str; 8] = ["for", "if", "with", "filter", "macro", "autoescape", "block", "call"];

/// One `{{ … }}` or `{% … %}`.
pub(super) struct Tag<'s> {
    /// Offset of the first brace.
    pub(super) start: usize,
    /// Offset after the last brace, or of the end of the source.
    pub(super) end: usize,
    /// The statement's first word; `None` for an expression.
    pub(super) keyword: Option<&'s str>,
    tokens: usize,
    assigns: bool,
}

/// One `{# … #}`.
pub(super) struct Comment<'s> {
    /// Offset of the first brace.
    pub(super) start: usize,
    /// Offset after the last brace.
    pub(super) end: usize,
    /// What stands between, without the white space around it.
    pub(super) text: &'s str,
    /// How many blocks it stands in.
    pub(super) depth: usize,
}

/// Tags and comments in order, up to the first character that is no token.
#[derive(Default)]
pub(super) struct Scan<'s> {
    pub(super) tags: Vec<Tag<'s>>,
    pub(super) comments: Vec<Comment<'s>>,
    /// What is over a limit or not a token; with one of these the source must not be parsed.
    pub(super) faults: Vec<TemplateIssue>,
    /// Blocks that are open: the index of the tag, and the levels that it and its `elif`s take.
    open: Vec<(usize, usize)>,
}

impl<'s> Scan<'s> {
    /// Scans a source that is not longer than its limit.
    pub(super) fn new(source: &'s str) -> Self {
        let mut reader = Reader { source, scan: Self::default(), tag: None, parens: 0, text_from: 0 };
        for item in tokenize(source, false, SyntaxConfig::default()) {
            match item {
                Ok((token, span)) => reader.read(&token, span),
                Err(err) => {
                    let (offset, message) = (error_offset(&err, source), err.detail().unwrap_or("not a template"));
                    reader.scan.faults.push(TemplateIssue::at(source, offset, IssueCode::Syntax, message));
                    return reader.scan;
                }
            }
        }
        reader.finish()
    }

    /// The tag that a byte offset lies in.
    pub(super) fn tag_at(&self, offset: usize) -> Option<&Tag<'s>> {
        self.tags.iter().find(|tag| (tag.start..=tag.end).contains(&offset))
    }

    /// The tag of the innermost block that is never closed.
    pub(super) fn unclosed(&self) -> Option<&Tag<'s>> {
        self.open.last().map(|&(index, _)| &self.tags[index])
    }

    /// The statements that a prompt may not use.
    pub(super) fn forbidden(&self, source: &str) -> Vec<TemplateIssue> {
        let issue = |tag: &Tag<'_>| {
            let (word, why) = FORBIDDEN.iter().find(|(word, _)| Some(*word) == tag.keyword)?;
            let message = format!("`{{% {word} %}}` is not allowed: {why}");
            Some(TemplateIssue::at(source, tag.start, IssueCode::Forbidden, message))
        };
        self.tags.iter().filter_map(issue).collect()
    }

    /// How many levels of blocks are open.
    fn depth(&self) -> usize {
        self.open.iter().map(|(_, levels)| levels).sum()
    }

    /// Keeps the comments between two tokens. White space and `raw` tags are all else that can stand there.
    fn find_comments(&mut self, source: &'s str, from: usize, to: usize) {
        let depth = self.depth();
        let mut at = from;
        while let Some(start) = source[at..to.max(at)].find("{#").map(|found| at + found) {
            let Some(length) = source[start + 2..to].find("#}") else { return };
            let inner = &source[start + 2..start + 2 + length];
            at = start + 2 + length + 2;
            let text = inner.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
            self.comments.push(Comment { start, end: at, text, depth });
        }
    }

    fn close_tag(&mut self, source: &str, tag: Tag<'s>) {
        if tag.tokens > TAG_TOKENS {
            let message = format!("this tag has {} words and signs, at most {TAG_TOKENS} are allowed", tag.tokens);
            self.faults.push(TemplateIssue::at(source, tag.start, IssueCode::TooLarge, message));
        }
        let before = self.depth();
        self.follow(&tag);
        if before <= NESTING && self.depth() > NESTING {
            let message = format!("blocks are nested deeper than {NESTING}");
            self.faults.push(TemplateIssue::at(source, tag.start, IssueCode::TooLarge, message));
        }
        self.tags.push(tag);
    }

    /// Opens or closes the block that a statement opens or closes.
    fn follow(&mut self, tag: &Tag<'_>) {
        match tag.keyword {
            Some("elif") => {
                if let Some((_, levels)) = self.open.last_mut() {
                    *levels += 1;
                }
            }
            Some(word) if word.starts_with("end") => {
                self.open.pop();
            }
            Some("set") if !tag.assigns => self.open.push((self.tags.len(), 1)),
            Some(word) if OPENERS.contains(&word) => self.open.push((self.tags.len(), 1)),
            Some(_) | None => {}
        }
    }

    fn check_total(&mut self, source: &str) {
        let total: usize = self.tags.iter().map(|tag| tag.tokens).sum();
        if total > TOKENS {
            let message = format!("all tags together have {total} words and signs, at most {TOKENS} are allowed");
            self.faults.push(TemplateIssue::at(source, 0, IssueCode::TooLarge, message));
        }
    }
}

/// Turns tokens into tags and comments.
struct Reader<'s> {
    source: &'s str,
    scan: Scan<'s>,
    /// The tag that is open.
    tag: Option<Tag<'s>>,
    /// How many parentheses are open in it.
    parens: usize,
    /// Where the last text or tag ended; between there and the next stand comments.
    text_from: usize,
}

impl<'s> Reader<'s> {
    fn read(&mut self, token: &Token<'s>, span: Span) {
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        match token {
            Token::VariableStart | Token::BlockStart => {
                self.scan.find_comments(self.source, self.text_from, start);
                self.tag = Some(Tag::new(start, self.source.len()));
                self.parens = 0;
            }
            Token::TemplateData(_) => {
                self.scan.find_comments(self.source, self.text_from, start);
                self.text_from = end;
            }
            Token::VariableEnd | Token::BlockEnd => {
                self.text_from = end;
                if let Some(tag) = self.tag.take() {
                    self.scan.close_tag(self.source, Tag { end, ..tag });
                }
            }
            inner => {
                if let Some(tag) = &mut self.tag {
                    tag.add(inner, &mut self.parens, self.source);
                }
            }
        }
    }

    fn finish(mut self) -> Scan<'s> {
        match self.tag.take() {
            Some(tag) => self.scan.close_tag(self.source, tag),
            None => self.scan.find_comments(self.source, self.text_from, self.source.len()),
        }
        self.scan.check_total(self.source);
        self.scan
    }
}

impl<'s> Tag<'s> {
    fn new(start: usize, end: usize) -> Self {
        Self { start, end, keyword: None, tokens: 0, assigns: false }
    }

    fn add(&mut self, token: &Token<'s>, parens: &mut usize, source: &str) {
        match token {
            Token::Ident(word) if self.tokens == 0 && source[self.start..].starts_with("{%") => {
                self.keyword = Some(word);
            }
            Token::ParenOpen => *parens += 1,
            Token::ParenClose => *parens = parens.saturating_sub(1),
            Token::Assign if *parens == 0 => self.assigns = true,
            _ => {}
        }
        self.tokens += 1;
    }

    /// Whether the parser knows the statement, or it is an expression.
    pub(super) fn is_known(&self) -> bool {
        self.keyword.is_none_or(|word| {
            word == "set"
                || ["else", "elif"].contains(&word)
                || OPENERS.contains(&word.strip_prefix("end").unwrap_or(word))
                || word == "endset"
        })
    }
}

/// Replaces a tag by blanks, so that the rest can be parsed with every offset as it was.
pub(super) fn blank(source: &mut String, start: usize, end: usize) {
    let blanks: String = source[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    source.replace_range(start..end, &blanks);
}

/// Whether the statement is one that a prompt may not use, or its end.
pub(super) fn is_forbidden(tag: &Tag<'_>) -> bool {
    tag.keyword.is_some_and(|word| {
        let word = word.strip_prefix("end").unwrap_or(word);
        FORBIDDEN.iter().any(|(forbidden, _)| *forbidden == word)
    })
}

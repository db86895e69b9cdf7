//! Prompt templates: compiled, linted and rendered within limits.
//!
//! Tenants write them, so a template can read only its [`Context`], cannot load another template, and can neither
//! hang, recurse nor fill the memory: its size and nesting are checked before it is parsed, its expressions are held to
//! a dialect in which lists do not grow, and its steps, depth and output are limited while it renders.

mod analysis;
mod context;
mod dialect;
mod engine;
mod guard;
mod issue;
mod lint;
mod locked;
mod scan;
#[cfg(test)]
mod tests;
mod tree;
mod trial;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::{Environment, OutputSpan, OutputSpanKind};

pub use context::Context;
pub use engine::{RenderError, RenderErrorKind};
pub use guard::Need;
pub use issue::{IssueCode, TemplateIssue};
pub use lint::{TemplateRules, lint, needs};
pub use locked::{LockedBlock, locked_blocks};

use analysis::Names;

/// What a template may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLimits {
    /// Bytes of source.
    pub source_bytes: usize,
    /// Bytes of output, enforced while it is written.
    pub output_bytes: usize,
    /// Steps, where 64 bytes of text made on the way cost one step as well: the default of 50,000 is a second at the
    /// very worst and 3 MB, and a thousand times what a long prompt needs.
    pub fuel: u64,
    /// Levels of loops and macros within one another; a macro takes four.
    pub recursion: usize,
}

impl Default for TemplateLimits {
    fn default() -> Self {
        Self { source_bytes: 64 * 1024, output_bytes: 64 * 1024, fuel: 50_000, recursion: 32 }
    }
}

/// A compiled template; a clone shares it.
#[derive(Clone)]
pub struct Template {
    compiled: Arc<Compiled>,
}

struct Compiled {
    env: Environment<'static>,
    output_bytes: usize,
    /// By start and end of an expression in the source, the names of the context behind its output.
    outputs: BTreeMap<(usize, usize), Names>,
}

/// A piece of the output and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The piece.
    pub text: String,
    /// What wrote it.
    pub source: SpanSource,
}

/// What wrote a piece of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanSource {
    /// The template itself.
    Literal,
    /// An expression that read these dotted names of the context, in alphabetical order.
    Variables(Vec<String>),
}

impl Template {
    /// Compiles a source, or names all that is wrong with it, in the order of the source.
    pub fn compile(source: &str, limits: &TemplateLimits) -> Result<Self, Vec<TemplateIssue>> {
        let checked = lint::check(source, limits);
        let (true, Some(analysis)) = (checked.issues.is_empty(), checked.analysis) else {
            return Err(checked.issues);
        };
        let env = engine::environment(source, limits).map_err(|err| {
            let message = err.detail().unwrap_or("not a template").to_owned();
            vec![TemplateIssue::at(source, engine::error_offset(&err, source), IssueCode::Syntax, message)]
        })?;
        let compiled = Compiled { env, output_bytes: limits.output_bytes, outputs: analysis.outputs };
        Ok(Self { compiled: Arc::new(compiled) })
    }

    /// Renders the template. A name that has no value is an error, never an empty text.
    pub fn render(&self, context: &Context) -> Result<String, RenderError> {
        let context = context.to_engine().map_err(RenderError::context)?;
        engine::render(&self.compiled.env, context, self.compiled.output_bytes)
    }

    /// Renders the template in pieces that say where they came from. Together they are what [`render`](Self::render)
    /// answers with; no piece is empty, and no two literal pieces follow one another.
    pub fn render_spans(&self, context: &Context) -> Result<Vec<Span>, RenderError> {
        let context = context.to_engine().map_err(RenderError::context)?;
        // The recording renderer has no limit of its own for the output, so this goes first.
        let text = engine::render(&self.compiled.env, context.clone(), self.compiled.output_bytes)?;
        let template = self.compiled.env.get_template(engine::NAME).expect("the template was compiled");
        let recorded = template.render_with_spans(context).ok().filter(|(output, _)| *output == text);
        let spans = recorded.map(|(_, spans)| spans).unwrap_or_default();
        Ok(self.compiled.pieces(&text, &spans))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").finish_non_exhaustive()
    }
}

impl Compiled {
    fn pieces(&self, text: &str, spans: &[OutputSpan]) -> Vec<Span> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for span in spans {
            let range = span.output_range();
            append(&mut pieces, &text[at..range.start], SpanSource::Literal);
            append(&mut pieces, &text[range.clone()], self.source(span));
            at = range.end;
        }
        append(&mut pieces, &text[at..], SpanSource::Literal);
        pieces
    }

    fn source(&self, span: &OutputSpan) -> SpanSource {
        let range = span.source_range();
        match self.outputs.get(&(range.start, range.end)) {
            Some(names) if span.kind() == OutputSpanKind::Expression && !names.is_empty() => {
                SpanSource::Variables(names.iter().cloned().collect())
            }
            _ => SpanSource::Literal,
        }
    }
}

/// Adds a piece, joining literal text to the literal text before it.
fn append(pieces: &mut Vec<Span>, text: &str, source: SpanSource) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.source == SpanSource::Literal && source == SpanSource::Literal => last.text.push_str(text),
        _ => pieces.push(Span { text: text.to_owned(), source }),
    }
}

/// The issue of a source that is over its limit.
fn check_size(source: &str, limits: &TemplateLimits) -> Option<TemplateIssue> {
    let (size, limit) = (source.len(), limits.source_bytes);
    let message = format!("the template has {size} bytes, at most {limit} are allowed");
    (size > limit).then(|| TemplateIssue::at(source, 0, IssueCode::TooLarge, message))
}

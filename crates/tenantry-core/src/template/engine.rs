//! The template engine, set up for sources that nobody trusts.

use std::io;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use super::TemplateLimits;
use super::dialect::{REMOVED_FILTERS, REMOVED_FUNCTIONS, REMOVED_TESTS};
use super::issue::position;

/// The one template of each environment.
pub(super) const NAME: &str = "prompt";

/// Why a template did not render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct RenderError {
    /// Line of the source, counted from 1; 1 if the context is at fault.
    pub line: usize,
    /// Column in characters, counted from 1; 1 if the context is at fault.
    pub column: usize,
    /// What kind of failure it is, for programs.
    pub kind: RenderErrorKind,
    /// What went wrong, for people.
    pub message: String,
}

/// The ways in which rendering fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenderErrorKind {
    /// It used up its fuel, or called itself too deep.
    Endless,
    /// The output, or the context, is over its limit.
    TooLarge,
    /// It read a name that has no value.
    Undefined,
    /// An operation that the value does not have.
    Other,
}

/// An environment that holds one template and can find no other.
pub(super) fn environment(source: &str, limits: &TemplateLimits) -> Result<Environment<'static>, minijinja::Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(limits.fuel));
    env.set_recursion_limit(limits.recursion);
    // Debug output would quote the context in errors.
    env.set_debug(false);
    for name in REMOVED_FILTERS {
        env.remove_filter(name);
    }
    for name in REMOVED_TESTS {
        env.remove_test(name);
    }
    // The engine's own would write a whole list as text for each test, and not charge for it.
    env.add_test("startingwith", |value: &Value, start: &str| {
        value.as_str().is_some_and(|text| text.starts_with(start))
    });
    env.add_test("endingwith", |value: &Value, end: &str| value.as_str().is_some_and(|text| text.ends_with(end)));
    for name in REMOVED_FUNCTIONS {
        env.remove_global(name);
    }
    env.add_template_owned(NAME, source.to_owned())?;
    Ok(env)
}

/// Renders, stopping at the first byte that is over the limit.
pub(super) fn render(env: &Environment<'static>, context: Value, limit: usize) -> Result<String, RenderError> {
    let template = env.get_template(NAME).expect("the environment was made with its template");
    let mut output = BoundedOutput { bytes: Vec::new(), limit, full: false };
    let outcome = template.render_captured_to(context.clone(), &mut output).map(drop);
    match outcome {
        Ok(()) => Ok(String::from_utf8(output.bytes).expect("the engine writes whole strings")),
        Err(_) if output.full => {
            Err(RenderError::too_long(template.source(), overflow(&template, context, limit), limit))
        }
        Err(err) => Err(RenderError::new(&err, template.source())),
    }
}

/// Where in the source the text comes from that is over the limit. The engine does not say so of a failed write, so
/// the template renders once more with its pieces recorded; fuel bounds how much that can be.
fn overflow(template: &minijinja::Template<'_, '_>, context: Value, limit: usize) -> usize {
    let spans = template.render_with_spans(context).map(|(_, spans)| spans).unwrap_or_default();
    spans.iter().find(|span| span.output_range().end > limit).map_or(0, |span| span.source_range().start)
}

impl RenderError {
    fn new(err: &minijinja::Error, source: &str) -> Self {
        let (line, column) = position(source, error_offset(err, source));
        let detail = err.detail().map_or_else(|| err.kind().to_string(), str::to_owned);
        let (kind, message) = match err.kind() {
            ErrorKind::OutOfFuel => {
                (RenderErrorKind::Endless, "this takes too many steps: is a loop too long?".to_owned())
            }
            ErrorKind::UndefinedError => (RenderErrorKind::Undefined, undefined(err, source)),
            _ if detail.contains("recursion limit exceeded") => {
                (RenderErrorKind::Endless, "macros or loops call themselves too deep".to_owned())
            }
            _ => (RenderErrorKind::Other, detail),
        };
        Self { line, column, kind, message }
    }

    fn too_long(source: &str, offset: usize, limit: usize) -> Self {
        let (line, column) = position(source, offset);
        Self { line, column, kind: RenderErrorKind::TooLarge, message: format!("the output is over {limit} bytes") }
    }

    /// The context is over a limit, so no line of the source is at fault.
    pub(super) fn context(message: String) -> Self {
        Self { line: 1, column: 1, kind: RenderErrorKind::TooLarge, message }
    }
}

/// Quotes the expression that has no value.
fn undefined(err: &minijinja::Error, source: &str) -> String {
    match err.range().and_then(|range| source.get(range)) {
        Some(expression) => format!("`{expression}` has no value"),
        None => "a name here has no value".to_owned(),
    }
}

/// The offset in the source that an error is about.
pub(super) fn error_offset(err: &minijinja::Error, source: &str) -> usize {
    let start_of_line = |line: usize| source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    err.range().map_or_else(|| err.line().filter(|line| *line > 0).map_or(0, start_of_line), |range| range.start)
}

/// Takes output up to a limit.
struct BoundedOutput {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl io::Write for BoundedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.full = true;
            return Err(io::Error::other("the output is over its limit"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! What people and programs read: tables in colour for the first, JSON and YAML documents for the second.
//!
//! Documents go to standard output, everything else to standard error. Colours appear only on a terminal, and not when
//! `NO_COLOR` is set.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;
use dialoguer::console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use serde::Serialize;
use tenantry_core::layer::Tier;

use crate::exit::Trouble;
use crate::yaml;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// A stable document for programs
    Json,
    /// The same document as YAML
    Yaml,
    /// `catalog` alone: the JSON Schema
    JsonSchema,
    /// `catalog` alone: the parameter reference
    Markdown,
}

/// Prints what commands answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    paint: Paint,
    /// Columns of the terminal; none if it is no terminal.
    width: Option<usize>,
}

impl Output {
    /// Looks at what standard output is.
    pub(crate) fn new(format: Format) -> Self {
        let terminal = io::stdout().is_terminal();
        let width = terminal.then(|| usize::from(Term::stdout().size().1));
        Self { format, paint: Paint::when(terminal), width }
    }

    /// The form that was asked for.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// How to colour text for standard output.
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// The columns of the terminal, if it is one.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Prints an answer: the document for programs, or the text for people.
    pub(crate) fn show(&self, document: &impl Serialize, text: impl FnOnce(&Self) -> String) -> anyhow::Result<()> {
        match self.format {
            Format::Table => print(&text(self)),
            Format::Json => print(&serde_json::to_string_pretty(document).context("the answer is no JSON")?),
            Format::Yaml => print(&yaml::to_string(document)?),
            Format::JsonSchema | Format::Markdown => {
                let message = "--output json-schema and markdown are for `tenantry catalog` alone";
                Err(Trouble::usage(message).help("use table, json or yaml").into())
            }
        }
    }

    /// Lays out rows in columns, cut to the terminal's width. Nothing but the header if there are no rows.
    pub(crate) fn table(&self, header: &[&str], rows: &[Vec<String>]) -> String {
        let header: Vec<String> = header.iter().map(|name| self.paint.tone(Tone::Dim, name)).collect();
        let widths = widths(std::iter::once(&header).chain(rows), self.width);
        let lines = std::iter::once(&header).chain(rows).map(|row| line(row, &widths));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The space between two columns.
const GAP: &str = "  ";
/// Columns are not cut below this many characters.
const NARROWEST: usize = 12;

/// The widths of columns. Where a terminal is too narrow, the widest column gives way.
fn widths<'a>(rows: impl Iterator<Item = &'a Vec<String>>, limit: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(measure_text_width(cell));
        }
    }
    let Some(limit) = limit else { return widths };
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        match widths.iter_mut().max().filter(|widest| **widest > NARROWEST) {
            Some(widest) => *widest -= 1,
            None => break,
        }
    }
    widths
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| {
        let cut = truncate_str(cell, *width, "…");
        pad_str(&cut, *width, Alignment::Left, None).into_owned()
    });
    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

/// Writes text to standard output, with a line break at its end.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    match write!(stdout, "{text}{end}").and_then(|()| stdout.flush()) {
        // The reader has seen enough, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Says something to whoever runs the program, on standard error. There is nobody to tell if that fails.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Beside the point.
    Dim,
    /// The point.
    Strong,
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// Wrong.
    Bad,
    /// From a tier.
    Of(Tier),
}

/// Colours text, or leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Colours on a terminal, unless `NO_COLOR` says otherwise (<https://no-color.org>).
    pub(crate) fn when(terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { on: terminal && !unwanted && !dumb }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { on: false }
    }

    /// Whether there are colours, so that nothing else must mark what they would show.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// Colours a text.
    pub(crate) fn tone(self, tone: Tone, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        // Select Graphic Rendition, ECMA-48 8.3.117.
        let code = match tone {
            Tone::Dim | Tone::Of(Tier::Default) => "2",
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "1;31",
            Tone::Of(Tier::Global) => "36",
            Tone::Of(Tier::Tenant) => "1;35",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The name of a tier in its colour.
    pub(crate) fn tier(self, tier: Tier) -> String {
        self.tone(Tone::Of(tier), &tier.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let output = Output { format: Format::Table, paint: Paint::plain(), width: None };
        let table = output.table(&["KEY", "VALUE"], &rows(&[&["a", "日本"], &["abcd", "x"]]));
        assert_eq!(table, "KEY   VALUE\na     日本\nabcd  x");
    }

    #[test]
    fn the_widest_column_gives_way_to_a_narrow_terminal() {
        let output = Output { format: Format::Table, paint: Paint::plain(), width: Some(20) };
        let table = output.table(&["K", "V"], &rows(&[&["key", &"x".repeat(40)]]));
        assert_eq!(table.lines().last().unwrap(), format!("key  {}…", "x".repeat(14)));
    }

    #[test]
    fn colours_do_not_count_as_width() {
        let paint = Paint { on: true };
        let output = Output { format: Format::Table, paint, width: None };
        let painted = paint.tone(Tone::Good, "ok");
        let table = output.table(&["A", "B"], &[vec![painted.clone(), "x".to_owned()]]);
        assert_eq!(table.lines().last().unwrap(), format!("{painted}  x"));
    }
}

//! What people and programs read: tables in colour for the first, JSON and YAML documents for the second.
//!
//! Documents go to standard output, everything else to standard error. Colours appear only on a terminal, and not when
//! `NO_COLOR` is set.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;
use dialoguer::console::{Alignment, Term, measure_text_width, pad_str};
use serde::Serialize;
use tenantry_core::layer::Tier;

use crate::columns::wrap;
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
    /// Columns of the terminal, or those that `COLUMNS` wants; none if there is neither.
    width: Option<usize>,
}

impl Output {
    /// Looks at what standard output is.
    pub(crate) fn new(format: Format) -> Self {
        let terminal = io::stdout().is_terminal();
        let width = if terminal { Some(usize::from(Term::stdout().size().1)) } else { columns_wanted() };
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

    /// The columns of the terminal, if it is one, or those that `COLUMNS` wants.
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

    /// Lays out rows in columns. In a narrow terminal long texts are wrapped first, then all but the first column, in
    /// which the names are that other commands take. Nothing but the header if there are no rows.
    pub(crate) fn table(&self, header: &[&str], rows: &[Vec<String>]) -> String {
        let header: Vec<String> = header.iter().map(|name| self.paint.tone(Tone::Dim, name)).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
        let rows: Vec<_> = std::iter::once(&header).chain(&rows).collect();
        let widths = widths(&rows, self.width);
        rows.into_iter().map(|row| lines(row, &widths, self.width.is_some())).collect::<Vec<_>>().join("\n")
    }
}

/// The width that `COLUMNS` asks for where there is no terminal.
fn columns_wanted() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0)
}

/// The space between two columns.
const GAP: &str = "  ";
/// The width of a time: what is not wider gives way last.
const TIME: usize = 19;
/// Words up to this width are not broken while there is another way.
const WORD: usize = 32;
/// Columns do not become narrower than this.
const NARROWEST: usize = 12;
/// Without a limit a longer text pushes the rest of its own row out, and no other row's.
const LONGEST: usize = 60;

/// The widths of columns. Where there are fewer, the widest gives way first.
fn widths(rows: &[&Vec<String>], limit: Option<usize>) -> Vec<usize> {
    let natural = widest(rows, measure_text_width);
    let Some(limit) = limit else {
        return natural
            .iter()
            .enumerate()
            .map(|(at, width)| if at == 0 { *width } else { LONGEST.min(*width) })
            .collect();
    };
    let words = widest(rows, |cell| cell.split_whitespace().map(measure_text_width).max().unwrap_or(0));
    let mut widths = natural.clone();
    let text = |at: usize| if natural[at] > TIME { words[at].clamp(NARROWEST, WORD) } else { natural[at] };
    give_way(&mut widths, limit, text);
    give_way(&mut widths, limit, |at| words[at].min(WORD));
    give_way(&mut widths, limit, |_| NARROWEST);
    widths
}

/// For each column the greatest measure of its cells.
fn widest(rows: &[&Vec<String>], measure: impl Fn(&str) -> usize) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(*row) {
            *width = (*width).max(measure(cell));
        }
    }
    widths
}

/// Narrows all columns but the first until they fit, none below its least width.
fn give_way(widths: &mut [usize], limit: usize, least: impl Fn(usize) -> usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        let wide = widths.iter_mut().enumerate().skip(1).filter(|(at, width)| **width > least(*at));
        match wide.max_by_key(|(_, width)| **width) {
            Some((_, widest)) => *widest -= 1,
            None => break,
        }
    }
}

/// One row; where it is wrapped, on as many lines as its highest cell needs.
fn lines(row: &[String], widths: &[usize], wraps: bool) -> String {
    let cell = |(cell, width): (&String, &usize)| if wraps { wrapped(cell, *width) } else { vec![cell.clone()] };
    let cells: Vec<_> = row.iter().zip(widths).map(cell).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let lines = (0..height).map(|at| {
        let cells = cells.iter().zip(widths).map(|(lines, width)| {
            let text = lines.get(at).map_or("", String::as_str);
            pad_str(text, *width, Alignment::Left, None).into_owned()
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A text without control characters, so that what is stored neither commands the terminal nor poses as another row. The
/// colour of a whole cell stays.
pub(crate) fn visible(cell: &str) -> String {
    let shown = |text: &str| text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
    match painted(cell) {
        Some((code, text)) if code.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';')) => {
            format!("\u{1b}[{code}m{}\u{1b}[0m", shown(text))
        }
        Some(_) | None => shown(cell),
    }
}

/// The colour of a cell, and its text.
fn painted(cell: &str) -> Option<(&str, &str)> {
    cell.strip_prefix("\u{1b}[")?.strip_suffix("\u{1b}[0m")?.split_once('m')
}

/// Wraps a cell; each of its lines has the cell's colour.
fn wrapped(cell: &str, width: usize) -> Vec<String> {
    if measure_text_width(cell) <= width {
        return vec![cell.to_owned()];
    }
    match painted(cell) {
        Some((code, text)) => wrap(text, width).iter().map(|line| format!("\u{1b}[{code}m{line}\u{1b}[0m")).collect(),
        None => wrap(cell, width),
    }
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

    fn table(width: Option<usize>, header: &[&str], cells: &[&[&str]]) -> String {
        Output { format: Format::Table, paint: Paint::plain(), width }.table(header, &rows(cells))
    }

    #[test]
    fn a_long_text_gives_way_to_a_narrow_terminal_and_is_wrapped() {
        let table = table(Some(30), &["KEY", "TEXT"], &[&["key.in.full", "one two three four five"]]);
        assert_eq!(table, "KEY          TEXT\nkey.in.full  one two three\n             four five");
    }

    #[test]
    fn ids_and_times_are_never_cut() {
        let (id, time) = ("0123456789abcdef", "2026-11-23 18:07:59");
        let table = table(Some(54), &["ID", "NAME", "UNTIL"], &[&[id, "a name of several words", time]]);
        assert!(table.contains(id) && table.contains(time), "{table}");
        assert!(table.lines().all(|line| measure_text_width(line) <= 54), "{table}");
    }

    #[test]
    fn a_first_column_that_is_too_wide_is_kept_whole() {
        let key = "k".repeat(40);
        assert!(table(Some(20), &["K", "V"], &[&[&key, &"x".repeat(40)]]).contains(&key));
    }

    #[test]
    fn a_very_long_text_does_not_pad_every_other_row() {
        let long = "x".repeat(500);
        let table = table(None, &["ID", "NAME", "STATE"], &[&["1", &long, "valid"], &["2", "short", "valid"]]);
        assert!(table.contains(&format!("{long}  valid")) && table.lines().last().unwrap().len() < 80, "{table}");
    }

    #[test]
    fn what_is_stored_neither_commands_the_terminal_nor_makes_a_row() {
        let shown = table(None, &["ID", "WHY"], &[&["1", "paid\n2  forged\u{1b}[2J"]]);
        assert_eq!(shown, "ID  WHY\n1   paid\u{fffd}2  forged\u{fffd}[2J");
        let coloured = Paint { on: true }.tone(Tone::Good, "a\u{1b}b");
        assert_eq!(visible(&coloured), Paint { on: true }.tone(Tone::Good, "a\u{fffd}b"));
    }

    #[test]
    fn each_line_of_a_wrapped_text_has_its_colour() {
        let painted = Paint { on: true }.tone(Tone::Good, "one two");
        let line = |text| Paint { on: true }.tone(Tone::Good, text);
        assert_eq!(wrapped(&painted, 4), [line("one"), line("two")]);
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

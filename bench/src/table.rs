//! Prints what was measured beside what it is compared with, and keeps the table beside the build.

use std::fmt;
use std::path::Path;

use comfy_table::TableStyle;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_HORIZONTAL_ONLY};

use crate::rounds::Figures;

/// What is to be reached.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At most so many times the other's figure.
    AtMost(f64),
    /// At least so many times better than the other.
    Beats(f64),
    /// Told for what it is; nothing was set as a goal.
    None,
}

impl Target {
    fn verdict(self, ratio: f64) -> String {
        match self {
            Self::AtMost(most) if ratio <= most => "met".to_owned(),
            Self::AtMost(most) => format!("missed by {:.0} %", (ratio / most - 1.0) * 100.0),
            Self::Beats(least) if 1.0 / ratio >= least => "met".to_owned(),
            Self::Beats(least) => format!("missed: {:.1} times too slow", least * ratio),
            Self::None => String::new(),
        }
    }

    fn ratio(self, ratio: f64) -> String {
        match self {
            Self::Beats(_) => format!("1/{}", grouped(1.0 / ratio)),
            Self::None if ratio < 0.1 => format!("1/{}", grouped(1.0 / ratio)),
            Self::AtMost(_) | Self::None => format!("{ratio:.2}x"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most:.2}x"),
            Self::Beats(least) => write!(f, "≤ 1/{}", grouped(*least)),
            Self::None => f.write_str("–"),
        }
    }
}

/// A number to be read by people: three digits at least, thousands apart.
fn grouped(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// What a figure counts.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Time, in nanoseconds.
    Time,
    /// Memory or length, in bytes.
    Bytes,
    /// A ratio.
    Times,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Bytes if figure >= 1e6 => format!("{:.2} MB", figure / 1e6),
            Self::Bytes => format!("{} B", grouped(figure)),
            Self::Times => format!("{figure:.2}x"),
            Self::Time if figure >= 1e6 => format!("{:.2} ms", figure / 1e6),
            Self::Time if figure >= 1e3 => format!("{:.2} µs", figure / 1e3),
            Self::Time => format!("{figure:.1} ns"),
        }
    }
}

/// One comparison.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Tenantry's figure.
    pub ours: f64,
    /// What it is compared with.
    pub other: String,
    /// The figure of that.
    pub theirs: f64,
    /// How many times the other's figure Tenantry's is.
    pub ratio: f64,
    /// What the figures count.
    pub unit: Unit,
    /// What is to be reached.
    pub target: Target,
}

/// The comparisons of one benchmark.
pub struct Table {
    name: &'static str,
    rows: Vec<Row>,
}

impl Table {
    /// Begins a table.
    pub fn new(name: &'static str) -> Self {
        Self { name, rows: Vec::new() }
    }

    /// Adds a comparison.
    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds the comparison of the first side that was measured with another one.
    pub fn compare(&mut self, what: impl Into<String>, figures: &Figures, other: usize, target: Target) {
        self.row(Row {
            what: what.into(),
            ours: figures.median(0),
            other: figures.name(other).to_owned(),
            theirs: figures.median(other),
            ratio: figures.ratio(0, other),
            unit: Unit::Time,
            target,
        });
    }

    /// Prints the table, and keeps it as Markdown under `target/figures`.
    pub fn finish(self) {
        println!("\n{}\n", self.shown(UTF8_HORIZONTAL_ONLY));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/figures");
        let kept = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(self.name).with_extension("md"), self.shown(ASCII_MARKDOWN)));
        if let Err(error) = kept {
            println!("The table could not be kept: {error}");
        }
    }

    fn shown(&self, style: TableStyle) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(style);
        table.set_header([self.name, "Tenantry", "compared with", "that", "ratio", "target", ""]);
        for row in &self.rows {
            table.add_row([
                row.what.clone(),
                row.unit.show(row.ours),
                row.other.clone(),
                row.unit.show(row.theirs),
                row.target.ratio(row.ratio),
                row.target.to_string(),
                row.target.verdict(row.ratio),
            ]);
        }
        table.to_string()
    }
}

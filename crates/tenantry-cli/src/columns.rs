//! Lays texts out side by side, each wrapped to the width of its column.

use dialoguer::console::{Alignment, measure_text_width, pad_str};

use crate::output::{Paint, Tone};

/// Columns are not narrower than this; a narrower terminal wraps them itself.
const NARROWEST: usize = 20;
/// The space between two columns.
const GAP: &str = "  ";

/// A row: what it is about, and a text for each column.
pub(crate) struct Row {
    /// What it is about.
    pub(crate) label: String,
    /// For each column its text, and how it is meant.
    pub(crate) cells: Vec<(String, Tone)>,
}

/// Lays rows out within a width.
pub(crate) fn side_by_side(rows: &[Row], width: usize, paint: Paint) -> String {
    let label = rows.iter().map(|row| measure_text_width(&row.label)).max().unwrap_or(0);
    let count = rows.iter().map(|row| row.cells.len()).max().unwrap_or(1).max(1);
    let column = (width.saturating_sub(label + GAP.len() * count) / count).max(NARROWEST);
    rows.iter().map(|row| lay_out(row, label, column, paint)).collect::<Vec<_>>().join("\n")
}

fn lay_out(row: &Row, label: usize, column: usize, paint: Paint) -> String {
    let wrapped: Vec<_> = row.cells.iter().map(|(text, tone)| (wrap(text, column), *tone)).collect();
    let height = wrapped.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
    let lines = (0..height).map(|at| {
        let name = if at == 0 { row.label.as_str() } else { "" };
        let mut line = paint.tone(Tone::Dim, &pad(name, label));
        for (lines, tone) in &wrapped {
            line.push_str(GAP);
            line.push_str(&paint.tone(*tone, &pad(lines.get(at).map_or("", String::as_str), column)));
        }
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn pad(text: &str, width: usize) -> String {
    pad_str(text, width, Alignment::Left, None).into_owned()
}

/// Wraps a text at white space; a word that is longer than a line is cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for paragraph in text.lines() {
        if lines.last().is_some_and(|line| !line.is_empty()) {
            lines.push(String::new());
        }
        paragraph
            .split_whitespace()
            .flat_map(|word| pieces(word, width))
            .for_each(|word| push(&mut lines, &word, width));
    }
    lines
}

fn push(lines: &mut Vec<String>, word: &str, width: usize) {
    let Some(line) = lines.last_mut() else { return };
    if line.is_empty() {
        line.push_str(word);
    } else if measure_text_width(line) + 1 + measure_text_width(word) <= width {
        line.push(' ');
        line.push_str(word);
    } else {
        lines.push(word.to_owned());
    }
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let is_full = pieces.last().is_some_and(|piece| measure_text_width(piece) >= width);
        if is_full {
            pieces.push(String::new());
        }
        pieces.iter_mut().last().expect("there is a first piece").push(c);
    }
    pieces
}

/// Cuts a text behind a number of lines of a column.
pub(crate) fn beginning(text: &str, characters: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(characters) {
        Some((end, _)) => format!("{} …", flat[..end].trim_end()),
        None => flat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_side_by_side_wrapped_to_their_columns() {
        let cell = |text: &str| (text.to_owned(), Tone::Strong);
        let long = "one two three four five six";
        let rows = [
            Row { label: "who".to_owned(), cells: vec![cell("Ada"), cell("Eve")] },
            Row { label: "what".to_owned(), cells: vec![cell(long), cell("short")] },
        ];
        let expected = "\
who   Ada                   Eve
what  one two three four    short
      five six";
        assert_eq!(side_by_side(&rows, 48, Paint::plain()), expected);
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut() {
        assert_eq!(wrap("abcdef gh", 4), ["abcd", "ef", "gh"]);
    }

    #[test]
    fn the_beginning_of_a_text_is_one_line() {
        assert_eq!(beginning("a b\n\n c", 9), "a b c");
        assert_eq!(beginning("abcdef", 3), "abc …");
    }
}

//! The beginning of a text that is too long to be shown or sent whole.

/// The first `most` characters, and `…` behind them if there are more.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

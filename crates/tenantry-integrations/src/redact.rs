//! Makes what a provider said fit to be shown.

use std::collections::HashSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tenantry_core::secret::SecretText;

use crate::excerpt::excerpt;

/// The most characters of a provider's sentence that are kept: two lines of a screen.
const MAX_CHARS: usize = 300;

/// The most characters that are looked at: what comes later is cut off anyway.
const MAX_READ: usize = 4 * MAX_CHARS;

/// The most characters that an API key or a password may have: all of its parts are held while an answer is read.
pub(crate) const LONGEST_SECRET: usize = 512;

/// So many characters of the key in a row give a word away; fewer occur by chance.
const RUN: usize = 6;

/// So many characters of the key in base64 in a row, which are 6 bytes of it.
const BASE64_RUN: usize = 8;

/// So many digits of the key in hexadecimal in a row, which are 6 bytes of it.
const HEX_RUN: usize = 2 * RUN;

/// So many give a word away that is half masked already.
const MASKED_RUN: usize = 2;

/// Puts a provider's text on one line, shortens it, and replaces every word that has a part of a key in it.
pub(crate) fn redact(text: &str, keys: &[&SecretText]) -> String {
    Redactor::of(keys).redact(text)
}

/// What it takes to find parts of some keys in many texts.
pub(crate) struct Redactor {
    keys: Vec<(SecretText, KeyParts)>,
}

impl Redactor {
    pub(crate) fn of(keys: &[&SecretText]) -> Self {
        let set = keys.iter().filter(|key| !key.is_blank());
        Self { keys: set.map(|key| ((*key).clone(), KeyParts::of(key.expose()))).collect() }
    }

    /// As [`redact`]. Providers echo keys whole, cut, half masked (`sk-ab***wxyz`) or encoded, so a word goes altogether.
    pub(crate) fn redact(&self, text: &str) -> String {
        let head: String = text.chars().take(MAX_READ).collect();
        let hidden = self.keys.iter().fold(head, |text, (key, _)| text.replace(key.expose(), MASK));
        let shown = |word| if self.keys.iter().any(|(_, parts)| parts.occur_in(word)) { MASK } else { word };
        let words: Vec<_> = hidden.split(is_gap).filter(|word| !word.is_empty()).map(shown).collect();
        excerpt(&words.join(" "), MAX_CHARS)
    }
}

impl fmt::Debug for Redactor {
    /// Shows nothing of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} keys)", self.keys.len())
    }
}

const MASK: &str = "***";

fn is_gap(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// The pieces of a key that must not be seen.
struct KeyParts {
    runs: Runs,
    masked_runs: Runs,
    base64_runs: Runs,
    hex_runs: Runs,
}

impl KeyParts {
    fn of(key: &str) -> Self {
        Self {
            runs: Runs::of(&[key], RUN),
            masked_runs: Runs::of(&[key], MASKED_RUN),
            base64_runs: Runs::of(&in_base64(key.as_bytes()), BASE64_RUN),
            hex_runs: Runs::of(&[in_hex(key)], HEX_RUN),
        }
    }

    fn occur_in(&self, word: &str) -> bool {
        let is_half_masked = ["**", "..", "…"].iter().any(|mask| word.contains(mask));
        self.runs.occur_in(word)
            || (is_half_masked && self.masked_runs.occur_in(word))
            || self.base64_runs.occur_in(&word.replace('-', "+").replace('_', "/"))
            || self.hex_runs.occur_in(&word.to_ascii_lowercase())
    }
}

/// All that stands in some texts in a row of so many characters. A look at a word takes no longer for a longer key.
struct Runs {
    length: usize,
    all: HashSet<String>,
}

impl Runs {
    fn of(texts: &[impl AsRef<str>], length: usize) -> Self {
        let all = texts.iter().flat_map(|text| runs(text.as_ref(), length)).map(str::to_owned).collect();
        Self { length, all }
    }

    fn occur_in(&self, word: &str) -> bool {
        runs(word, self.length).any(|run| self.all.contains(run))
    }
}

/// What stands in a text in a row of so many characters, wherever it begins.
fn runs(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let edges = || text.char_indices().map(|(at, _)| at).chain([text.len()]);
    edges().zip(edges().skip(length)).map(|(from, to)| &text[from..to])
}

fn in_hex(key: &str) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("half a byte is one digit");
    key.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What base64 makes of the key wherever it stands: three bytes make four characters, so there are three ways to begin.
fn in_base64(key: &[u8]) -> [String; 3] {
    [0, 1, 2].map(|skipped| {
        let rest = key.get(skipped..).unwrap_or_default();
        // The bytes of a last group that is not full mix with what follows.
        STANDARD_NO_PAD.encode(&rest[..rest.len() / 3 * 3])
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-CANARY-acme-9d3f";

    fn check(text: &str, expected: &str) {
        assert_eq!(redact(text, &[&SecretText::new(KEY.to_owned())]), expected);
    }

    #[test]
    fn a_key_is_scrubbed_whole_cut_or_half_masked() {
        check("Incorrect API key provided: sk-CANARY-acme-9d3f.", "Incorrect API key provided: ***.");
        check("Incorrect API key provided: sk-CANAR", "Incorrect API key provided: ***");
        check("key=%22sk-CANARY-acme-9d3f%22 is bad", "key=%22***%22 is bad");
        check("bad key (sk-C*******9d3f)", "bad key ***");
        check("bad key sk-C...9d3f", "bad key ***");
    }

    #[test]
    fn an_encoded_key_is_scrubbed() {
        let hex = in_hex(KEY);
        assert_eq!(in_hex("k\u{fd}"), "6bc3bd");
        check(&format!("bad key {hex}"), "bad key ***");
        check(&format!("bad key {}", hex.to_uppercase()), "bad key ***");
        for prefix in ["", "k", "ke", "key", "Bearer "] {
            for suffix in ["", "?", "??>"] {
                let text = format!("{prefix}{KEY}{suffix}");
                check(&format!("bad key {}", STANDARD.encode(&text)), "bad key ***");
                check(&format!("bad key {}", URL_SAFE_NO_PAD.encode(&text)), "bad key ***");
            }
        }
    }

    #[test]
    fn a_blank_key_scrubs_nothing() {
        assert_eq!(redact("bad model", &[&SecretText::new(String::new())]), "bad model");
    }

    #[test]
    fn a_redactor_shows_nothing_of_its_keys() {
        let redactor = Redactor::of(&[&SecretText::new(KEY.to_owned())]);
        assert_eq!(format!("{redactor:?}"), "Redactor(1 keys)");
    }

    #[test]
    fn runs_end_where_characters_do() {
        assert_eq!(runs("a\u{e4}b", 2).collect::<Vec<_>>(), ["a\u{e4}", "\u{e4}b"]);
        assert_eq!((runs("ab", 2).count(), runs("a", 2).count(), runs("", 2).count()), (1, 0, 0));
    }

    #[test]
    fn other_words_stay() {
        check("The model `gpt-9` does not exist", "The model `gpt-9` does not exist");
    }

    #[test]
    fn lines_are_joined_and_control_characters_dropped() {
        check("one\r\n\ttwo\u{1b}[31m three\0", "one two [31m three");
    }

    #[test]
    fn a_long_text_is_shortened_between_characters() {
        let shown = redact(&"ä".repeat(1000), &[&SecretText::new(KEY.to_owned())]);
        assert_eq!(shown.chars().count(), MAX_CHARS + 1);
    }

    proptest! {
        #[test]
        fn no_run_of_the_key_is_left(before in ".{0,20}", from in 0..10_usize, after in ".{0,20}") {
            let text = format!("{before}{}{after}", &KEY[from..]);
            let shown = redact(&text, &[&SecretText::new(KEY.to_owned())]);
            prop_assert!(!KEY.as_bytes().windows(RUN).any(|run| shown.as_bytes().windows(RUN).any(|w| w == run)));
        }
    }
}

//! What people write for people: reasons, names and bindings, which anybody may read and nobody may be misled by.

use tenantry_core::validate::{Violation, ViolationCode, looks_like_secret};

use super::ServiceError;

/// The longest text, in characters.
const LONGEST: usize = 500;

/// Refuses words that must not be stored.
pub(super) fn check_words(what: &str, words: &str) -> Result<(), ServiceError> {
    wrong_words(what, words).map_or(Ok(()), |violation| Err(ServiceError::Invalid(vec![violation])))
}

/// Tells of words that look like a secret, which would be kept for good where it can be read, and those that are not one
/// line of visible text, which could pass for another line of the log. `what` they are is told, and not how they read.
pub(super) fn wrong_words(what: &str, words: &str) -> Option<Violation> {
    let (code, message) = if let Some(secret) = looks_like_secret(words) {
        (ViolationCode::LooksLikeSecret, format!("looks like {secret}, and is stored where it can be read"))
    } else if words.chars().any(is_invisible) {
        (ViolationCode::ControlCharacter, "must be one line of visible text".to_owned())
    } else if words.chars().count() > LONGEST {
        (ViolationCode::TooLarge, format!("has more than {LONGEST} characters"))
    } else {
        return None;
    };
    Some(Violation::new(what, code, message))
}

/// Control characters, line breaks of Unicode, and marks that turn the direction of a text.
pub(crate) fn is_invisible(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

//! How values, secrets, origins and times are shown to people.

use jiff::Timestamp;
use tenantry_core::change::Difference;
use tenantry_core::layer::Entry;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretMark;
use tenantry_core::value::Value;

use crate::output::{Paint, Tone};

/// Texts are cut behind this many characters.
const LONGEST: usize = 60;

/// An entry on one line: a value cut to what a line can hold, a secret as its mark.
pub(crate) fn entry(entry: &Entry) -> String {
    match entry {
        Entry::Value(shown) => value(shown),
        Entry::Secret(mark) => secret(mark),
    }
}

/// An entry, or that there is none.
pub(crate) fn entry_or_none(shown: Option<&Entry>) -> String {
    shown.map_or_else(|| "–".to_owned(), entry)
}

/// A secret: that it is set, since which version, and its fingerprint.
pub(crate) fn secret(mark: &SecretMark) -> String {
    let version = &mark.version;
    let prefix = if version.starts_with(|c: char| c.is_ascii_digit()) { "v" } else { "" };
    let short: String = mark.fingerprint.to_string().chars().take(6).collect();
    format!("set ({prefix}{version}, fingerprint {short}…)")
}

/// A value on one line.
pub(crate) fn value(shown: &Value) -> String {
    match shown {
        Value::String(text) => one_line(text),
        other => cut(&other.to_json()),
    }
}

/// A value as a whole: texts as they are, anything else as JSON.
pub(crate) fn whole_value(shown: &Value) -> String {
    shown.as_str().map_or_else(|| shown.to_json(), str::to_owned)
}

fn one_line(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let more = lines.count();
    let visible: String = first.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match more {
        0 if visible.is_empty() => "\"\"".to_owned(),
        0 => cut(&visible),
        more => format!("{} (+{more} lines)", cut(visible.trim_end())),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// How a leaf changed, on one line.
pub(crate) fn difference(difference: &Difference, paint: Paint) -> String {
    let key = paint.tone(Tone::Strong, difference.key.as_str());
    match (&difference.before, &difference.after) {
        (None, Some(after)) => format!("{} {key} = {}", paint.tone(Tone::Good, "+"), entry(after)),
        (Some(before), None) => format!("{} {key} (was {})", paint.tone(Tone::Bad, "-"), entry(before)),
        (before, after) => {
            let (before, after) = (entry_or_none(before.as_ref()), entry_or_none(after.as_ref()));
            format!("{} {key}: {before} → {after}", paint.tone(Tone::Warn, "~"))
        }
    }
}

/// A time to the second, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A scope as people call it.
pub(crate) fn scope(scope: &Scope) -> String {
    scope.tenant().map_or_else(|| "global".to_owned(), ToString::to_string)
}

/// `1 key`, `2 keys`.
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_one_line() {
        assert_eq!(value(&"Ada".into()), "Ada");
        assert_eq!(value(&"".into()), "\"\"");
        assert_eq!(value(&"first\nsecond\nthird".into()), "first (+2 lines)");
        assert_eq!(value(&"x".repeat(61).as_str().into()), format!("{}…", "x".repeat(59)));
        assert_eq!(value(&"a\u{1b}[31mb".into()), "a\u{fffd}[31mb", "no text commands the terminal");
    }
}

//! Makes findings of what a look over a store found.

use crate::records::{Finding, Severity};

/// How many of a kind of trouble are told by name.
const MOST_NAMED: usize = 10;

/// One finding.
pub(crate) fn finding(severity: Severity, subject: &str, message: impl Into<String>) -> Finding {
    Finding { severity, subject: subject.to_owned(), message: message.into() }
}

/// Makes a finding of a list of troubles, which is best empty.
pub(crate) fn troubles(severity: Severity, subject: &str, fine: &str, found: &[String], next: &str) -> Finding {
    if found.is_empty() {
        return finding(Severity::Ok, subject, fine);
    }
    let named = found.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = match found.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    finding(severity, subject, format!("{named}{more}: {next}"))
}

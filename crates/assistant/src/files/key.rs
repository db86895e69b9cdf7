//! Keys of files: made of what comes from outside, and led nowhere by it.

use std::fmt::Write as _;

use jiff::Timestamp;
use tenantry_core::scope::TenantId;

use super::Attachment;

/// The longest conversation that stands in a key as it is, in bytes. A key of S3 ends at 1,024, and a byte may take three.
const LONGEST_CONVERSATION: usize = 80;
/// The longest name that stands in a key, in characters; its end tells what it is, and stays.
const LONGEST_NAME: usize = 80;

/// The key of a file.
pub(super) fn key(tenant: &TenantId, conversation: Option<&str>, file: &Attachment, now: Timestamp) -> String {
    let hash = blake3::hash(&file.bytes).to_hex();
    let time = now.strftime("%Y%m%dT%H%M%S.%9fZ");
    format!("{tenant}/{}/{time}-{}-{}", escaped(conversation), &hash[..16], safe(&file.name))
}

/// Whether a key is one of this tenant's, of the form that [`key`] makes.
pub(super) fn is_key_of(tenant: &TenantId, key: &str) -> bool {
    let parts: Vec<_> = key.split('/').collect();
    let [owner, conversation, file] = parts[..] else { return false };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%');
    let behind = conversation.strip_prefix(['=', '~']);
    owner == tenant.as_str()
        && behind.is_some_and(|name| name.chars().all(is_plain))
        && file.starts_with(|c: char| c.is_ascii_digit())
        && file.chars().all(is_plain)
}

/// A conversation as one part of a path: letters, digits, `-` and `_` stay, each other byte is `%` and its number.
fn escaped(conversation: Option<&str>) -> String {
    let Some(conversation) = conversation else { return "~single".to_owned() };
    if conversation.len() > LONGEST_CONVERSATION {
        return format!("~{}", blake3::hash(conversation.as_bytes()));
    }
    let mut out = "=".to_owned();
    for byte in conversation.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// A name that means nothing to anybody but people: `../a b.txt` is `.._a_b.txt`, behind a time and a hash.
fn safe(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: Vec<char> = name.chars().map(plain).collect();
    name[name.len().saturating_sub(LONGEST_NAME)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(id: &str) -> TenantId {
        TenantId::parse(id).unwrap()
    }

    fn file(name: &str) -> Attachment {
        Attachment { name: name.to_owned(), media_type: "text/plain".to_owned(), bytes: b"x".to_vec() }
    }

    fn of(conversation: &str, name: &str) -> String {
        let now = "2026-11-26T23:59:00Z".parse().unwrap();
        key(&tenant("acme"), Some(conversation), &file(name), now)
    }

    #[test]
    fn a_key_tells_whose_when_and_what() {
        let hash = &blake3::hash(b"x").to_hex()[..16];
        let expected = format!("acme/=http%3Aorders-7/20261126T235900.000000000Z-{hash}-March_report.csv");
        assert_eq!(of("http:orders-7", "March report.csv"), expected);
    }

    #[test]
    fn what_comes_from_outside_leads_nowhere() {
        for odd in ["../../beta/x", "..", "/etc/passwd", "a\0b", "a\\b", "C:\\x", "%2e%2e/", "~", ".", "", "\u{202e}x"]
        {
            let key = of(odd, odd);
            assert!(is_key_of(&tenant("acme"), &key), "{key}");
            assert_eq!(key.split('/').count(), 3, "{key}");
            assert!(!key.split('/').any(|part| part == ".." || part == "."), "{key}");
        }
    }

    #[test]
    fn no_key_is_also_another_tenants() {
        let key = of("beta", "beta");
        for other in ["beta", "acm", "acme-corp"] {
            assert!(!is_key_of(&tenant(other), &key), "{other}");
        }
        for odd in
            ["acme/../beta/=c/1-x", "acme/=c/../1", "acme//1", "acme/=c/1/2", "/acme/=c/1", "acme/beta/1-x", "acme", ""]
        {
            assert!(!is_key_of(&tenant("acme"), odd), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn every_key_fits_and_conversations_are_apart(one in ".{0,120}", other in ".{0,120}", name in ".{1,255}") {
            let (first, second) = (of(&one, &name), of(&other, &name));
            prop_assert!(first.len() <= 1024 && first.split('/').all(|part| part.len() <= 255), "{}", first);
            prop_assert!(is_key_of(&tenant("acme"), &first));
            prop_assert_eq!(first == second, one == other);
        }
    }
}

//! The master key as it is written: 64 hexadecimal digits.

use zeroize::Zeroizing;

/// Reads 64 hexadecimal digits.
pub(crate) fn parse(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert_eq!(*parse(&"0a".repeat(32)).unwrap(), [10; 32]);
        assert_eq!(*parse(&"FF".repeat(32)).unwrap(), [255; 32]);
        for bad in ["", "0a", &"0a".repeat(33), &"zz".repeat(32), &"+1".repeat(32), &"ä".repeat(32)] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}

//! Random bytes and names from the operating system.

use std::fmt::Write;

/// Random bytes, good for keys.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system always has random bytes once it has started");
    bytes
}

/// A name that is never given twice: 128 random bits as 32 hexadecimal digits.
pub(crate) fn name() -> String {
    hex(&bytes::<16>())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a text cannot fail");
        text
    })
}

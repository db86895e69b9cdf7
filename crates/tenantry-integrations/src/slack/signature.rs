//! Proves that a request comes from Slack: a keyed hash over its time and its body, by the tenant's signing secret.

use http::HeaderMap;
use jiff::Timestamp;
use ring::hmac;
use tenantry_core::secret::SecretText;

/// The header with the signature: `v0=` and 64 hexadecimal digits.
pub const SIGNATURE: &str = "x-slack-signature";
/// The header with the time, in seconds since 1970.
pub const TIMESTAMP: &str = "x-slack-request-timestamp";
/// How far the time may be from ours, in seconds: what is older may be sent again by somebody else.
pub const WINDOW: i64 = 300;

/// Why a request is not taken for one of Slack's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing, is there twice, or is not of its form.
    #[error("the headers of the signature are missing, doubled or malformed")]
    Malformed,
    /// It was signed more than [`WINDOW`] seconds ago, or that far ahead.
    #[error("the signature is too old, or of the future")]
    Stale,
    /// It was made with another secret, or for another body or time.
    #[error("the signature is not that of this request")]
    Wrong,
}

/// Checks the signature of a body, as it came over the wire.
pub fn check(secret: &SecretText, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    let timestamp = once(headers, TIMESTAMP)?;
    let at: i64 = timestamp.parse().map_err(|_| SignatureError::Malformed)?;
    let signature = once(headers, SIGNATURE)?.strip_prefix("v0=").and_then(bytes).ok_or(SignatureError::Malformed)?;
    if now.as_second().saturating_sub(at).saturating_abs() > WINDOW {
        return Err(SignatureError::Stale);
    }
    // Nobody has an empty secret: with one, anybody could sign.
    if secret.is_blank() {
        return Err(SignatureError::Wrong);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let signed = [b"v0:", timestamp.as_bytes(), b":", body].concat();
    // In a time that does not depend on where the two differ.
    hmac::verify(&key, &signed, &signature).map_err(|_| SignatureError::Wrong)
}

fn once<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| SignatureError::Malformed),
        _ => Err(SignatureError::Malformed),
    }
}

/// Reads 64 hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let is_whole = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_whole.then(|| (0..64).step_by(2).filter_map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// The example of Slack's own page on verifying requests.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZ\
                        RskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const DIGITS: &str = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const AT: i64 = 1_531_420_618;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn checked(secret: &str, pairs: &[(&'static str, &str)], body: &str, at: i64) -> Result<(), SignatureError> {
        let now = Timestamp::from_second(at).unwrap();
        check(&SecretText::new(secret.to_owned()), &headers(pairs), body.as_bytes(), now)
    }

    #[test]
    fn the_published_example_is_genuine() {
        let signature = format!("v0={DIGITS}");
        let pairs = [(TIMESTAMP, "1531420618"), (SIGNATURE, signature.as_str())];
        assert_eq!(checked(SECRET, &pairs, BODY, AT), Ok(()));
        assert_eq!(checked(SECRET, &pairs, BODY, AT + WINDOW), Ok(()));
        assert_eq!(checked(SECRET, &pairs, BODY, AT + WINDOW + 1), Err(SignatureError::Stale));
        assert_eq!(checked(SECRET, &pairs, BODY, AT - WINDOW - 1), Err(SignatureError::Stale));
        assert_eq!(checked(SECRET, &pairs, &format!("{BODY} "), AT), Err(SignatureError::Wrong));
        assert_eq!(checked("another", &pairs, BODY, AT), Err(SignatureError::Wrong));
        assert_eq!(checked("", &pairs, BODY, AT), Err(SignatureError::Wrong));
        let later = [(TIMESTAMP, "1531420619"), pairs[1]];
        assert_eq!(checked(SECRET, &later, BODY, AT), Err(SignatureError::Wrong), "the time is signed too");
    }

    #[test]
    fn what_slacks_own_client_signs_is_genuine() {
        // Made by slack_sdk, which a test of tenantry-emulators runs.
        let signature = "v0=9ea7e6950c0fd48fd6afa66cb222d96bac1bdce1f26d08f4683c4a12bb3922a1";
        let pairs = [(TIMESTAMP, "1712000000"), (SIGNATURE, signature)];
        assert_eq!(checked("CANARY-signing", &pairs, r#"{"type":"event_callback"}"#, 1_712_000_000), Ok(()));
    }

    #[test]
    fn headers_that_are_missing_doubled_or_odd_are_refused() {
        let good = format!("v0={DIGITS}");
        let (time, sign) = ((TIMESTAMP, "1531420618"), (SIGNATURE, good.as_str()));
        let short = format!("v0={}", &DIGITS[1..]);
        let other = format!("v1={DIGITS}");
        let foreign = format!("v0={}zz", &DIGITS[2..]);
        for pairs in [
            vec![],
            vec![time],
            vec![sign],
            vec![time, time, sign],
            vec![time, sign, sign],
            vec![(TIMESTAMP, "now"), sign],
            vec![(TIMESTAMP, ""), sign],
            vec![time, (SIGNATURE, DIGITS)],
            vec![time, (SIGNATURE, short.as_str())],
            vec![time, (SIGNATURE, other.as_str())],
            vec![time, (SIGNATURE, foreign.as_str())],
        ] {
            assert_eq!(checked(SECRET, &pairs, BODY, AT), Err(SignatureError::Malformed), "{pairs:?}");
        }
        let extreme = [(TIMESTAMP, "-9223372036854775808"), sign];
        assert_eq!(checked(SECRET, &extreme, BODY, AT), Err(SignatureError::Stale));
    }
}

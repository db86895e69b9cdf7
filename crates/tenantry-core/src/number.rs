//! Numbers that keep all their digits, whichever store they pass through.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

/// The digits that a number may have: those that DynamoDB keeps.
const MOST_DIGITS: usize = 38;
/// The largest exponent of the first digit, as in DynamoDB (9.9…e125).
const LARGEST_EXPONENT: i64 = 125;
/// The smallest exponent of the first digit, as in DynamoDB (1e-130).
const SMALLEST_EXPONENT: i64 = -130;
/// Numbers whose plain notation is longer than this are written with an exponent.
const LONGEST_PLAIN: i64 = 40;

/// A decimal number of up to 38 digits in one canonical spelling, so that equal numbers are equal texts.
///
/// `1.0` and `1e0` are `1`; `0.20` is `0.2`; there is no negative zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Spelling);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Spelling {
    /// Every number that fits is held like this, so that the derived equality is right.
    Integer(i64),
    Decimal(Arc<str>),
}

impl Number {
    /// Reads a number in JSON's notation, of which [`Number`] keeps every digit or refuses it.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let decimal = Decimal::read(text)?;
        if decimal.digits.is_empty() {
            return Ok(0.into());
        }
        if decimal.digits.len() > MOST_DIGITS {
            return Err(NumberError::TooManyDigits(decimal.digits.len()));
        }
        if !(SMALLEST_EXPONENT..=LARGEST_EXPONENT).contains(&decimal.exponent) {
            return Err(NumberError::OutOfRange);
        }
        let text = decimal.spell();
        Ok(Self(text.parse().map_or_else(|_| Spelling::Decimal(text.into()), Spelling::Integer)))
    }

    /// The number as a signed integer, if it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Spelling::Integer(integer) => Some(*integer),
            Spelling::Decimal(_) => None,
        }
    }

    /// The number as an unsigned integer, if it is one that fits.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Spelling::Integer(integer) => (*integer).try_into().ok(),
            Spelling::Decimal(text) => text.parse().ok(),
        }
    }

    /// The nearest binary floating-point number.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest one is what is asked for")]
            Spelling::Integer(integer) => *integer as f64,
            Spelling::Decimal(text) => text.parse().expect("a canonical number is one for Rust, too"),
        }
    }

    /// Whether the number is a whole one, however large.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Spelling::Integer(_) => true,
            Spelling::Decimal(text) => is_whole(text),
        }
    }
}

fn is_whole(canonical: &str) -> bool {
    // A canonical exponent of 40 or more is larger than the 38 digits before it.
    !canonical.contains('.') && !canonical.contains("e-")
        || canonical.split_once('e').is_some_and(|(_, e)| is_digits(e))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number taken apart: its digits without leading and trailing zeros, and the power of ten of the first one.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Result<Self, NumberError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(NumberError::Syntax),
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || (whole.len() > 1 && whole.starts_with('0'))
        {
            return Err(NumberError::Syntax);
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let leading_zeros = all.len() - significant.len();
        let first = i64::try_from(whole.len()).unwrap_or(i64::MAX) - 1 - i64::try_from(leading_zeros).unwrap_or(0);
        let digits = significant.trim_end_matches('0').to_owned();
        Ok(Self { negative, digits, exponent: first.saturating_add(exponent) })
    }

    fn spell(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let count = i64::try_from(self.digits.len()).expect("at most 38 digits");
        let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or(0));
        let Self { digits, exponent, .. } = self;
        if *exponent >= LONGEST_PLAIN || *exponent < count - LONGEST_PLAIN {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}e{exponent}")
        } else if *exponent < 0 {
            format!("{sign}0.{}{digits}", zeros(-exponent - 1))
        } else if *exponent >= count - 1 {
            format!("{sign}{digits}{}", zeros(exponent - (count - 1)))
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(exponent + 1).expect("between 1 and 38"));
            format!("{sign}{whole}.{fraction}")
        }
    }
}

fn read_exponent(text: &str) -> Result<i64, NumberError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.is_empty() || !is_digits(unsigned) {
        return Err(NumberError::Syntax);
    }
    text.parse().map_err(|_| NumberError::OutOfRange)
}

/// Why a text is no number that every store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not in JSON's notation; `NaN` and infinities are not.
    #[error("expected a number such as 0.2 or 1500")]
    Syntax,
    /// More digits than any store keeps.
    #[error("a number has at most 38 digits, this one has {0}")]
    TooManyDigits(usize),
    /// Too near to zero or too far from it.
    #[error("a number must lie between 1e-130 and 1e126")]
    OutOfRange,
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self(Spelling::Integer(integer))
    }
}

impl TryFrom<f64> for Number {
    type Error = NumberError;

    fn try_from(float: f64) -> Result<Self, Self::Error> {
        Self::parse(&format!("{float:e}"))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Spelling::Integer(integer) => integer.fmt(f),
            Spelling::Decimal(text) => f.pad(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(integer) = self.as_i64() {
            return serializer.serialize_i64(integer);
        }
        if let Some(integer) = self.as_u64() {
            return serializer.serialize_u64(integer);
        }
        let float = self.as_f64();
        if Self::try_from(float).as_ref() == Ok(self) {
            return serializer.serialize_f64(float);
        }
        // More digits than a float has: JSON carries the text itself.
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelled(text: &str) -> String {
        Number::parse(text).unwrap().to_string()
    }

    #[test]
    fn equal_numbers_have_one_spelling() {
        for (text, canonical) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.000e9", "0"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("1.50E+2", "150"),
            ("0.20", "0.2"),
            ("2e-1", "0.2"),
            ("-12.340", "-12.34"),
            ("9223372036854775808", "9223372036854775808"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            ("0.1234567890123456789012345678901234567", "0.1234567890123456789012345678901234567"),
            ("1e100", "1e100"),
            ("1.5e-100", "1.5e-100"),
        ] {
            assert_eq!(spelled(text), canonical, "{text}");
        }
    }

    #[test]
    fn what_no_store_keeps_is_refused() {
        assert_eq!(Number::parse(&"1".repeat(39)), Err(NumberError::TooManyDigits(39)));
        assert_eq!(Number::parse("1e126"), Err(NumberError::OutOfRange));
        assert_eq!(Number::parse("1e-131"), Err(NumberError::OutOfRange));
        assert_eq!(Number::parse("1e99999999999999999999"), Err(NumberError::OutOfRange));
        for text in ["", "-", "+1", "01", "1.", ".5", "1e", "0x10", "NaN", "inf", "1_000", "١"] {
            assert_eq!(Number::parse(text), Err(NumberError::Syntax), "{text}");
        }
        assert!(Number::try_from(f64::NAN).is_err());
    }

    #[test]
    fn a_whole_number_is_known_as_one() {
        for (text, whole) in
            [("1.0", true), ("-3", true), ("9223372036854775808", true), ("0.5", false), ("1e-9", false)]
        {
            assert_eq!(Number::parse(text).unwrap().is_integer(), whole, "{text}");
        }
    }

    #[test]
    fn json_carries_every_digit() {
        let text = "1.2345678901234567890123456789";
        assert_eq!(serde_json::to_string(&Number::parse(text).unwrap()).unwrap(), text);
    }

    proptest! {
        #[test]
        fn the_canonical_spelling_is_read_as_itself(whole in "-?(0|[1-9][0-9]{0,15})", fraction in "(\\.[0-9]{1,15})?", exponent in "(e-?[0-9]{1,2})?") {
            let number = Number::parse(&format!("{whole}{fraction}{exponent}")).unwrap();
            prop_assert_eq!(&Number::parse(&number.to_string()).unwrap(), &number);
        }

        #[test]
        fn floats_survive(float in prop::num::f64::NORMAL.prop_filter("in range", |f| (1e-100..1e100).contains(&f.abs()))) {
            prop_assert_eq!(Number::try_from(float).unwrap().as_f64().to_bits(), float.to_bits());
        }
    }
}

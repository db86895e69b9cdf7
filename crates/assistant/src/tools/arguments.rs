//! Reads the arguments that a model gives a tool. They are its word: bounded, checked, and never taken for more.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde_json::{Map, Value};

use super::ToolError;

/// The longest text, in characters.
const LONGEST_TEXT: usize = 200;
/// The longest span of time, in days.
const LONGEST_SPAN: i64 = 93;

/// The arguments of a call.
#[derive(Debug)]
pub(super) struct Arguments(Map<String, Value>);

impl Arguments {
    /// Reads a JSON object; nothing at all is one without fields.
    pub(super) fn parse(text: &str) -> Result<Self, ToolError> {
        if text.trim().is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) | Err(_) => Err(wrong("the arguments are no JSON object")),
        }
    }

    /// A text that must be there.
    pub(super) fn text(&self, name: &str) -> Result<String, ToolError> {
        self.optional_text(name)?.ok_or_else(|| wrong(&format!("{name} is missing: give a text")))
    }

    /// A text that may be left out, or be blank, which is the same.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, ToolError> {
        let text = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Err(wrong(&format!("{name} must be a text"))),
        };
        if text.chars().count() > LONGEST_TEXT || text.chars().any(char::is_control) {
            return Err(wrong(&format!("{name} must be one line of at most {LONGEST_TEXT} characters")));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// A number that may be left out.
    pub(super) fn number(&self, name: &str, least: u32, most: u32, usual: u32) -> Result<u32, ToolError> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(usual),
            Some(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        let fitting = number.filter(|number| (least..=most).contains(number));
        fitting.ok_or_else(|| wrong(&format!("{name} must be a whole number from {least} to {most}")))
    }

    /// The span of time between `from` and `to`. Days are those of the company's clocks.
    pub(super) fn span(&self, now: Timestamp, time_zone: &str) -> Result<(Timestamp, Timestamp), ToolError> {
        let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned_datetime(zone.clone()).date();
        let (from, to) = (self.optional_text("from")?, self.optional_text("to")?);
        let from = match from {
            Some(text) => moment("from", &text, &zone, 0.days())?,
            None => start_of("from", today, &zone)?,
        };
        let to = match to {
            // The last day is part of the span.
            Some(text) => moment("to", &text, &zone, 1.day())?,
            None => later(from, 7)?,
        };
        if to <= from || to > later(from, LONGEST_SPAN)? {
            return Err(wrong(&format!("to must be behind from, and at most {LONGEST_SPAN} days behind it")));
        }
        Ok((from, to))
    }
}

fn later(from: Timestamp, days: i64) -> Result<Timestamp, ToolError> {
    from.checked_add((days * 24).hours()).map_err(|_| wrong("from is too far away"))
}

/// Reads a time, or a day of which `behind` says which edge is meant. A time without an offset is one of the company's clocks.
fn moment(name: &str, text: &str, zone: &TimeZone, behind: Span) -> Result<Timestamp, ToolError> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    // The reader of days takes a time too, and drops the hours.
    if text.contains(['T', 't', ' ']) {
        return time_of(text, zone).ok_or_else(|| odd(name));
    }
    let day = text.parse::<Date>().ok().and_then(|day| day.checked_add(behind).ok());
    start_of(name, day.ok_or_else(|| odd(name))?, zone)
}

fn time_of(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    // The reader of times passes over the name of a zone, which need not be the company's.
    let time: DateTime = (!text.contains('[')).then(|| text.parse().ok())??;
    Some(time.to_zoned_datetime(zone.clone()).ok()?.timestamp())
}

fn start_of(name: &str, day: Date, zone: &TimeZone) -> Result<Timestamp, ToolError> {
    Ok(day.to_zoned_datetime(zone.clone()).map_err(|_| odd(name))?.timestamp())
}

fn odd(name: &str) -> ToolError {
    wrong(&format!("{name} must be a day such as 2026-11-27, or a time such as 2026-11-27T09:00:00"))
}

fn wrong(what: &str) -> ToolError {
    ToolError::Arguments(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Arguments {
        Arguments::parse(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_those_of_the_companys_clocks() {
        let now = at("2026-11-26T23:30:00Z");
        let span = |text: &str| arguments(text).span(now, "Europe/Berlin").unwrap();
        assert_eq!(span("").0, at("2026-11-26T23:00:00Z"), "it is tomorrow already in Berlin");
        let day = span(r#"{"from": "2026-11-27", "to": "2026-11-27"}"#);
        assert_eq!(day, (at("2026-11-26T23:00:00Z"), at("2026-11-27T23:00:00Z")));
        let hours = span(r#"{"from": "2026-11-27T09:00:00Z", "to": "2026-11-27T10:00:00Z"}"#);
        assert_eq!(hours, (at("2026-11-27T09:00:00Z"), at("2026-11-27T10:00:00Z")));
    }

    #[test]
    fn a_time_without_an_offset_is_one_of_the_companys_clocks_and_no_whole_day() {
        let span = |from: &str, to: &str| {
            let text = serde_json::json!({"from": from, "to": to}).to_string();
            arguments(&text).span(at("2026-11-26T23:30:00Z"), "Europe/Berlin")
        };
        let afternoon = (at("2026-11-27T13:00:00Z"), at("2026-11-27T14:30:00Z"));
        assert_eq!(span("2026-11-27T14:00:00", "2026-11-27T15:30"), Ok(afternoon));
        assert_eq!(span("2026-11-27 14:00", "2026-11-27t15:30:00"), Ok(afternoon));
        assert_eq!(span("2026-11-27T14:00:00+01:00", "2026-11-27T15:30:00"), Ok(afternoon));
        assert_eq!(span("2026-11-27T14:00:00", "2026-11-27").unwrap().1, at("2026-11-27T23:00:00Z"));
        for odd in ["2026-11-27T25:00", "2026-11-27T", "2026-11-27T14:00[Europe/Paris]", "2026-W48-5"] {
            assert!(span(odd, "2026-11-28").is_err(), "{odd}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_in_a_sentence() {
        for text in ["[]", "{", "7", "\"x\""] {
            assert!(Arguments::parse(text).is_err(), "{text}");
        }
        let now = Timestamp::UNIX_EPOCH;
        for text in [
            r#"{"from": "tomorrow"}"#,
            r#"{"from": 7}"#,
            r#"{"from": "2026-01-01", "to": "2025-01-01"}"#,
            r#"{"from": "2026-01-01", "to": "2027-01-01"}"#,
            r#"{"from": "9999-12-31"}"#,
            r#"{"from": "-9999-01-01"}"#,
        ] {
            assert!(arguments(text).span(now, "Nowhere/At-All").is_err(), "{text}");
        }
        let long = format!(r#"{{"query": "{}"}}"#, "x".repeat(LONGEST_TEXT + 1));
        for text in [long.as_str(), r#"{"query": "a\nb"}"#, r#"{"query": ""}"#, r#"{"query": []}"#, "{}"] {
            assert!(arguments(text).text("query").is_err(), "{text}");
        }
        for text in [r#"{"k": 0}"#, r#"{"k": 11}"#, r#"{"k": "3"}"#, r#"{"k": 1.5}"#, r#"{"k": -1}"#] {
            assert!(arguments(text).number("k", 1, 10, 4).is_err(), "{text}");
        }
        assert_eq!(arguments("{}").number("k", 1, 10, 4), Ok(4));
    }
}

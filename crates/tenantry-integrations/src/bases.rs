//! Where the providers are that all tenants share: no tenant chooses these addresses, so they are no parameters.
//!
//! An operator changes one only to put something in between, such as a gateway of its own; tests do to put a local server
//! there. The outbound rules hold for the new address too.

use crate::egress::{Endpoint, Rule};

/// The base URLs of Slack, Telegram and Google Calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bases {
    /// Slack's Web API.
    pub slack: Endpoint,
    /// Telegram's Bot API, without the token.
    pub telegram: Endpoint,
    /// Google Calendar's API.
    pub google_calendar: Endpoint,
}

impl Default for Bases {
    fn default() -> Self {
        Self {
            slack: public("https://slack.com/api"),
            telegram: public("https://api.telegram.org"),
            google_calendar: public("https://www.googleapis.com/calendar/v3"),
        }
    }
}

fn public(url: &str) -> Endpoint {
    Endpoint::parse(url).expect("the public addresses are addresses")
}

/// Why a text does not say where providers are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBases {
    /// An entry is not `NAME=URL`, or of another provider.
    #[error("expected entries such as slack=https://gateway.example/slack, for slack, telegram and google_calendar")]
    Entry,
    /// An address is none.
    #[error("the address of {0}: {1}")]
    Address(&'static str, Rule),
}

impl Bases {
    /// Reads `NAME=URL` entries, separated by commas, over the public addresses. An empty text changes nothing.
    pub fn parse(text: &str) -> Result<Self, NoBases> {
        let mut bases = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, url) = entry.split_once('=').ok_or(NoBases::Entry)?;
            let (name, base) = match name {
                "slack" => ("slack", &mut bases.slack),
                "telegram" => ("telegram", &mut bases.telegram),
                "google_calendar" => ("google_calendar", &mut bases.google_calendar),
                _ => return Err(NoBases::Entry),
            };
            *base = Endpoint::parse(url).map_err(|rule| NoBases::Address(name, rule))?;
        }
        Ok(bases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_leaves_the_public_addresses() {
        assert_eq!(Bases::parse("").unwrap(), Bases::default());
    }

    #[test]
    fn an_entry_changes_one_address() {
        let bases = Bases::parse("slack=http://127.0.0.1:1234/api, ").unwrap();
        assert_eq!(bases.slack.to_string(), "http://127.0.0.1:1234/api");
        assert_eq!(bases.telegram, Bases::default().telegram);
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in ["slack", "odoo=https://a.example", "=https://a.example"] {
            assert_eq!(Bases::parse(text), Err(NoBases::Entry), "{text}");
        }
        assert!(matches!(Bases::parse("slack=ftp://a.example"), Err(NoBases::Address("slack", _))));
    }
}

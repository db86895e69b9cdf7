//! Public Google calendars: settings of the connection, and the client.
//!
//! An API key reads public calendars only, and is a part of every URL: no error, log or `Debug` shows one.
//!
//! Source: developers.google.com/workspace/calendar/api/v3/reference/events/list.

mod client;

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

use crate::redact::LONGEST_SECRET;

pub use client::{CalendarClient, CalendarEvent, Moment};

/// Google Calendar
///
/// A calendar whose events the assistant may list. An API key reads calendars that are public, and no others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct GoogleCalendar {
    /// API key
    ///
    /// At console.cloud.google.com open APIs & Services, Credentials, Create credentials, API key; enable the Google
    /// Calendar API for the project, and restrict the key to it.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^[!-~]+$"))]
    pub api_key: SecretText,

    /// Calendar
    ///
    /// The calendar's ID: at calendar.google.com open the calendar's settings, Integrate calendar, Calendar ID. The
    /// calendar must be public (Access permissions, Make available to public).
    #[schemars(
        length(min = 1, max = 255),
        extend(
            "x-sensitivity" = "credential",
            "x-secret-field" = "calendar_id",
            "x-examples" = ["c_0123456789abcdef@group.calendar.google.com"]
        )
    )]
    pub calendar_id: String,
}

//! Settings of Google Calendar.

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

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
    #[schemars(extend("pattern" = r"^[!-~]+$"))]
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

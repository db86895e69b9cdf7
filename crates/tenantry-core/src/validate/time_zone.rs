//! Checks names of time zones, which no pattern can tell from made-up ones.

use jiff::tz::TimeZoneDatabase;

use super::violation::{Violation, ViolationCode};
use crate::catalog::{Parameter, nearest};
use crate::key::Key;

/// The `format` of a parameter that names a zone of the IANA data base, such as `Europe/Berlin`.
const FORMAT: &str = "iana-time-zone";

/// Tells of a name that is none, with the nearest ones.
///
/// The data base is the one that is built in: what is a zone does not depend on the machine.
pub(super) fn check(parameter: &Parameter, key: &Key, name: &str) -> Option<Violation> {
    let zones = TimeZoneDatabase::bundled();
    if parameter.schema["format"] != FORMAT || zones.get(name).is_ok() {
        return None;
    }
    let names = zones.available().map(|zone| zone.as_str().to_owned()).collect();
    let message = "there is no such time zone in the IANA data base";
    Some(Violation::new(key, ViolationCode::NotAllowed, message).with_nearest(nearest(name, names)))
}

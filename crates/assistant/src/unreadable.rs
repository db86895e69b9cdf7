//! Tells a connection that nobody set from one that is set, but whose secret cannot be read for now.
//!
//! Both are absent from the settings. Taken for one that is not set, the second would have events refused that are genuine,
//! messages given up that could be answered in a minute, and another system asked than the company's own.

use tenantry_core::key::Key;
use tenantry_core::settings::{LeftOut, WhyLeftOut};

/// The secret for want of which a section is left out of the settings for now.
pub(crate) fn unreadable<'a>(left_out: &'a [LeftOut], section: &str) -> Option<&'a Key> {
    let of_section = left_out.iter().find(|left_out| left_out.section.as_str() == section)?;
    match &of_section.why {
        WhyLeftOut::SecretUnavailable(key) => Some(key),
        WhyLeftOut::Incomplete(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_secret_that_cannot_be_read_passes_and_only_of_its_own_section() {
        let key = |text: &str| Key::parse(text).unwrap();
        let left_out = [
            LeftOut { section: key("odoo"), why: WhyLeftOut::SecretUnavailable(key("odoo.password")) },
            LeftOut { section: key("slack"), why: WhyLeftOut::Incomplete(vec![key("slack.bot_token")]) },
        ];
        assert_eq!(unreadable(&left_out, "odoo"), Some(&key("odoo.password")));
        assert_eq!((unreadable(&left_out, "slack"), unreadable(&left_out, "erpnext")), (None, None));
    }
}

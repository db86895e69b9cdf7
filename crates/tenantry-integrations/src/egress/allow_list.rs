//! What the operator allows beyond the outbound rules.

use std::collections::HashSet;

use thiserror::Error;
use url::{Origin, Url};

use super::rules::{Rule, check, parse, refuse_user_info};

/// A text cannot be put on the operator's allow-list. It is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an origin: expected http or https, a host and perhaps a port, such as http://127.0.0.1:1234")]
pub struct NotAnOrigin;

/// Origins (scheme, host and port, each exactly) that the operator allows beyond the rules.
#[derive(Clone, Debug, Default)]
pub struct AllowList(HashSet<Origin>);

impl AllowList {
    /// Adds an origin such as `http://127.0.0.1:1234`.
    pub fn allow(&mut self, origin: &str) -> Result<(), NotAnOrigin> {
        let url = bare_origin(origin).ok_or(NotAnOrigin)?;
        self.0.insert(url.origin());
        Ok(())
    }

    /// Whether the URL's origin is on the list.
    pub fn contains(&self, url: &Url) -> bool {
        self.0.contains(&url.origin())
    }

    /// Reads a URL and judges it.
    pub fn check_url(&self, text: &str) -> Result<Url, Rule> {
        let url = parse(text)?;
        self.check(&url)?;
        Ok(url)
    }

    /// Judges a URL that was read: user information is refused here too.
    pub fn check(&self, url: &Url) -> Result<(), Rule> {
        if self.contains(url) { refuse_user_info(url) } else { check(url) }
    }
}

fn bare_origin(text: &str) -> Option<Url> {
    let url = parse(text).ok()?;
    let web = matches!(url.scheme(), "http" | "https");
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    (web && bare && refuse_user_info(&url).is_ok()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(origin: &str) -> AllowList {
        let mut list = AllowList::default();
        list.allow(origin).unwrap();
        list
    }

    #[test]
    fn an_allowed_origin_is_allowed_exactly() {
        let list = allowing("http://127.0.0.1:1234");
        assert!(list.check_url("http://127.0.0.1:1234/v1").is_ok());
        assert!(list.check_url("http://0x7f.1:1234/").is_ok(), "the same host in another notation");
        assert_eq!(list.check_url("http://127.0.0.1:1235/"), Err(Rule::Scheme));
        assert_eq!(list.check_url("https://127.0.0.1:1234/"), Err(Rule::InternalAddress));
        assert_eq!(list.check_url("http://127.0.0.2:1234/"), Err(Rule::Scheme));
        assert_eq!(list.check_url("http://localhost:1234/"), Err(Rule::Scheme));
        assert_eq!(list.check_url("http://u:p@127.0.0.1:1234/"), Err(Rule::UserInfo));
    }

    #[test]
    fn an_allowed_origin_may_leave_out_the_default_port() {
        let list = allowing("https://erp.internal");
        assert!(list.check_url("https://erp.internal:443/odoo").is_ok());
        assert_eq!(list.check_url("https://db.internal/"), Err(Rule::InternalName));
    }

    #[test]
    fn only_an_origin_can_be_allowed() {
        for text in ["127.0.0.1:1234", "http://127.0.0.1/v1", "ftp://a.example", "http://u@a.example", "*", ""] {
            assert!(AllowList::default().allow(text).is_err(), "{text}");
        }
    }
}

//! Judges URLs by the outbound rules: the part that needs no look-up.

use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

use super::address::internal_network;

/// The outbound rule that refused a URL. It is what a tenant may learn: no address is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Rule {
    /// Relative, malformed, or with white space or control characters in it.
    #[error("the URL must be absolute and well formed, such as https://erp.example.com")]
    NotAUrl,
    /// Neither https nor allowed by the operator.
    #[error("the URL must begin with https://")]
    Scheme,
    /// A user name or password before the host.
    #[error("the URL must not contain a user name or password")]
    UserInfo,
    /// Any port but 443.
    #[error("the URL must not name a port")]
    Port,
    /// A name that only means something within a network, such as `localhost` or `erp.internal`.
    #[error("the host must be a public name: names of internal networks are not allowed")]
    InternalName,
    /// The host is, or its name leads to, an address that is not public.
    #[error("the host must have public addresses only: loopback, private and reserved ones are not allowed")]
    InternalAddress,
    /// The answer was a redirect.
    #[error("the URL must answer itself: redirects are not followed")]
    Redirect,
}

impl Rule {
    /// A stable name for machines, such as `internal_address`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAUrl => "not_a_url",
            Self::Scheme => "scheme",
            Self::UserInfo => "user_info",
            Self::Port => "port",
            Self::InternalName => "internal_name",
            Self::InternalAddress => "internal_address",
            Self::Redirect => "redirect",
        }
    }
}

/// Judges a URL as a setting, where the operator allows nothing beyond the rules; no name is looked up.
///
/// That a URL passes is a courtesy to whoever writes it: [`super::Egress::send`] judges again, and sees the addresses.
///
/// ```
/// use tenantry_integrations::egress::{Rule, check_url};
/// assert!(check_url("https://erp.example.com/api").is_ok());
/// assert_eq!(check_url("https://0x7f.1/"), Err(Rule::InternalAddress));
/// ```
pub fn check_url(text: &str) -> Result<Url, Rule> {
    let url = parse(text)?;
    check(&url)?;
    Ok(url)
}

/// Judges the parts of a URL, and its host if that is an address in any notation.
pub(super) fn check(url: &Url) -> Result<(), Rule> {
    refuse_user_info(url)?;
    if url.scheme() != "https" {
        return Err(Rule::Scheme);
    }
    check_host(url)?;
    // The default port is not kept by `Url`: any port that is left is another one.
    if url.port().is_some() { Err(Rule::Port) } else { Ok(()) }
}

/// Reads an absolute URL with a host. `Url` would drop tabs and line breaks; here they are refused.
pub(super) fn parse(text: &str) -> Result<Url, Rule> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Rule::NotAUrl);
    }
    Url::parse(text).map_err(|_| Rule::NotAUrl)
}

pub(super) fn refuse_user_info(url: &Url) -> Result<(), Rule> {
    if url.username().is_empty() && url.password().is_none() { Ok(()) } else { Err(Rule::UserInfo) }
}

fn check_host(url: &Url) -> Result<(), Rule> {
    match url.host() {
        None => Err(Rule::NotAUrl),
        Some(Host::Ipv4(address)) => check_address(address.into()),
        Some(Host::Ipv6(address)) => check_address(address.into()),
        Some(Host::Domain(name)) if is_internal_name(name) => Err(Rule::InternalName),
        Some(Host::Domain(_)) => Ok(()),
    }
}

/// Judges an address that a connection goes to.
pub(super) fn check_address(address: IpAddr) -> Result<(), Rule> {
    if internal_network(address).is_some() { Err(Rule::InternalAddress) } else { Ok(()) }
}

/// Top-level names that no public registry delegates (RFC 6761, RFC 6762 appendix G, RFC 8375, ICANN's `internal`).
const INTERNAL_SUFFIXES: &[&str] =
    &["corp", "home", "home.arpa", "internal", "intranet", "lan", "local", "localdomain", "localhost", "private"];

/// Whether a name, in the lower case to which `Url` brings it, has no meaning in the public name system.
fn is_internal_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let below = |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    !name.contains('.') || name == "home.arpa" || INTERNAL_SUFFIXES.iter().any(|suffix| below(suffix))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Every notation of an internal host that a URL can be written in.
    const INTERNAL_ADDRESSES: &[&str] = &[
        "https://127.0.0.1",
        "https://127.0.0.1/",
        "https://127.0.0.1:443/",
        "https://127.0.0.1./",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.255.255.254/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7F.0x0.0x0.0x1/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://0177.0x0.1/",
        "https://%31%32%37.0.0.1/",
        "https://127%2e0%2e0%2e1/",
        "https://１２７.０.０.１/",
        "https://127。0。0。1/",
        "https://①②⑦.⓪.⓪.①/",
        "https:127.0.0.1",
        "https:/127.0.0.1",
        "https:////127.0.0.1",
        r"https:\\127.0.0.1\",
        "HTTPS://127.0.0.1/",
        "https://0/",
        "https://0.0.0.0/",
        "https://0.1.2.3/",
        "https://10.0.0.1/",
        "https://10.1/",
        "https://167772161/",
        "https://012.0.0.1/",
        "https://100.64.0.1/",
        "https://168.63.129.16/",
        "https://0xa83f8110/",
        "https://169.254.169.254/latest/meta-data/",
        "https://169.254.170.2/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://0xa9.0xfe.0xa9.0xfe/",
        "https://0251.0376.0251.0376/",
        "https://169.16689662/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.0.0.192/",
        "https://192.0.2.1/",
        "https://192.168.0.1/",
        "https://192.168.257/",
        "https://3232235521/",
        "https://198.18.0.1/",
        "https://198.51.100.7/",
        "https://203.0.113.9/",
        "https://224.0.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://4294967295/",
        "https://0xffffffff/",
        "https://[::]/",
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
        "https://[::127.0.0.1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::FFFF:7F00:0001]/",
        "https://[0:0:0:0:0:ffff:10.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[::ffff:0:127.0.0.1]/",
        "https://[64:ff9b::127.0.0.1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b:1::1]/",
        "https://[100::1]/",
        "https://[2001::1]/",
        "https://[2001:db8::1]/",
        "https://[2002:7f00:1::]/",
        "https://[2002:a9fe:a9fe::1]/",
        "https://[3fff::1]/",
        "https://[5f00::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
    ];

    #[test]
    fn refuses_internal_addresses_in_every_notation() {
        for text in INTERNAL_ADDRESSES {
            assert_eq!(check_url(text), Err(Rule::InternalAddress), "{text}");
        }
    }

    fn judge(text: &str, expected: Result<&str, Rule>) {
        assert_eq!(check_url(text).as_ref().map(Url::as_str), expected.as_ref().copied(), "{text:?}");
    }

    #[test]
    fn accepts_public_hosts_over_https() {
        judge("https://erp.example.com", Ok("https://erp.example.com/"));
        judge("https://erp.example.com:443/odoo", Ok("https://erp.example.com/odoo"));
        judge("https://bücher.example/", Ok("https://xn--bcher-kva.example/"));
        judge("https://8.8.8.8/", Ok("https://8.8.8.8/"));
        judge("https://[2606:4700:4700::1111]/", Ok("https://[2606:4700:4700::1111]/"));
        judge("https://localhost.example.com/", Ok("https://localhost.example.com/"));
        judge("https://notlocal.example/", Ok("https://notlocal.example/"));
    }

    #[test]
    fn refuses_names_of_internal_networks() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "intranet",
            "db",
            "erp.local",
            "ip-10-0-0-1.eu-west-1.compute.internal",
            "metadata.google.internal",
            "metadata.google.internal.",
            "router.home.arpa",
            "home.arpa",
            "ｌocalhost",
        ] {
            judge(&format!("https://{host}/"), Err(Rule::InternalName));
        }
    }

    #[test]
    fn names_the_rule_that_refused() {
        judge("http://erp.example.com", Err(Rule::Scheme));
        judge("ftp://erp.example.com", Err(Rule::Scheme));
        judge("file:///etc/passwd", Err(Rule::Scheme));
        judge("gopher://127.0.0.1:70/", Err(Rule::Scheme));
        judge("javascript:alert(1)", Err(Rule::Scheme));
        judge("https://user@erp.example.com", Err(Rule::UserInfo));
        judge("https://user:pass@erp.example.com", Err(Rule::UserInfo));
        judge("https://:pass@erp.example.com", Err(Rule::UserInfo));
        judge("https://erp.example.com@127.0.0.1/", Err(Rule::UserInfo));
        judge("https://erp.example.com:8443/", Err(Rule::Port));
        judge("https://erp.example.com:0/", Err(Rule::Port));
    }

    #[test]
    fn refuses_what_is_not_a_url() {
        for text in [
            "",
            "erp.example.com",
            "/path",
            "https://",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1%eth0]/",
            "https://[::ffff:127.0.0.1.2]/",
            "https://256.0.0.1/",
            "https://1.2.3.4.5/",
            "https://4294967296/",
            "https://127.0.0.1:99999/",
            "https://a b.example/",
            " https://erp.example.com",
            "https://erp.example.com\n",
            "https://127.0\t.0.1/",
            "https://erp.example.com/\0",
            "https://erp\u{85}.example.com/",
            "https://exa%00mple.com/",
        ] {
            judge(text, Err(Rule::NotAUrl));
        }
    }

    #[test]
    fn the_rules_sentences_and_codes_differ() {
        use Rule::{InternalAddress, InternalName, NotAUrl, Port, Redirect, Scheme, UserInfo};
        let all = [NotAUrl, Scheme, UserInfo, Port, InternalName, InternalAddress, Redirect];
        let sentences: HashSet<_> = all.iter().map(ToString::to_string).collect();
        let codes: HashSet<_> = all.iter().map(|rule| rule.code()).collect();
        assert_eq!((sentences.len(), codes.len()), (all.len(), all.len()));
    }

    proptest! {
        #[test]
        fn any_text_gets_a_verdict(text: String) {
            if let Ok(url) = check_url(&text) {
                prop_assert_eq!(url.scheme(), "https");
            }
        }

        #[test]
        fn notations_of_one_address_get_one_verdict(bits: u32) {
            let dotted = std::net::Ipv4Addr::from_bits(bits);
            let verdict = check_url(&format!("https://{dotted}/"));
            prop_assert_eq!(&check_url(&format!("https://{bits}/")), &verdict);
            prop_assert_eq!(&check_url(&format!("https://{bits:#x}/")), &verdict);
            prop_assert_eq!(&check_url(&format!("https://0{bits:o}/")), &verdict);
        }
    }
}

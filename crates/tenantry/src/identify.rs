//! Tells which tenant a request is for, from what was verified in it. Pure: no store, no clock, no request.
//!
//! The evidence is looked at in this order, and all of it must agree:
//!
//! 1. **Lambda's own tenant id**, which the platform vouches for.
//! 2. **A verified token**. That of a tenant names it; that of the operator names nobody, but allows a claim to.
//! 3. **A verified signature**, made with a secret that belongs to one tenant.
//! 4. **A message of the platform's own queue**, to which nobody else can write.
//! 5. **A verified host name**, bound to one tenant.
//! 6. **Claims**: the header `x-tenant-id`, the path, the body. They may only agree.
//!
//! Two sources that disagree are a refusal, never a choice. There is no default tenant.

use tenantry_core::scope::{Scope, TenantId, TenantIdError};

/// The header in which a request may claim a tenant.
pub const TENANT_HEADER: &str = "x-tenant-id";

/// What a request brings that tells of a tenant. What it does not bring is left at its default.
#[derive(Clone, Debug, Default)]
pub struct Evidence<'a> {
    /// Lambda's own tenant id, as its runtime gave it.
    pub lambda: Option<&'a str>,
    /// The scope of a token that was verified.
    pub token: Option<&'a Scope>,
    /// The tenant whose secret made a signature that was verified.
    pub signature: Option<&'a TenantId>,
    /// The tenant to which a verified host name is bound.
    pub host: Option<&'a TenantId>,
    /// All values of the header [`TENANT_HEADER`], as they came.
    pub headers: Vec<&'a [u8]>,
    /// The tenant that a message names which came by a queue that only the platform can write to.
    pub queue: Option<&'a TenantId>,
    /// The tenant that the path names.
    pub path: Option<&'a str>,
    /// The tenant that the body names.
    pub body: Option<&'a str>,
}

/// Why no tenant could be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifyError {
    /// Nothing in the request tells of a tenant.
    #[error("the request names no tenant")]
    Missing,
    /// A tenant is claimed, but nothing proves it.
    #[error("the request names a tenant, but nothing in it proves that it may")]
    Unverified,
    /// The operator's token may act for any tenant, and none is named.
    #[error("name the tenant in the header {TENANT_HEADER}: an operator's token belongs to none")]
    Unnamed,
    /// Two sources name different tenants.
    #[error("the {first} and the {second} name different tenants")]
    Mismatch {
        /// The earlier source in the documented order.
        first: Source,
        /// The source that disagrees with it.
        second: Source,
    },
    /// The header stands there more than once, be it with one value.
    #[error("the header {TENANT_HEADER} must be given once")]
    DuplicateHeader,
    /// What is named is no tenant id.
    #[error("the {place}: {error}")]
    Malformed {
        /// Where it stands.
        place: Source,
        /// What is wrong with it.
        #[source]
        error: TenantIdError,
    },
}

impl IdentifyError {
    /// The stable code of the answer that a caller gets.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Unverified => "tenant_unverified",
            Self::Unnamed => "tenant_required",
            Self::Mismatch { .. } => "tenant_mismatch",
            Self::DuplicateHeader => "duplicate_header",
            Self::Malformed { error, .. } => error.code(),
        }
    }
}

/// Where a tenant is named, in the documented order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Lambda's own tenant id.
    Lambda,
    /// A verified token.
    Token,
    /// A verified signature.
    Signature,
    /// A message of the platform's own queue.
    Queue,
    /// A verified host name.
    Host,
    /// A claim in the header.
    Header,
    /// A claim in the path.
    Path,
    /// A claim in the body.
    Body,
}

impl Source {
    /// Whether a tenant that is named there is proven.
    pub fn is_verified(self) -> bool {
        self <= Self::Host
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Lambda => "Lambda tenant id",
            Self::Token => "token",
            Self::Signature => "signature",
            Self::Queue => "queue",
            Self::Host => "host name",
            Self::Header => "header",
            Self::Path => "path",
            Self::Body => "body",
        })
    }
}

/// Tells the tenant that the evidence proves, if all of it agrees.
///
/// ```
/// use tenantry::identify::{Evidence, IdentifyError, identify};
/// use tenantry_core::scope::{Scope, TenantId};
///
/// let acme = TenantId::parse("acme")?;
/// let token = Scope::Tenant(acme.clone());
/// let proven = Evidence { token: Some(&token), headers: vec![b"acme"], ..Evidence::default() };
/// assert_eq!(identify(&proven), Ok(acme));
///
/// let claimed = Evidence { headers: vec![b"acme"], ..Evidence::default() };
/// assert_eq!(identify(&claimed), Err(IdentifyError::Unverified));
/// # Ok::<(), tenantry_core::scope::TenantIdError>(())
/// ```
pub fn identify(evidence: &Evidence<'_>) -> Result<TenantId, IdentifyError> {
    let named = named(evidence)?;
    let is_operator = evidence.token == Some(&Scope::Global);
    let Some((first, tenant)) = named.first() else {
        return Err(if is_operator { IdentifyError::Unnamed } else { IdentifyError::Missing });
    };
    if let Some((second, _)) = named.iter().find(|(_, other)| other != tenant) {
        return Err(IdentifyError::Mismatch { first: *first, second: *second });
    }
    if first.is_verified() || is_operator { Ok(tenant.clone()) } else { Err(IdentifyError::Unverified) }
}

/// Every tenant that is named, in the documented order.
fn named(evidence: &Evidence<'_>) -> Result<Vec<(Source, TenantId)>, IdentifyError> {
    let header = match evidence.headers.as_slice() {
        [] => None,
        // What is no UTF-8 has no place in a tenant id either.
        [one] => Some(String::from_utf8_lossy(one)),
        [_, _, ..] => return Err(IdentifyError::DuplicateHeader),
    };
    let verified = [
        (Source::Token, evidence.token.and_then(Scope::tenant)),
        (Source::Signature, evidence.signature),
        (Source::Queue, evidence.queue),
        (Source::Host, evidence.host),
    ];
    let claimed = [(Source::Header, header.as_deref()), (Source::Path, evidence.path), (Source::Body, evidence.body)];
    let mut named = Vec::from_iter(parse(Source::Lambda, evidence.lambda)?);
    named.extend(verified.into_iter().filter_map(|(place, tenant)| Some((place, tenant?.clone()))));
    for (place, text) in claimed {
        named.extend(parse(place, text)?);
    }
    Ok(named)
}

fn parse(place: Source, text: Option<&str>) -> Result<Option<(Source, TenantId)>, IdentifyError> {
    let Some(text) = text else { return Ok(None) };
    let tenant = TenantId::parse(text).map_err(|error| IdentifyError::Malformed { place, error })?;
    Ok(Some((place, tenant)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tenant(id: &str) -> TenantId {
        TenantId::parse(id).unwrap()
    }

    /// Who is named by each source: nobody, acme or beta; for the token also the operator.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Who {
        Nobody,
        Acme,
        Beta,
        Operator,
    }

    impl Who {
        fn name(self) -> Option<&'static str> {
            match self {
                Self::Nobody | Self::Operator => None,
                Self::Acme => Some("acme"),
                Self::Beta => Some("beta"),
            }
        }

        fn scope(self) -> Option<Scope> {
            match self {
                Self::Operator => Some(Scope::Global),
                who => who.name().map(|name| Scope::Tenant(tenant(name))),
            }
        }
    }

    fn asked(who: [Who; 8]) -> Result<TenantId, IdentifyError> {
        let [lambda, token, signature, queue, host, header, path, body] = who;
        let (token, signature, host) = (token.scope(), signature.name().map(tenant), host.name().map(tenant));
        let queue = queue.name().map(tenant);
        identify(&Evidence {
            lambda: lambda.name(),
            token: token.as_ref(),
            signature: signature.as_ref(),
            queue: queue.as_ref(),
            host: host.as_ref(),
            headers: header.name().map(str::as_bytes).into_iter().collect(),
            path: path.name(),
            body: body.name(),
        })
    }

    /// Every combination of who is named by the eight sources.
    fn every_combination() -> impl Iterator<Item = [Who; 8]> {
        let named = [Who::Nobody, Who::Acme, Who::Beta];
        (0..4 * 3_usize.pow(7)).map(move |mut number| {
            let mut next = |options: usize| {
                let digit = number % options;
                number /= options;
                digit
            };
            let token = [Who::Nobody, Who::Acme, Who::Beta, Who::Operator][next(4)];
            let mut other = || named[next(3)];
            [other(), token, other(), other(), other(), other(), other(), other()]
        })
    }

    #[test]
    fn a_tenant_is_told_only_if_something_proves_it_and_nothing_disagrees() {
        let mut told = 0;
        for who in every_combination() {
            let named: Vec<_> = who.iter().filter_map(|who| who.name()).collect();
            let agree = named.windows(2).all(|pair| pair[0] == pair[1]);
            let proven = who[..5].iter().any(|who| who.name().is_some()) || who[1] == Who::Operator;
            match asked(who) {
                Ok(tenant) => {
                    told += 1;
                    assert!(proven && agree && named.first() == Some(&tenant.as_str()), "{who:?}");
                }
                Err(IdentifyError::Mismatch { first, second }) => assert!(!agree && first < second, "{who:?}"),
                Err(IdentifyError::Missing) => assert!(named.is_empty() && who[1] != Who::Operator, "{who:?}"),
                Err(IdentifyError::Unnamed) => assert!(named.is_empty() && who[1] == Who::Operator, "{who:?}"),
                Err(IdentifyError::Unverified) => assert!(agree && !proven && !named.is_empty(), "{who:?}"),
                Err(other) => panic!("{who:?}: {other}"),
            }
        }
        // Of each of two tenants: any of the eight sources but none of the five verified ones alone, and the operator.
        assert_eq!(told, 2 * ((1 << 8) - (1 << 3) + (1 << 7) - 1));
    }

    #[test]
    fn a_claim_alone_proves_nothing() {
        use Who::{Acme, Nobody};
        for place in 5..8 {
            let mut who = [Nobody; 8];
            who[place] = Acme;
            assert_eq!(asked(who), Err(IdentifyError::Unverified));
        }
    }

    #[test]
    fn a_token_of_one_tenant_with_a_header_of_another_is_a_mismatch() {
        use Who::{Acme, Beta, Nobody};
        let error = asked([Nobody, Acme, Nobody, Nobody, Nobody, Beta, Nobody, Nobody]).unwrap_err();
        assert_eq!(error, IdentifyError::Mismatch { first: Source::Token, second: Source::Header });
        assert_eq!(error.code(), "tenant_mismatch");
    }

    #[test]
    fn an_identity_header_given_twice_is_refused_even_with_one_value() {
        let token = Scope::Tenant(tenant("acme"));
        for second in [&b"acme"[..], b"beta", b""] {
            let evidence = Evidence { token: Some(&token), headers: vec![b"acme", second], ..Evidence::default() };
            assert_eq!(identify(&evidence), Err(IdentifyError::DuplicateHeader));
        }
    }

    #[test]
    fn a_malformed_claim_is_refused_with_its_rule() {
        let token = Scope::Tenant(tenant("acme"));
        for (text, code) in [
            (&b""[..], "tenant_id_invalid"),
            (b"Acme", "tenant_id_invalid"),
            (b"acme ", "tenant_id_invalid"),
            (b"ac\xffme", "tenant_id_invalid"),
            (b"admin", "tenant_id_reserved"),
        ] {
            let evidence = Evidence { token: Some(&token), headers: vec![text], ..Evidence::default() };
            assert_eq!(identify(&evidence).unwrap_err().code(), code);
        }
        let evidence = Evidence { lambda: Some("*"), ..Evidence::default() };
        assert!(matches!(identify(&evidence), Err(IdentifyError::Malformed { place: Source::Lambda, .. })));
    }

    proptest! {
        #[test]
        fn no_claim_whatever_changes_who_is_told(header in prop::collection::vec(any::<u8>(), 0..12), path in ".{0,8}", body in ".{0,8}") {
            let token = Scope::Tenant(tenant("acme"));
            let evidence = Evidence {
                token: Some(&token), headers: vec![&header], path: Some(&path), body: Some(&body), ..Evidence::default()
            };
            if let Ok(told) = identify(&evidence) {
                prop_assert_eq!(told, tenant("acme"));
            }
        }

        #[test]
        fn claims_prove_nothing_however_they_look(header in "[a-z]{1,8}", path in "[a-z]{1,8}") {
            let evidence = Evidence { headers: vec![header.as_bytes()], path: Some(&path), ..Evidence::default() };
            prop_assert!(identify(&evidence).is_err());
        }
    }
}

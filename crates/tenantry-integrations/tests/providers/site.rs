//! Where a client under test is sent, with which credential, and what none of its errors may show.

use std::fmt::Debug;
use std::time::Duration;

use tenantry_core::secret::SecretText;
use tenantry_emulators::providers::Provider;
use tenantry_integrations::call::CallError;
use tenantry_integrations::egress::{Egress, Endpoint};
use tenantry_integrations::verify::Verdict;

/// The credential of every client under test; it has the shape of a Telegram token, the only one that must have a shape.
pub(crate) const SECRET: &str = "7301:CANARY_acme_5f0f9d3c";

/// What clients under test are waited for: enough for a busy machine.
const AMPLE: Duration = Duration::from_mins(1);

/// A server to be called, and the way out to it.
pub(crate) struct Site {
    pub(crate) origin: String,
    /// Reaches the server, and no other one of this machine.
    pub(crate) egress: Egress,
    /// The longest time that `egress` waits for an answer; clients that go another way keep it by themselves.
    pub(crate) limit: Duration,
}

impl Site {
    pub(crate) fn of(provider: &Provider) -> Self {
        Self::within(AMPLE, provider.origin())
    }

    pub(crate) fn within(limit: Duration, origin: &str) -> Self {
        let egress = Egress::builder().longest_limit(limit).allow_origin(origin).unwrap().build();
        Self { origin: origin.to_owned(), egress, limit }
    }

    /// A server that the outbound rules keep everybody from.
    pub(crate) fn forbidden(origin: &str) -> Self {
        Self { origin: origin.to_owned(), egress: Egress::builder().build(), limit: AMPLE }
    }

    /// The server's base URL with a path.
    pub(crate) fn endpoint(&self, path: &str) -> Endpoint {
        Endpoint::parse(&format!("{}{path}", self.origin)).unwrap()
    }
}

pub(crate) fn secret() -> SecretText {
    SecretText::new(SECRET.to_owned())
}

/// The error of a call that must fail, once it was seen to show neither a credential nor an address of this machine.
pub(crate) fn failed<T: Debug>(outcome: Result<T, CallError>) -> CallError {
    let error = outcome.expect_err("the call fails");
    let shown = format!("{error} {error:?} {:?}", Verdict::from(error.clone()));
    assert_shows_nothing(&shown);
    error
}

/// What nobody may see: any piece of a canary, and where the server is.
pub(crate) fn assert_shows_nothing(shown: &str) {
    assert!(!shown.contains("CANARY") && !shown.contains("5f0f9d3c"), "it shows a credential: {shown}");
    assert!(!shown.contains("127.0.0.1"), "it shows an address: {shown}");
}

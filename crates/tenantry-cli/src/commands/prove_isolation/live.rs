//! The same calls on AWS itself, next to what was computed.

use serde::Serialize;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::aws::{AwsUrl, Probe, Reach};
use tenantry_store::policy::proof::{Asker, Judge, Thing};
use tenantry_store::{OpenOptions, StoreError};

use crate::output::{Output, Tone};
use crate::shown;

/// What came of every call that was tried.
#[derive(Debug, Serialize)]
pub(crate) struct Live {
    /// How many tenants were tried, each with each and with the defaults.
    tenants: usize,
    verdict: Verdict,
    tries: Vec<Try>,
}

/// What the answers say of the isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// Every call was answered as computed.
    AsComputed,
    /// Every call was let through.
    NotEnforced,
    /// Some calls were answered otherwise than computed, or failed.
    Different,
}

/// One call.
#[derive(Debug, Serialize)]
struct Try {
    session: String,
    thing: String,
    computed: &'static str,
    live: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Live {
    /// Tries each of the tenants and the defaults with each.
    pub(crate) async fn of(
        judge: &Judge,
        url: &AwsUrl,
        options: &OpenOptions,
        tenants: &[TenantId],
    ) -> anyhow::Result<Self> {
        let probe = Probe::open(url, options).await?;
        let scopes: Vec<_> = tenants.iter().cloned().map(Scope::Tenant).chain([Scope::Global]).collect();
        let mut tries = Vec::new();
        for session in &scopes {
            for of in &scopes {
                let parameters = probe.parameters(session, of).await;
                tries.push(Try::new(judge, session, &Thing::Parameters(of.clone()), &parameters)?);
                let secret = probe.secret(session, of).await;
                tries.push(Try::new(judge, session, &Thing::Secret(of.clone()), &secret)?);
            }
        }
        Ok(Self { tenants: tenants.len(), verdict: verdict(&tries), tries })
    }

    /// Whether every call was answered as computed.
    pub(crate) fn holds(&self) -> bool {
        self.verdict == Verdict::AsComputed
    }

    /// Every call with both answers, and what they say together.
    pub(crate) fn text(&self, output: &Output) -> String {
        let rows: Vec<_> = self.tries.iter().map(|tried| tried.row(output)).collect();
        let table = output.table(&["SESSION OF", "READS", "COMPUTED", "LIVE"], &rows);
        let (mark, tone) = if self.holds() { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
        format!("{table}\n\n{} {}", output.paint().tone(tone, mark), self.sentence())
    }

    fn sentence(&self) -> String {
        let calls = shown::count(self.tries.len(), "call");
        match self.verdict {
            Verdict::AsComputed => format!("{calls} tried live: each was answered as computed"),
            Verdict::NotEnforced => format!(
                "{calls} tried live: every one was ALLOWED, so isolation is NOT enforced there: it is an emulator, which \
                 judges by no policy, or the tenant role has another policy"
            ),
            Verdict::Different => {
                let different = self.tries.iter().filter(|tried| !tried.is_as_computed()).count();
                format!("{calls} tried live: {different} failed, or were answered otherwise than computed")
            }
        }
    }
}

fn verdict(tries: &[Try]) -> Verdict {
    if tries.iter().all(Try::is_as_computed) {
        Verdict::AsComputed
    } else if tries.iter().all(|tried| tried.live == ALLOWED) {
        Verdict::NotEnforced
    } else {
        Verdict::Different
    }
}

const ALLOWED: &str = "allowed";
const REFUSED: &str = "refused";

impl Try {
    fn new(judge: &Judge, session: &Scope, thing: &Thing, reach: &Reach) -> anyhow::Result<Self> {
        let computed = judge.reads(&Asker::Session(session.clone()), thing)?;
        let (live, error) = match reach {
            Reach::Allowed => (ALLOWED, None),
            Reach::Refused => (REFUSED, None),
            Reach::Failed(error) => ("failed", Some(chain(error))),
        };
        let computed = if computed { ALLOWED } else { REFUSED };
        Ok(Self { session: shown::scope(session), thing: thing.to_string(), computed, live, error })
    }

    fn is_as_computed(&self) -> bool {
        self.live == self.computed
    }

    fn row(&self, output: &Output) -> Vec<String> {
        let tone = if self.is_as_computed() { Tone::Good } else { Tone::Bad };
        let mark = if self.is_as_computed() { "" } else { " !" };
        let error = self.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        let live = output.paint().tone(tone, &format!("{}{error}{mark}", self.live));
        vec![self.session.clone(), self.thing.clone(), self.computed.to_owned(), live]
    }
}

/// An error with its causes.
fn chain(error: &StoreError) -> String {
    let (mut told, mut next) = (error.to_string(), std::error::Error::source(error));
    while let Some(cause) = next {
        told = format!("{told}: {cause}");
        next = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(computed: &'static str, live: &'static str) -> Try {
        let text = str::to_owned;
        Try { session: text("acme"), thing: text("secret of beta"), computed, live, error: None }
    }

    #[test]
    fn the_verdict_tells_a_lack_of_isolation_from_a_difference() {
        let check = |tries: &[Try], expected| assert_eq!(verdict(tries), expected);
        check(&[tried(ALLOWED, ALLOWED), tried(REFUSED, REFUSED)], Verdict::AsComputed);
        check(&[tried(ALLOWED, ALLOWED), tried(REFUSED, ALLOWED)], Verdict::NotEnforced);
        check(&[tried(ALLOWED, REFUSED), tried(REFUSED, ALLOWED)], Verdict::Different);
        check(&[tried(ALLOWED, ALLOWED), tried(REFUSED, "failed")], Verdict::Different);
    }
}

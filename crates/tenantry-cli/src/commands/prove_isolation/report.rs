//! What was proved: the document for programs, and the text for people.

use serde::Serialize;
use tenantry_core::scope::TenantId;
use tenantry_store::policy::Names;
use tenantry_store::policy::proof::{Proof, Wrong};

use super::live::Live;
use super::matrix::Matrix;
use crate::output::{Output, Tone};

/// What the answer rests on, and what it does not.
const COMPUTED: &str = "computed by an evaluator over the policies that deploy/ has";

/// All that was found out.
pub(crate) struct Report {
    pub(crate) names: Names,
    pub(crate) tenants: Vec<TenantId>,
    pub(crate) proof: Proof,
    pub(crate) live: Option<Live>,
}

/// The document.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    holds: bool,
    basis: String,
    account: &'a str,
    region: &'a str,
    aws_partition: &'a str,
    environment: &'a str,
    table_prefix: &'a str,
    tenants: Vec<&'a str>,
    pairs: usize,
    rows: Vec<RowView>,
    wrong: Vec<WrongView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Live>,
}

/// What somebody reads.
#[derive(Serialize)]
struct RowView {
    session: String,
    reads: Vec<String>,
}

/// What is not as it ought to be.
#[derive(Serialize)]
struct WrongView {
    session: String,
    thing: String,
    allowed: bool,
}

impl Report {
    /// Whether everything is as it ought to be, by the policies and live.
    pub(crate) fn holds(&self) -> bool {
        self.proof.holds() && self.live.as_ref().is_none_or(Live::holds)
    }

    pub(crate) fn document(&self) -> Document<'_> {
        let names = &self.names;
        let rows = self.proof.rows.iter().map(|row| RowView {
            session: row.asker.to_string(),
            reads: row.reads.iter().map(ToString::to_string).collect(),
        });
        Document {
            holds: self.holds(),
            basis: self.basis(),
            account: &names.account,
            region: &names.region,
            aws_partition: &names.partition,
            environment: &names.environment,
            table_prefix: &names.table_prefix,
            tenants: self.tenants.iter().map(TenantId::as_str).collect(),
            pairs: self.proof.pairs,
            rows: rows.collect(),
            wrong: self.proof.wrong.iter().map(view).collect(),
            live: self.live.as_ref(),
        }
    }

    pub(crate) fn text(&self, matrix: &Matrix, output: &Output) -> String {
        let mut parts = vec![matrix.text(output), self.summary(output)];
        parts.extend(self.live.iter().map(|live| live.text(output)));
        parts.push(capitalised(&self.basis()));
        parts.join("\n\n")
    }

    /// What the answer rests on.
    fn basis(&self) -> String {
        let live = match &self.live {
            None => "no live IAM confirmed it",
            Some(live) if live.holds() => {
                "the calls that were tried live were answered the same, and no others were tried"
            }
            Some(_) => "the calls that were tried live do not confirm it",
        };
        format!("{COMPUTED}; {live}")
    }

    fn summary(&self, output: &Output) -> String {
        let pairs = format!("{} pairs judged", grouped(self.proof.pairs));
        if self.proof.holds() {
            let mark = output.paint().tone(Tone::Good, "✓");
            return format!(
                "{mark} {pairs}: each tenant reads itself and the defaults, and nothing else; the function reads no tenant"
            );
        }
        let mark = output.paint().tone(Tone::Bad, "✗");
        let wrong = self.proof.wrong.iter().map(|wrong| format!("    {}", sentence(wrong)));
        let first = format!("{mark} {pairs}: {} of their answers are wrong", self.proof.wrong.len());
        std::iter::once(first).chain(wrong).collect::<Vec<_>>().join("\n")
    }
}

fn view(wrong: &Wrong) -> WrongView {
    WrongView { session: wrong.asker.to_string(), thing: wrong.thing.to_string(), allowed: wrong.allowed }
}

fn sentence(wrong: &Wrong) -> String {
    let Wrong { asker, thing, allowed } = wrong;
    if *allowed {
        format!("{asker} reads {thing}, and must not")
    } else {
        format!("{asker} must read {thing}, and cannot")
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str() + ".").unwrap_or_default()
}

/// A number with a comma behind each three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.chars().enumerate().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, Output};
    use tenantry_core::scope::Scope;
    use tenantry_store::policy::proof::{Asker, Thing};

    fn report(wrong: Vec<Wrong>) -> Report {
        let text = str::to_owned;
        let names = Names {
            partition: text("aws"),
            region: text("eu-central-1"),
            account: text("123456789012"),
            environment: text("production"),
            table_prefix: String::new(),
        };
        let proof = Proof { pairs: 1_234_567, rows: Vec::new(), wrong };
        Report { names, tenants: Vec::new(), proof, live: None }
    }

    #[test]
    fn what_is_wrong_is_told_one_by_one_and_the_proof_does_not_hold() {
        let (acme, beta) = (Scope::parse("acme").unwrap(), Scope::parse("beta").unwrap());
        let wrong = report(vec![
            Wrong { asker: Asker::Session(acme), thing: Thing::Secret(beta), allowed: true },
            Wrong { asker: Asker::Function, thing: Thing::MasterKey, allowed: false },
        ]);
        let told = wrong.summary(&Output::new(Format::Table));
        assert_eq!(
            told,
            "✗ 1,234,567 pairs judged: 2 of their answers are wrong\n    acme reads secret of beta, and must not\n    \
             (function) must read master key, and cannot"
        );
        assert!(!wrong.holds() && report(Vec::new()).holds());
        let document = serde_json::to_value(wrong.document()).unwrap();
        assert_eq!(document["wrong"][0]["thing"], "secret of beta");
        assert_eq!(document["holds"], false);
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let numbers = [7, 100, 1_000, 10_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["7", "100", "1,000", "10,000", "1,234,567"]);
    }
}

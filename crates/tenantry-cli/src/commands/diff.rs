//! `tenantry diff`: how effective configurations differ.

use clap::Args;
use tenantry_admin::service::LeafDifference;
use tenantry_core::change::diff;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Tier};
use tenantry_core::resolve::Resolved;
use tenantry_core::scope::{Scope, TenantId};

use crate::exit::Trouble;
use crate::output::{Output, Tone};
use crate::session::Session;
use crate::shown;

/// Show in which values two configurations differ
#[derive(Debug, Args)]
#[command(after_help = "\
The configuration of -t ID (or --global) is compared with that of WITH: another tenant's id,
`global` for what a tenant without values of its own gets, or `default` for what is built in.
WITH is `global` for a tenant, `default` for --global. Secrets of two scopes always differ: they
are made so that they cannot be compared.

Examples:
  tenantry -t acme diff                            (what acme changed)
  tenantry -t acme diff beta
  tenantry -t acme diff default
  tenantry --global diff                           (what the operator changed)")]
pub(crate) struct Diff {
    /// A tenant's id, `global` or `default`
    with: Option<String>,
}

/// What a scope is compared with.
enum With {
    Default,
    Scope(Scope),
}

impl Diff {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let right = session.global.scope()?;
        let with = with(self.with.as_deref(), &right)?;
        let (left, differences) = match &with {
            With::Scope(left) => (shown::scope(left), session.service.diff(left, &right).await?),
            With::Default => {
                let resolved = session.service.usable(&right).await?.resolved;
                ("default".to_owned(), from_default(session, &resolved))
            }
        };
        let document = serde_json::json!({
            "left": left,
            "right": shown::scope(&right),
            "differences": differences.iter().map(side_by_side).collect::<Vec<_>>(),
        });
        session.output.show(&document, |output| table(&left, &shown::scope(&right), &differences, output))
    }
}

/// Reserved words can be no tenant's id, so they are free for other meanings here.
fn with(word: Option<&str>, right: &Scope) -> anyhow::Result<With> {
    Ok(match (word, right) {
        (None, Scope::Global) | (Some("default"), _) => With::Default,
        (None, Scope::Tenant(_)) | (Some("global"), _) => With::Scope(Scope::Global),
        (Some(id), _) => match TenantId::parse(id) {
            Ok(tenant) => With::Scope(tenant.into()),
            Err(error) => {
                return Err(Trouble::usage(error.to_string()).help("or write `global` or `default`").into());
            }
        },
    })
}

fn from_default(session: &Session, right: &Resolved) -> Vec<LeafDifference> {
    let left = session.catalog().defaults();
    let entries: Vec<(Key, Entry)> = right.iter().map(|leaf| (leaf.key.clone(), leaf.entry.clone())).collect();
    let differences = diff(left.entries(), &entries).into_iter().map(|difference| LeafDifference {
        left: left.entry(&difference.key).map(|entry| (entry.clone(), Tier::Default)),
        right: right.leaf(&difference.key).map(|leaf| (leaf.entry.clone(), leaf.origin.tier)),
        key: difference.key,
    });
    differences.collect()
}

/// One difference as programs read it: each side as in `explain`.
fn side_by_side(difference: &LeafDifference) -> serde_json::Value {
    let side = |side: &Option<(Entry, Tier)>| {
        let (entry, tier) = side.as_ref()?;
        let mut member = serde_json::to_value(entry).ok()?;
        member["tier"] = tier.to_string().into();
        Some(member)
    };
    let mut members = serde_json::Map::from_iter([("key".to_owned(), difference.key.as_str().into())]);
    members.extend(side(&difference.left).map(|left| ("left".to_owned(), left)));
    members.extend(side(&difference.right).map(|right| ("right".to_owned(), right)));
    members.into()
}

fn table(left: &str, right: &str, differences: &[LeafDifference], output: &Output) -> String {
    if differences.is_empty() {
        return format!("{left} and {right} do not differ");
    }
    let paint = output.paint();
    let cell = |side: &Option<(Entry, Tier)>| match side {
        None => paint.tone(Tone::Dim, "–"),
        Some((entry, tier)) => paint.tone(Tone::Of(*tier), &shown::entry(entry)),
    };
    let rows = differences.iter().map(|difference| {
        vec![paint.tone(Tone::Strong, difference.key.as_str()), cell(&difference.left), cell(&difference.right)]
    });
    output.table(&["KEY", &left.to_uppercase(), &right.to_uppercase()], &rows.collect::<Vec<_>>())
}

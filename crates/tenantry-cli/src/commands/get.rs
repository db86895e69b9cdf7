//! `tenantry get`: the effective values of a scope.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Tier};
use tenantry_core::resolve::Effective;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretMark;

use crate::exit::{Exit, Trouble, scope_flag};
use crate::output::{Output, Tone};
use crate::session::Session;
use crate::shown;

/// Show the values in effect, merged from all tiers
#[derive(Debug, Args)]
#[command(after_help = "\
The value of one parameter is printed as it is, a text without quotes. `tenantry explain` tells
where values come from. Where a tier's own value cannot be used, as after a change made by hand,
no other tier's is shown in its place: the command fails with exit code 4 and names it.

Examples:
  tenantry -t acme get
  tenantry -t acme get persona
  tenantry -t acme get prompts.chitchat > chitchat.txt
  tenantry -t acme get --output json")]
pub(crate) struct Get {
    /// A parameter, or a section; all of them if left out
    key: Option<String>,
}

/// Effective values: nested as in the settings, and the marks of secrets by their keys.
#[derive(Serialize)]
pub(super) struct Shown {
    scope: String,
    values: Document,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<Key, SecretMark>,
}

impl Shown {
    pub(super) fn new(scope: &Scope, leaves: &[Effective<'_>]) -> Self {
        let plain = leaves.iter().filter_map(|leaf| Some((leaf.key.clone(), leaf.entry.value()?.clone())));
        let secrets = leaves.iter().filter_map(|leaf| match leaf.entry {
            Entry::Secret(mark) => Some((leaf.key.clone(), mark.clone())),
            Entry::Value(_) => None,
        });
        Self { scope: shown::scope(scope), values: Document::from_items(plain).0, secrets: secrets.collect() }
    }
}

/// One effective value.
#[derive(Serialize)]
struct OneShown<'a> {
    scope: String,
    key: &'a Key,
    #[serde(flatten)]
    entry: &'a Entry,
    tier: Tier,
}

impl Get {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        let key = self.key.as_deref().map(|spelling| session.key(spelling)).transpose()?;
        let effective = session.service.effective(&scope).await?;
        effective.must_be_usable(session.catalog(), key.as_ref())?;
        let resolved = effective.resolved;
        match &key {
            Some(key) => match resolved.leaf(key) {
                Some(leaf) => show_one(session, &scope, leaf),
                None => show_all(session, &scope, Some(key), &resolved.within(key).collect::<Vec<_>>()),
            },
            None => show_all(session, &scope, None, &resolved.iter().collect::<Vec<_>>()),
        }
    }
}

fn show_one(session: &Session, scope: &Scope, leaf: Effective<'_>) -> anyhow::Result<()> {
    let one = OneShown { scope: shown::scope(scope), key: leaf.key, entry: leaf.entry, tier: leaf.origin.tier };
    session.output.show(&one, |_| match leaf.entry {
        Entry::Value(value) => shown::whole_value(value),
        Entry::Secret(mark) => shown::secret(mark),
    })
}

fn show_all(session: &Session, scope: &Scope, key: Option<&Key>, leaves: &[Effective<'_>]) -> anyhow::Result<()> {
    if let (Some(key), true) = (key, leaves.is_empty()) {
        return Err(not_set(session, scope, key).into());
    }
    session.output.show(&Shown::new(scope, leaves), |output| table(leaves, output))
}

/// Effective values for people.
pub(super) fn table(leaves: &[Effective<'_>], output: &Output) -> String {
    let paint = output.paint();
    let rows = leaves.iter().map(|leaf| {
        vec![paint.tone(Tone::Strong, leaf.key.as_str()), shown::entry(leaf.entry), paint.tier(leaf.origin.tier)]
    });
    output.table(&["KEY", "VALUE", "TIER"], &rows.collect::<Vec<_>>())
}

/// The error of a parameter without a value at any tier.
pub(super) fn not_set(session: &Session, scope: &Scope, key: &Key) -> Trouble {
    let trouble = Trouble::new(Exit::NotFound, format!("{key} is not set for {}, at no tier", shown::scope(scope)));
    if session.catalog().is_section(key) {
        trouble.help(format!("`tenantry catalog {key}` lists what can be set below it"))
    } else {
        trouble.help(format!("`tenantry {} set {key} …` sets it", scope_flag(scope)))
    }
}

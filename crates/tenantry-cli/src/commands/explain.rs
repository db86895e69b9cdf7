//! `tenantry explain`: where values come from, and what they hide.

use clap::Args;
use serde::Serialize;
use tenantry_admin::service::Effective;
use tenantry_core::assemble::Oddity;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Tier};
use tenantry_core::resolve::{ConnectionStatus, Explanation, Hidden, Origin, Resolved};
use tenantry_core::scope::Scope;
use tenantry_core::usable::Fault;

use super::get::not_set;
use crate::output::{Output, Paint, Tone};
use crate::session::Session;
use crate::shown;

/// Tell where values come from, and which values they hide
#[derive(Debug, Args)]
#[command(after_help = "\
Each value in effect is marked ●; what it hides stands below it, marked ○, the highest tier
first. A connection is taken whole from one tier, so that no key goes to somebody else's
endpoint. With a key, the command fails with exit code 4 if a tier's own value at that key is
stored and cannot be used; without one, such values are listed first.

Examples:
  tenantry -t acme explain persona.language
  tenantry -t acme explain ai
  tenantry -t acme explain --output json")]
pub(crate) struct Explain {
    /// A parameter, or a section; all of them if left out
    key: Option<String>,
}

/// Origins of a scope's values.
#[derive(Serialize)]
pub(super) struct Explained<'a> {
    scope: String,
    revisions: Vec<Origin>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unusable: Vec<ScopedFault<'a>>,
    parameters: Vec<ExplainedLeaf<'a>>,
    connections: Vec<ExplainedConnection<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    oddities: Vec<ScopedOddity<'a>>,
}

#[derive(Serialize)]
struct ExplainedLeaf<'a> {
    key: &'a Key,
    #[serde(flatten)]
    entry: &'a Entry,
    origin: Origin,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hides: Vec<HiddenLeaf<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a Key>,
}

#[derive(Serialize)]
struct HiddenLeaf<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    origin: Origin,
}

#[derive(Serialize)]
struct ExplainedConnection<'a> {
    section: &'a Key,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Tier>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<Key>,
}

#[derive(Serialize)]
struct ScopedFault<'a> {
    scope: String,
    #[serde(flatten)]
    fault: &'a Fault,
}

#[derive(Serialize)]
struct ScopedOddity<'a> {
    scope: String,
    #[serde(flatten)]
    oddity: &'a Oddity,
}

impl Explain {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        let key = self.key.as_deref().map(|spelling| session.key(spelling)).transpose()?;
        let effective = session.service.effective(&scope).await?;
        if key.is_some() {
            effective.must_be_usable(session.catalog(), key.as_ref())?;
        }
        let explained = explained(&scope, &effective, key.as_ref());
        if let (Some(key), true, true) = (&key, explained.parameters.is_empty(), explained.connections.is_empty()) {
            return Err(not_set(session, &scope, key).into());
        }
        session.output.show(&explained, |output| text(&explained, output, key.is_some()))
    }
}

/// Explains all that is at and below a key, or everything.
fn explained<'a>(scope: &Scope, effective: &'a Effective, key: Option<&Key>) -> Explained<'a> {
    let resolved = &effective.resolved;
    let explanations: Vec<Explanation<'_>> = match key {
        Some(key) => resolved.explain(key),
        None => resolved.explain_all().collect(),
    };
    let wanted = |section: &Key| key.is_none_or(|key| section.is_within(key) || key.is_within(section));
    let connections = resolved.connections().iter().filter(|connection| wanted(&connection.section));
    let unusable = effective.unusable.iter().filter(|_| key.is_none());
    let oddities = effective.oddities.iter().filter(|_| key.is_none());
    Explained {
        scope: shown::scope(scope),
        revisions: resolved.revisions().collect(),
        unusable: unusable.map(|(scope, fault)| ScopedFault { scope: shown::scope(scope), fault }).collect(),
        parameters: explanations.into_iter().map(leaf).collect(),
        connections: connections.map(|c| connection(&c.section, resolved.connection(c))).collect(),
        oddities: oddities.map(|(scope, oddity)| ScopedOddity { scope: shown::scope(scope), oddity }).collect(),
    }
}

fn leaf(explanation: Explanation<'_>) -> ExplainedLeaf<'_> {
    let hides = explanation.hidden.into_iter().map(|Hidden { entry, origin }| HiddenLeaf { entry, origin });
    ExplainedLeaf {
        key: explanation.leaf.key,
        entry: explanation.leaf.entry,
        origin: explanation.leaf.origin,
        hides: hides.collect(),
        connection: explanation.connection.map(|connection| &connection.section),
    }
}

fn connection(section: &Key, status: ConnectionStatus) -> ExplainedConnection<'_> {
    let (status, tier, missing) = match status {
        ConnectionStatus::Unset => ("unset", None, Vec::new()),
        ConnectionStatus::Incomplete { tier, missing } => ("incomplete", Some(tier), missing),
        ConnectionStatus::Set(tier) => ("set", Some(tier), Vec::new()),
    };
    ExplainedConnection { section, status, tier, missing }
}

fn text(explained: &Explained<'_>, output: &Output, in_full: bool) -> String {
    let paint = output.paint();
    let mut lines = vec![heading(explained, paint)];
    let unusable = explained
        .unusable
        .iter()
        .map(|ScopedFault { scope, fault }| format!("  {} {scope}: {fault}", paint.tone(Tone::Bad, "✗")));
    let title = "cannot be used, so nobody is served with this configuration; other tiers stand in their place below:";
    push_block(&mut lines, title, unusable.collect(), paint);
    lines.push(String::new());
    let leaves = &explained.parameters;
    if in_full {
        lines.extend(leaves.iter().flat_map(|leaf| leaf_lines(leaf, &explained.scope, paint)));
    } else {
        let rows: Vec<_> = leaves.iter().map(|leaf| row(leaf, paint)).collect();
        lines.push(output.table(&["KEY", "VALUE", "FROM", "HIDES"], &rows));
    }
    let connections = explained.connections.iter().map(|connection| connection_line(connection, paint));
    push_block(&mut lines, "connections, each taken whole from one tier:", connections.collect(), paint);
    let oddities = explained.oddities.iter().map(|odd| {
        format!("  {} {}: {} {}", paint.tone(Tone::Warn, "!"), odd.scope, odd.oddity.place, odd.oddity.reason)
    });
    push_block(&mut lines, "stored, but not used:", oddities.collect(), paint);
    lines.join("\n")
}

fn push_block(lines: &mut Vec<String>, title: &str, block: Vec<String>, paint: Paint) {
    if !block.is_empty() {
        lines.extend([String::new(), paint.tone(Tone::Dim, title)]);
        lines.extend(block);
    }
}

/// The scope and the revisions that made its configuration.
fn heading(explained: &Explained<'_>, paint: Paint) -> String {
    let stored = explained.revisions.iter().filter(|origin| origin.tier != Tier::Default);
    let revisions: Vec<_> = stored.map(|origin| format!("{} r{}", paint.tier(origin.tier), origin.revision)).collect();
    format!("{}: built-in defaults, then {}", paint.tone(Tone::Strong, &explained.scope), revisions.join(", then "))
}

/// One parameter: the value in effect, and below it what it hides.
fn leaf_lines(leaf: &ExplainedLeaf<'_>, scope: &str, paint: Paint) -> Vec<String> {
    let mut lines = vec![paint.tone(Tone::Strong, leaf.key.as_str())];
    lines.push(format!("  ● {}  {}", tier_cell(leaf.origin, scope, paint), shown::entry(leaf.entry)));
    for hidden in &leaf.hides {
        let value = paint.tone(Tone::Dim, &shown::entry(hidden.entry));
        lines.push(format!("  ○ {}  {value}", tier_cell(hidden.origin, scope, paint)));
    }
    lines
}

/// `tenant acme`, padded so that values stand below one another. The heading tells the tier's revision: a value's own
/// may be an older one.
fn tier_cell(origin: Origin, scope: &str, paint: Paint) -> String {
    let cell = match origin.tier {
        Tier::Default => "default".to_owned(),
        Tier::Global => "global".to_owned(),
        Tier::Tenant => format!("tenant {scope}"),
    };
    let width = "tenant ".len() + scope.len();
    paint.tone(Tone::Of(origin.tier), &format!("{cell:<width$}"))
}

fn row(leaf: &ExplainedLeaf<'_>, paint: Paint) -> Vec<String> {
    let from = paint.tier(leaf.origin.tier);
    let hides = leaf.hides.iter().map(|hidden| format!("{}: {}", hidden.origin.tier, shown::entry(hidden.entry)));
    let hides = hides.collect::<Vec<_>>().join("; ");
    vec![paint.tone(Tone::Strong, leaf.key.as_str()), shown::entry(leaf.entry), from, paint.tone(Tone::Dim, &hides)]
}

fn connection_line(connection: &ExplainedConnection<'_>, paint: Paint) -> String {
    let section = format!("{:<12}", connection.section.as_str());
    match (connection.tier, connection.missing.as_slice()) {
        (None, _) => format!("  {} {section} {}", paint.tone(Tone::Dim, "–"), paint.tone(Tone::Dim, "not set")),
        (Some(tier), []) => format!("  {} {section} set at tier {}", paint.tone(Tone::Good, "✓"), paint.tier(tier)),
        (Some(tier), missing) => {
            let missing: Vec<_> = missing.iter().map(Key::as_str).collect();
            let cross = paint.tone(Tone::Bad, "✗");
            format!("  {cross} {section} unavailable: tier {} lacks {}", paint.tier(tier), missing.join(", "))
        }
    }
}

/// Explains the leaves at one key as lines of text, for the demo.
pub(super) fn lines_of(scope: &Scope, resolved: &Resolved, key: &Key, paint: Paint) -> Vec<String> {
    let scope = shown::scope(scope);
    resolved.explain(key).into_iter().flat_map(|explanation| leaf_lines(&leaf(explanation), &scope, paint)).collect()
}

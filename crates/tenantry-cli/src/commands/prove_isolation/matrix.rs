//! The table of who reads what: as much of it as a screen shows.

use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::policy::EvaluateError;
use tenantry_store::policy::proof::{Asker, Judge, Thing, near, ought};

use crate::output::{Output, Tone};
use crate::shown;

/// The most tenants and near names that are shown: with the four other columns there are twelve.
const MOST_SHOWN: usize = 8;

/// Rows and columns, and a cell for each pair of them.
pub(crate) struct Matrix {
    header: Vec<String>,
    rows: Vec<(Asker, Vec<Cell>)>,
    /// How many tenants there are beyond those that are shown.
    more: usize,
}

/// What somebody reads of a column's things: each with whether it can be read, and whether that is as it ought to be.
struct Cell(Vec<(Thing, bool, bool)>);

impl Matrix {
    /// Judges the first tenants with their near names, and all that is no tenant's.
    pub(crate) fn of(judge: &Judge, tenants: &[TenantId]) -> Result<Self, EvaluateError> {
        let (scopes, more) = shown_scopes(tenants);
        let columns = columns(&scopes);
        let askers = scopes.into_iter().map(Asker::Session).chain([Asker::Untagged, Asker::Function]);
        let row = |asker: Asker| -> Result<_, EvaluateError> {
            let cells = columns.iter().map(|(_, things)| Cell::of(judge, &asker, things)).collect::<Result<_, _>>()?;
            Ok((asker, cells))
        };
        let rows = askers.map(row).collect::<Result<_, _>>()?;
        Ok(Self { header: columns.into_iter().map(|(name, _)| name).collect(), rows, more })
    }

    /// The table, with a line of what its cells mean.
    pub(crate) fn text(&self, output: &Output) -> String {
        let header: Vec<_> = std::iter::once("SESSION OF").chain(self.header.iter().map(String::as_str)).collect();
        let rows: Vec<_> = self.rows.iter().map(|(asker, cells)| row(asker, cells, output)).collect();
        let table = output.table(&header, &rows);
        format!("{table}\n\nboth: parameters and secret; ! is not as it ought to be{}", self.not_shown())
    }

    fn not_shown(&self) -> String {
        match self.more {
            0 => String::new(),
            more => format!("; {} more, judged as well, not shown", shown::count(more, "tenant")),
        }
    }
}

/// Tenants and their near names, and the defaults behind them; and how many tenants there was no room for.
fn shown_scopes(tenants: &[TenantId]) -> (Vec<Scope>, usize) {
    let mut shown: Vec<&TenantId> = Vec::new();
    let nears: Vec<_> = tenants.iter().take(MOST_SHOWN).map(|tenant| (tenant, near(tenant))).collect();
    for (tenant, near) in &nears {
        let near = near.iter().filter(|near| !tenants.contains(near));
        let group: Vec<_> = std::iter::once(*tenant).chain(near).filter(|id| !shown.contains(id)).collect();
        if shown.len() + group.len() <= MOST_SHOWN {
            shown.extend(group);
        }
    }
    let more = tenants.iter().filter(|tenant| !shown.contains(tenant)).count();
    (shown.into_iter().cloned().map(Scope::Tenant).chain([Scope::Global]).collect(), more)
}

fn columns(scopes: &[Scope]) -> Vec<(String, Vec<Thing>)> {
    let of = |scope: &Scope| vec![Thing::Parameters(scope.clone()), Thing::Secret(scope.clone())];
    let scopes = scopes.iter().map(|scope| (shown::scope(scope), of(scope)));
    let product = [
        ("#bindings", Thing::Partition("#bindings")),
        ("#tokens", Thing::Partition("#tokens")),
        ("keys", Thing::MasterKey),
    ];
    scopes.chain(product.map(|(name, thing)| (name.to_owned(), vec![thing]))).collect()
}

impl Cell {
    fn of(judge: &Judge, asker: &Asker, things: &[Thing]) -> Result<Self, EvaluateError> {
        let judged = |thing: &Thing| {
            let reads = judge.reads(asker, thing)?;
            Ok((thing.clone(), reads, reads == ought(asker, thing)))
        };
        things.iter().map(judged).collect::<Result<_, _>>().map(Self)
    }

    fn text(&self, output: &Output) -> String {
        let reads: Vec<_> = self.0.iter().filter(|(_, reads, _)| *reads).map(|(thing, ..)| thing).collect();
        let text = match reads[..] {
            [] => "–",
            [Thing::Parameters(_)] => "parameters",
            [Thing::Secret(_)] => "secret",
            [_] => "yes",
            [..] => "both",
        };
        let right = self.0.iter().all(|(_, _, right)| *right);
        let tone = if reads.is_empty() { Tone::Dim } else { Tone::Good };
        if right { output.paint().tone(tone, text) } else { output.paint().tone(Tone::Bad, &format!("{text} !")) }
    }
}

fn row(asker: &Asker, cells: &[Cell], output: &Output) -> Vec<String> {
    std::iter::once(asker.to_string()).chain(cells.iter().map(|cell| cell.text(output))).collect()
}

//! Decides what some commits make of their scopes, and puts it into one transaction.

use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

use super::claims::{self, Settled};
use super::digest::{Digest, Print, ValuePrint};
use super::head::{HeadRow, Life};
use super::intents::INTENTS;
use super::log::{self, Place, Ticks};
use super::partition::Partition;
use super::row::{self, CONFIG_VALUE, Row};
use super::table::Update;
use super::transaction::{Condition, Transaction};
use super::value::to_attribute;
use super::{BINDINGS, Names, TENANTS, partition_of, revocations};
use crate::batch::BatchError;
use crate::error::StoreError;
use crate::records::{Binding, Commit, Committed, Item, ItemChange, ItemMeta, SecretVersion};
use crate::{decide, limits, random};

/// What a scope was like when its commit was decided.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub(super) partition: Partition,
    /// The newest entry of its log, where the head does not tell.
    pub(super) logged: Option<Place>,
}

impl Situation {
    /// The newest revision that must never be given again: of an erased tenant, or of one whose head was removed by hand.
    fn last(&self) -> Revision {
        let remembered = self.partition.head.as_ref().map(|head| head.head.revision).unwrap_or_default();
        let logged = self.logged.map(|place| place.revision).unwrap_or_default();
        remembered.max(logged)
    }

    fn bindings(&self) -> Vec<Binding> {
        self.partition.living().map(|head| head.bindings).unwrap_or_default()
    }

    /// The version of the secret that belongs to the scope's revision.
    fn secret_version(&self) -> Option<SecretVersion> {
        self.partition.living().and_then(|head| head.secret_version)
    }
}

/// Commits that may be made, with what they make of their scopes.
pub(crate) struct Plan {
    pub(super) commits: Vec<Commit>,
    situations: Vec<Situation>,
    heads: Vec<HeadRow>,
    settled: Settled,
}

/// Which write of a plan it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The head of the commit's scope.
    Head(usize),
    /// Its log entry.
    Log(usize),
    /// A binding that it takes.
    Claim(usize, Binding),
    /// Anything else.
    Rest,
}

impl Plan {
    /// Decides on commits, or tells which of them is refused.
    pub(super) fn decide(commits: Vec<Commit>, situations: Vec<Situation>) -> Result<Self, BatchError> {
        let mut heads = Vec::with_capacity(commits.len());
        for (commit, situation) in commits.iter().zip(&situations) {
            heads.push(next_head(commit, situation).map_err(BatchError::of(&commit.scope))?);
        }
        let held: Vec<_> = situations.iter().map(Situation::bindings).collect();
        let settled = claims::settle(&commits, &held)?;
        for (at, (commit, situation)) in commits.iter().zip(&situations).enumerate() {
            let digest = digest_after(&commit.items, &situation.partition.digest, heads[at].head.revision);
            limits::check_items(digest.0.len()).map_err(BatchError::of(&commit.scope))?;
            heads[at].item_count = digest.0.len();
            heads[at].digest = digest.to_text();
            heads[at].bindings.clone_from(&settled.bindings[at]);
        }
        Ok(Self { commits, situations, heads, settled })
    }

    /// Each commit with the revision that it makes.
    pub(crate) fn revisions(&self) -> impl Iterator<Item = (&Commit, Revision)> {
        self.commits.iter().zip(&self.heads).map(|(commit, head)| (commit, head.head.revision))
    }

    /// Each commit with the version of the secret that the head of its scope names.
    pub(crate) fn secret_versions(&self) -> impl Iterator<Item = (&Commit, Option<SecretVersion>)> {
        self.commits.iter().zip(&self.situations).map(|(commit, situation)| (commit, situation.secret_version()))
    }

    /// The random names of the commits, by which a transaction whose answer was lost is recognised.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&Scope, &str)> {
        self.commits.iter().zip(&self.heads).map(|(commit, head)| (&commit.scope, head.change.as_str()))
    }

    /// The tenants of which cached copies must go.
    pub(super) fn revoked(&self) -> Vec<&TenantId> {
        let revoked = self.commits.iter().zip(&self.situations).filter(|(commit, situation)| {
            let erased = situation.partition.head.as_ref().is_some_and(|head| head.life == Life::Erased);
            decide::is_revoked_by(&commit.head, if erased { situation.last() } else { Revision(0) })
        });
        revoked.filter_map(|(commit, _)| commit.scope.tenant()).collect()
    }

    /// What the commits make, given the new versions of the secrets that they change.
    pub(super) fn committed(&self, secrets: &[Option<SecretVersion>]) -> Vec<Committed> {
        let made = self.heads.iter().zip(secrets);
        made.map(|(head, secret)| Committed { revision: head.head.revision, secret_version: secret.clone() }).collect()
    }

    /// The one transaction of it all. `newest` is the number of the newest revocation.
    pub(super) fn transaction(
        &self,
        names: &Names,
        ticks: &Ticks,
        secrets: &[Option<SecretVersion>],
        newest: u64,
    ) -> Result<Transaction<Part>, BatchError> {
        let mut transaction = Transaction::new();
        for (at, secret) in secrets.iter().enumerate() {
            let refused = BatchError::of(&self.commits[at].scope);
            self.add_commit(&mut transaction, names, ticks, at, secret.as_ref()).map_err(refused)?;
        }
        for (at, commit) in self.commits.iter().enumerate() {
            self.add_items(&mut transaction, names, at).map_err(BatchError::of(&commit.scope))?;
        }
        self.add_claims(&mut transaction, names)?;
        self.add_intents(&mut transaction, names, secrets)?;
        revocations::revoke(&mut transaction, &Part::Rest, &names.configuration, newest, &self.revoked())?;
        Ok(transaction)
    }

    /// How many writes the transaction has.
    pub(super) fn writes(&self) -> usize {
        let items: usize = self.commits.iter().map(|commit| commit.items.len()).sum();
        let registered = (0..self.commits.len()).filter(|at| self.is_new(*at)).count();
        let revoked = self.revoked().len();
        let revocations = if revoked > 0 { revoked + 1 } else { 0 };
        let intents = self.commits.iter().filter(|commit| commit.secret.is_some()).count();
        2 * self.commits.len() + items + registered + self.settled.changes.len() + intents + revocations
    }

    /// Whether a commit's scope is a tenant that must be entered in the registry.
    fn is_new(&self, at: usize) -> bool {
        let alive = self.situations[at].partition.head.as_ref().is_some_and(|head| head.life == Life::Alive);
        !alive && self.commits[at].scope.tenant().is_some()
    }

    fn add_commit(
        &self,
        transaction: &mut Transaction<Part>,
        names: &Names,
        ticks: &Ticks,
        at: usize,
        secret: Option<&SecretVersion>,
    ) -> Result<(), StoreError> {
        let (commit, situation, head) = (&self.commits[at], &self.situations[at], &self.heads[at]);
        let partition = partition_of(&commit.scope);
        let mut head = head.clone();
        head.secret_version = secret.cloned().or_else(|| situation.secret_version());
        let unmoved = match &situation.partition.head {
            Some(before) => Condition::is("change", row::text(&before.change)),
            None => Condition::absent(),
        };
        transaction.put(Part::Head(at), &names.configuration, head.to_row(partition), &unmoved)?;
        let place = Place::of(head.head.revision);
        let entry = decide::log_entry(commit.entry.clone(), place, Some(head.head.revision), secret);
        let row = log::to_row(&commit.scope, place, &entry, ticks.next());
        transaction.put(Part::Log(at), &names.log, row, &Condition::absent()).map_err(named_log)?;
        if self.is_new(at) {
            transaction.put(Part::Rest, &names.configuration, registered(partition, &head), &Condition::none())?;
        }
        Ok(())
    }

    fn add_items(&self, transaction: &mut Transaction<Part>, names: &Names, at: usize) -> Result<(), StoreError> {
        let commit = &self.commits[at];
        let partition = partition_of(&commit.scope);
        let meta = decide::meta_of(commit, &self.heads[at].head);
        for ItemChange { key, value } in &commit.items {
            if let Some(value) = value {
                // An update, so that the description that somebody gave the item stays.
                let update = set_item(to_attribute(value)?, &meta);
                transaction.update(Part::Rest, &names.configuration, row::key(partition, key.as_str()), &update)?;
            } else {
                let key = row::key(partition, key.as_str());
                transaction.delete(Part::Rest, &names.configuration, key, &Condition::none())?;
            }
        }
        Ok(())
    }

    /// A commit whose intent was taken away meanwhile, because it seemed to be interrupted, must not be made.
    fn add_intents(
        &self,
        transaction: &mut Transaction<Part>,
        names: &Names,
        secrets: &[Option<SecretVersion>],
    ) -> Result<(), StoreError> {
        for (commit, version) in self.commits.iter().zip(secrets) {
            if let Some(version) = version {
                let key = row::key(INTENTS, partition_of(&commit.scope));
                let ours = Condition::is("version", row::text(&version.0));
                transaction.check(Part::Rest, &names.configuration, key, &ours)?;
            }
        }
        Ok(())
    }

    fn add_claims(&self, transaction: &mut Transaction<Part>, names: &Names) -> Result<(), StoreError> {
        for (binding, change) in &self.settled.changes {
            let mark = Part::Claim(change.by, binding.clone());
            let condition = match &change.before {
                None => change.after.as_ref().map_or_else(Condition::none, is_of),
                Some(owner) => is_of(owner),
            };
            if let Some(owner) = &change.after {
                transaction.put(mark, &names.configuration, bound(binding, owner), &condition)?;
            } else {
                let key = row::key(BINDINGS, &binding.to_string());
                transaction.delete(mark, &names.configuration, key, &condition)?;
            }
        }
        Ok(())
    }
}

/// The head that a commit makes; its items are counted later.
fn next_head(commit: &Commit, situation: &Situation) -> Result<HeadRow, StoreError> {
    limits::check_commit(commit)?;
    match situation.partition.head.as_ref().map(|head| head.life) {
        Some(Life::Incoming) => {
            return Err(StoreError::Refused("it is being copied from another store: finish that with `tenantry copy`"));
        }
        Some(Life::Erasing) => {
            return Err(StoreError::Refused(
                "a tenant of this name is being erased: finish that with `tenantry doctor`",
            ));
        }
        Some(Life::Alive | Life::Erased) | None => {}
    }
    let (living, last) = (situation.partition.living(), situation.last());
    let mut head = decide::next_head(commit, living.as_ref().map(|row| &row.head), last, &random::name())?;
    // No revision is given twice, whatever the head says.
    if situation.logged.is_some_and(|logged| logged.revision >= head.revision) {
        head.revision = last.next();
    }
    let adopted = living.as_ref().is_some_and(|row| !row.is_stored());
    if adopted {
        head.incarnation = random::name();
        head.created_at = head.updated_at;
    }
    let first = living.filter(HeadRow::is_stored).map_or(head.revision, |row| row.first);
    let change = random::name();
    Ok(HeadRow { head, first, change, ..HeadRow::unmanaged() })
}

/// A log entry that is too large is one of a change that is.
fn named_log(error: StoreError) -> StoreError {
    match error {
        StoreError::TooLarge { what: _, size, limit } => {
            StoreError::TooLarge { what: "the change set, its values before and after,".to_owned(), size, limit }
        }
        other => other,
    }
}

/// What the items of a scope are when its commit is made.
fn digest_after(items: &[ItemChange], before: &Digest, revision: Revision) -> Digest {
    let mut digest = before.clone();
    for ItemChange { key, value } in items {
        match value {
            Some(value) => {
                let print = Print { revision: Some(revision.0), value: Some(ValuePrint::of(value)) };
                digest.0.insert(key.as_str().to_owned(), print);
            }
            None => drop(digest.0.remove(key.as_str())),
        }
    }
    digest
}

/// Free, or this tenant's already.
fn is_of(owner: &TenantId) -> Condition {
    Condition::is_or_absent(CONFIG_VALUE, row::text(owner.as_str()))
}

/// The row of an item that comes from another store; one that nobody noted anything of stays so.
pub(super) fn copied_item(partition: &str, item: &Item) -> Result<Row, StoreError> {
    let mut row = row::key(partition, item.key.as_str());
    row.insert(CONFIG_VALUE.to_owned(), to_attribute(&item.value)?);
    if let Some(meta) = &item.meta {
        row.insert("revision".to_owned(), row::number(meta.revision.0));
        row.insert("updated_at".to_owned(), row::moment(meta.updated_at));
        row.insert("updated_by".to_owned(), row::text(&meta.updated_by));
        row.insert("default_revision".to_owned(), row::number(meta.default_revision.0));
    }
    Ok(row)
}

fn set_item(value: AttributeValue, meta: &ItemMeta) -> Update<'_> {
    Update {
        expression: "SET #v = :v, #r = :r, #a = :a, #b = :b, #d = :d",
        condition: None,
        names: &[
            ("#v", CONFIG_VALUE),
            ("#r", "revision"),
            ("#a", "updated_at"),
            ("#b", "updated_by"),
            ("#d", "default_revision"),
        ],
        values: vec![
            (":v", value),
            (":r", row::number(meta.revision.0)),
            (":a", row::moment(meta.updated_at)),
            (":b", row::text(&meta.updated_by)),
            (":d", row::number(meta.default_revision.0)),
        ],
    }
}

/// The row of a tenant in the registry.
pub(super) fn registered(tenant: &str, head: &HeadRow) -> Row {
    let mut row = row::key(TENANTS, tenant);
    row.insert("description".to_owned(), row::text(&head.head.display_name));
    row
}

/// The row of a binding.
pub(super) fn bound(binding: &Binding, owner: &TenantId) -> Row {
    let mut row = row::key(BINDINGS, &binding.to_string());
    row.insert(CONFIG_VALUE.to_owned(), row::text(owner.as_str()));
    row
}

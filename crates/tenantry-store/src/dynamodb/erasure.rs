//! Erases the rows of a tenant, step by step: every step can be made again, and the head tells how far it is.

use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};

use super::head::{HEAD, HeadRow, Life};
use super::log::{self, Place};
use super::row::{self, CONFIG_KEY, CONFIG_VALUE, Cells, Row};
use super::table::Range;
use super::tokens::TOKENS;
use super::transaction::{Aborted, Condition, Transaction};
use super::{BINDINGS, DynamoDb, MOST_WRITES, TENANTS, partition_of, revocations};
use crate::error::StoreError;
use crate::records::NewLogEntry;
use crate::{decide, random};

/// How far the erasure of a tenant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Erasure {
    /// It is there, and not to be erased.
    Alive,
    /// It is deleted, and some of it may be left.
    Begun,
    /// Nothing is left of it, or it never was.
    Done,
}

/// Which write of the beginning of an erasure it is.
#[derive(Clone, Copy, Debug)]
enum Part {
    Log,
    Rest,
}

impl DynamoDb {
    /// How far the erasure of a tenant is.
    pub(crate) async fn erasure(&self, tenant: &TenantId) -> Result<Erasure, StoreError> {
        Ok(match self.head(&Scope::Tenant(tenant.clone())).await?.map(|head| head.life) {
            Some(Life::Alive | Life::Incoming) => Erasure::Alive,
            Some(Life::Erasing) => Erasure::Begun,
            Some(Life::Erased) | None => Erasure::Done,
        })
    }

    /// Deletes a suspended tenant: from then on it cannot be read. False if somebody else wrote meanwhile.
    pub(crate) async fn begin_erasure(
        &self,
        tenant: &TenantId,
        expected: Revision,
        entry: NewLogEntry,
    ) -> Result<bool, StoreError> {
        let scope = Scope::Tenant(tenant.clone());
        let before = super::partition(&self.configuration(), &scope).await?;
        let living = before.living();
        decide::check_erasable(living.as_ref().map(|row| &row.head), expected)?;
        let before = living.ok_or(StoreError::Missing("tenant"))?;
        let transaction = self.erasure_of(&scope, tenant, before, entry).await?;
        match transaction.send(&self.client).await {
            Ok(()) => Ok(true),
            Err(Aborted::Contention | Aborted::Condition(Part::Log | Part::Rest)) => Ok(false),
            Err(Aborted::Failed(error)) if error.is_transient() => match self.erasure(tenant).await {
                Ok(Erasure::Begun) => Ok(true),
                Ok(Erasure::Alive | Erasure::Done) | Err(_) => Err(error),
            },
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    async fn erasure_of(
        &self,
        scope: &Scope,
        tenant: &TenantId,
        before: HeadRow,
        entry: NewLogEntry,
    ) -> Result<Transaction<Part>, StoreError> {
        let (configuration, log_name) = (&self.names.configuration, &self.names.log);
        let newest = self.configuration().newest_revocation().await?;
        let place = Place::behind(self.log_table().newest(scope).await?);
        let unmoved = Condition::is("change", row::text(&before.change));
        let mut transaction = Transaction::new();
        let head = tombstone(before, Life::Erasing);
        transaction.put(Part::Rest, configuration, head.to_row(partition_of(scope)), &unmoved)?;
        let entry = decide::log_entry(entry, place, None, None);
        let row = log::to_row(scope, place, &entry, self.ticks.next());
        transaction.put(Part::Log, log_name, row, &Condition::absent())?;
        revocations::revoke(&mut transaction, &Part::Rest, configuration, newest, &[tenant])?;
        Ok(transaction)
    }

    /// Erases what is left of a deleted tenant, and looks whether nothing is. Each write asks that the tenant is still the
    /// deleted one: somebody else may have finished it, and a new tenant of the name may be there.
    pub(crate) async fn erase_rows(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let scope = Scope::Tenant(tenant.clone());
        let Some(head) = self.head(&scope).await?.filter(|head| head.life == Life::Erasing) else { return Ok(()) };
        let own = |sort: &String| row::key(partition_of(&scope), sort);
        let mut keys: Vec<_> = self.sorts_of(&scope).await?.iter().map(own).collect();
        for binding in &head.bindings {
            if self.bound(binding).await?.as_ref() == Some(tenant) {
                keys.push(row::key(BINDINGS, &binding.to_string()));
            }
        }
        keys.extend(self.tokens(Some(&scope)).await?.iter().map(|token| row::key(TOKENS, &token.id)));
        for chunk in keys.chunks(MOST_WRITES - 1) {
            if !self.delete_of(&scope, &head, chunk).await? {
                return Ok(());
            }
        }
        self.log_table().blank(&scope, head.head.revision).await?;
        if !self.sorts_of(&scope).await?.is_empty() {
            return Err(StoreError::Unavailable("somebody writes items of a tenant that is being erased".into()));
        }
        // Until here the registry leads to it, so that an interrupted erasure is found.
        self.bury(&scope, &head).await
    }

    /// Removes rows of a deleted tenant; false if it is not the deleted one any more.
    async fn delete_of(&self, scope: &Scope, head: &HeadRow, keys: &[Row]) -> Result<bool, StoreError> {
        let table = &self.names.configuration;
        let mut transaction = Transaction::new();
        let still = Condition::is("change", row::text(&head.change));
        transaction.check((), table, row::key(partition_of(scope), HEAD), &still)?;
        for key in keys {
            let condition = match key.get(row::TENANT_ID).and_then(|id| id.as_s().ok()).map(String::as_str) {
                Some(BINDINGS) => Condition::is_or_absent(CONFIG_VALUE, row::text(partition_of(scope))),
                _ => Condition::none(),
            };
            transaction.delete((), table, key.clone(), &condition)?;
        }
        done(transaction.send(&self.client).await)
    }

    /// Leaves the tombstone, and takes the tenant from the registry.
    async fn bury(&self, scope: &Scope, head: &HeadRow) -> Result<(), StoreError> {
        let table = &self.names.configuration;
        let stone = tombstone(HeadRow { bindings: Vec::new(), ..head.clone() }, Life::Erased);
        let still = Condition::is("change", row::text(&head.change));
        let mut transaction = Transaction::new();
        transaction.put((), table, stone.to_row(partition_of(scope)), &still)?;
        transaction.delete((), table, row::key(TENANTS, partition_of(scope)), &Condition::none())?;
        done(transaction.send(&self.client).await).map(drop)
    }

    /// The sort keys of a scope's rows, but its head.
    pub(super) async fn sorts_of(&self, scope: &Scope) -> Result<Vec<String>, StoreError> {
        let rows = self.configuration().query(partition_of(scope), &Range::default()).await?;
        let sorts = rows.iter().map(|row| Cells::new(row, CONFIG_KEY).sort().map(str::to_owned));
        Ok(sorts.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|sort| sort != HEAD).collect())
    }
}

/// Whether a transaction was made; if not, the tenant is not the deleted one any more.
fn done(sent: Result<(), Aborted<()>>) -> Result<bool, StoreError> {
    match sent {
        Ok(()) => Ok(true),
        Err(Aborted::Condition(())) => Ok(false),
        Err(Aborted::Contention) => Err(StoreError::Unavailable("others write to the same rows all the time".into())),
        Err(Aborted::Failed(error)) => Err(error),
    }
}

/// What stays of a tenant: its last revision, and no word of it.
fn tombstone(head: HeadRow, life: Life) -> HeadRow {
    let mut stone = HeadRow::unmanaged();
    stone.head.revision = head.head.revision;
    stone.head.incarnation = head.head.incarnation;
    stone.head.created_at = head.head.created_at;
    stone.head.updated_at = head.head.updated_at;
    stone.life = life;
    stone.first = head.first;
    stone.change = random::name();
    stone.bindings = head.bindings;
    stone
}

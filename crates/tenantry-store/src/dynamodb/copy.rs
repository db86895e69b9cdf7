//! Takes over a scope from another store, step by step: its head says that it is coming until all of it is here.

use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::digest::{Digest, Print, ValuePrint};
use super::head::{HEAD, HeadRow, Life};
use super::log::{self, Place};
use super::plan::{bound, copied_item, registered};
use super::row::{self, Row};
use super::table::Range;
use super::tokens;
use super::transaction::{Aborted, Condition, Transaction};
use super::{BINDINGS, DynamoDb, TENANTS, partition_of, revocations};
use crate::error::StoreError;
use crate::records::{Binding, Head, LogEntry, ScopeCopy, SecretVersion, TokenRecord};
use crate::{decide, limits, random};

/// A scope that is coming.
pub(crate) struct Incoming {
    copy: ScopeCopy,
    head: HeadRow,
    /// What stays of an erased tenant of the same name.
    tomb: Option<HeadRow>,
    /// Whether an earlier attempt was interrupted.
    pub(crate) again: bool,
}

impl DynamoDb {
    /// Begins to take over a scope, or to do so again: looks whether it may be, and notes that it is coming.
    pub(crate) async fn begin_copy(&self, copy: ScopeCopy) -> Result<Incoming, StoreError> {
        limits::check_copy(&copy)?;
        let found = super::partition(&self.configuration(), &copy.scope).await?;
        let tomb = found.head.clone().filter(|head| head.life == Life::Erased);
        let last = self.last_before(&copy.scope, found.head.as_ref()).await?;
        decide::check_copy(&copy, found.living().as_ref().map(|row| &row.head), last)?;
        if found.head.as_ref().is_some_and(|head| head.life == Life::Erasing) {
            return Err(StoreError::Refused(
                "a tenant of this name is being erased: finish that with `tenantry doctor`",
            ));
        }
        self.check_free(&copy).await?;
        let before = found.head.filter(|head| head.life == Life::Incoming);
        let again = before.is_some();
        let behind = match &before {
            Some(before) => before.copied_behind,
            None => self.log_table().newest(&copy.scope).await?,
        };
        let head = HeadRow { copied_behind: behind, ..coming(&copy, last) };
        let found = before.as_ref().or(tomb.as_ref());
        self.announce(&copy.scope, &head, found).await?;
        if again {
            self.drop_rows(&copy.scope, behind).await?;
        }
        Ok(Incoming { copy, head, tomb, again })
    }

    /// Notes that a scope is coming, if nobody made or took it since.
    async fn announce(&self, scope: &Scope, head: &HeadRow, found: Option<&HeadRow>) -> Result<(), StoreError> {
        let (table, partition) = (&self.names.configuration, partition_of(scope));
        let unmoved = match found {
            Some(found) => Condition::is("change", row::text(&found.change)),
            None => Condition::absent(),
        };
        let mut transaction = Transaction::new();
        transaction.put((), table, head.to_row(partition), &unmoved)?;
        if scope.tenant().is_some() {
            transaction.put((), table, registered(partition, head), &Condition::none())?;
        }
        match transaction.send(&self.client).await {
            Ok(()) => Ok(()),
            Err(Aborted::Condition(()) | Aborted::Contention) => {
                Err(StoreError::Unavailable("somebody else makes or copies the same scope at the same time".into()))
            }
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    /// The newest revision that an erased tenant of the name had. A copy that was interrupted had none yet.
    async fn last_before(&self, scope: &Scope, head: Option<&HeadRow>) -> Result<Revision, StoreError> {
        match head {
            Some(head) if head.life == Life::Incoming => Ok(Revision(head.first.0.saturating_sub(1))),
            Some(head) => Ok(head.head.revision),
            None => Ok(self.log_table().newest(scope).await?.map(|place| place.revision).unwrap_or_default()),
        }
    }

    async fn check_free(&self, copy: &ScopeCopy) -> Result<(), StoreError> {
        for binding in &copy.bindings {
            if self.bound(binding).await?.is_some_and(|owner| Some(&owner) != copy.scope.tenant()) {
                return Err(StoreError::Taken(binding.clone()));
            }
        }
        Ok(())
    }

    /// Removes what an interrupted copy left.
    async fn drop_rows(&self, scope: &Scope, behind: Option<Place>) -> Result<(), StoreError> {
        let partition = partition_of(scope);
        let keys = |sorts: Vec<String>| sorts.iter().map(|sort| row::key(partition, sort)).collect();
        self.configuration().write_all(Vec::new(), keys(self.sorts_of(scope).await?)).await?;
        let entries = self.log_table().query(partition, &Range::default()).await?;
        let places: Vec<_> = entries.iter().map(log::place_of).collect::<Result<_, _>>()?;
        let places = places.into_iter().filter(|place| behind.is_none_or(|behind| *place > behind));
        let places = places.map(Place::sort).collect();
        self.log_table().write_all(Vec::new(), keys(places)).await
    }

    /// Writes all rows of a scope that is coming, but the last one.
    pub(crate) async fn write_copy(&self, incoming: &Incoming) -> Result<(), StoreError> {
        let copy = &incoming.copy;
        if let Some(binding) = self.claim_all(copy).await? {
            self.abandon(incoming).await?;
            return Err(StoreError::Taken(binding));
        }
        let partition = partition_of(&copy.scope);
        let items = copy.items.iter().map(|item| copied_item(partition, item)).collect::<Result<_, _>>()?;
        self.configuration().write_all(items, Vec::new()).await?;
        let newest = self.log_table().newest(&copy.scope).await?;
        self.log_table().write_all(self.entries_of(copy, newest), Vec::new()).await
    }

    /// Takes the bindings of a scope that is coming; answers the one that another tenant took meanwhile.
    async fn claim_all(&self, copy: &ScopeCopy) -> Result<Option<Binding>, StoreError> {
        let Scope::Tenant(tenant) = &copy.scope else { return Ok(None) };
        for binding in &copy.bindings {
            if !self.configuration().claim(bound(binding, tenant), tenant.as_str()).await? {
                return Ok(Some(binding.clone()));
            }
        }
        Ok(None)
    }

    /// Gives up what was begun, and leaves things as they were.
    async fn abandon(&self, incoming: &Incoming) -> Result<(), StoreError> {
        let (table, scope) = (self.configuration(), &incoming.copy.scope);
        for binding in &incoming.copy.bindings {
            if self.bound(binding).await?.as_ref() == scope.tenant() {
                table.delete(BINDINGS, &binding.to_string()).await?;
            }
        }
        // Only if it is still this copy that is coming.
        let (name, partition) = (&self.names.configuration, partition_of(scope));
        let unmoved = Condition::is("change", row::text(&incoming.head.change));
        let mut transaction = Transaction::new();
        match &incoming.tomb {
            Some(tomb) => transaction.put((), name, tomb.to_row(partition), &unmoved)?,
            None => transaction.delete((), name, row::key(partition, HEAD), &unmoved)?,
        }
        transaction.delete((), name, row::key(TENANTS, partition), &Condition::none())?;
        match transaction.send(&self.client).await {
            Ok(()) | Err(Aborted::Condition(())) => Ok(()),
            Err(Aborted::Contention) => Err(StoreError::Unavailable("others write to the same rows".into())),
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    fn entries_of(&self, copy: &ScopeCopy, newest: Option<Place>) -> Vec<Row> {
        let mut place = newest;
        let row = |entry: &LogEntry| {
            let at = entry.revision.map_or_else(|| Place::behind(place), Place::of);
            place = Some(at);
            log::to_row(&copy.scope, at, entry, self.ticks.next())
        };
        copy.log.iter().map(row).collect()
    }

    /// Lets a scope be seen, now that all of it is here.
    pub(crate) async fn finish_copy(
        &self,
        incoming: &Incoming,
        secret_version: Option<SecretVersion>,
    ) -> Result<(), StoreError> {
        let (copy, configuration) = (&incoming.copy, &self.names.configuration);
        let alive = HeadRow { life: Life::Alive, copied_behind: None, ..incoming.head.clone() };
        let head = HeadRow { change: random::name(), secret_version, ..alive };
        let unmoved = Condition::is("change", row::text(&incoming.head.change));
        let mut transaction = Transaction::new();
        transaction.put((), configuration, head.to_row(partition_of(&copy.scope)), &unmoved)?;
        if let (Some(_), Scope::Tenant(tenant)) = (&incoming.tomb, &copy.scope) {
            let newest = self.configuration().newest_revocation().await?;
            revocations::revoke(&mut transaction, &(), configuration, newest, &[tenant])?;
        }
        match transaction.send(&self.client).await {
            Ok(()) => Ok(()),
            Err(Aborted::Condition(()) | Aborted::Contention) => {
                Err(StoreError::Unavailable("somebody else copies the same scope at the same time".into()))
            }
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    /// Takes over tokens whose tenants are here; those that are here stay as they are.
    pub(crate) async fn copy_tokens(&self, tokens: &[TokenRecord]) -> Result<(), StoreError> {
        for token in tokens {
            if matches!(token.scope, Scope::Tenant(_)) && self.living(&token.scope).await?.is_none() {
                return Err(StoreError::Missing("tenant"));
            }
        }
        for token in tokens {
            self.configuration().put_new(tokens::to_row(token, self.ticks.next())).await?;
        }
        Ok(())
    }
}

/// The head of a scope that is coming.
fn coming(copy: &ScopeCopy, last: Revision) -> HeadRow {
    let first = if last > Revision(0) { last.next() } else { Revision(0) };
    let mut digest = Digest::default();
    for item in &copy.items {
        let revision = item.meta.as_ref().map(|meta| meta.revision.0);
        digest.0.insert(item.key.as_str().to_owned(), Print { revision, value: Some(ValuePrint::of(&item.value)) });
    }
    let mut bindings = copy.bindings.clone();
    bindings.sort();
    HeadRow {
        head: Head::clone(&copy.head),
        life: Life::Incoming,
        first,
        item_count: digest.0.len(),
        digest: digest.to_text(),
        change: random::name(),
        bindings,
        secret_version: None,
        copied_behind: None,
    }
}

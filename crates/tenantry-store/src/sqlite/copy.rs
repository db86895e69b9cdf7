//! Takes over a scope from another store, within one transaction.

use rusqlite::Transaction;
use tenantry_core::layer::Revision;

use super::secrets::Sealing;
use super::{commit, log, scopes};
use crate::decide;
use crate::error::StoreError;
use crate::records::{ScopeCopy, SecretWrite};

/// Writes all of a scope; the caller's transaction ends whole or not at all.
pub(super) fn take_over(transaction: &Transaction<'_>, sealing: &Sealing, copy: ScopeCopy) -> Result<(), StoreError> {
    let ScopeCopy { scope, head, .. } = &copy;
    let tomb = scopes::tomb(transaction, scope)?;
    decide::check_copy(&copy, scopes::head(transaction, scope)?.as_ref(), tomb.revision)?;
    commit::write_head(transaction, scope, head)?;
    for item in &copy.items {
        commit::write_item(transaction, scope, &item.key, &item.value, item.meta.as_ref())?;
    }
    commit::count_items(transaction, scope)?;
    for binding in &copy.bindings {
        commit::take(transaction, scope, binding)?;
    }
    if let Some(fields) = &copy.secret {
        let fields = fields.iter().map(|(name, text)| (name.clone(), Some(text.clone()))).collect();
        let secret_version = tomb.secret_version.max(decide::named_secret_version(&copy));
        let tomb = scopes::Tomb { secret_version, ..tomb };
        sealing.write(transaction, scope, &head.incarnation, &tomb, &SecretWrite { expected: None, fields })?;
    }
    if tomb.revision > Revision(0) {
        commit::revoke(transaction, scope)?;
    }
    for (number, entry) in (log::last_number(transaction, scope)? + 1..).zip(copy.log) {
        log::insert(transaction, &copy.scope, number, &entry)?;
    }
    Ok(())
}

//! Reads all of a scope, in one state although several reads are needed.

use tenantry_core::scope::Scope;
use tenantry_store::{LogEntry, LogQuery, OddItem, PageRequest, ScopeCopy, StoreError, StoredScope, Stores};

/// How often a scope is read that others change meanwhile.
const TRIES: usize = 5;

/// Reads a scope; `None` if there is no such scope. What cannot be read is named: a copy is whole, or there is none.
pub(super) async fn whole(stores: &Stores, scope: &Scope) -> Result<Option<ScopeCopy>, StoreError> {
    for _ in 0..TRIES {
        let Some(found) = stores.read(scope).await? else { return Ok(None) };
        let copy = read(stores, scope, found).await?;
        // Each write makes another head, so nothing was written between the first of the reads and the last.
        if stores.read(scope).await?.is_some_and(|again| again.head == copy.head) {
            return Ok(Some(copy));
        }
    }
    Err(StoreError::Refused("it is changed again and again while it is read: copy it when less is written"))
}

async fn read(stores: &Stores, scope: &Scope, found: StoredScope) -> Result<ScopeCopy, StoreError> {
    must_be_readable(scope, "item", &found.odd)?;
    let secret = stores.read_secret(scope).await?;
    if let Some(secret) = &secret {
        must_be_readable(scope, "field of the secret", &secret.odd)?;
    }
    let bindings = match scope {
        Scope::Global => Vec::new(),
        Scope::Tenant(tenant) => stores.bindings(tenant).await?,
    };
    let log = log(stores, scope).await?;
    let secret = secret.map(|secret| secret.fields);
    Ok(ScopeCopy { scope: scope.clone(), head: found.head, items: found.items, secret, bindings, log })
}

fn must_be_readable(scope: &Scope, what: &str, odd: &[OddItem]) -> Result<(), StoreError> {
    let Some(first) = odd.first() else { return Ok(()) };
    let more = match odd.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Err(StoreError::corrupt(format!("the {what} {:?} of {scope} ({}){more}", first.key, first.reason)))
}

/// A scope's whole log, oldest first. Ids are each store's own, so they are left empty.
async fn log(stores: &Stores, scope: &Scope) -> Result<Vec<LogEntry>, StoreError> {
    let query = LogQuery { scope: Some(scope.clone()), revisions_only: false };
    let mut request = PageRequest::first(PageRequest::LARGEST);
    let mut entries = Vec::new();
    loop {
        let page = stores.log(&query, &request).await?;
        entries.extend(page.items.into_iter().map(|entry| LogEntry { id: String::new(), ..entry }));
        match page.next {
            Some(cursor) => request = request.behind(cursor),
            None => break,
        }
    }
    entries.reverse();
    Ok(entries)
}

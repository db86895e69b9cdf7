//! The log, searched.

use jiff::Timestamp;
use tenantry_core::key::Key;
use tenantry_core::scope::Scope;
use tenantry_store::{Action, LogEntry, LogQuery, Page, PageRequest};

use super::{Service, ServiceError};

/// Which entries of the log are asked for: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// What was done.
    pub action: Option<Action>,
    /// Whose name has this in it, capital and small letters told apart.
    pub actor: Option<String>,
    /// What changed this parameter or one below it, or kept its override.
    pub key: Option<Key>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// How many pages of the log are read for one page of an answer: a search that finds little answers what it has, and where
/// to go on.
const MOST_PAGES: usize = 20;

impl Service {
    /// Reads the log of a scope, or of all, newest first: the entries that pass the filter. A page may be short, or empty,
    /// and not be the last one; it ends where its entries say much.
    pub async fn audit(
        &self,
        scope: Option<&Scope>,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<LogEntry>, ServiceError> {
        let query = LogQuery { scope: scope.cloned(), revisions_only: false };
        let mut request = page.clone();
        let (mut items, mut bytes) = (Vec::new(), 0);
        for _ in 0..MOST_PAGES {
            request.limit = page.limit - items.len();
            let read = self.stores.log(&query, &request).await?;
            let is_over = read.items.last().is_some_and(|entry| filter.since.is_some_and(|since| entry.at < since));
            let found = read.items.into_iter().filter(|entry| filter.passes(entry));
            items.extend(found.inspect(|entry| bytes += entry.size()));
            match read.next {
                Some(cursor) if !is_over => request = request.behind(cursor),
                Some(_) | None => return Ok(Page { items, next: None }),
            }
            if items.len() >= page.limit || bytes >= PageRequest::LARGEST_BYTES {
                break;
            }
        }
        Ok(Page { items, next: request.after })
    }
}

impl AuditFilter {
    fn passes(&self, entry: &LogEntry) -> bool {
        self.action.is_none_or(|action| entry.action == action)
            && self.actor.as_ref().is_none_or(|actor| entry.actor.contains(actor))
            && self.key.as_ref().is_none_or(|key| concerns(entry, key))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// Whether an entry is about a parameter, or one below it.
fn concerns(entry: &LogEntry, key: &Key) -> bool {
    entry.changes.iter().map(|change| &change.key).chain(&kept(entry)).any(|changed| changed.is_within(key))
}

/// The override that was kept beside a new default. That changes no value, so the entry's detail alone names it.
fn kept(entry: &LogEntry) -> Option<Key> {
    let detail = entry.detail.as_deref().filter(|_| entry.action == Action::Change && entry.changes.is_empty())?;
    let (name, _) = detail.strip_prefix("kept ")?.split_once(" beside the default ")?;
    Key::parse(name).ok()
}

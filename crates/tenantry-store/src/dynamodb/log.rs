//! The log table: one partition a scope, its entries in the order of revisions, and an index over all of them by time.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;

use super::partition_of;
use super::row::{self, CONFIG_KEY, Cells, Row, TENANT_ID};
use super::table::{Range, Table};
use crate::aws::failure::{Service, failed};
use crate::error::StoreError;
use crate::records::{LogEntry, LogQuery, Page, PageRequest};
use crate::{cursor, decide};

/// The index by which all entries are listed.
pub(crate) const BY_TIME: &str = "by_time";
/// The index's partition key: the same for all entries.
pub(crate) const LOG: &str = "log";
/// The index's sort key: when the entry was written, by the writer's clock.
pub(crate) const LOGGED_AT: &str = "logged_at";
/// The value of [`LOG`].
const ALL: &str = "all";

/// How many entries that the index names are read before it is looked at how much they say.
const AT_ONCE: usize = 25;

/// The place of an entry in its scope's history: the revision that it made, or the one that an event came after, and its
/// number behind that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) revision: Revision,
    /// None for the entry of the revision itself.
    pub(super) event: Option<u32>,
}

impl Place {
    /// The place of the entry that makes a revision.
    pub(super) fn of(revision: Revision) -> Self {
        Self { revision, event: None }
    }

    /// The place of an event behind the newest entry.
    pub(super) fn behind(newest: Option<Self>) -> Self {
        let newest = newest.unwrap_or(Self::of(Revision(0)));
        Self { event: Some(newest.event.unwrap_or(0) + 1), ..newest }
    }

    /// The sort key: digits filled up, so that texts are ordered as places are.
    pub(super) fn sort(self) -> String {
        match self.event {
            None => format!("{:020}", self.revision.0),
            Some(event) => format!("{:020}.{event:010}", self.revision.0),
        }
    }
}

/// As it stands in an entry's id: `12`, or `12.3`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            None => write!(f, "{}", self.revision.0),
            Some(event) => write!(f, "{}.{event}", self.revision.0),
        }
    }
}

impl FromStr for Place {
    type Err = ();

    /// Reads what [`Place::sort`] and [`fmt::Display`] write.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (revision, event) = match text.split_once('.') {
            None => (text, None),
            Some((revision, event)) => (revision, Some(event.parse().map_err(drop)?)),
        };
        let revision: u64 = revision.parse().map_err(drop)?;
        // One that still has one behind it.
        i64::try_from(revision).map_err(drop)?;
        Ok(Self { revision: Revision(revision), event })
    }
}

/// Gives moments of writing: those of the clock, but never the same one twice.
#[derive(Debug, Default)]
pub(super) struct Ticks(AtomicI64);

impl Ticks {
    /// The next moment, in a form in which texts are ordered as moments are.
    pub(super) fn next(&self) -> String {
        let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        let after = |last: i64| now.max(last.saturating_add(1));
        let last = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let tick = after(last.unwrap_or_else(|last| last));
        let at = Timestamp::from_nanosecond(i128::from(tick)).unwrap_or(Timestamp::MAX);
        format!("{at:.9}")
    }
}

/// The row of an entry.
pub(super) fn to_row(scope: &Scope, place: Place, entry: &LogEntry, logged_at: String) -> Row {
    let mut row = row::key(partition_of(scope), &place.sort());
    let mut put = |name: &str, value| drop(row.insert(name.to_owned(), value));
    put(LOG, row::text(ALL));
    put(LOGGED_AT, row::text(logged_at));
    put("at", row::moment(entry.at));
    put("actor", row::text(&entry.actor));
    let action = serde_json::to_value(entry.action).expect("an action is always a word");
    put("action", row::text(action.as_str().unwrap_or_default()));
    put("changes", row::text(serde_json::to_string(&entry.changes).expect("differences are always JSON")));
    if let Some(revision) = entry.revision {
        put("revision", row::number(revision.0));
    }
    if let Some(reason) = &entry.reason {
        put("reason", row::text(reason));
    }
    if let Some(detail) = &entry.detail {
        put("detail", row::text(detail));
    }
    row
}

/// The place of an entry.
pub(super) fn place_of(row: &Row) -> Result<Place, StoreError> {
    let cells = Cells::new(row, "the log");
    cells.sort()?.parse().map_err(|()| cells.odd(CONFIG_KEY, "a revision"))
}

fn entry_of(row: &Row) -> Result<LogEntry, StoreError> {
    let cells = Cells::new(row, "the log");
    let (scope, place) = (cells.scope(TENANT_ID)?, place_of(row)?);
    let what = format!("the log entry {scope}:{place}");
    let cells = Cells::new(row, &what);
    let action = serde_json::Value::from(cells.text("action")?);
    Ok(LogEntry {
        id: format!("{scope}:{place}"),
        scope: scope.to_string(),
        revision: cells.optional_number("revision")?.map(Revision),
        at: cells.moment("at")?,
        actor: cells.text("actor")?.to_owned(),
        action: serde_json::from_value(action).map_err(|_| cells.odd("action", "an action"))?,
        reason: cells.optional_text("reason")?.map(str::to_owned),
        changes: serde_json::from_str(cells.text("changes")?)
            .map_err(|_| cells.odd("changes", "differences as JSON"))?,
        detail: cells.optional_text("detail")?.map(str::to_owned),
    })
}

impl Table<'_> {
    /// The newest entry of a scope.
    pub(super) async fn newest(&self, scope: &Scope) -> Result<Option<Place>, StoreError> {
        let range = Range { descending: true, limit: Some(1), ..Range::default() };
        self.query(partition_of(scope), &range).await?.first().map(place_of).transpose()
    }

    /// Reads a page of one scope's log, newest first, from the first revision of its present life on.
    pub(super) async fn page_of(
        &self,
        scope: &Scope,
        first: Revision,
        query: &LogQuery,
        page: &PageRequest,
    ) -> Result<Page<LogEntry>, StoreError> {
        let listing = cursor::log_listing(query);
        let behind = cursor::place::<Place>(&listing, page)?;
        let from = Place::of(first).sort();
        let range = Range {
            from: Some(from.as_str()).filter(|_| first > Revision(0)),
            behind: behind.map(Place::sort),
            descending: true,
            having: Some("revision").filter(|_| query.revisions_only),
            limit: Some(cursor::limit(page) + 1),
            bytes: Some(PageRequest::LARGEST_BYTES),
        };
        // A place before the first entry is none of this log's: nothing is behind it.
        if behind.is_some_and(|behind| behind.revision < first) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let rows = self.query(partition_of(scope), &range).await?;
        // Measured as the range was: what it ended with for its size must not look like the end of the log.
        let placed = rows.iter().map(|row| Ok::<_, StoreError>((place_of(row)?, entry_of(row)?, row::size(row))));
        cursor::fit(&listing, page, placed)
    }

    /// Reads the entry that made a revision.
    pub(super) async fn entry(&self, scope: &Scope, revision: Revision) -> Result<Option<LogEntry>, StoreError> {
        let found = self.get(partition_of(scope), &Place::of(revision).sort()).await?;
        found.as_ref().map(entry_of).transpose()
    }

    /// Reads a page of all entries, newest first.
    pub(super) async fn page_of_all(&self, query: &LogQuery, page: &PageRequest) -> Result<Page<LogEntry>, StoreError> {
        let listing = cursor::log_listing(query);
        let mut behind = cursor::place::<InAll>(&listing, page)?;
        let (wanted, mut places) = (cursor::limit(page) + 1, Vec::new());
        while places.len() < wanted {
            let (read, last) = self.index_page(behind.as_ref(), wanted - places.len()).await?;
            places.extend(read.into_iter().filter(|place| place.place.event.is_none() || !query.revisions_only));
            behind = last;
            if behind.is_none() {
                break;
            }
        }
        // Cut by what the index names: an entry that is gone must not look like the end.
        let read = places.into_iter().map(|place| (place.clone(), place)).collect();
        let Page { items: places, next } = cursor::cut(&listing, page, read);
        let (mut items, mut bytes) = (Vec::new(), 0);
        for (index, some) in places.chunks(AT_ONCE).enumerate() {
            let entries = self.entries(some).await?;
            bytes += entries.iter().map(LogEntry::size).sum::<usize>();
            items.extend(entries);
            let behind = (index + 1) * AT_ONCE;
            if bytes >= PageRequest::LARGEST_BYTES && behind < places.len() {
                return Ok(Page { items, next: some.last().map(|place| cursor::behind(&listing, place)) });
            }
        }
        Ok(Page { items, next })
    }

    async fn index_page(
        &self,
        behind: Option<&InAll>,
        limit: usize,
    ) -> Result<(Vec<InAll>, Option<InAll>), StoreError> {
        let answer = self
            .client
            .query()
            .table_name(self.name)
            .index_name(BY_TIME)
            .scan_index_forward(false)
            .key_condition_expression("#l = :all")
            .expression_attribute_names("#l", LOG)
            .expression_attribute_values(":all", row::text(ALL))
            .set_exclusive_start_key(behind.map(InAll::to_key))
            .set_limit(i32::try_from(limit).ok())
            .send()
            .await
            .map_err(|error| failed(Service::DynamoDb, &error))?;
        let places = answer.items().iter().map(InAll::read).collect::<Result<_, _>>()?;
        let last = answer.last_evaluated_key().filter(|key| !key.is_empty()).map(InAll::read).transpose()?;
        Ok((places, last))
    }

    /// Reads the entries at places, in their order. One that is gone meanwhile is left out.
    async fn entries(&self, places: &[InAll]) -> Result<Vec<LogEntry>, StoreError> {
        let keys = places.iter().map(|place| row::key(partition_of(&place.scope), &place.place.sort())).collect();
        let rows = self.get_all(keys).await?;
        let mut found = std::collections::HashMap::new();
        for row in &rows {
            let cells = Cells::new(row, "the log");
            found.insert((cells.scope(TENANT_ID)?, place_of(row)?), entry_of(row)?);
        }
        let entry = |place: &InAll| found.remove(&(place.scope.clone(), place.place));
        Ok(places.iter().filter_map(entry).collect())
    }

    /// Takes from all entries of an erased tenant what could still tell of it, as [`decide::blank`] does.
    /// Those behind its last revision belong to the next tenant of its name.
    pub(super) async fn blank(&self, scope: &Scope, last: Revision) -> Result<(), StoreError> {
        for row in self.query(partition_of(scope), &Range::default()).await? {
            let (place, mut entry) = (place_of(&row)?, entry_of(&row)?);
            if place.revision > last {
                continue;
            }
            let logged_at = Cells::new(&row, "the log").text(LOGGED_AT)?.to_owned();
            let before = entry.clone();
            decide::blank(&mut entry);
            if entry != before {
                self.put(to_row(scope, place, &entry, logged_at)).await?;
            }
        }
        Ok(())
    }
}

/// The place of an entry among all of them, as a cursor names it: `2026-11-26T…Z/acme/12`.
#[derive(Clone, Debug)]
struct InAll {
    logged_at: String,
    scope: Scope,
    place: Place,
}

impl InAll {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let cells = Cells::new(row, "the index of the log");
        Ok(Self { logged_at: cells.text(LOGGED_AT)?.to_owned(), scope: cells.scope(TENANT_ID)?, place: place_of(row)? })
    }

    fn to_key(&self) -> Row {
        let mut key = row::key(partition_of(&self.scope), &self.place.sort());
        key.insert(LOG.to_owned(), row::text(ALL));
        key.insert(LOGGED_AT.to_owned(), row::text(&self.logged_at));
        key
    }
}

impl fmt::Display for InAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.logged_at, self.scope, self.place)
    }
}

impl FromStr for InAll {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        let mut next = || parts.next().ok_or(());
        let (at, scope, place) = (next()?, next()?, next()?);
        at.parse::<Timestamp>().map_err(drop)?;
        Ok(Self { logged_at: at.to_owned(), scope: Scope::parse(scope).map_err(drop)?, place: place.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_event_stands_between_two_revisions() {
        let at = |revision, event| Place { revision: Revision(revision), event };
        let ordered =
            [at(0, Some(1)), at(1, None), at(1, Some(1)), at(1, Some(2)), at(1, Some(10)), at(2, None), at(10, None)];
        assert!(ordered.is_sorted());
        assert!(ordered.map(Place::sort).is_sorted());
        assert_eq!(Place::behind(None), at(0, Some(1)));
        assert_eq!(Place::behind(Some(at(3, None))), at(3, Some(1)));
        assert_eq!(Place::behind(Some(at(3, Some(4)))), at(3, Some(5)));
    }

    #[test]
    fn no_moment_is_given_twice_and_texts_are_ordered() {
        let ticks = Ticks::default();
        let given: Vec<_> = (0..1_000).map(|_| ticks.next()).collect();
        assert!(given.is_sorted_by(|left, right| left < right));
        assert!(given.iter().all(|tick| tick.len() == "2026-11-26T00:00:00.000000000Z".len()));
    }

    proptest! {
        #[test]
        fn a_place_reads_back_both_spellings(revision in 0..=i64::MAX.unsigned_abs(), event in any::<Option<u32>>()) {
            let place = Place { revision: Revision(revision), event };
            prop_assert_eq!(place.to_string().parse::<Place>(), Ok(place));
            prop_assert_eq!(place.sort().parse::<Place>(), Ok(place));
        }
    }
}

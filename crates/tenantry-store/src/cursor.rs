//! Cursors of listings: where a page ended, bound to the listing that it ended in.

use std::convert::Infallible;
use std::fmt::Display;
use std::str::FromStr;

use tenantry_core::scope::Scope;

use crate::error::StoreError;
use crate::records::{Cursor, LogQuery, Page, PageRequest};

/// The listing of tenants, whose places are tenant ids.
pub(crate) const TENANTS: &str = "tenants";

/// The listing of a log: places are the numbers of one scope's entries, or of all entries.
///
/// `all` and `global` are reserved words, so no tenant's log is called like that.
pub(crate) fn log_listing(query: &LogQuery) -> String {
    match &query.scope {
        None => "log.all".to_owned(),
        Some(Scope::Global) => "log.global".to_owned(),
        Some(Scope::Tenant(tenant)) => format!("log.{tenant}"),
    }
}

/// The place behind which a page begins, if it is not the first one.
pub(crate) fn place<T: FromStr>(listing: &str, page: &PageRequest) -> Result<Option<T>, StoreError> {
    let Some(Cursor(text)) = &page.after else { return Ok(None) };
    let place = text.strip_prefix(listing).and_then(|rest| rest.strip_prefix('.')?.parse().ok());
    place.map(Some).ok_or(StoreError::Refused("the cursor is not from this listing: begin again without it"))
}

/// Leads on behind a place.
pub(crate) fn behind(listing: &str, place: &impl Display) -> Cursor {
    Cursor(format!("{listing}.{place}"))
}

/// How many items a page may have.
pub(crate) fn limit(page: &PageRequest) -> usize {
    page.limit.clamp(1, PageRequest::LARGEST)
}

/// Makes a page of what was read: one item more than the page has shows that it is not the last.
pub(crate) fn cut<P: Display, T>(listing: &str, page: &PageRequest, read: Vec<(P, T)>) -> Page<T> {
    let Ok(page) = fit(listing, page, read.into_iter().map(|(place, item)| Ok::<_, Infallible>((place, item, 0))));
    page
}

/// Makes a page of what is read one after the other, as long as it has room: each item comes with its size in bytes. No
/// more is read than the one item behind the page, which shows that it is not the last.
pub(crate) fn fit<P: Display, T, E>(
    listing: &str,
    page: &PageRequest,
    read: impl IntoIterator<Item = Result<(P, T, usize), E>>,
) -> Result<Page<T>, E> {
    let (mut items, mut last, mut bytes) = (Vec::new(), None, 0);
    for one in read {
        let (place, item, size) = one?;
        if items.len() >= limit(page) || bytes >= PageRequest::LARGEST_BYTES {
            return Ok(Page { items, next: last.map(|place| behind(listing, &place)) });
        }
        bytes += size;
        items.push(item);
        last = Some(place);
    }
    Ok(Page { items, next: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(text: &str) -> PageRequest {
        PageRequest::first(2).behind(Cursor(text.to_owned()))
    }

    #[test]
    fn a_cursor_leads_on_in_its_own_listing_alone() {
        let page = cut("log.acme", &PageRequest::first(2), vec![(9, 'a'), (8, 'b'), (7, 'c')]);
        assert_eq!(page.items, ['a', 'b']);
        let cursor = page.next.unwrap();
        assert_eq!(place::<u64>("log.acme", &behind(&cursor.0)).unwrap(), Some(8));
        assert!(place::<u64>("log.acme-corp", &behind(&cursor.0)).is_err());
        assert!(place::<u64>("log.acm", &behind(&cursor.0)).is_err());
        assert!(place::<u64>("log.acme", &behind("log.acme.")).is_err());
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        assert_eq!(cut("tenants", &PageRequest::first(2), vec![("a", 1), ("b", 2)]).next, None);
    }
}

//! Listings, a page at a time.

use serde::{Deserialize, Serialize};

/// A part of a listing to read.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// How many to read at the most; a store may answer fewer.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// The largest page.
    pub const LARGEST: usize = 1000;
    /// A page of a log ends where its entries have this many bytes of JSON, about: an entry can have megabytes.
    pub const LARGEST_BYTES: usize = 4 * 1024 * 1024;

    /// The first page of the given size, at most [`Self::LARGEST`].
    pub fn first(limit: usize) -> Self {
        Self { limit: limit.clamp(1, Self::LARGEST), after: None }
    }

    /// The page behind another.
    #[must_use]
    pub fn behind(&self, cursor: Cursor) -> Self {
        Self { limit: self.limit, after: Some(cursor) }
    }
}

/// Where a page ended, in the store's own words; a cursor that a store does not understand is refused as
/// [`crate::StoreError::Refused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// A part of a listing.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The things listed.
    pub items: Vec<T>,
    /// Where to go on; none on the last page.
    pub next: Option<Cursor>,
}

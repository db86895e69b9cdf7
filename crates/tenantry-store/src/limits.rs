//! How much a store takes, checked before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::Serialize;
use tenantry_core::secret::SecretText;

use crate::error::StoreError;
use crate::records::{Commit, ScopeCopy, SecretWrite};

/// The largest value, in bytes of its JSON: DynamoDB's items end at 400 KB, and the history keeps two values for each.
pub const LARGEST_VALUE: usize = 64 * 1024;
/// The most items of one scope.
pub const MOST_ITEMS: usize = 1_000;
/// The largest secret of a scope, in bytes of its JSON object: Secrets Manager ends at 65,536.
pub const LARGEST_SECRET: usize = 60 * 1024;
/// The most items and bindings of one change set: DynamoDB's transactions end at 100, and head, log and registry are
/// three.
pub const MOST_CHANGES: usize = 97;

/// Refuses a commit that is too large in itself, whatever it meets.
pub fn check_commit(commit: &Commit) -> Result<(), StoreError> {
    check("the number of items in one change set", commit.items.len() + commit.claims.len(), MOST_CHANGES)?;
    let mut keys = BTreeSet::new();
    for item in &commit.items {
        if !keys.insert(&item.key) {
            return Err(StoreError::Refused("a change set names each key once"));
        }
        if let Some(value) = &item.value {
            check(&item.key.to_string(), json_length(value), LARGEST_VALUE)?;
        }
    }
    commit.secret.as_ref().map_or(Ok(()), check_secret_write)
}

/// Refuses a copied scope that no commits could have made.
pub fn check_copy(copy: &ScopeCopy) -> Result<(), StoreError> {
    check_items(copy.items.len())?;
    let mut keys = BTreeSet::new();
    for item in &copy.items {
        if !keys.insert(&item.key) {
            return Err(StoreError::Refused("a scope has each key once"));
        }
        check(&item.key.to_string(), json_length(&item.value), LARGEST_VALUE)?;
    }
    let Some(fields) = &copy.secret else { return Ok(()) };
    check_texts(fields.values())?;
    check_secret(fields)
}

/// Refuses texts that are no secrets: a blank one stands for a mistake, never for a password.
pub(crate) fn check_secret_write(write: &SecretWrite) -> Result<(), StoreError> {
    check_texts(write.fields.values().flatten())
}

fn check_texts<'a>(mut texts: impl Iterator<Item = &'a SecretText>) -> Result<(), StoreError> {
    if texts.any(SecretText::is_blank) {
        return Err(StoreError::Refused("a secret must not be blank"));
    }
    Ok(())
}

/// Refuses a scope of too many items.
pub fn check_items(count: usize) -> Result<(), StoreError> {
    check("the number of items in one scope", count, MOST_ITEMS)
}

/// Refuses a secret that is too large as a whole.
pub fn check_secret(fields: &BTreeMap<String, SecretText>) -> Result<(), StoreError> {
    // Each member has a colon and a comma but the last, and the braces are two more.
    let members = fields.iter().map(|(name, text)| json_length(name) + json_length(text.expose()) + 2).sum::<usize>();
    check("the secret", members + 2 - usize::from(!fields.is_empty()), LARGEST_SECRET)
}

fn check(what: &str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        return Err(StoreError::TooLarge { what: what.to_owned(), size, limit });
    }
    Ok(())
}

/// The length of a value's JSON in bytes, without a copy of it in memory.
pub(crate) fn json_length(value: &(impl Serialize + ?Sized)) -> usize {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).expect("texts and values are always JSON, and counting cannot fail");
    length.0
}

struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_secret_is_as_large_as_its_json(texts in prop::collection::btree_map("[a-z_]{1,9}", any::<String>(), 0..5)) {
            let json = serde_json::to_string(&texts).unwrap();
            let fields: BTreeMap<_, _> = texts.into_iter().map(|(name, text)| (name, SecretText::new(text))).collect();
            let filler = SecretText::new("x".repeat(LARGEST_SECRET));
            let mut full = fields.clone();
            full.insert("~".to_owned(), filler);
            let Err(StoreError::TooLarge { size, .. }) = check_secret(&full) else { panic!("it is too large") };
            let comma = usize::from(!fields.is_empty());
            prop_assert_eq!(size, json.len() + comma + r#""~":"""#.len() + LARGEST_SECRET);
        }
    }
}

//! The master key: where it comes from, and the keys that are derived from it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tenantry_core::secret::FingerprintKey;
use zeroize::Zeroizing;

use super::private;
use super::seal::SealKey;
use crate::error::StoreError;
use crate::master_key::parse;
use crate::random;
use crate::records::{StoreKeys, TokenKey};
use crate::url::OpenOptions;

/// The contexts of derivation (BLAKE3 `derive_key`): one for each use, never used for anything else, never changed.
const WRAPPING: &str = "tenantry 2026-01 sqlite store: key that seals the data keys";
const CHECK: &str = "tenantry 2026-01 sqlite store: value that recognises the master key";
const FINGERPRINT: &str = "tenantry 2026-01 sqlite store: key of the fingerprints of secrets";
const TOKEN: &str = "tenantry 2026-01 sqlite store: key of the hashes of API tokens";

/// The key that all other keys of a store come from: 32 bytes, wiped from memory when dropped.
pub(super) struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    /// The file that it was read from, if it was.
    pub(super) file: Option<PathBuf>,
}

/// The keys of one store, all derived from its master key and its id.
pub(super) struct DerivedKeys {
    /// Seals the data keys.
    pub(super) wrapping: SealKey,
    /// Recognises the master key.
    pub(super) check: [u8; 32],
    /// For what must be told apart but not read.
    pub(super) keys: StoreKeys,
}

impl MasterKey {
    /// Takes the key that the options give or lead to; else the one in the file beside the store.
    pub(super) fn find(store: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        if let Some(text) = &options.master_key {
            let bytes = parse(text.expose()).ok_or_else(|| malformed("the master key"))?;
            return Ok(Self { bytes, file: None });
        }
        match &options.master_key_file {
            Some(file) => Self::read(file),
            None => Self::read(&file_beside(store)),
        }
    }

    /// As [`MasterKey::find`]; where no key is given and there is no file beside the store, one is made, and told.
    pub(super) fn find_or_make(store: &Path, options: &OpenOptions) -> Result<(Self, Option<PathBuf>), StoreError> {
        let file = file_beside(store);
        let given = options.master_key.is_some() || options.master_key_file.is_some();
        let made = !given && make(&file).map_err(|error| cannot_be_made(&file, &error))?;
        Ok((Self::find(store, options)?, made.then_some(file)))
    }

    fn read(file: &Path) -> Result<Self, StoreError> {
        let shown = file.display();
        match private::open_to_others(file) {
            Err(error) => return Err(unusable(file, &error)),
            Ok(Some(mode)) => {
                return Err(StoreError::CannotOpen(format!(
                    "found permissions {mode} at the master key file {shown}, expected 0600: run `chmod 600 {shown}`, and \
                     think of who may have read it"
                )));
            }
            Ok(None) => {}
        }
        let text = Zeroizing::new(fs::read(file).map_err(|error| unusable(file, &error))?);
        let bytes = std::str::from_utf8(&text).ok().and_then(|text| parse(text.trim_end()));
        let bytes = bytes.ok_or_else(|| malformed(&format!("the master key file {shown}")))?;
        Ok(Self { bytes, file: Some(file.to_owned()) })
    }

    /// Derives the keys of one store.
    pub(super) fn derive(&self, store_id: &str) -> DerivedKeys {
        let derive = |context| {
            let mut hasher = blake3::Hasher::new_derive_key(context);
            hasher.update(self.bytes.as_slice()).update(store_id.as_bytes());
            let bytes = Zeroizing::new(*hasher.finalize().as_bytes());
            zeroize::Zeroize::zeroize(&mut hasher);
            bytes
        };
        let keys =
            StoreKeys { fingerprint: FingerprintKey::new(*derive(FINGERPRINT)), token: TokenKey::new(*derive(TOKEN)) };
        DerivedKeys { wrapping: SealKey::new(derive(WRAPPING)), check: *derive(CHECK), keys }
    }
}

/// The file that is made beside a store: its name and `.key`.
fn file_beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// Makes a file with a new key, unless there is one; tells whether it did.
fn make(file: &Path) -> io::Result<bool> {
    let draft = private::Draft::new(file)?;
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(random::bytes());
    let text = Zeroizing::new(random::hex(key.as_slice()) + "\n");
    fs::OpenOptions::new().write(true).open(draft.path())?.write_all(text.as_bytes())?;
    match draft.publish() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn malformed(what: &str) -> StoreError {
    StoreError::CannotOpen(format!(
        "found something else as {what}, expected 64 hexadecimal digits: give the key that was made with the store"
    ))
}

fn cannot_be_made(file: &Path, error: &io::Error) -> StoreError {
    let file = file.display();
    StoreError::CannotOpen(format!(
        "the store's key file {file} cannot be made here ({error}), expected a folder that this user may write to"
    ))
}

fn unusable(file: &Path, error: &io::Error) -> StoreError {
    let file = file.display();
    StoreError::CannotOpen(match error.kind() {
        io::ErrorKind::NotFound => format!(
            "found no master key at {file}, expected the file that was made with the store: give its place, or the key"
        ),
        _ => format!("found the master key file {file} unusable ({error}), expected one that this user may read"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey { bytes: Zeroizing::new([byte; 32]), file: None }
    }

    #[test]
    fn every_use_and_every_store_has_another_key() {
        let hash = |key: MasterKey, store| key.derive(store).keys.token.hash("id", "random");
        assert_eq!(hash(key(1), "a"), hash(key(1), "a"));
        assert_ne!(hash(key(1), "a"), hash(key(2), "a"));
        assert_ne!(hash(key(1), "a"), hash(key(1), "b"));
        assert_ne!(key(1).derive("a").check, key(1).derive("b").check);
    }

    #[test]
    fn derived_keys_are_what_they_always_were() {
        let derived = key(1).derive("store");
        assert_eq!(random::hex(&derived.check), "22f39d43398bd57eebcae81fee43c7b7c4de2f55da2e66e21134684d5e06e0d4");
        assert_eq!(
            random::hex(&derived.keys.token.hash("id", "random")),
            "5d86e6da07ed9152eef5be5cd20c29595ab9a46885a1861553d0710e4ab68a6e"
        );
    }

    #[test]
    fn a_key_file_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.key");
        assert!(make(&file).unwrap());
        let first = MasterKey::read(&file).unwrap();
        assert!(!make(&file).unwrap());
        assert_eq!(*MasterKey::read(&file).unwrap().bytes, *first.bytes);
    }
}

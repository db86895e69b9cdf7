//! The master key of a store on AWS: given, or kept in the secret `<environment>/keys`; and the keys derived from it.

use tenantry_core::secret::{FingerprintKey, SecretText};
use zeroize::{Zeroize, Zeroizing};

use crate::error::StoreError;
use crate::records::{StoreKeys, TokenKey};
use crate::secrets_manager::SecretsManager;
use crate::url::OpenOptions;
use crate::{master_key, random};

/// The contexts of derivation (BLAKE3 `derive_key`): one for each use, never used for anything else, never changed.
const CHECK: &str = "tenantry 2026-11 aws store: value that recognises the master key";
const FINGERPRINT: &str = "tenantry 2026-11 aws store: key of the fingerprints of secrets";
const TOKEN: &str = "tenantry 2026-11 aws store: key of the hashes of API tokens";

/// The key that all other keys of a store come from.
pub(super) struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Derives the keys of one store.
    pub(super) fn derive(&self, store_id: &str) -> StoreKeys {
        StoreKeys {
            fingerprint: FingerprintKey::new(*self.derived(FINGERPRINT, store_id)),
            token: TokenKey::new(*self.derived(TOKEN, store_id)),
        }
    }

    /// What tells this key from others, and nothing else.
    pub(super) fn check(&self, store_id: &str) -> String {
        random::hex(self.derived(CHECK, store_id).as_slice())
    }

    fn derived(&self, context: &str, store_id: &str) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(self.0.as_slice()).update(store_id.as_bytes());
        let bytes = Zeroizing::new(*hasher.finalize().as_bytes());
        hasher.zeroize();
        bytes
    }

    fn read(text: &str, place: &str) -> Result<Self, StoreError> {
        let bytes = master_key::parse(text.trim_end());
        bytes.map(Self).ok_or_else(|| {
            StoreError::CannotOpen(format!("found something else as {place}, expected 64 hexadecimal digits"))
        })
    }
}

/// Takes the key that the options give, or the one in its secret.
pub(super) async fn find(secrets: &SecretsManager, options: &OpenOptions) -> Result<MasterKey, StoreError> {
    if let Some(given) = given(options)? {
        return Ok(given);
    }
    match secrets.master_key().await? {
        Some(text) => MasterKey::read(text.expose(), "the master key in its secret"),
        None => Err(StoreError::CannotOpen(format!(
            "found no master key in the secret {}, expected the one that `tenantry init` makes: run it with this --store, or \
             give the key in TENANTRY_MASTER_KEY",
            secrets.keys_name()
        ))),
    }
}

/// As [`find`]; where no key is given and there is no secret, one is made. Tells whether it was.
pub(super) async fn find_or_make(
    secrets: &SecretsManager,
    options: &OpenOptions,
) -> Result<(MasterKey, bool), StoreError> {
    let mut made = false;
    if given(options)?.is_none() && secrets.master_key().await?.is_none() {
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(random::bytes());
        made = secrets.create_master_key(SecretText::new(random::hex(key.as_slice()))).await?;
    }
    Ok((find(secrets, options).await?, made))
}

fn given(options: &OpenOptions) -> Result<Option<MasterKey>, StoreError> {
    if let Some(text) = &options.master_key {
        return MasterKey::read(text.expose(), "the master key").map(Some);
    }
    let Some(file) = &options.master_key_file else { return Ok(None) };
    let shown = file.display();
    let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
        StoreError::CannotOpen(format!(
            "found the master key file {shown} unusable ({error}), expected 64 digits in it"
        ))
    })?;
    MasterKey::read(&text, &format!("the master key file {shown}")).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_are_what_they_always_were() {
        let key = MasterKey(Zeroizing::new([1; 32]));
        assert_eq!(key.check("store"), "87fb02f63b9d24ddc13726ec63059d56f9891cb487708e6e5fab4c0842ae4116");
        let hash = |store| random::hex(&key.derive(store).token.hash("id", "random"));
        assert_eq!(hash("store"), "a8d86b6c3495efdb327ac16e6b03ee3d6ecc6383356233afa9d85be3b5f443cc");
        assert_ne!(hash("store"), hash("other"));
    }
}

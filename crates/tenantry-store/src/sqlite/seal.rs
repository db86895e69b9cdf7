//! Seals secrets before they reach the file, bound to the place where they belong.
//!
//! An envelope is one byte that names its format (1), a random nonce of 24 bytes, and the output of XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha-03): as many bytes as the text, and 16 of authentication. The place is authenticated with
//! it, so an envelope that was moved elsewhere does not open.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

use crate::random;

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Where a sealed thing belongs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// What it is.
    pub(super) kind: Kind<'a>,
    /// The store's id.
    pub(super) store: &'a str,
    /// The scope, as it is displayed.
    pub(super) scope: &'a str,
    /// The scope's incarnation.
    pub(super) incarnation: &'a str,
}

/// What is sealed.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    /// A scope's data key.
    DataKey,
    /// A field of a scope's secret in one version.
    Field {
        /// The field's name.
        name: &'a str,
        /// The version of the scope's secret.
        version: u64,
    },
}

impl Place<'_> {
    /// The place as one text of bytes: each part behind its length, so that no two places look alike.
    fn to_bytes(self) -> Vec<u8> {
        let (kind, name, version) = match self.kind {
            Kind::DataKey => ("data key", "", 0),
            Kind::Field { name, version } => ("field", name, version),
        };
        let mut bytes = Vec::new();
        for part in ["tenantry sqlite", kind, self.store, self.scope, self.incarnation, name] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes
    }
}

/// A key that seals; wiped from memory when dropped.
pub(super) struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    /// Makes a new random key.
    pub(super) fn random() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    /// Takes 32 bytes of key material.
    pub(super) fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Seals a text for a place.
    pub(super) fn seal(&self, place: Place<'_>, text: &[u8]) -> Vec<u8> {
        self.seal_with(random::bytes(), place, text)
    }

    fn seal_with(&self, nonce: [u8; NONCE_BYTES], place: Place<'_>, text: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: text, aad: &place.to_bytes() };
        let sealed = self.cipher().encrypt(&nonce.into(), payload).expect("only texts of 256 GiB cannot be sealed");
        [&[FORMAT], nonce.as_slice(), &sealed].concat()
    }

    /// Opens what was sealed for the same place.
    pub(super) fn open(&self, place: Place<'_>, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (format, rest) = envelope.split_first().ok_or(Unsealable::Format)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable::Format)?;
        if *format != FORMAT {
            return Err(Unsealable::Format);
        }
        let payload = Payload { msg: sealed, aad: &place.to_bytes() };
        self.cipher().decrypt(&(*nonce).into(), payload).map(Zeroizing::new).map_err(|_| Unsealable::Changed)
    }

    /// Seals a key under this one.
    pub(super) fn wrap(&self, place: Place<'_>, key: &Self) -> Vec<u8> {
        self.seal(place, key.0.as_slice())
    }

    /// Opens a key that was sealed under this one.
    pub(super) fn unwrap_key(&self, place: Place<'_>, envelope: &[u8]) -> Result<Self, Unsealable> {
        let bytes = self.open(place, envelope)?;
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(Unsealable::Format);
        }
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// Why something sealed does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsealable {
    /// Its bytes are no envelope of a known format.
    #[error("it is not sealed in a format that this program knows")]
    Format,
    /// It was changed, belongs elsewhere, or was sealed under another key.
    #[error("it was changed, moved from another place, or sealed under another key")]
    Changed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACE: Place<'static> = Place {
        kind: Kind::Field { name: "odoo_password", version: 3 },
        store: "s1",
        scope: "acme",
        incarnation: "i1",
    };

    fn key(byte: u8) -> SealKey {
        SealKey::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn the_cipher_gives_the_answer_of_its_draft() {
        // draft-irtf-cfrg-xchacha-03, appendix A.3.1.
        let key: [u8; 32] = std::array::from_fn(|n| 0x80 + u8::try_from(n).unwrap());
        let nonce: [u8; 24] = std::array::from_fn(|n| 0x40 + u8::try_from(n).unwrap());
        let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let msg = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let sealed = XChaCha20Poly1305::new(&key.into()).encrypt(&nonce.into(), Payload { msg, aad: &aad }).unwrap();
        assert_eq!(random::hex(&sealed[..16]), "bd6d179d3e83d43b9576579493c0e939");
        assert_eq!(random::hex(&sealed[msg.len()..]), "c0875924c1c7987947deafd8780acf49");
    }

    #[test]
    fn an_envelope_is_what_it_always_was() {
        let sealed = key(7).seal_with([9; 24], PLACE, b"known");
        assert_eq!(random::hex(&sealed[..25]), format!("01{}", "09".repeat(24)));
        assert_eq!(random::hex(&sealed[25..]), "d51c8dfd12efed428637130d9b0d1b09ef8b363747");
        assert_eq!(key(7).open(PLACE, &sealed).unwrap().as_slice(), b"known");
    }

    #[test]
    fn an_envelope_opens_in_no_other_place() {
        let sealed = key(7).seal(PLACE, b"text");
        let field = |name, version| Kind::Field { name, version };
        let elsewhere = [
            Place { store: "s2", ..PLACE },
            Place { scope: "beta", ..PLACE },
            Place { incarnation: "i2", ..PLACE },
            Place { kind: field("odoo_passwor", 3), ..PLACE },
            Place { kind: field("odoo_password", 4), ..PLACE },
            Place { kind: Kind::DataKey, ..PLACE },
            Place { store: "s1a", scope: "cme", ..PLACE },
        ];
        for place in elsewhere {
            assert_eq!(key(7).open(place, &sealed).err(), Some(Unsealable::Changed));
        }
        assert_eq!(key(8).open(PLACE, &sealed).err(), Some(Unsealable::Changed));
    }

    #[test]
    fn equal_texts_do_not_look_equal() {
        assert_ne!(key(7).seal(PLACE, b"text"), key(7).seal(PLACE, b"text"));
    }

    #[test]
    fn a_wrapped_key_seals_like_the_key_itself() {
        let place = Place { kind: Kind::DataKey, ..PLACE };
        let data_key = SealKey::random();
        let unwrapped = key(1).unwrap_key(place, &key(1).wrap(place, &data_key)).unwrap();
        assert_eq!(unwrapped.open(PLACE, &data_key.seal(PLACE, b"x")).unwrap().as_slice(), b"x");
        assert!(key(1).unwrap_key(place, &key(1).seal(place, b"short")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_opening_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(key(7).open(PLACE, &bytes).is_err());
        }

        #[test]
        fn every_changed_bit_is_noticed(byte in 0usize..45, bit in 0u8..8) {
            let mut sealed = key(7).seal(PLACE, b"text");
            sealed[byte] ^= 1 << bit;
            prop_assert!(key(7).open(PLACE, &sealed).is_err());
        }
    }
}

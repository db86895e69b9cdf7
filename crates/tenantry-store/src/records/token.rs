//! What is stored of API tokens.

use std::fmt;

use jiff::Timestamp;
use tenantry_core::scope::Scope;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key under which API tokens are hashed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// Takes 32 bytes of key material.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The keyed BLAKE3 hash of what must hold of a token, as its maker puts it: its random part, and what it may do.
    pub fn hash(&self, id: &str, proof: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(id.len() as u64).to_le_bytes()).update(id.as_bytes()).update(proof.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(***)")
    }
}

/// That a token was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// The token's id; that of none is no error.
    pub id: String,
    /// When, for the last time.
    pub at: Timestamp,
}

/// What is stored of an API token: never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// The id that stands in the token's text.
    pub id: String,
    /// The keyed hash of its random part together with scope, role and end: whoever changes one of these in the store
    /// makes the token void.
    pub hash: [u8; 32],
    /// Whose it is: a tenant's, or the operator's (global).
    pub scope: Scope,
    /// What it may do: the name of a role.
    pub role: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, as far as is known.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

//! API tokens that go with their scopes, where the other store would know them.

use std::collections::BTreeSet;

use tenantry_core::scope::Scope;
use tenantry_store::TokenRecord;

use super::{CopyStopped, Copying, at_source, at_target};

/// What came of the API tokens of some scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopiedTokens {
    /// How many were copied.
    pub copied: usize,
    /// How many are not in the other store, but could be.
    pub missing: usize,
    /// How many are the same in the other store already.
    pub same: usize,
    /// How many were left, because the other store has other keys and would not know them.
    pub left: usize,
    /// The ids of those that are others in the other store, revoked ones among them.
    pub different: Vec<String>,
}

impl Copying {
    /// Tells what copying the tokens of these scopes would come to, and writes nothing.
    pub async fn compare_tokens(&self, scopes: &[Scope]) -> Result<CopiedTokens, CopyStopped> {
        Ok(self.look_at_tokens(scopes).await?.0)
    }

    /// Copies the tokens of these scopes, which must be in the other store.
    pub async fn copy_tokens(&self, scopes: &[Scope]) -> Result<CopiedTokens, CopyStopped> {
        let (found, missing) = self.look_at_tokens(scopes).await?;
        if missing.is_empty() {
            return Ok(found);
        }
        self.to.take_over_tokens(missing).await.map_err(at_target)?;
        let (now, still_missing) = self.look_at_tokens(scopes).await?;
        let copied = found.missing.saturating_sub(still_missing.len());
        Ok(CopiedTokens { copied, same: now.same.saturating_sub(copied), ..now })
    }

    /// Compares the tokens in both stores; those that are missing come oldest first.
    async fn look_at_tokens(&self, scopes: &[Scope]) -> Result<(CopiedTokens, Vec<TokenRecord>), CopyStopped> {
        let mut tokens = self.from.tokens(None).await.map_err(at_source)?;
        let scopes: BTreeSet<_> = scopes.iter().collect();
        tokens.retain(|token| scopes.contains(&token.scope));
        let mut found = CopiedTokens::default();
        if !self.keys_agree() {
            found.left = tokens.len();
            return Ok((found, Vec::new()));
        }
        let mut missing = Vec::new();
        for token in tokens {
            match self.to.token(&token.id).await.map_err(at_target)? {
                None => missing.push(token),
                Some(other) if is_same(&token, &other) => found.same += 1,
                Some(_) => found.different.push(token.id),
            }
        }
        missing.reverse();
        found.missing = missing.len();
        Ok((found, missing))
    }
}

/// Whether two records are of one token; when it was last used is each store's own knowledge.
fn is_same(one: &TokenRecord, other: &TokenRecord) -> bool {
    *one == TokenRecord { last_used_at: one.last_used_at, ..other.clone() }
}

//! API tokens, in a partition of their own: their hashes, never their texts.

use std::cmp::Reverse;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use tenantry_core::scope::Scope;

use super::row::{self, Cells, Row};
use crate::error::StoreError;
use crate::records::TokenRecord;

/// The partition of tokens.
pub(crate) const TOKENS: &str = "#tokens";
/// The attribute that says when a token was revoked.
pub(super) const REVOKED_AT: &str = "revoked_at";
/// The attribute by which tokens are listed in the order of creation.
const ORDERED_AT: &str = "ordered_at";

/// The row of a token.
pub(super) fn to_row(token: &TokenRecord, ordered_at: String) -> Row {
    let mut row = row::key(TOKENS, &token.id);
    let mut put = |name: &str, value| drop(row.insert(name.to_owned(), value));
    put("hash", AttributeValue::B(Blob::new(token.hash)));
    put("scope", row::text(token.scope.to_string()));
    put("role", row::text(&token.role));
    put("name", row::text(&token.name));
    put("created_at", row::moment(token.created_at));
    put("created_by", row::text(&token.created_by));
    put("expires_at", row::moment(token.expires_at));
    put(ORDERED_AT, row::text(ordered_at));
    if let Some(at) = token.last_used_at {
        put("last_used_at", row::moment(at));
    }
    if let Some(at) = token.revoked_at {
        put(REVOKED_AT, row::moment(at));
    }
    row
}

/// Reads a token.
pub(super) fn read(row: &Row) -> Result<TokenRecord, StoreError> {
    let cells = Cells::new(row, "the tokens");
    Ok(TokenRecord {
        id: cells.sort()?.to_owned(),
        hash: cells.bytes("hash")?.try_into().map_err(|_| cells.odd("hash", "32 bytes"))?,
        scope: cells.scope("scope")?,
        role: cells.text("role")?.to_owned(),
        name: cells.text("name")?.to_owned(),
        created_at: cells.moment("created_at")?,
        created_by: cells.text("created_by")?.to_owned(),
        expires_at: cells.moment("expires_at")?,
        last_used_at: cells.optional_moment("last_used_at")?,
        revoked_at: cells.optional_moment(REVOKED_AT)?,
    })
}

/// Reads all tokens of a scope, or all, newest first.
pub(super) fn read_all(rows: &[Row], scope: Option<&Scope>) -> Vec<TokenRecord> {
    let mut found = Vec::new();
    for row in rows {
        // One that cannot be read holds nothing, and must not hide the others.
        let token = match read(row) {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(%error, "a token is left out of a list");
                continue;
            }
        };
        if scope.is_none_or(|scope| token.scope == *scope) {
            let ordered_at = Cells::new(row, "the tokens").text(ORDERED_AT).unwrap_or_default();
            found.push((ordered_at, token));
        }
    }
    found.sort_by_key(|(at, _)| Reverse(*at));
    found.into_iter().map(|(_, token)| token).collect()
}

//! Finds the token in a request, and refuses one that stands where it must not.

use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::problem::Problem;
use crate::refusal::{credential_in_query, duplicate_header, token_missing};

/// The token of the header `Authorization: Bearer …`, which may be given once; anything else in it is no token. `None` if
/// there is no such header.
///
/// A credential in the query is refused, even beside a good one: logs and histories keep queries.
pub fn bearer(parts: &Parts) -> Result<Option<&str>, Box<Problem>> {
    if parts.uri.query().is_some_and(has_credential) {
        return Err(credential_in_query().into());
    }
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(duplicate_header("authorization").into());
    }
    let scheme_and_token = value.to_str().ok().and_then(|text| text.split_once(' '));
    let (_, token) = scheme_and_token
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or_else(|| Box::new(token_missing()))?;
    Ok(Some(token.trim()))
}

/// Whether a query carries a credential by one of the names in use.
fn has_credential(query: &str) -> bool {
    let mut names = query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair));
    names.any(|name| ["token", "access_token", "api_key"].iter().any(|known| name.eq_ignore_ascii_case(known)))
}

//! Finds the token in a request, and refuses one that stands where it must not.

use http::header::AUTHORIZATION;
use http::request::Parts;
use url::form_urlencoded;

use crate::problem::Problem;
use crate::refusal::{credential_in_query, duplicate_header, token_missing};
use crate::token::PREFIX;

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

/// Names under which programs send credentials in queries.
const NAMES: [&str; 6] = ["token", "access_token", "api_key", "apikey", "authorization", "bearer"];

/// Whether a query carries a credential: by one of the names in use, however it is spelled, or a token of ours by any name.
fn has_credential(query: &str) -> bool {
    let is_token = |text: &str| text.split_whitespace().any(|word| word.starts_with(PREFIX));
    let is_name = |name: &str| NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| is_name(&name) || is_token(&name) || is_token(&value))
}
